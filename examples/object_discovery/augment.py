"""SimCLR views of whole batches: a random crop, colour jitter, gray, on any device.

Drawing (`draw_views`, on the CPU) and applying (`apply_views`, where the images are) are apart.
The parameters of a global batch are drawn once from one generator and sliced by rank, so that the
views of a sample do not depend on the number of processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from examples.object_discovery.color_jitter import ADJUSTMENTS, apply_jitter, to_gray
from examples.object_discovery.random_crop import draw_crops, resized_crop

_DTYPES = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Augmentation:
    """How strongly views differ; plain values, so that it can be saved as JSON.

    Args:
        crop_area: Smallest and largest area of the crop, as a fraction of the image.
        crop_ratio: Smallest and largest width / height of the crop.
        jitter: Strengths b, c, s, h: brightness, contrast and saturation factors are uniform in
            `[max(0, 1 - b), 1 + b]` (likewise c and s), the hue turns by up to h of a full turn.
        jitter_probability: How often the colours are jittered.
        grayscale_probability: How often the view is gray.
        flip_probability: How often it is mirrored left to right.

    Raises:
        ValueError: For a value out of range.
    """

    crop_area: tuple[float, float] = (0.08, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.1)
    jitter_probability: float = 0.8
    grayscale_probability: float = 0.2
    flip_probability: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges; lists, as JSON gives them, become tuples."""
        for name, length in (("crop_area", 2), ("crop_ratio", 2), ("jitter", 4)):
            values = tuple(getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != length or not all(0 <= value < math.inf for value in values):
                raise ValueError(f"`{name}` needs {length} numbers of at least 0: got {values}")
        if not 0 < self.crop_area[0] <= self.crop_area[1] <= 1:
            raise ValueError(
                f"`crop_area` needs 0 < smallest <= largest <= 1: got {self.crop_area}"
            )
        if not 0 < self.crop_ratio[0] <= self.crop_ratio[1]:
            raise ValueError(f"`crop_ratio` needs 0 < smallest <= largest: got {self.crop_ratio}")
        if self.jitter[3] > 0.5:
            raise ValueError(f"the hue in `jitter` is at most 0.5 of a turn: got {self.jitter[3]}")
        for name in ("jitter_probability", "grayscale_probability", "flip_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be within 0 and 1: got {getattr(self, name)}")


@dataclass(frozen=True)
class ViewParameters:
    """What is done to each image of a batch; all tensors lie on the CPU.

    Args:
        crop: `(B, 4)` int64 top, left, height, width in pixels.
        flip: `(B,)` bool, mirrored left to right.
        jittered: `(B,)` bool, whether the next two apply.
        factors: `(B, 4)` float32 of brightness, contrast, saturation (factors) and hue (turns).
        order: `(B, 4)` int64, a permutation per image: the adjustment at each place.
        gray: `(B,)` bool, whether the view ends up gray.
    """

    crop: Tensor
    flip: Tensor
    jittered: Tensor
    factors: Tensor
    order: Tensor
    gray: Tensor

    def __len__(self) -> int:
        """Number of views."""
        return len(self.crop)

    def __getitem__(self, rows: slice | Tensor) -> ViewParameters:
        """Return the views of some rows of the batch."""
        return ViewParameters(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def draw_views(
    batch_size: int,
    *,
    image_size: tuple[int, int],
    generator: torch.Generator,
    augmentation: Augmentation | None = None,
) -> ViewParameters:
    """Draw the parameters of one view per image.

    Args:
        batch_size: Number of images B.
        image_size: Height and width in pixels.
        generator: CPU generator; the same state gives the same parameters.
        augmentation: The settings; None means `Augmentation()`.

    Returns:
        Parameters of B views.

    Raises:
        ValueError: For a generator that is not on the CPU.
    """
    if generator.device.type != "cpu":
        raise ValueError(
            f"`generator` must be on the CPU: got {generator.device}; views are drawn there and "
            "applied on the images' device"
        )
    settings = augmentation or Augmentation()

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch_size, *shape, generator=generator, dtype=torch.float64)

    strength = torch.tensor(settings.jitter, dtype=torch.float64)
    neutral = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    low = neutral - strength
    low[:3].clamp_(min=0)
    return ViewParameters(
        crop=draw_crops(
            batch_size,
            image_size=image_size,
            area=settings.crop_area,
            ratio=settings.crop_ratio,
            generator=generator,
        ),
        flip=uniform() < settings.flip_probability,
        jittered=uniform() < settings.jitter_probability,
        factors=torch.lerp(low, neutral + strength, uniform(len(ADJUSTMENTS))).float(),
        order=uniform(len(ADJUSTMENTS)).argsort(dim=1),
        gray=uniform() < settings.grayscale_probability,
    )


@torch.no_grad()
def apply_views(images: Tensor, params: ViewParameters) -> Tensor:
    """Make one view of every image: crop, flip, jitter, gray, in this order.

    Args:
        images: `(B, 3, H, W)` float32 or float64 in [0, 1], on any device.
        params: B views, drawn for this H and W.

    Returns:
        `(B, 3, H, W)` in [0, 1].

    Raises:
        ValueError: For images of another form, or when the batch sizes differ.
    """
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype not in _DTYPES:
        raise ValueError(
            f"`images` must be float32 or float64 (B, 3, H, W): got {images.dtype} of shape "
            f"{tuple(images.shape)}; uint8 images need .float() / 255"
        )
    if len(images) != len(params):
        raise ValueError(f"one view per image: got {len(images)} images and {len(params)} views")
    # The range must not hang on how a backend rounds its interpolation weights.
    views = resized_crop(images, params.crop, params.flip).clamp_(0, 1)
    views = apply_jitter(views, params.factors, params.order, params.jittered)
    rows = params.gray.nonzero().squeeze(1).to(images.device)
    gray = to_gray(views.index_select(0, rows)).expand(-1, 3, -1, -1)
    return views.index_copy_(0, rows, gray)
