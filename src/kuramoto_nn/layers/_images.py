"""Ends of an image network: patch embedding, additive positions and pooled head."""

import warnings
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import as_integer
from kuramoto_nn._repr import constructor_arguments
from kuramoto_nn.coupling._position import as_grid, axial_angles, resize_grid


class PatchEmbed(nn.Module):
    """Map pixels from [0, 1] to [-1, 1] and every patch to a vector, linearly.

    Args:
        patch_size: Side of a patch, in pixels.
        channels: Channels of the result.
        in_channels: Channels of the image.

    Raises:
        ValueError: If an image's sides are not multiples of the patch size.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, channels, H / patch_size, W / patch_size)``.

    Examples:
        >>> PatchEmbed(4, 16)(torch.rand(2, 3, 32, 24)).shape
        torch.Size([2, 16, 8, 6])
    """

    def __init__(self, patch_size: int, channels: int, *, in_channels: int = 3):
        super().__init__()
        self.patch_size = side = as_integer("patch_size", patch_size, least=1)
        self.channels = as_integer("channels", channels, least=1)
        self.in_channels = as_integer("in_channels", in_channels, least=1)
        self.conv = nn.Conv2d(self.in_channels, self.channels, side, stride=side)

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, self.in_channels)
        height, width = images.shape[2:]
        if height % self.patch_size or width % self.patch_size or not height or not width:
            raise ValueError(
                f"`images` must have sides that are multiples of the patch size {self.patch_size}: "
                f"got {height} x {width}; resize or crop them"
            )
        return self.conv(2 * images - 1)

    def extra_repr(self) -> str:
        return constructor_arguments(self)


RANGE_TOLERANCE = 0.5
"""How far pixels may lie outside [0, 1] without a warning, as after bicubic interpolation."""


def check_images(images: Tensor, in_channels: int = 3) -> None:
    """Check that a tensor is a batch of images; on a CPU, warn once of pixels far from [0, 1]."""
    if images.ndim != 4 or images.shape[1] != in_channels:
        raise ValueError(
            f"`images` must be (B, {in_channels}, H, W): got shape {tuple(images.shape)}"
        )
    if not images.is_floating_point():
        raise ValueError(
            f"`images` must be floating point in [0, 1]: got {images.dtype}; try images / 255"
        )
    traced = (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
    )
    if images.device.type == "cpu" and images.numel() and not traced:
        low, high = images.detach().aminmax()
        if low < -RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
            _warn_of_range()


@cache  # warns once per process
def _warn_of_range() -> None:
    warnings.warn(
        "`images` should be in [0, 1], without any other normalisation: got pixels far outside; "
        "try images / 255 on 8-bit pictures",
        stacklevel=2,
    )


class SinCosEmbedding(nn.Module):
    """Add a learnable embedding of the position, starting as two-dimensional sines and cosines.

    The first half of the channels holds sines and cosines of the row, the second of the column,
    at $10000^{-f/F}$ radians per site, $F = C/4$. On another grid it is resized bilinearly.

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


Pool = Literal["max", "mean"]


class PooledHead(nn.Module):
    r"""Pool over all sites, then $W_2\, \mathrm{relu}(W_1 \cdot)$: the projection head of SimCLR.

    Args:
        channels: Channels of the feature map.
        out_channels: Size of the embedding.
        hidden_channels: Width of the hidden layer.
        pool: ``"max"`` or ``"mean"``.

    Raises:
        ValueError: If ``pool`` is neither.

    Shape:
        ``(B, channels, *S)`` to ``(B, out_channels)``.

    Reference:
        Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations* (2020).

    Examples:
        >>> PooledHead(8, 8, 32)(torch.randn(2, 8, 5, 5)).shape
        torch.Size([2, 8])
    """

    def __init__(
        self, channels: int, out_channels: int, hidden_channels: int, *, pool: Pool = "max"
    ):
        super().__init__()
        if pool not in ("max", "mean"):
            raise ValueError(f'`pool` must be "max" or "mean": got {pool!r}')
        self.channels = as_integer("channels", channels, least=1)
        self.out_channels = as_integer("out_channels", out_channels, least=1)
        self.hidden_channels = as_integer("hidden_channels", hidden_channels, least=1)
        self.pool = pool
        self.hidden = nn.Linear(self.channels, self.hidden_channels)
        self.out = nn.Linear(self.hidden_channels, self.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        sites = x.flatten(2)
        pooled = sites.amax(2) if self.pool == "max" else sites.mean(2)
        return self.out(self.hidden(pooled).relu())

    def extra_repr(self) -> str:
        return constructor_arguments(self)
