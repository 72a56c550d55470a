"""CLEVRTex in its published layout, whichever variant, downloaded or rendered.

`clevrtex_<variant>/<index // 1000>/CLEVRTEX_<variant>_%06d.png` is a scene, `…_flat.png` its
labels; other files may lie beside them. Splits go by index: the first tenth is test, the second
val, the rest train. `outd` is a test split as a whole.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from examples.object_discovery.data.pictures import read_labels, read_rgb
from examples.object_discovery.data.sets import (
    ImageSet,
    Source,
    identity,
    list_files,
)

if TYPE_CHECKING:
    from examples.object_discovery.data import DataOptions

VARIANTS = ("full", "outd", "camo", "pbg", "vbg", "grassbg")
ADDRESS = "https://thor.robots.ox.ac.uk/datasets/clevrtex"
"""The authors' script has `full`, `outd` and `camo` from here; the others' names are inferred."""
SPLITS = {"test": (0, 10), "val": (10, 20), "train": (20, 100), "all": (0, 100)}
"""Percent of the scenes, by index."""
OUTD_SPLITS = {"test": (0, 100), "all": (0, 100)}
NUM_PARTS = 5
"""Archives of `full`."""
PUBLISHED = 50_000
"""Scenes of `full`."""

Scene = tuple[str, str]
"""Paths of the image and of its labels."""


class ClevrTex(ImageSet):
    """One variant; label 0 is the ground, 255 void."""

    num_clusters = 11
    size = 128

    def __init__(self, variant: str):
        self.variant = variant
        self.splits = OUTD_SPLITS if variant == "outd" else SPLITS
        parts = [f"full_part{part + 1}" for part in range(NUM_PARTS)]
        names = parts if variant == "full" else [variant]
        self.addresses = tuple(f"{ADDRESS}/clevrtex_{name}.tar.gz" for name in names)

    def source(self, options: DataOptions, split: str) -> Source:
        """Find the folder of the variant, or take the root as such a folder."""
        for folder in (options.root / f"clevrtex_{self.variant}", options.root):
            scenes, files = find_scenes(folder, self.variant, gaps=options.partial)
            if scenes:
                break
        else:
            raise self.missing(options, f"clevrtex_{self.variant} with CLEVRTEX_*.png")
        first, stop = (len(scenes) * percent // 100 for percent in self.splits[split])
        note = f"{folder} has {len(scenes)} scenes, the published set {PUBLISHED}"
        whole = self.variant != "full" or len(scenes) == PUBLISHED
        return Source(
            scenes=scenes[first:stop],
            decode=partial(decode_scene, size=options.image_size or self.size),
            identity=identity(folder, files),
            limit=stop - first,
            note="" if whole else note,
        )


def find_scenes(folder: Path, variant: str, *, gaps: bool = False) -> tuple[list[Scene], list[str]]:
    """List the scenes of a folder.

    Args:
        folder: Where the numbered folders are.
        variant: Part of the files' names.
        gaps: Accept gaps in the numbering.

    Returns:
        scenes: Sorted by index; an image or labels may be missing, but not both.
        files: All images and labels, as `identity` takes them.

    Raises:
        ValueError: If an index is there twice, or the numbering has gaps.
    """
    found = list_files(folder, rf"CLEVRTEX_{variant}_(\d+)(_flat)?\.png")
    images: dict[int, str] = {}
    labels: dict[int, str] = {}
    for match, path in found:
        paths = labels if match[2] else images
        if paths.setdefault(int(match[1]), path) != path:
            raise ValueError(
                f"scene {int(match[1])} is there twice: {paths[int(match[1])]} and {path}; "
                f"remove one"
            )
    indices = sorted(images.keys() | labels.keys())
    if indices and indices[-1] + 1 != len(indices) and not gaps:
        missing = sorted({*range(indices[-1])}.difference(indices))
        names = ", ".join(str(index) for index in missing[:5])
        raise ValueError(
            f"{folder} has gaps in its numbering: {len(missing)} scenes are missing, "
            f"{names}{', …' if len(missing) > 5 else ''}; get the missing part, or accept other "
            f"splits than those of the whole set with --data.partial"
        )
    scenes = []
    for index in indices:
        image, flat = images.get(index), labels.get(index)
        stem = image[: -len(".png")] if image else str(flat)[: -len("_flat.png")]
        scenes.append((image or f"{stem}.png", flat or f"{stem}_flat.png"))
    return scenes, [path for _, path in found]


def decode_scene(scene: Scene, *, size: int) -> np.ndarray:
    """Decode, crop and resize one scene.

    The image is resized by pillow's bilinear filter, which averages over all pixels that a new one
    covers (antialiasing, as torchvision has it for pictures); labels by nearest neighbour.

    Args:
        scene: Paths of the image and of its labels.
        size: Height and width of the result.

    Returns:
        `(4, size, size)` uint8.

    Raises:
        ValueError: If a file is missing or damaged, or the two differ in size.
    """
    image, labels = read_rgb(scene[0]), Image.fromarray(read_labels(scene[1]))
    if image.size != labels.size:
        raise ValueError(f"{scene[1]} has {labels.size} pixels, the image {image.size}")
    box = central_square(*image.size)
    colors = image.crop(box).resize((size, size), Image.Resampling.BILINEAR)
    numbers = labels.crop(box).resize((size, size), Image.Resampling.NEAREST)
    return np.concatenate([np.asarray(colors).transpose(2, 0, 1), np.asarray(numbers)[None]])


def central_square(width: int, height: int) -> tuple[int, int, int, int]:
    """Place the crop, a square of 0.8 times the shorter side.

    Returns:
        Left, top, right and bottom.

    Examples:
        >>> central_square(320, 240)
        (64, 24, 256, 216)
    """
    side = 4 * min(width, height) // 5
    left, top = round((width - side) / 2), round((height - side) / 2)
    return left, top, left + side, top + side
