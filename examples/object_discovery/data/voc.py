"""PASCAL VOC 2012: photographs with instances and classes; void borders are ignored by scores.

The shorter side becomes 256 pixels by nearest neighbour, pictures and labels alike, then the middle
is cut out.
"""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from examples.object_discovery.data import sets
from examples.object_discovery.data.pictures import read_labels, read_rgb
from examples.object_discovery.data.sets import VOID, DataOptions, ImageSet, Source

FOLDERS = {"JPEGImages": ".jpg", "SegmentationObject": ".png", "SegmentationClass": ".png"}
INSTANCES = "SegmentationObject"
LISTS = ("ImageSets/Segmentation/val.txt", "val.txt")


class Voc(ImageSet):
    """The 1,449 images of `val.txt`, called test (the split of the scores) and val alike."""

    num_clusters = 4
    size = 256
    splits = {"test": (0, None), "val": (0, None)}
    label_maps = 2
    addresses = ("http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",)

    def source(self, options: DataOptions, split: str) -> Source:
        """Find `VOCdevkit/VOC2012`; without a list, every picture with instances is taken."""
        inner = ("VOCdevkit/VOC2012", "VOC2012", "voc", "voc/VOCdevkit/VOC2012", ".")
        folders = [options.root / name for name in inner]
        folder = next((place for place in folders if (place / INSTANCES).is_dir()), None)
        if folder is None:
            raise self.missing(options, f"VOCdevkit/VOC2012 with {INSTANCES}")
        found = {name: sets.list_files(folder / name, r".+\.(jpg|png)") for name in FOLDERS}
        files = [path for listing in found.values() for _, path in listing]
        listed = [folder / name for name in LISTS if (folder / name).is_file()]
        if listed:
            names = listed[0].read_text(encoding="utf-8-sig").split()
            files.append(str(listed[0]))
        else:
            names = [Path(path).stem for _, path in found[INSTANCES]]
        return Source(
            scenes=[(str(folder), name) for name in names],
            decode=partial(decode_scene, size=options.image_size or self.size),
            identity=sets.identity(folder, files),
            limit=len(names),
            note="" if listed else f"no val.txt in {folder}, so all pictures with labels are taken",
        )


def decode_scene(scene: tuple[str, str], *, size: int) -> np.ndarray:
    """Decode, resize and crop one photograph (folder, name); ValueError if a file is damaged.

    The result, `(5, size, size)` uint8, is colours, instances and classes, with `VOID` in both
    label maps where either has it.
    """
    paths = [Path(scene[0]) / name / f"{scene[1]}{suffix}" for name, suffix in FOLDERS.items()]
    image = read_rgb(paths[0])
    planes = [np.asarray(_middle(image, size)).transpose(2, 0, 1)]
    for path in paths[1:]:
        labels = Image.fromarray(read_labels(path, size=image.size))
        planes.append(np.asarray(_middle(labels, size))[None])
    result = np.concatenate(planes)
    result[3:, (result[3:] == VOID).any(axis=0)] = VOID
    return result


def _middle(picture: Image.Image, size: int) -> Image.Image:
    """Resize the shorter side to `size` and cut out the middle, as torchvision does."""
    width, height = (size * side // min(picture.size) for side in picture.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = picture.resize((width, height), Image.Resampling.NEAREST)
    return resized.crop((left, top, left + size, top + size))
