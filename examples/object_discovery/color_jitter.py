"""Brightness, contrast, saturation and hue of image batches, each image with its own factor.

The semantics are torchvision's: a blend towards another image, or a turn of the HSV hue, and a
clamp to [0, 1] after each. The formulas are direct because kornia's HSV round trip takes three
times as long (CPU); the tests hold them against kornia.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# ITU-R BT.601 luma, what "L" means in PIL.
LUMA = (0.299, 0.587, 0.114)


def to_gray(images: Tensor) -> Tensor:
    """Weigh the colours by the eye's sensitivity.

    Args:
        images: `(B, 3, H, W)`.

    Returns:
        `(B, 1, H, W)`.
    """
    red, green, blue = images.split(1, dim=1)
    return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply by the factor.

    Args:
        images: `(B, 3, H, W)` in [0, 1].
        factor: `(B, 1, 1, 1)`, at least 0; 0 gives black, 1 the image.

    Returns:
        `(B, 3, H, W)` in [0, 1].
    """
    return (images * factor).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the mean gray of the image.

    Args:
        images: `(B, 3, H, W)` in [0, 1].
        factor: `(B, 1, 1, 1)`, at least 0; 0 gives the mean gray, 1 the image.

    Returns:
        `(B, 3, H, W)` in [0, 1].
    """
    # Luma is linear: the mean over pixels first leaves three numbers per image.
    gray = to_gray(images.mean(dim=(2, 3), keepdim=True))
    return torch.addcmul(gray * (1 - factor), images, factor).clamp_(0, 1)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the gray image.

    Args:
        images: `(B, 3, H, W)` in [0, 1].
        factor: `(B, 1, 1, 1)`, at least 0; 0 gives the gray image, 1 the image.

    Returns:
        `(B, 3, H, W)` in [0, 1].
    """
    gray = to_gray(images).mul_(1 - factor)
    return torch.addcmul(gray, images, factor).clamp_(0, 1)


def adjust_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the HSV hue, keeping saturation and value.

    With hue h in sixths of a turn, value v and chroma c, channel n is
    `v - c * clamp(min(k, 4 - k), 0, 1)`, `k = (n + h) mod 6`, n = 5, 3, 1 for red, green, blue.

    Args:
        images: `(B, 3, H, W)` in [0, 1].
        turns: `(B, 1, 1, 1)` in full turns; 0 and 1 give the image.

    Returns:
        `(B, 3, H, W)` in [0, 1].
    """
    value = images.amax(dim=1, keepdim=True)
    chroma = value - images.amin(dim=1, keepdim=True)
    red, green, blue = images.split(1, dim=1)
    # Gray has no hue: with chroma 0 any finite number does.
    scale = chroma.clamp_min(torch.finfo(images.dtype).tiny).reciprocal_()
    hue = torch.where(
        red == value,
        (green - blue) * scale,
        torch.where(green == value, (blue - red) * scale + 2, (red - green) * scale + 4),
    )
    offset = torch.tensor([5.0, 3.0, 1.0], dtype=images.dtype).to(images.device)
    sector = hue + 6 * turns + offset.view(1, 3, 1, 1)
    # Three times as fast as remainder_(6) on the CPU.
    sector = sector.sub_((sector / 6).floor_().mul_(6))
    share = torch.minimum(sector, 4 - sector).clamp_(0, 1)
    return torch.addcmul(value, chroma, share, value=-1).clamp_(0, 1)


ADJUSTMENTS: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    adjust_hue,
)


def apply_jitter(images: Tensor, factors: Tensor, order: Tensor, applied: Tensor) -> Tensor:
    """Apply the four adjustments to each image in its own order.

    At each of the four places the images are sorted by the adjustment that is due, so that every
    adjustment runs on one contiguous batch.

    Args:
        images: `(B, 3, H, W)` in [0, 1].
        factors: `(B, 4)` factor of each of `ADJUSTMENTS`, on the CPU.
        order: `(B, 4)` index into `ADJUSTMENTS` at each place, a permutation per row, on the CPU.
        applied: `(B,)` bool, on the CPU; the other images stay as they are.

    Returns:
        `(B, 3, H, W)` in [0, 1], a new tensor.
    """
    result = images.clone()
    chosen = applied.nonzero().squeeze(1)
    for place in range(len(ADJUSTMENTS)):
        due = order[chosen, place]
        # Indices come from CPU tensors: a GPU never waits for their number.
        for index, adjust in enumerate(ADJUSTMENTS):
            rows = chosen[due == index]
            if len(rows) == 0:
                continue
            factor = factors[rows, index].to(images).view(-1, 1, 1, 1)
            rows = rows.to(images.device)
            result.index_copy_(0, rows, adjust(result.index_select(0, rows), factor))
    return result
