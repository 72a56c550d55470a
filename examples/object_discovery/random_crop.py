"""Random resized crops of whole batches, each image with its own box."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_TRIES = 10


def draw_crops(
    batch_size: int,
    *,
    image_size: tuple[int, int],
    area: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> Tensor:
    """Draw one box per image as torchvision's RandomResizedCrop does.

    Area is uniform and width / height log-uniform; of ten candidates the first that fits is taken,
    else the largest central box whose ratio is allowed. All ten are drawn always, so that the
    generator moves on by the same amount.

    Args:
        batch_size: Number of boxes B.
        image_size: Height and width in pixels.
        area: Smallest and largest area, as a fraction of the image.
        ratio: Smallest and largest width / height.
        generator: CPU generator.

    Returns:
        `(B, 4)` int64 top, left, height, width in pixels.
    """
    height, width = image_size
    draw = torch.rand(batch_size, 2 * _TRIES + 2, generator=generator, dtype=torch.float64)
    shapes, places = draw[:, 2:].unflatten(1, (2, _TRIES)), draw[:, :2]
    areas = height * width * (area[0] + (area[1] - area[0]) * shapes[:, 0])
    ratios = ratio[0] * (math.log(ratio[1] / ratio[0]) * shapes[:, 1]).exp()
    widths, heights = (areas * ratios).sqrt().round(), (areas / ratios).sqrt().round()
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = fits.int().argmax(dim=1, keepdim=True)
    size = torch.cat([heights.gather(1, first), widths.gather(1, first)], dim=1)
    central = (min(height, round(width / ratio[0])), min(width, round(height * ratio[1])))
    found = fits.any(dim=1, keepdim=True)
    size = torch.where(found, size, torch.tensor(central).clamp_min(1).double())
    room = torch.tensor(image_size) - size
    corner = torch.where(found, places * (room + 1), room / 2).floor()
    return torch.cat([corner, size], dim=1).long()


def resized_crop(images: Tensor, crop: Tensor, flip: Tensor) -> Tensor:
    """Cut a box out of each image and resize it bilinearly to the image's size.

    No antialiasing is needed: a box never exceeds the image, so that nothing shrinks.

    Args:
        images: `(B, 3, H, W)`.
        crop: `(B, 4)` top, left, height, width in pixels.
        flip: `(B,)` bool.

    Returns:
        `(B, 3, H, W)`.
    """
    height, width = images.shape[2:]
    crop, flip = crop.to(images.device), flip.to(images.device)
    rows = _source(crop[:, 0], crop[:, 2], height)
    columns = _source(crop[:, 1], crop[:, 3], width)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    grid = torch.stack(
        [columns[:, None].expand(-1, height, -1), rows[:, :, None].expand(-1, -1, width)], dim=-1
    )
    return F.grid_sample(images, grid.to(images), padding_mode="border", align_corners=False)


def _source(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Where the output pixels of one axis lie in the input, in grid_sample's [-1, 1]."""
    start, length = start[:, None].double(), length[:, None].double()
    position = (torch.arange(size, device=start.device) + 0.5) * (length / size) - 0.5
    # The border of the box, not of the image, is what the outermost pixels repeat.
    position = torch.minimum(position.clamp_(min=0), length - 1) + start
    return (2 * position + 1) / size - 1
