"""CLEVRTex in its published layout, whichever variant, downloaded or rendered.

`clevrtex_<variant>/<index // 1000>/CLEVRTEX_<variant>_%06d.png` is a scene, `…_flat.png` its
labels; other files may be beside them. Splits go by index: the first tenth is test, the second val,
the rest train. `outd` is a test split as a whole.
"""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from examples.object_discovery.data import sets
from examples.object_discovery.data.pictures import read_labels, read_rgb
from examples.object_discovery.data.sets import DataOptions, ImageSet, Source

VARIANTS = ("full", "outd", "camo", "pbg", "vbg", "grassbg")
ADDRESS = "https://thor.robots.ox.ac.uk/datasets/clevrtex"
"""The authors' script has `full`, `outd` and `camo` from here; the others' names are inferred."""
# Percent of the scenes, by index.
SPLITS = {"test": (0, 10), "val": (10, 20), "train": (20, 100), "all": (0, 100)}
PUBLISHED = 50_000  # scenes of `full`


class ClevrTex(ImageSet):
    """One variant; label 0 is the ground, 255 void."""

    num_clusters = 11
    size = 128
    gaps = True

    def __init__(self, variant: str):
        self.variant = variant
        self.splits = {"test": (0, 100), "all": (0, 100)} if variant == "outd" else SPLITS
        names = [f"full_part{i}" for i in range(1, 6)] if variant == "full" else [variant]
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
            identity=sets.identity(folder, files),
            limit=stop - first,
            note="" if whole else note,
        )


def find_scenes(
    folder: Path, variant: str, *, gaps: bool = False
) -> tuple[list[tuple[str, str]], list[str]]:
    """List the scenes of a folder by index, each its image and labels, and all their files.

    An image or labels may be missing, but not both, unless `gaps` in the numbering are accepted.
    """
    found = sets.list_files(folder, rf"CLEVRTEX_{variant}_(\d+)(_flat)?\.png")
    files = [(int(match[1]), bool(match[2]), path) for match, path in found]
    scenes = []
    for paths in sets.numbered(folder, files, gaps=gaps).values():
        image = paths.get(False) or f"{paths[True].removesuffix('_flat.png')}.png"
        scenes.append((image, paths.get(True) or f"{image.removesuffix('.png')}_flat.png"))
    return scenes, [path for _, path in found]


def decode_scene(scene: tuple[str, str], *, size: int) -> np.ndarray:
    """Decode one scene to `(4, size, size)` uint8; ValueError if it is damaged.

    The middle, a square of 0.8 times the shorter side, is resized: the image by pillow's bilinear
    filter, which averages over all pixels that a new one covers (antialiasing, as torchvision has
    it for pictures), labels by nearest neighbour.
    """
    image = read_rgb(scene[0])
    labels = Image.fromarray(read_labels(scene[1], size=image.size))
    side = 4 * min(image.size) // 5
    left, top = (round((length - side) / 2) for length in image.size)
    box = (left, top, left + side, top + side)
    colors = image.crop(box).resize((size, size), Image.Resampling.BILINEAR)
    numbers = labels.crop(box).resize((size, size), Image.Resampling.NEAREST)
    return np.concatenate([np.asarray(colors).transpose(2, 0, 1), np.asarray(numbers)[None]])
