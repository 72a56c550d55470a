"""Image sets: the options, the form of the images, the base class, and finding files."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from examples.common.command import check_positive, check_seed

VOID = 255  # label of pixels that scores ignore
SETS: dict[str, ImageSet] = {}  # every set by its name; filled by `examples.object_discovery.data`


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which images, and where they are."""

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
    """Whether a CLEVRTex or CLEVR folder with gaps in its numbering is accepted; its splits differ
    from those of the whole set."""

    def __post_init__(self):
        if self.name not in SETS:
            raise ValueError(f"--data.name must be one of {', '.join(SETS)}: got {self.name!r}")
        check_positive(self, "num_images", "num_test_images", "image_size", prefix="data.")
        check_seed(self.seed, "data.seed")
        if self.bad not in ("error", "skip"):
            raise ValueError(f"--data.bad must be 'error' or 'skip': got {self.bad!r}")
        for option, usable in (("seed", SETS[self.name].drawn), ("partial", SETS[self.name].gaps)):
            if getattr(self, option) and not usable:
                raise ValueError(f"--data.{option} has no effect on {self.name}; leave it out")

    def count(self, split: str) -> int | None:
        """Number of images of a split that are asked for; None asks for all."""
        return self.num_images if split == "train" else self.num_test_images


@dataclass(frozen=True)
class SegmentedImages:
    """Images with the labels of every pixel, all uint8 and often memory-mapped."""

    images: Tensor
    """Colours, `(n, 3, H, W)`."""
    instances: Tensor
    """`(n, H, W)`: 0 the background, 1, 2, … the objects of that image, `VOID` ignored."""
    classes: Tensor | None = None
    """Classes of the objects, likewise; None where a set has none."""

    def __post_init__(self) -> None:
        images = self.images
        for name, labels in self._labels():
            if (images.dtype, labels.dtype) != (torch.uint8, torch.uint8) or (
                images.shape != (*images.shape[:1], 3, *labels.shape[1:])
                or labels.shape != (*images.shape[:1], *images.shape[2:])
            ):
                raise ValueError(
                    f"images must be uint8 (n, 3, H, W) and {name} uint8 (n, H, W): got "
                    f"{images.dtype} {tuple(images.shape)} and {labels.dtype} {tuple(labels.shape)}"
                )

    def _labels(self) -> list[tuple[str, Tensor]]:
        maps = [("instances", self.instances), ("classes", self.classes)]
        return [(name, labels) for name, labels in maps if labels is not None]

    def __len__(self) -> int:
        return self.images.shape[0]

    def fingerprint(self) -> str:
        """SHA-256 of the content, in hexadecimal digits; equal for equal tensors."""
        digest = hashlib.sha256()
        for name, tensor in [("images", self.images), *self._labels()]:
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            for block in tensor.split(1024):  # a whole set may be larger than the memory
                digest.update(block.contiguous().numpy(force=True).data)
        return digest.hexdigest()

    @classmethod
    def from_planes(cls, planes: np.ndarray) -> SegmentedImages:
        """Split `(n, 4 or 5, H, W)` planes into colours and label maps, without a copy."""
        tensor = torch.from_numpy(planes)
        return cls(tensor[:, :3], tensor[:, 3], tensor[:, 4] if tensor.shape[1] == 5 else None)


Decoder = Callable[[Any], np.ndarray | None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the images of one split come from.

    `decode`, a module's function or a `partial` of one, makes uint8 planes of a scene, `(4 or 5, H,
    W)`: colours, instances, perhaps classes. It returns None for a scene that does not belong to
    the set, and raises ValueError or OSError for a damaged one.
    """

    scenes: Iterable[Any]  # arguments of `decode`, in order; read only if there is no cache
    decode: Decoder
    identity: str  # identifies the content for a given set, split, count and size
    limit: int | None = None  # images that the split has; None if only decoding tells
    skip: int = 0  # scenes of the set that precede the split
    dropped: str = ""  # description of the scenes that do not belong to the set, if there are any
    workers: int | None = None  # processes that decode; None chooses
    note: str = ""  # printed for the user


class ImageSet(ABC):
    """A set of images with labels; `load` does everything that does not depend on the set."""

    num_clusters: int  # K of the published scores
    size: int  # height and width of the images
    splits: Mapping[str, tuple[Any, Any]]  # first and last scene, counted as the set counts
    addresses: tuple[str, ...]  # where the original is published
    drawn: bool = False  # whether images are drawn, from a seed, if there is no original
    gaps: bool = False  # whether gaps in the numbering of its files can be accepted
    label_maps: int = 1  # instances, or instances and classes
    version: int = 2  # counts up when the same source gives other planes

    @abstractmethod
    def source(self, options: DataOptions, split: str) -> Source:
        """Find the images of one split; OSError if there are none, ValueError if they are wrong."""

    def missing(self, options: DataOptions, what: str) -> FileNotFoundError:
        """Make the error that says how to get a set."""
        return FileNotFoundError(
            f"no {what} in {options.root}; name its folder with --data.root, or get it: python -m "
            f"examples.object_discovery.download --dataset {options.name} --to {options.root}"
        )


def nearest(first: int, extent: int, size: int) -> np.ndarray:
    """Indices that resize `extent` pixels from `first` on to `size` pixels by nearest neighbour.

    Pixel i of the result lies at (i + 1/2) / size of the part: pillow's NEAREST, not the older
    convention i / size, which would shift the picture.
    """
    return first + (2 * np.arange(size) + 1) * extent // (2 * size)


def identity(folder: Path, paths: Iterable[str | Path]) -> str:
    """Identify files by folder, name, size and time of change, without reading them."""
    digest = hashlib.sha256(os.fsencode(folder.resolve()))
    for path in paths:
        status, relative = os.stat(path), os.path.relpath(path, folder)
        line = f"\n{relative}\t{status.st_size}\t{status.st_mtime_ns}"
        digest.update(line.encode(errors="surrogateescape"))
    return f"from-{digest.hexdigest()[:16]}"


def list_files(folder: Path, pattern: str) -> list[tuple[re.Match[str], str]]:
    """Match the names of all visible files of a folder and its subfolders; sorted by path."""
    if not folder.is_dir():
        return []
    wanted, found = re.compile(pattern), []
    with os.scandir(folder) as entries:
        folders = [os.fspath(folder), *(entry.path for entry in entries if entry.is_dir())]
    for place in folders:
        for name in os.listdir(place):
            if (match := wanted.fullmatch(name)) and not name.startswith("."):
                found.append((match, os.path.join(place, name)))
    return sorted(found, key=lambda item: item[1])


def numbered(
    folder: Path, found: Iterable[tuple[int, Any, str]], *, gaps: bool
) -> dict[int, dict[Any, str]]:
    """Group the files of a folder, `(number of the scene, part, path)`, by scene and by part.

    Raises ValueError if a file is there twice or, unless `gaps` are accepted, a number is missing.
    """
    scenes: dict[int, dict[Any, str]] = {}
    for number, part, path in found:
        first = scenes.setdefault(number, {}).setdefault(part, path)
        if first != path:
            raise ValueError(f"scene {number} is there twice: {first} and {path}; remove one")
    stop = max(scenes, default=-1) + 1
    if len(scenes) < stop and not gaps:
        names = ", ".join(map(str, islice((n for n in range(stop) if n not in scenes), 5)))
        raise ValueError(
            f"{folder} has gaps in its numbering: {stop - len(scenes)} scenes are missing, "
            f"{names}{', …' if stop - len(scenes) > 5 else ''}; get the missing part, or accept "
            f"other splits than those of the whole set with --data.partial"
        )
    return dict(sorted(scenes.items()))
