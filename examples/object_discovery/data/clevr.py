"""CLEVR with masks, at most six objects (CLEVR6): DeepMind's TFRecord file, or its PNG export.

Rows 29 to 220 and columns 64 to 255 are cut out and resized to 128x128 by nearest neighbour, image
and mask alike. Scenes in which a mask above the sixth is visible there are left out; the splits
count the others.
"""

from functools import partial
from pathlib import Path

import numpy as np

from examples.object_discovery.data.originals import ADDRESS, SPLITS, OriginalSet
from examples.object_discovery.data.pictures import read_labels, read_rgb
from examples.object_discovery.data.sets import DataOptions, Source, identity, list_files, numbered

IMAGE = -1  # key of a scene's image among the paths of its masks


class Clevr(OriginalSet):
    """CLEVR6."""

    num_clusters = 11
    size = 128
    gaps = True
    splits = SPLITS | {"train": (SPLITS["train"][0], None)}
    addresses = (f"{ADDRESS}/clevr_with_masks/clevr_with_masks_train.tfrecords",)
    pattern = "*clevr_with_masks*.tfrecords"
    folders = ("clevr", "clevr_with_masks")
    entities = 11
    stored = (240, 320)
    corner = (29, 64)
    side = 192
    max_objects = 6

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
        files = ((int(m[1] or m[2]), int(m[3] or IMAGE), path) for m, path in found)
        scenes = numbered(folder, files, gaps=options.partial)
        first, stop = self.splits[split]
        return Source(
            scenes=[(folder / f"CLEVR_image_{i}.png", paths) for i, paths in scenes.items()],
            decode=partial(self.decode_pictures, options.image_size or self.size),
            identity=identity(folder, [path for _, path in found]),
            limit=None if stop is None else stop - first,
            skip=first,
            dropped="with more than 6 objects",
            note=f"read from {folder}, from scene {first} on",
        )

    def decode_pictures(self, size: int, scene: tuple[Path, dict[int, str]]) -> np.ndarray | None:
        """Decode one scene (usual path, paths) as `cut` does; ValueError if it is damaged."""
        usual, paths = scene
        if IMAGE not in paths:
            raise ValueError(f"{usual} is missing")
        if sorted(paths) != [IMAGE, *range(self.entities)]:
            raise ValueError(
                f"{paths[IMAGE]} has {len(paths) - 1} masks, {self.entities} are needed"
            )
        image, size_needed = read_rgb(paths[IMAGE]), self.stored[::-1]
        if image.size != size_needed:
            raise ValueError(f"{paths[IMAGE]} has {image.size} pixels, {size_needed} are needed")
        masks = []
        for number in range(self.entities):
            mask = read_labels(paths[number], size=image.size)
            if not any(np.isin(mask, (0, seen)).all() for seen in (1, 255)):
                raise ValueError(f"{paths[number]} has other values than 0 and 255: no mask")
            masks.append(np.uint8(255) * (mask > 0))
        return self.cut(np.asarray(image), np.stack(masks), size)
