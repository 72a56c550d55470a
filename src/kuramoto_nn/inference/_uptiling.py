"""Up-tiling: feature maps finer than the patch grid, from shifted views of the images."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from kuramoto_nn._checks import as_integer


def uptile_views(images: Tensor, *, patch_size: int, factor: int) -> Tensor:
    """Crop ``factor^2`` views, each shifted by a fraction of a patch.

    The images are resized (bicubic) to sides larger by ``p - p / r`` pixels; view ``(i, j)`` is the
    crop of the old size at ``(i, j) p / r``.

    Args:
        images: ``(B, 3, H, W)``.
        patch_size: Side p of a patch in pixels.
        factor: r, how many times finer the grid becomes per axis; divides the patch size.

    Returns:
        Views ``(r * r, B, 3, H, W)``, row-major in the shift.

    Raises:
        ValueError: If the rank is not 4 or ``factor`` does not divide ``patch_size``.

    Reference:
        Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025), appendix.

    Examples:
        >>> uptile_views(torch.rand(2, 3, 32, 32), patch_size=4, factor=2).shape
        torch.Size([4, 2, 3, 32, 32])
    """
    if images.ndim != 4:
        raise ValueError(f"`images` must be (B, 3, H, W): got shape {tuple(images.shape)}")
    patch_size = as_integer("patch_size", patch_size, least=1)
    factor = as_integer("factor", factor, least=1)
    if patch_size % factor:
        raise ValueError(
            f"`factor` must divide `patch_size`: got {factor} and {patch_size}; "
            f"try {', '.join(str(n) for n in range(1, patch_size + 1) if patch_size % n == 0)}"
        )
    height, width = images.shape[-2:]
    shift = patch_size // factor
    extra = patch_size - shift
    larger = F.interpolate(
        images, size=(height + extra, width + extra), mode="bicubic", align_corners=False
    )
    offsets = range(0, factor * shift, shift)
    return torch.stack(
        [larger[..., i : i + height, j : j + width] for i in offsets for j in offsets]
    )


def uptiled_features(
    features: Callable[[Tensor], Tensor], images: Tensor, *, patch_size: int, factor: int
) -> Tensor:
    """Run a feature extractor on every view and interleave the maps into one finer map.

    Args:
        features: ``(B, 3, H, W)`` images to maps ``(B, C, h, w)``, such as ``model.features``. It
            is called once per view, so that memory holds the activations of one view.
        images: ``(B, 3, H, W)``.
        patch_size: Side p of a patch in pixels.
        factor: r, how many times finer the map becomes per axis; 1 is the plain map.

    Returns:
        Features ``(B, C, r h, r w)``.

    Raises:
        ValueError: If ``factor`` does not divide ``patch_size``.

    Examples:
        >>> def patch_mean(images):
        ...     return F.avg_pool2d(images, 4)
        >>> uptiled_features(patch_mean, torch.rand(2, 3, 32, 32), patch_size=4, factor=2).shape
        torch.Size([2, 3, 16, 16])
    """
    views = uptile_views(images, patch_size=patch_size, factor=factor)
    factor = as_integer("factor", factor)
    maps = torch.stack([features(view) for view in views])  # (r * r, B, C, h, w)
    height, width = maps.shape[-2:]
    grid = maps.unflatten(0, (factor, factor)).permute(2, 3, 4, 0, 5, 1)  # (B, C, h, r, w, r)
    return grid.reshape(*grid.shape[:2], factor * height, factor * width)
