"""First and last layer of an image network: patch embedding and pooled head."""

import warnings
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import as_integer
from kuramoto_nn._repr import constructor_arguments


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
        or torch.compiler.is_exporting()
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


Pool = Literal["max", "mean"]


class PooledHead(nn.Module):
    """Pool over all sites, then ``W_2 relu(W_1 .)``: the projection head of SimCLR.

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
