"""2x2 matrices on pairs of channels, in few passes over memory: the arithmetic of GTA.

The channels of a head lie as ``(2, pairs)``: the two channels of a pair are half a head apart, so
that everything is a multiply-add over contiguous vectors.
"""

from typing import Any

import torch
from torch import Tensor


def apply_pairwise(x: Tensor, table: Tensor) -> Tensor:
    """Multiply every pair of channels by the matrix of its site.

    ``(x_1, x_2) -> (d_1 x_1 + r_1 x_2, r_2 x_1 + d_2 x_2)``. Compiled code fuses the formula as it
    stands; in eager mode, where every operator is a pass over memory, it and its gradient are
    written out by hand.

    Args:
        x: Shape ``(B, sites, parts, heads, 2 pairs)``.
        table: d and r of every site and part, shape ``(2, sites, parts, 2, pairs)``.

    Returns:
        Tensor of the shape of ``x``.
    """
    if torch.compiler.is_compiling() or x.dtype != table.dtype:
        diagonal, rest = table.unsqueeze(3)
        pairs = x.unflatten(-1, (2, -1))
        return torch.addcmul(diagonal * pairs, rest, pairs.flip(-2)).flatten(-2)
    return _Pairwise.apply(x, table)


class _Pairwise(torch.autograd.Function):
    """The transposed matrix, ``r`` swapped, takes the gradient back; products sum up to d and r."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, table: Tensor) -> Tensor:
        diagonal, rest = table.unsqueeze(3).expand(-1, -1, -1, x.shape[3], -1, -1).flatten(-2)
        return torch.addcmul(_swap(x).mul_(rest), diagonal, x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (g,) = grad_outputs
        x, table = ctx.saved_tensors
        for_x = for_table = None
        if ctx.needs_input_grad[0]:
            diagonal, rest = table
            for_x = apply_pairwise(g, torch.stack((diagonal, rest.flip(-2))))
        if ctx.needs_input_grad[1]:
            # One axis after the other: both at once is eight times slower on a CPU.
            sums = [(g * y).sum(0).sum(2) for y in (x, _swap(x))]
            for_table = torch.stack(sums).unflatten(-1, (2, -1))
        return for_x, for_table

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Tensor) -> Tensor:
        dx, d_table = grad_inputs
        x, table = ctx.saved_for_forward
        return apply_pairwise(dx, table) + apply_pairwise(x, d_table)


def _swap(x: Tensor) -> Tensor:
    """Exchange the halves of every head; a new tensor."""
    swapped, half = torch.empty_like(x), x.shape[-1] // 2
    swapped[..., :half] = x[..., half:]
    swapped[..., half:] = x[..., :half]
    return swapped
