"""Segment pictures of any kind with a trained model.

    python -m examples.object_discovery.segment runs/clevrtex photo.jpg pictures/ --num-clusters 5

For every picture, two PNGs of its size are written to ``--out``: the label of every pixel as a
palette picture (``…-mask.png``), and the picture under the colours of its labels
(``…-overlay.png``).
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from tyro.conf import Positional, Suppress, arg

from examples.common.command import check_positive, check_seed, run_command
from examples.common.device import check_memory, pick_device
from examples.common.files import make_folder, write_whole
from examples.object_discovery.data.pictures import read_rgb
from examples.object_discovery.recipes import Scoring
from examples.object_discovery.segmenter import Segmenter, enlarge, load_network
from kuramoto_nn.plot import label_colors

OPACITY = 0.5  # opacity of the labels' colours over the picture
MOST_LABELS = 256  # labels that a palette PNG can hold
BYTES_PER_PIXEL = 32  # of a picture: colours, also as float32, labels, and the overlay


@dataclass(frozen=True, kw_only=True)
class SegmentOptions(Scoring):
    """Segment pictures with a trained object-discovery model.

    Every picture is resized, with its proportions kept, so that its longer side is at least the
    image size that the model was trained on and at most --max-side, then padded to whole patches by
    repeating its border. The labels are cut back and enlarged to the size of the picture.
    """

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """A saved model's folder, a run's folder, or the name of a repository on the Hub."""
    pictures: Positional[tuple[Path, ...]]
    """Pictures, or folders of pictures: grey, RGB(A), palette, CMYK, 16 bits, of any size."""
    num_clusters: int = 5
    """K, the number of segments of a picture."""
    empty: Annotated[Literal["nan", "one"], Suppress] = "nan"  # nothing is scored
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
    """Segment pictures and print a line for each; ValueError at the end if some were broken."""
    model = load_network(options.model, device=pick_device(options.device))
    segmenter = Segmenter(model=model, scoring=options, seed=options.noise_seed)
    segmenter.sites(0, 0)  # refuses an --uptile that does not divide the patch size
    make_folder(options.out)
    Image.MAX_IMAGE_PIXELS = None  # the pictures are the user's own, and may be large
    paths, broken = _find(options.pictures), 0
    taken = {_key(path) for path in paths}  # a result must not replace a picture
    for path in paths:
        try:
            image = read_rgb(path)
            pixels = torch.from_numpy(np.array(image)).movedim(-1, 0)
            labels = segment_picture(segmenter, pixels, max_side=options.max_side)
            mask, overlay = _results(options.out, path.stem, taken)
            _write(mask, overlay, image, labels)
        except (ValueError, OSError, MemoryError) as error:
            broken += 1
            named = "" if str(path) in str(error) else f"{path}: "
            reason = str(error) or "there is not enough memory for its pixels"
            print(f"error: {named}{reason}", file=sys.stderr)
            continue
        found = labels.flatten().bincount().count_nonzero()
        print(f"{path}: {image.width} x {image.height}, {found} segments, {mask}", flush=True)
    if broken:
        raise ValueError(f"{broken} of {len(paths)} pictures could not be segmented")


def segment_picture(segmenter: Segmenter, image: Tensor, *, max_side: int | None = None) -> Tensor:
    """Map a uint8 picture ``(3, H, W)`` of any size to labels ``(H, W)`` int64 on the CPU.

    ``max_side`` is the longest side that the network sees, its own image size if None. ValueError
    if the picture has fewer sites than K, or memory does not suffice.
    """
    config, pixels = segmenter.model.config, image[0].numel()
    needed, cpu = BYTES_PER_PIXEL * pixels, torch.device("cpu")
    check_memory(f"{pixels:,} pixels", needed, cpu, remedy="make the picture smaller")
    own, longer = max(config.sides), max(image.shape[1:])
    scale = min(max(longer, own), max_side or own) / longer
    height, width = (max(1, round(side * scale)) for side in image.shape[1:])
    right, bottom = (-side % config.patch_size for side in (width, height))
    segmenter.batch_size(height + bottom, width + right)  # refuses what memory cannot hold
    colors = image[None].float()
    resized = F.interpolate(colors, size=(height, width), mode="bicubic", antialias=True)
    padded = F.pad(resized, (0, right, 0, bottom), mode="replicate")
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
            continue
        files = (f for f in path.iterdir() if f.is_file() or f.is_symlink())  # no pipe or folder
        if not (inside := sorted(file for file in files if file.suffix.lower() in readable)):
            raise ValueError(f"there are no pictures in the folder {path}")
        found += inside
    return found


def _results(folder: Path, stem: str, taken: set[str]) -> tuple[Path, Path]:
    """Paths of a picture's mask and overlay, numbered if another file has that name."""
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    pairs = ((folder / f"{n}-mask.png", folder / f"{n}-overlay.png") for n in names)
    pair = next(pair for pair in pairs if taken.isdisjoint(map(_key, pair)))
    taken.update(map(_key, pair))
    return pair


def _key(path: Path) -> str:
    """A path in lower case, as some file systems ignore case."""
    return str(path.resolve()).casefold()


def _write(mask_path: Path, overlay_path: Path, image: Image.Image, labels: Tensor) -> None:
    """Write the mask and the overlay, each whole or not at all."""
    mask = Image.fromarray(labels.to(torch.uint8).numpy())
    colors = label_colors(torch.arange(MOST_LABELS), background=None)
    mask.putpalette((255 * colors).round().byte().numpy().tobytes())
    overlay = Image.blend(image, mask.convert("RGB"), OPACITY)
    for path, picture in ((mask_path, mask), (overlay_path, overlay)):
        write_whole(path, partial(picture.save, format="PNG"))


if __name__ == "__main__":
    run_command(segment, SegmentOptions)
