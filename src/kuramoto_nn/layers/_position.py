"""Additive positions: a learnable embedding that starts as sines and cosines."""

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import as_integer
from kuramoto_nn._repr import constructor_arguments
from kuramoto_nn.coupling._position import as_grid, axial_angles, resize_grid


class SinCosEmbedding(nn.Module):
    """Add a learnable embedding of the position, starting as two-dimensional sines and cosines.

    The first half of the channels holds sines and cosines of the row, the second of the column,
    at ``10000^(-f/F)`` radians per site, ``F = C/4``. On another grid it is resized bilinearly.

    Args:
        channels: Channels C; a multiple of 4.
        grid: Height and width in sites.

    Raises:
        ValueError: If 4 does not divide ``channels`` or a side of the grid is not positive.

    Shape:
        ``(B, C, H, W)`` to the same shape.

    Reference:
        Vaswani et al., *Attention Is All You Need* (2017), section 3.5, once per axis.

    Examples:
        >>> SinCosEmbedding(8, (4, 6))(torch.zeros(2, 8, 4, 6)).shape
        torch.Size([2, 8, 4, 6])
    """

    def __init__(self, channels: int, grid: tuple[int, int]):
        super().__init__()
        channels = as_integer("channels", channels)
        if channels < 4 or channels % 4:
            raise ValueError(
                f"`channels` must be a multiple of 4 (sine and cosine, row and column): got "
                f"{channels}; try {max(channels // 4, 1) * 4}"
            )
        self.channels, self.grid = channels, as_grid(grid)
        angles = axial_angles(self.grid, num_pairs=channels // 2)
        row, col = angles.unflatten(-1, (-1, 2)).unbind(-1)
        embedding = torch.cat((row.sin(), row.cos(), col.sin(), col.cos()), -1)
        self.weight = nn.Parameter(embedding.movedim(-1, 0).contiguous())  # (C, height, width)

    def resized(self, grid: tuple[int, int]) -> Tensor:
        """The weight on another grid (height, width), shape ``(C, height, width)``."""
        if tuple(grid) == self.grid:
            return self.weight
        return resize_grid(self.weight.unsqueeze(0), grid).squeeze(0)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ValueError(f"`x` must be (B, {self.channels}, H, W): got shape {tuple(x.shape)}")
        return x + self.resized((x.shape[2], x.shape[3]))

    def extra_repr(self) -> str:
        return constructor_arguments(self)
