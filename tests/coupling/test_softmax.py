"""Attention by products, a few images at a time, is attention, with its gradients."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from kuramoto_nn._ops import softmax
from kuramoto_nn._ops.softmax import attend


def qkv_of(*shape, dtype=torch.float64):
    torch.manual_seed(0)
    return torch.randn(3, *shape, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("scores", [1, 300, 10_000])  # fused; chunks, the last shorter; one piece
@pytest.mark.parametrize("compiled", [False, True])
def test_chunks_change_nothing(monkeypatch, scores, compiled):
    monkeypatch.setattr(softmax, "CHUNK_SCORES", scores)
    monkeypatch.setattr(softmax, "KEPT_SCORES", scores)
    torch.compiler.reset()
    ours = torch.compile(attend, fullgraph=True, backend="aot_eager") if compiled else attend
    qkv, upstream = qkv_of(7, 4, 6, 5), torch.randn(7, 4, 6, 5, dtype=torch.float64)
    results = [f(*qkv) for f in (ours, F.scaled_dot_product_attention)]
    assert_close(*results)
    assert_close(ours(*qkv.detach()), results[1])
    assert_close(*(torch.autograd.grad(result, qkv, upstream)[0] for result in results))


@pytest.mark.parametrize("kept", [1, softmax.KEPT_BFLOAT16])  # the fused kernel; products
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])  # float32 under autocast
@pytest.mark.parametrize("compiled", [False, True])
def test_bfloat16_is_close_with_gradients_too(monkeypatch, kept, dtype, compiled):
    monkeypatch.setattr(softmax, "KEPT_BFLOAT16", kept)
    torch.compiler.reset()
    ours = torch.compile(attend, fullgraph=True, backend="aot_eager") if compiled else attend
    qkv, upstream = qkv_of(3, 2, 64, 16), torch.randn(3, 2, 64, 16, dtype=torch.float64)
    exact = F.scaled_dot_product_attention(*qkv)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.float32):
        near = ours(*qkv.to(dtype))
    assert near.dtype == torch.bfloat16
    assert_close(near.double(), exact, atol=0.02, rtol=0.02)
    gradients = (torch.autograd.grad(y, qkv, upstream.to(y.dtype))[0] for y in (near, exact))
    assert_close(*gradients, atol=0.05, rtol=0.05)


def test_maps_over_further_axes_with_gradients_of_second_order():
    qkv = qkv_of(2, 2, 4, 3)
    assert torch.autograd.gradgradcheck(attend, tuple(qkv))
    several = torch.stack((qkv, 2 * qkv), 1).detach()  # (3, 2, ...)

    def loss(query, key, value):
        return attend(query, key, value).square().sum()

    each = torch.stack([torch.func.grad(loss)(*several[:, i]) for i in range(2)])
    assert_close(torch.func.vmap(torch.func.grad(loss))(*several), each)


@pytest.mark.parametrize("shape", [(0, 2, 4, 8), (1, 1, 1, 2), (1, 1, 1100, 2)])
def test_odd_sizes_pass(shape):
    qkv = qkv_of(*shape, dtype=torch.float32)
    assert_close(attend(*qkv), F.scaled_dot_product_attention(*qkv))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_trace_serves_other_batch_sizes(monkeypatch):
    monkeypatch.setattr(softmax, "CHUNK_SCORES", 300)
    small, large = (qkv_of(batch, 4, 6, 5).detach() for batch in (5, 9))
    traced = torch.jit.trace(attend, tuple(small))
    assert_close(traced(*large), F.scaled_dot_product_attention(*large))
