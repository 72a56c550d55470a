"""CLEVR with masks, at most six objects (CLEVR6): DeepMind's TFRecord file, or its PNG export.

Rows 29 to 220 and columns 64 to 255 are cut out and resized to 128x128 by nearest neighbour, image
and mask alike. Scenes in which a mask above the sixth is visible there are left out; the splits
count the others.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from examples.object_discovery.data.originals import ADDRESS, SPLITS, Layout, OriginalSet
from examples.object_discovery.data.pictures import read_labels, read_rgb
from examples.object_discovery.data.sets import Source, identity, list_files

if TYPE_CHECKING:
    from examples.object_discovery.data import DataOptions


class Clevr(OriginalSet):
    """CLEVR6."""

    num_clusters = 11
    size = 128
    splits = SPLITS | {"train": (SPLITS["train"][0], None)}
    addresses = (f"{ADDRESS}/clevr_with_masks/clevr_with_masks_train.tfrecords",)
    pattern = "*clevr_with_masks*.tfrecords"
    folders = ("clevr", "clevr_with_masks")
    layout = Layout(
        height=240,
        width=320,
        entities=11,
        rows=slice(29, 221),
        columns=slice(64, 256),
        size=128,
        max_objects=6,
    )

    def source(self, options: DataOptions, split: str) -> Source:
        """Find the records, or `CLEVR_image_<i>.png` with `CLEVR_mask_<i>_<k>.png`."""
        original = self.original(options, split)
        if original is not None:
            return original
        for folder in self.places(options):
            found = list_files(folder, r"CLEVR_(?:image_(\d+)|mask_(\d+)_(\d+))\.png")
            if found:
                break
        else:
            raise self.missing(options, f"{self.pattern} or CLEVR_image_*.png")
        scenes: dict[int, dict[int, str]] = {}
        for match, path in found:
            part = -1 if match[1] else int(match[3])
            scenes.setdefault(int(match[1] or match[2]), {})[part] = path
        first, stop = self.splits[split]
        return Source(
            scenes=[(str(folder), i, scenes[i]) for i in sorted(scenes)],
            decode=partial(decode_pictures, self.layout, options.image_size or self.size),
            identity=identity(folder, [path for _, path in found]),
            limit=None if stop is None else stop - first,
            skip=first,
            dropped="with more than 6 objects",
            note=f"read from {folder}",
        )


def decode_pictures(
    layout: Layout, size: int, scene: tuple[str, int, dict[int, str]]
) -> np.ndarray | None:
    """Decode one scene of the PNG export.

    Args:
        layout: How scenes are stored, and what of them is used.
        size: Rows and columns of the result.
        scene: Folder, index, and paths of the masks by their number, the image's with -1.

    Returns:
        What `Layout.cut` returns.

    Raises:
        ValueError: If a file is missing or damaged, or has another size or kind.
    """
    folder, index, paths = scene
    if -1 not in paths:
        raise ValueError(f"{Path(folder) / f'CLEVR_image_{index}.png'} is missing")
    if sorted(paths) != [*range(-1, layout.entities)]:
        raise ValueError(f"{paths[-1]} has {len(paths) - 1} masks, {layout.entities} are needed")
    masks = []
    for number in range(layout.entities):
        masks.append(_checked(paths[number], read_labels(paths[number]), layout))
        if not np.isin(masks[-1], (0, 255)).all():
            raise ValueError(f"{paths[number]} has other values than 0 and 255: no mask")
    image = _checked(paths[-1], np.asarray(read_rgb(paths[-1])), layout)
    return layout.cut(image, np.stack(masks), size)


def _checked(path: str, pixels: np.ndarray, layout: Layout) -> np.ndarray:
    if pixels.shape[:2] != (layout.height, layout.width):
        raise ValueError(
            f"{path} has {pixels.shape[1]}x{pixels.shape[0]} pixels, "
            f"{layout.width}x{layout.height} are needed"
        )
    return pixels
