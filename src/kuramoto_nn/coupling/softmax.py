"""Softmax attention, by whichever kernel is fastest."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK_SCORES = 2**20
"""Scores that are written out at once on a CPU: a few MB, which stay in its cache."""


def attend(qkv: Tensor) -> Tensor:
    """Compute ``softmax(q k^T / sqrt(d)) v`` in every head.

    On a CPU, where an image has few scores, plain products take some images at a time; that beats
    PyTorch's fused kernel, which serves everything else.

    Args:
        qkv: Queries, keys and values, ``(B, sites, 3, heads, d)``.

    Returns:
        Shape ``(B, sites, heads, d)``.

    Examples:
        >>> attend(torch.zeros(2, 5, 3, 4, 8)).shape
        torch.Size([2, 5, 4, 8])
    """
    if not _suits_products(qkv):
        query, key, value = _heads_first(qkv)
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
    # The compiler would unroll the chunks, anew for every batch size.
    return _attend_operator(qkv) if torch.compiler.is_compiling() else _attend_in_chunks(qkv)


def _suits_products(qkv: Tensor) -> bool:
    return (
        qkv.device.type == "cpu"
        and qkv.dtype in (torch.float32, torch.float64)
        and qkv.numel() > 0
        and _scores_per_image(qkv) <= CHUNK_SCORES
        and not torch.compiler.is_exporting()
    )


def _scores_per_image(qkv: Tensor) -> int:
    return qkv.shape[3] * qkv.shape[1] ** 2


def _images_per_chunk(qkv: Tensor) -> int:
    return CHUNK_SCORES // _scores_per_image(qkv)


def _heads_first(qkv: Tensor) -> tuple[Tensor, ...]:
    """Queries, keys and values, each ``(B, heads, sites, d)``."""
    return qkv.transpose(1, 3).unbind(2)


def _attend_in_chunks(qkv: Tensor) -> Tensor:
    outputs = []
    for part in qkv.split(_images_per_chunk(qkv)):
        query, key, value = _heads_first(part)
        outputs.append((_weights(query, key) @ value).transpose(1, 2))
    return torch.cat(outputs).contiguous()


def _weights(query: Tensor, key: Tensor) -> Tensor:
    return (query * query.shape[-1] ** -0.5 @ key.mT).softmax(-1)


@torch.library.custom_op("kuramoto_nn::attention", mutates_args=())
def _attend_operator(qkv: Tensor) -> Tensor:
    return _attend_in_chunks(qkv)


@torch.library.custom_op("kuramoto_nn::attention_backward", mutates_args=())
def _attend_backward(grad: Tensor, qkv: Tensor, out: Tensor) -> Tensor:
    """The gradient to q, k and v; weights are computed again, so that none are kept."""
    result = torch.empty_like(qkv, memory_format=torch.contiguous_format)
    scale, length = qkv.shape[-1] ** -0.5, _images_per_chunk(qkv)
    parts = (tensor.split(length) for tensor in (qkv, grad, out, result))
    for part, upstream, output, target in zip(*parts, strict=True):
        query, key, value = _heads_first(part)
        upstream, output = upstream.transpose(1, 2), output.transpose(1, 2)
        weights = _weights(query, key)
        mean = (upstream * output).sum(-1, keepdim=True)
        slope = weights * (upstream @ value.mT - mean) * scale
        gradients = slope @ key, slope.mT @ query, weights.mT @ upstream
        for into, gradient in zip(_heads_first(target), gradients, strict=True):
            into.copy_(gradient)
    return result


@_attend_operator.register_fake
def _(qkv: Tensor) -> Tensor:
    return torch.empty_like(qkv[:, :, 0], memory_format=torch.contiguous_format)


@_attend_backward.register_fake
def _(grad: Tensor, qkv: Tensor, out: Tensor) -> Tensor:
    return torch.empty_like(qkv, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs, output)


def _backward(ctx: Any, grad: Tensor) -> Tensor:
    return _attend_backward(grad, *ctx.saved_tensors)


_attend_operator.register_autograd(_backward, setup_context=_keep)
