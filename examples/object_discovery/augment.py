"""SimCLR views of whole batches: random crop, colour jitter and gray, on any device.

The parameters of a global batch are drawn on the CPU from one generator (`draw_views`) and sliced
by rank, so that the views of a sample do not depend on the number of processes; `apply_views` runs
on the images' device. The semantics are torchvision's. The colour formulas are direct because
kornia's HSV round trip takes three times as long (CPU); the tests compare them with kornia.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from examples.common.command import option_name
from examples.common.device import send

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma, as "L" in PIL
_TRIES = 10


@dataclass(frozen=True)
class Augmentation:
    """Strengths of the augmentations; plain values, so that it can be saved as JSON."""

    crop_area: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest area of the crop, as a fraction of the image."""
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Smallest and largest width / height of the crop."""
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.1)
    """Strengths b, c, s, h: brightness, contrast and saturation factors are uniform in [max(0, 1 -
    b), 1 + b] (likewise c and s), the hue turns by up to h of a full turn."""
    jitter_probability: float = 0.8
    """Probability of colour jitter."""
    grayscale_probability: float = 0.2
    """Probability of a gray view."""
    flip_probability: float = 0.0
    """Probability of a view mirrored left to right."""

    def __post_init__(self) -> None:
        def check(name: str, is_right: bool, wanted: str) -> None:
            if not is_right:
                option = option_name(f"training.augmentation.{name}")
                raise ValueError(f"{option} {wanted}: got {getattr(self, name)}")

        for name, length in (("crop_area", 2), ("crop_ratio", 2), ("jitter", 4)):
            values = tuple(getattr(self, name))  # JSON has lists
            object.__setattr__(self, name, values)
            is_right = len(values) == length and all(0 <= value < math.inf for value in values)
            check(name, is_right, f"needs {length} numbers of at least 0")
        smallest, largest = self.crop_area
        check("crop_area", 0 < smallest <= largest <= 1, "needs 0 < smallest <= largest <= 1")
        smallest, largest = self.crop_ratio
        check("crop_ratio", 0 < smallest <= largest, "needs 0 < smallest <= largest")
        check("jitter", self.jitter[3] <= 0.5, "needs a hue of at most 0.5 of a turn")
        for name in ("jitter_probability", "grayscale_probability", "flip_probability"):
            check(name, 0 <= getattr(self, name) <= 1, "must be within 0 and 1")


@dataclass(frozen=True)
class ViewParameters:
    """Parameters of B views; all tensors lie on the CPU."""

    crop: Tensor  # (B, 4) int64: top, left, height, width in pixels
    flip: Tensor  # (B,) bool, mirrored left to right
    jittered: Tensor  # (B,) bool, whether the next two apply
    factors: Tensor  # (B, 4) float32 of brightness, contrast, saturation (factors), hue (turns)
    order: Tensor  # (B, 4) int64, a permutation per image: the adjustment at each place
    gray: Tensor  # (B,) bool, whether the view ends up gray

    def __len__(self) -> int:
        """Number of views."""
        return len(self.crop)

    def __getitem__(self, rows: slice | Tensor) -> ViewParameters:
        """Views of some rows of the batch."""
        return ViewParameters(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def draw_views(
    batch_size: int,
    *,
    image_size: tuple[int, int],
    generator: torch.Generator,
    augmentation: Augmentation | None = None,
) -> ViewParameters:
    """Draw the parameters of one view per image of a size (height, width), from a CPU generator."""
    augmentation = augmentation or Augmentation()

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch_size, *shape, generator=generator, dtype=torch.float64)

    strength = torch.tensor(augmentation.jitter, dtype=torch.float64)
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    low = neutral - strength
    low[:3].clamp_(min=0)
    area, ratio = augmentation.crop_area, augmentation.crop_ratio
    crop = draw_crops(
        batch_size, image_size=image_size, area=area, ratio=ratio, generator=generator
    )
    return ViewParameters(
        crop=crop,
        flip=uniform() < augmentation.flip_probability,
        jittered=uniform() < augmentation.jitter_probability,
        factors=torch.lerp(low, neutral + strength, uniform(len(ADJUSTMENTS))).float(),
        order=uniform(len(ADJUSTMENTS)).argsort(dim=1),
        gray=uniform() < augmentation.grayscale_probability,
    )


@torch.no_grad()
def apply_views(images: Tensor, params: ViewParameters) -> Tensor:
    """Make one view of every image: crop, flip, jitter, gray, in this order.

    Images and views are `(B, 3, H, W)` in [0, 1], float32 or float64, on any device.
    """
    right_type = images.dtype in (torch.float32, torch.float64)
    if images.ndim != 4 or images.shape[1] != 3 or not right_type:
        raise ValueError(
            f"`images` must be float32 or float64 (B, 3, H, W): got {images.dtype} of shape "
            f"{tuple(images.shape)}; uint8 images need .float() / 255"
        )
    if len(images) != len(params):
        raise ValueError(f"one view per image: got {len(images)} images and {len(params)} views")
    # The range must not depend on how a backend rounds its interpolation weights.
    views = resized_crop(images, params.crop, params.flip).clamp_(0, 1)
    views = apply_jitter(views, params.factors, params.order, params.jittered)
    rows = send(params.gray.nonzero().squeeze(1), images.device)
    gray = to_gray(views.index_select(0, rows)).expand(-1, 3, -1, -1)
    return views.index_copy_(0, rows, gray)


def draw_crops(
    batch_size: int,
    *,
    image_size: tuple[int, int],
    area: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> Tensor:
    """Draw a box `(B, 4)` (top, left, height, width) per image as RandomResizedCrop does.

    Area is uniform and width / height log-uniform; of ten candidates the first that fits is taken,
    else the largest central box whose ratio is allowed. All ten are always drawn, so that the
    generator advances by the same amount.
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
    """Cut a box out of each image `(B, 3, H, W)` and resize it bilinearly to the image's size.

    No antialiasing is needed: a box never exceeds the image, so that nothing shrinks.
    """
    height, width = images.shape[2:]
    crop, flip = send(crop, images.device), send(flip, images.device)
    rows = _source(crop[:, 0], crop[:, 2], height)
    columns = _source(crop[:, 1], crop[:, 3], width)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    grid = torch.stack(
        [columns[:, None].expand(-1, height, -1), rows[:, :, None].expand(-1, -1, width)], dim=-1
    )
    return F.grid_sample(images, grid.to(images), padding_mode="border", align_corners=False)


def _source(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Position of the output pixels of one axis in the input, in grid_sample's [-1, 1]."""
    start, length = start[:, None].double(), length[:, None].double()
    position = (torch.arange(size, device=start.device) + 0.5) * (length / size) - 0.5
    # The outermost pixels repeat the border of the box, not of the image.
    position = torch.minimum(position.clamp_(min=0), length - 1) + start
    return (2 * position + 1) / size - 1


def apply_jitter(images: Tensor, factors: Tensor, order: Tensor, applied: Tensor) -> Tensor:
    """Apply the four adjustments to each image in its own order, where ``applied``.

    At each of the four places the images are sorted by the adjustment that is due, so that every
    adjustment runs on one contiguous batch.
    """
    result = images.clone()
    chosen = applied.nonzero().squeeze(1)
    due, by_kind = order[chosen].T.sort(dim=1, stable=True)  # (4, images), sorted at each place
    rows = chosen[by_kind]
    # The groups are counted on the CPU, so that no number is read back from a GPU.
    factors = send(factors[rows, due], images.device).to(images.dtype)
    for kinds, index, factor in zip(due, send(rows, images.device), factors, strict=True):
        counts = torch.bincount(kinds, minlength=len(ADJUSTMENTS)).tolist()
        groups = zip(ADJUSTMENTS, index.split(counts), factor.split(counts), strict=True)
        for adjust, some, amount in groups:
            if len(some) > 0:
                adjusted = adjust(result.index_select(0, some), amount.view(-1, 1, 1, 1))
                result.index_copy_(0, some, adjusted)
    return result


# The adjustments map images (B, 3, H, W) and factors (B, 1, 1, 1) to images, all in [0, 1].
# A factor of 1 (a turn of 0) gives the image.


def to_gray(images: Tensor) -> Tensor:
    """Luma `(B, 1, H, W)` of images `(B, 3, H, W)`."""
    red, green, blue = images.split(1, dim=1)
    return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply by the factor; 0 gives black."""
    return (images * factor).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the mean gray of the image; 0 gives the mean gray."""
    # Luma is linear: the mean over pixels first leaves three numbers per image.
    gray = to_gray(images.mean(dim=(2, 3), keepdim=True))
    return torch.addcmul(gray * (1 - factor), images, factor).clamp_(0, 1)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the gray image; 0 gives the gray image."""
    gray = to_gray(images).mul_(1 - factor)
    return torch.addcmul(gray, images, factor).clamp_(0, 1)


def adjust_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the HSV hue, keeping saturation and value.

    With hue h in sixths of a turn, value v and chroma c, channel n is
    `v - c * clamp(min(k, 4 - k), 0, 1)`, `k = (n + h) mod 6`, n = 5, 3, 1 for red, green, blue.
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
    offset = torch.arange(5, 0, -2, dtype=images.dtype, device=images.device)  # 5, 3, 1
    sector = hue + 6 * turns + offset.view(1, 3, 1, 1)
    # Three times as fast as remainder_(6) on the CPU.
    sector = sector.sub_((sector / 6).floor_().mul_(6))
    share = torch.minimum(sector, 4 - sector).clamp_(0, 1)
    return torch.addcmul(value, chroma, share, value=-1).clamp_(0, 1)


ADJUSTMENTS = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
