"""The image sets of object discovery, all in one form.

To add a set, write an `ImageSet` in a file of its own and add it to `SETS`.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from examples.object_discovery.data.cache import decode_split, load_or_build
from examples.object_discovery.data.clevr import Clevr
from examples.object_discovery.data.clevrtex import VARIANTS, ClevrTex
from examples.object_discovery.data.dsprites import DSprites
from examples.object_discovery.data.sets import SETS, VOID, DataOptions, SegmentedImages, nearest
from examples.object_discovery.data.tetrominoes import Tetrominoes
from examples.object_discovery.data.textures import VARIANTS as TEXTURES
from examples.object_discovery.data.textures import Textures
from examples.object_discovery.data.voc import Voc

__all__ = ["SETS", "VOID", "DataOptions", "SegmentedImages", "load"]

SETS |= {
    "tetrominoes": Tetrominoes(),
    "dsprites": DSprites(),
    "clevr": Clevr(),
    **{f"clevrtex-{variant}": ClevrTex(variant) for variant in VARIANTS},
    **{f"textures-{variant}": Textures(variant) for variant in TEXTURES},
    "voc": Voc(),
}


def load(options: DataOptions, split: str = "train") -> SegmentedImages:
    """Load one split of a set, memory-mapped, from the cache if it is there.

    Any number of processes may load the same at once: one builds the cache, the others wait.
    """
    image_set = SETS[options.name]
    if split not in image_set.splits:
        known = ", ".join(image_set.splits)
        raise ValueError(f"unknown split {split!r} of {options.name}; known are: {known}")
    if options.root.is_file():
        raise ValueError(
            f"--data.root must be a folder: got the file {options.root}; try {options.root.parent}"
        )
    size = options.image_size or image_set.size
    source = image_set.source(options, split)
    notes = [source.note, f"scenes {source.dropped} are left out" if source.dropped else ""]
    if size != image_set.size:
        notes.append(f"resized to {size}x{size} pixels, the set's own size is {image_set.size}")
    if any(notes):
        print(f"{options.name} {split}: {'; '.join(filter(None, notes))}", file=sys.stderr)
    skip, count = options.bad == "skip", options.count(split)
    key = (
        f"{options.name}-v{image_set.version}-{split}-{count or 'all'}-{size}px"
        f"{'-skip' if skip else ''}-{source.identity}"
    )
    source = replace(source, decode=partial(_decode, source.decode, size))
    planes = load_or_build(
        (options.cache or options.root) / f"{key}.npy",
        decode_split(source, count, title=f"{options.name} {split}", skip_damaged=skip),
        row=(3 + image_set.label_maps, size, size),
        count=None if skip else count,
    )
    return SegmentedImages.from_planes(planes)


def _decode(decode: Callable[[Any], np.ndarray | None], size: int, scene: Any) -> np.ndarray | None:
    """Decode a scene, and resize it by nearest neighbour if it has another size."""
    planes = decode(scene)
    if planes is None or planes.shape[-1] == size:
        return planes
    places = nearest(0, planes.shape[-1], size)
    return planes[:, places[:, None], places]
