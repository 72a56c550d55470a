"""The gradient of the whole batch from parts of it: equal, wherever the cuts are."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from examples.common.optimization import backward
from examples.common.randomness import build_model
from examples.object_discovery.losses import nt_xent


def gradients(model, views, noise, dtype, micro_batch):
    model = model.to(dtype)

    def embed(views, noise):
        embeddings = model(views.flatten(0, 1), noise=noise.flatten(0, 1))
        return embeddings.unflatten(0, (2, -1))

    model.zero_grad()
    inputs = [views.to(dtype), noise.to(dtype)]
    loss = backward(embed, inputs, nt_xent, micro_batch=micro_batch)
    return loss, [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("preset", ["tetrominoes-attn-tiny", "tetrominoes-conv-tiny"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=str
)
def test_micro_batches_give_the_full_batch_gradient(preset, dtype, tolerance):
    model = build_model(preset, seed=0)
    views, noise = torch.rand(2, 6, 3, 32, 32), torch.randn(2, 6, 64, 8, 8)
    loss, expected = gradients(model, views, noise, dtype, None)
    largest = max(gradient.abs().max().item() for gradient in expected)
    for micro_batch in (1, 4, 6, 9):
        again, found = gradients(model, views, noise, dtype, micro_batch)
        assert_close(again, loss, rtol=tolerance, atol=tolerance)
        assert_close(found, expected, rtol=0, atol=tolerance * max(largest, 1))


@given(samples=st.integers(2, 7), micro_batch=st.integers(1, 8))
def test_any_cut_of_any_batch(samples, micro_batch):
    net = torch.nn.Linear(3, 4).double()
    views = torch.randn(2, samples, 3, dtype=torch.float64)
    grads = []
    for size in (None, micro_batch):
        net.zero_grad()
        backward(net, [views], nt_xent, micro_batch=size)
        grads.append(net.weight.grad)
    assert_close(*grads)


def test_graphs_are_kept_for_a_micro_batch_only_and_the_last_one_is_synchronized():
    net, largest, held_back = torch.nn.Linear(3, 4), 0, []

    def embed(views):
        nonlocal largest
        largest = max(largest, views.shape[1] if torch.is_grad_enabled() else 0)
        if torch.is_grad_enabled():
            held_back.append(inside)
        return net(views)

    class Unsynchronized:
        def __enter__(self):
            nonlocal inside
            inside = True

        def __exit__(self, *_):
            nonlocal inside
            inside = False

    inside = False
    views = torch.randn(2, 6, 3)
    backward(embed, [views], nt_xent, micro_batch=2, unsynchronized=Unsynchronized)
    assert largest == 2 and held_back == [True, True, False]
