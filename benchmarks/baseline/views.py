"""SimCLR views, image by image: crop, colour jitter in random order, gray."""

import math
import random

import torch
from torch import Tensor
from torch.nn import functional as F


def random_views(images: Tensor, rng: random.Random) -> Tensor:
    """Draw one view of every image ``(B, 3, H, W)`` in [0, 1]."""
    return torch.stack([_view(image, rng) for image in images])


def _view(image: Tensor, rng: random.Random) -> Tensor:
    height, width = image.shape[1:]
    view = crop(image, random_box(height, width, rng))
    if rng.random() < 0.8:
        changes = [(change, 0.6, 1.4) for change in (brightness, contrast, saturation)]
        changes.append((hue, -0.1, 0.1))
        rng.shuffle(changes)
        for change, least, most in changes:
            view = change(view, rng.uniform(least, most))
    return gray(view).expand_as(view) if rng.random() < 0.2 else view


def random_box(height: int, width: int, rng: random.Random) -> tuple[int, int, int, int]:
    """Top, left, height and width: area 0.08 to 1, ratio 3/4 to 4/3; all of it if none fits."""
    for _ in range(10):
        area = height * width * rng.uniform(0.08, 1.0)
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        h, w = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < h <= height and 0 < w <= width:
            return rng.randint(0, height - h), rng.randint(0, width - w), h, w
    return 0, 0, height, width


def crop(image: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    """Cut a box out and resize it bilinearly to the image's size."""
    top, left, height, width = box
    part = image[None, :, top : top + height, left : left + width]
    return F.interpolate(part, size=image.shape[1:], mode="bilinear").squeeze(0)


def brightness(image: Tensor, factor: float) -> Tensor:
    """Multiply by the factor."""
    return (image * factor).clamp(0, 1)


def contrast(image: Tensor, factor: float) -> Tensor:
    """Blend with the mean gray."""
    return (factor * image + (1 - factor) * gray(image).mean()).clamp(0, 1)


def saturation(image: Tensor, factor: float) -> Tensor:
    """Blend with the gray image."""
    return (factor * image + (1 - factor) * gray(image)).clamp(0, 1)


def hue(image: Tensor, factor: float) -> Tensor:
    """Turn the hue by a part of the colour circle."""
    value, chroma = image.amax(0), image.amax(0) - image.amin(0)
    red, green, blue = image
    safe = chroma.clamp_min(1e-12)
    sector = torch.where(
        red == value,
        (green - blue) / safe,
        torch.where(green == value, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sector = sector + 6 * factor
    parts = [(n + sector) % 6 for n in (5, 3, 1)]
    return torch.stack([value - chroma * torch.minimum(k, 4 - k).clamp(0, 1) for k in parts])


def gray(image: Tensor) -> Tensor:
    """Luma, ``(1, H, W)``."""
    red, green, blue = image
    return (0.299 * red + 0.587 * green + 0.114 * blue)[None]
