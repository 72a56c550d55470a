"""The image sets of object discovery, all in one form.

To add a set, write an `ImageSet` in a file of its own and enter it in `SETS`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from examples.common.command import LARGEST_SEED
from examples.object_discovery.data.cache import decode_split, load_or_build
from examples.object_discovery.data.clevr import Clevr
from examples.object_discovery.data.clevrtex import VARIANTS, ClevrTex
from examples.object_discovery.data.dsprites import DSprites
from examples.object_discovery.data.sets import VOID, ImageSet, SegmentedImages, Source
from examples.object_discovery.data.tetrominoes import Tetrominoes
from examples.object_discovery.data.textures import VARIANTS as TEXTURES
from examples.object_discovery.data.textures import Textures
from examples.object_discovery.data.voc import Voc

__all__ = ["SETS", "VOID", "DataOptions", "ImageSet", "SegmentedImages", "Source", "load"]

SETS: dict[str, ImageSet] = {
    "tetrominoes": Tetrominoes(),
    "dsprites": DSprites(),
    "clevr": Clevr(),
    **{f"clevrtex-{variant}": ClevrTex(variant) for variant in VARIANTS},
    **{f"textures-{variant}": Textures(variant) for variant in TEXTURES},
    "voc": Voc(),
}


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which images, and where they lie."""

    name: str
    """tetrominoes, dsprites, clevr, voc, textures-full, -outd, -camo, or clevrtex-full, -outd,
    -camo, -pbg, -vbg, -grassbg."""
    root: Path = Path("runs/data")
    """Folder of the data, originals and caches; tetrominoes and dsprites are drawn if no original
    is there, textures always."""
    cache: Path | None = None
    """Folder of the caches, if not ROOT."""
    num_images: int | None = None
    """Number of training images; None takes all."""
    num_test_images: int | None = None
    """Number of images of every other split; None takes all."""
    image_size: int | None = None
    """Height and width in pixels; None takes the set's own."""
    seed: int = 0
    """Seed of drawn images; has no effect on original ones."""
    bad: Literal["error", "skip"] = "error"
    """Whether a damaged scene is an error or is left out."""
    partial: bool = False
    """Whether a CLEVRTex folder with gaps in its numbering is accepted; its splits differ from
    those of the whole set."""

    def __post_init__(self):
        if self.name not in SETS:
            raise ValueError(f"--data.name must be one of {', '.join(SETS)}: got {self.name!r}")
        for name in ("num_images", "num_test_images", "image_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--data.{name.replace('_', '-')} must be at least 1: got {value}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ValueError(f"--data.seed must lie in 0..{LARGEST_SEED}: got {self.seed}")
        if self.bad not in ("error", "skip"):
            raise ValueError(f"--data.bad must be 'error' or 'skip': got {self.bad!r}")

    def count(self, split: str) -> int | None:
        """Number of images of a split that are asked for; None asks for all."""
        return self.num_images if split == "train" else self.num_test_images


def load(options: DataOptions, split: str = "train") -> SegmentedImages:
    """Load one split of a set, from the cache if it is there.

    Any number of processes may load the same at once: one builds the cache, the others wait.

    Args:
        options: What to load.
        split: "train", "test" or another one of the set's.

    Returns:
        The images, memory-mapped. With `bad="skip"` there may be fewer than asked for.

    Raises:
        ValueError: If the set has no such split or size, or fewer images, or a file is damaged.
        OSError: If the original is missing, or the cache cannot be written.
    """
    image_set = SETS[options.name]
    if split not in image_set.splits:
        known = ", ".join(image_set.splits)
        raise ValueError(f"unknown split {split!r} of {options.name}; known are: {known}")
    size = options.image_size or image_set.size
    if size != image_set.size and not image_set.resizable:
        raise ValueError(
            f"{options.name} has {image_set.size}x{image_set.size} pixels: got --data.image-size "
            f"{size}, by default the network's --model.image-size; try {image_set.size}"
        )
    source = image_set.source(options, split)
    if source.note:
        print(f"{options.name} {split}: {source.note}", file=sys.stderr)
    skip, count = options.bad == "skip", options.count(split)
    key = (
        f"{options.name}-v{image_set.version}-{split}-{count or 'all'}-{size}px"
        f"{'-skip' if skip else ''}-{source.identity}"
    )
    planes = load_or_build(
        (options.cache or options.root) / f"{key}.npy",
        decode_split(source, count, title=f"{options.name} {split}", skip_damaged=skip),
        row=(3 + image_set.label_maps, size, size),
        count=None if skip else count,
    )
    return SegmentedImages.from_planes(planes)
