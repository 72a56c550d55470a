"""Segment pictures of any kind with a trained model.

    python -m examples.object_discovery.segment runs/clevrtex photo.jpg pictures/ --num-clusters 5

For every picture, ``--out`` receives a palette PNG with the label of every pixel (``…-mask.png``)
and the picture with the labels' colours over it (``…-overlay.png``), both in the size of the
picture.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from tyro.conf import Positional

from examples.common.command import check_positive, check_seed, run_command
from examples.common.device import pick_device
from examples.common.files import make_folder, write_whole
from examples.object_discovery.data.pictures import read_rgb
from examples.object_discovery.recipes import Scoring
from examples.object_discovery.segmenter import Segmenter, enlarge, load_network
from kuramoto_nn.plot import label_colors

OPACITY = 0.5
"""Opacity of the labels' colours over the picture."""
MOST_LABELS = 256
"""Labels that a palette PNG can hold."""


@dataclass(frozen=True, kw_only=True)
class SegmentOptions:
    """Segment pictures with a trained object-discovery model.

    Every picture is resized, with its proportions kept, so that its longer side is at least the
    image size that the model was trained on and at most --max-side, then padded to whole patches by
    repeating its border. The labels are cut back and enlarged to the size of the picture.
    """

    model: Positional[str]
    """A saved model's folder, a run's folder, or the name of a repository on the Hub."""
    pictures: Positional[tuple[Path, ...]]
    """Pictures, or folders of pictures: grey, RGB(A), palette, CMYK, 16 bits, of any size."""
    num_clusters: int = 5
    """K, the number of segments of a picture."""
    uptile: int = 1
    """How many times finer than the patch grid the features are, per axis."""
    clustering: Literal["average", "kmeans"] = "average"
    """Clustering of the sites: average linkage, or k-means."""
    pca: int | None = 128
    """Principal components that are clustered; none clusters the features themselves."""
    max_side: int | None = None
    """Longest side, in pixels, that the model sees; its own image size if not given. A larger one
    gives a finer grid than the model was trained on."""
    noise_seed: int = 0
    """Seed of the noise that the oscillators start from."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    out: Path = Path("runs/segment")
    """Folder of the masks and overlays."""

    def __post_init__(self):
        check_positive(self, "num_clusters", "uptile", "pca", "max_side")
        check_seed(self.noise_seed, "noise_seed")
        if self.num_clusters > MOST_LABELS:
            raise ValueError(
                f"--num-clusters must be at most {MOST_LABELS}, the colours of a palette PNG: got "
                f"{self.num_clusters}"
            )
        if not self.pictures:
            raise ValueError("PICTURES needs at least one picture or folder: got none")
        if any(path.resolve() == self.out.resolve() for path in self.pictures):
            raise ValueError(f"--out must be another folder than the pictures: got {self.out}")


def segment(options: SegmentOptions) -> None:
    """Segment pictures; print a line for each, and go on after a broken one.

    Args:
        options: Model, pictures, and how to segment them.

    Raises:
        ValueError: If the model or an option is wrong, or, at the end, if a picture was broken.
        OSError: If there is no such model, or the folder cannot be made.
    """
    scoring = Scoring(
        num_clusters=options.num_clusters,
        clustering=options.clustering,
        pca=options.pca,
        uptile=options.uptile,
    )
    model = load_network(options.model, device=pick_device(options.device))
    segmenter = Segmenter(model=model, scoring=scoring, seed=options.noise_seed)
    make_folder(options.out)
    Image.MAX_IMAGE_PIXELS = None  # the pictures are the user's own, and may be large
    broken, total, taken = 0, 0, set()
    for path in _find(options.pictures):
        total += 1
        try:
            image = read_rgb(path)
            pixels = torch.from_numpy(np.array(image)).movedim(-1, 0)
            labels = segment_picture(segmenter, pixels, max_side=options.max_side)
            name = _unique(path.stem, taken)
            _write(options.out, name, image, labels)
        except (ValueError, OSError) as error:
            broken += 1
            named = "" if str(path) in str(error) else f"{path}: "
            print(f"error: {named}{error}", file=sys.stderr)
            continue
        size, found = f"{image.width} x {image.height}", len(labels.unique())
        print(f"{path}: {size}, {found} segments, {options.out / name}-mask.png")
    if broken:
        raise ValueError(f"{broken} of {total} pictures could not be segmented")


def segment_picture(segmenter: Segmenter, image: Tensor, *, max_side: int | None = None) -> Tensor:
    """Segment one picture of any size.

    Args:
        segmenter: A network and how its features become labels.
        image: ``(3, H, W)`` uint8.
        max_side: Longest side that the network sees; its own image size if None.

    Returns:
        Labels ``(H, W)`` int64, on the CPU.

    Raises:
        ValueError: If the picture has fewer sites than K, or memory does not suffice.
    """
    config = segmenter.model.config
    own = max(config.sides)
    longer = max(image.shape[1:])
    scale = min(max(longer, own), max_side or own) / longer
    height, width = (max(1, round(side * scale)) for side in image.shape[1:])
    resized = F.interpolate(
        image[None].float(), size=(height, width), mode="bicubic", antialias=True
    )
    right, bottom = (-side % config.patch_size for side in (width, height))
    padded = F.pad(resized, (0, right, 0, bottom), mode="replicate")
    segmenter.batch_size(padded.shape[2], padded.shape[3])  # refuses what memory cannot hold
    labels = segmenter.labels(padded.round().clamp(0, 255).byte(), [0])
    return enlarge(labels[:, :height, :width], (image.shape[1], image.shape[2]))[0].cpu()


def _find(paths: Sequence[Path]) -> list[Path]:
    """List the pictures, those of a folder by name."""
    Image.init()
    readable = {suffix for suffix, kind in Image.EXTENSION.items() if kind in Image.OPEN}
    found = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
        elif inside := sorted(file for file in path.iterdir() if file.suffix.lower() in readable):
            found += inside
        else:
            raise ValueError(f"there are no pictures in the folder {path}")
    return found


def _unique(stem: str, taken: set[str]) -> str:
    """Number a name that another picture has; some file systems do not tell case apart."""
    name, number = stem, 1
    while name.casefold() in taken:
        name, number = f"{stem}-{number + 1}", number + 1
    taken.add(name.casefold())
    return name


def _write(folder: Path, name: str, image: Image.Image, labels: Tensor) -> None:
    """Write the mask and the overlay, both whole or not at all."""
    mask = Image.fromarray(labels.to(torch.uint8).numpy())
    colors = label_colors(torch.arange(MOST_LABELS), background=None)
    mask.putpalette((255 * colors).round().byte().numpy().tobytes())
    overlay = Image.blend(image, mask.convert("RGB"), OPACITY)
    for kind, picture in (("mask", mask), ("overlay", overlay)):
        write_whole(folder / f"{name}-{kind}.png", partial(picture.save, format="PNG"))


if __name__ == "__main__":
    run_command(segment, SegmentOptions)
