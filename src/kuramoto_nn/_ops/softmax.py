"""Softmax attention, by the fastest kernel."""

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK_SCORES = 2**20
"""Scores that a CPU writes out at once: a few MB, which stay in its cache."""
KEPT_SCORES = 2**21
"""Scores of a whole batch up to which they are written out where a gradient keeps them all."""
KEPT_BFLOAT16 = 2**24
"""The same under autocast and in bfloat16, where the fused kernel's backward pass is slow: beyond
this number it runs in float32."""


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute ``softmax(q k^T / sqrt(d)) v`` of tensors ``(B, heads, sites, d)``.

    On a CPU with few scores, plain products of some images at a time are faster than PyTorch's
    fused kernel, which computes everything else.
    """
    length = _images_at_once(query)
    if length == 0:
        return _fused(query, key, value)
    if length >= len(query):
        return _by_products(query, key, value)
    parts = (tensor.split(length) for tensor in (query, key, value))
    return torch.cat([_by_products(*part) for part in zip(*parts, strict=True)])


def _by_products(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return (query * query.shape[-1] ** -0.5 @ key.mT).softmax(-1) @ value


def _fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    if query.device.type != "cpu" or not _keeps_bfloat16(query):
        return F.scaled_dot_product_attention(query, key, value)
    is_autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    with torch.autocast("cpu", enabled=False):
        out = F.scaled_dot_product_attention(query.float(), key.float(), value.float())
    return out.to(dtype if is_autocast else value.dtype)


def _images_at_once(query: Tensor) -> int:
    """Number of images in one plain product; 0 if the fused kernel suits better."""
    is_kept = _is_kept(query)
    dtypes = (torch.float32, torch.float64, *([torch.bfloat16] if is_kept else []))
    if query.device.type != "cpu" or query.dtype not in dtypes:
        return 0
    sizes_stay_open = torch.compiler.is_exporting() or torch._C._get_tracing_state()
    if sizes_stay_open or query.numel() == 0:
        return 0
    batch, heads, sites, _ = query.shape
    scores = heads * sites**2
    # Gradients keep all scores, and the compiler would recompile for every size of a batch.
    if torch.compiler.is_compiling() or is_kept:
        limit = KEPT_BFLOAT16 if _keeps_bfloat16(query) else KEPT_SCORES
        return batch if batch * scores <= limit else 0
    return CHUNK_SCORES // scores


def _is_kept(query: Tensor) -> bool:
    return torch.is_grad_enabled() and query.requires_grad


def _keeps_bfloat16(query: Tensor) -> bool:
    if query.dtype == torch.float64:  # which autocast leaves as it is
        return False
    is_reduced = query.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    return is_reduced and _is_kept(query)
