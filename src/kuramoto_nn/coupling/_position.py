"""Positions inside attention: a 2x2 matrix for every site and pair of channels (GTA)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kuramoto_nn._checks import as_integer
from kuramoto_nn._repr import constructor_arguments

WAVELENGTH_BASE = 10_000.0


class GeometricTransform(nn.Module):
    r"""Geometric transform attention (GTA): a 2x2 matrix per site and pair of head channels.

    Queries, keys and values are multiplied by $\rho_q, \rho_k, \rho_v$ of their site before the
    attention, its output by $\rho_o$. All four are learnable and shared by the heads. They start
    as rotations by $\omega_f$ times the row and the column, $\omega_f = 10000^{-f/F}$, and
    $\rho_o$ as the inverse, so that attention is relative at first: it depends on differences of
    positions only.

    On another grid (height, width) the matrices are resized bilinearly, entry by entry. The two
    channels of a pair are half a head apart: the products are multiply-adds of contiguous vectors.

    Args:
        grid: Height and width of the grid that the matrices are learned on, in sites.
        head_dim: Channels of one attention head; even.

    Raises:
        ValueError: If ``head_dim`` is odd or a side of the grid is not positive.

    Reference:
        Miyato, Jaeger, Welling, Geiger, *GTA: A Geometry-Aware Attention Mechanism for Multi-View
        Transformers* (ICLR 2024).

    Examples:
        >>> position = GeometricTransform((4, 6), head_dim=8)
        >>> qkv = torch.randn(2, 24, 3, 5, 8)  # (B, sites, 3, heads, head_dim)
        >>> position.transform_inputs(qkv, (4, 6)).shape
        torch.Size([2, 24, 3, 5, 8])
    """

    def __init__(self, grid: tuple[int, int], *, head_dim: int):
        super().__init__()
        head_dim = as_integer("head_dim", head_dim)
        if head_dim < 2 or head_dim % 2:
            raise ValueError(
                f"`head_dim` must be even, as GTA turns pairs of channels: got {head_dim}; "
                "try another number of heads"
            )
        self.grid, self.head_dim = as_grid(grid), head_dim
        angle = axial_angles(self.grid, num_pairs=head_dim // 2)
        cos, sin = angle.cos(), angle.sin()
        turn, turn_back = torch.stack((-sin, sin), -2), torch.stack((sin, -sin), -2)
        diagonal = torch.stack((torch.stack((cos, cos), -2),) * 4, 2)  # of q, k, v, o
        rest = torch.stack((turn, turn, turn, turn_back), 2)
        self.weight = nn.Parameter(torch.stack((diagonal, rest)))  # (2, height, width, 4, 2, pairs)

    def transform_inputs(self, qkv: Tensor, grid: tuple[int, int]) -> Tensor:
        """Apply ``rho_q, rho_k, rho_v`` to ``(B, sites, 3, heads, head_dim)``."""
        return _apply(qkv, self.resized(grid)[..., :3, :, :].flatten(1, 2))

    def transform_output(self, out: Tensor, grid: tuple[int, int]) -> Tensor:
        """Apply ``rho_o`` to ``(B, sites, heads, head_dim)``."""
        return _apply(out.unsqueeze(2), self.resized(grid)[..., 3:, :, :].flatten(1, 2)).squeeze(2)

    def resized(self, grid: tuple[int, int]) -> Tensor:
        """The weight on another grid (height, width), shape ``(2, height, width, 4, 2, pairs)``."""
        if tuple(grid) == self.grid:
            return self.weight
        entries = self.weight.flatten(3).movedim(-1, 1)
        return resize_grid(entries, grid).movedim(1, -1).unflatten(-1, self.weight.shape[3:])

    def extra_repr(self) -> str:
        return constructor_arguments(self)


def as_grid(grid: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a grid in sites, as plain positive integers."""
    if len(grid) != 2:
        raise ValueError(f"`grid` must be (height, width) in sites: got {tuple(grid)}")
    height, width = (as_integer("grid", side, least=1) for side in grid)
    return height, width


def axial_angles(grid: tuple[int, int], num_pairs: int) -> Tensor:
    """Angles ``w_f row, w_f col`` for f = 0, 1, …, cut to shape ``(height, width, pairs)``."""
    num_frequencies = -(-num_pairs // 2)
    speeds = [WAVELENGTH_BASE ** (-f / num_frequencies) for f in range(num_frequencies)]
    # Products of Python's numbers are float64, which the device may not have.
    row, col = (
        torch.tensor([[site * speed for speed in speeds] for site in range(side)]) for side in grid
    )
    site = torch.stack((row[:, None].expand(-1, grid[1], -1), col.expand(grid[0], -1, -1)), -1)
    return site.flatten(2)[:, :, :num_pairs]


def resize_grid(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size=grid, mode="bilinear", align_corners=False)


def _apply(x: Tensor, table: Tensor) -> Tensor:
    """Multiply pairs ``(x_p, x_{p + half})`` by their matrix.

    x is ``(B, sites, parts, heads, 2 pairs)``, the table ``(2, sites, parts, 2, pairs)``.
    """
    heads, head_dim = x.shape[3:]
    # Repeating the table costs little: all else, gradients too, runs over contiguous memory.
    diagonal, rest = table.unsqueeze(3).expand(-1, -1, -1, heads, -1, -1).flatten(-2)
    return torch.addcmul(diagonal * x, rest, x.roll(head_dim // 2, -1))
