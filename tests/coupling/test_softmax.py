"""Attention in chunks is attention, with its gradients."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from kuramoto_nn.coupling import softmax
from kuramoto_nn.coupling.softmax import attend

OPERATORS = torch.ops.kuramoto_nn


def qkv_of(*shape, dtype=torch.float64):
    torch.manual_seed(0)
    return torch.randn(shape, dtype=dtype, requires_grad=True)


def reference(qkv):
    query, key, value = qkv.transpose(1, 3).unbind(2)
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2)


@pytest.mark.parametrize("scores", [1, 300, 10_000])  # fused, in chunks that do not come out even
def test_chunks_change_nothing(monkeypatch, scores):
    monkeypatch.setattr(softmax, "CHUNK_SCORES", scores)
    qkv, upstream = qkv_of(7, 6, 3, 4, 5), torch.randn(7, 6, 4, 5, dtype=torch.float64)
    ours, theirs = attend(qkv), reference(qkv)
    assert ours.is_contiguous() or scores == 1
    assert_close(ours, theirs)
    operator = OPERATORS.attention(qkv) if scores > 1 else theirs
    assert_close(operator, theirs)
    outputs = (ours, theirs, operator)
    gradients = [torch.autograd.grad(out, qkv, upstream, retain_graph=True)[0] for out in outputs]
    assert_close(gradients, gradients[:1] * 3)


def test_operators_keep_the_rules_of_operators():
    qkv = qkv_of(3, 4, 3, 2, 5, dtype=torch.float32)
    transposed = qkv.detach().transpose(1, 3).contiguous().transpose(1, 3)
    for given in (qkv, transposed.requires_grad_()):
        torch.library.opcheck(OPERATORS.attention.default, (given,))
        out = attend(given.detach())
        args = (torch.randn_like(out), given.detach(), out)
        torch.library.opcheck(OPERATORS.attention_backward.default, args)
    assert torch.autograd.gradcheck(OPERATORS.attention, (qkv_of(2, 3, 3, 2, 4),))


def test_maps_over_further_axes_with_gradients():
    qkv = qkv_of(5, 2, 4, 3, 2, 3)

    def loss(one):
        return attend(one).square().sum()

    each = torch.stack([torch.func.grad(loss)(one) for one in qkv])
    assert_close(torch.func.vmap(torch.func.grad(loss))(qkv), each)
    assert_close(torch.func.vmap(attend)(qkv), attend(qkv.flatten(0, 1)).unflatten(0, (5, 2)))


@pytest.mark.parametrize("shape", [(0, 4, 3, 2, 8), (1, 1, 3, 1, 2), (1, 1100, 3, 1, 2)])
def test_odd_sizes_pass(shape):
    qkv = qkv_of(*shape, dtype=torch.float32)
    assert_close(attend(qkv), reference(qkv))
