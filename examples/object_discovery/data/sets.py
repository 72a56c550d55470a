"""The form of every set of images, what a set has to give, and the identity of its files."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from examples.object_discovery.data import DataOptions

VOID = 255
"""Label of pixels that scores ignore."""


@dataclass(frozen=True)
class SegmentedImages:
    """Images with the labels of every pixel.

    Args:
        images: `(n, 3, H, W)` uint8 colours; often memory-mapped, so index before converting.
        instances: `(n, H, W)` uint8; 0 is the background, 1, 2, … the objects of that image and
            `VOID` what scores ignore.
        classes: `(n, H, W)` uint8 classes of the objects, likewise; None where a set has none.

    Raises:
        ValueError: If the shapes or types are not the ones above.

    Examples:
        >>> data = SegmentedImages(
        ...     torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, 4, 4, dtype=torch.uint8)
        ... )
        >>> len(data)
        2
    """

    images: Tensor
    instances: Tensor
    classes: Tensor | None = None

    def __post_init__(self) -> None:
        """Refuse tensors that do not belong together."""
        images = tuple(self.images.shape)
        for name, labels in self._labels():
            if len(images) != 4 or images[1] != 3 or labels.shape != (images[0], *images[2:]):
                raise ValueError(
                    f"images must be (n, 3, H, W) and {name} (n, H, W): got {images} and "
                    f"{tuple(labels.shape)}"
                )
            if self.images.dtype != torch.uint8 or labels.dtype != torch.uint8:
                raise ValueError(
                    f"images and {name} must be uint8: got {self.images.dtype} and "
                    f"{labels.dtype}; convert them with .to(torch.uint8)"
                )

    def _labels(self) -> list[tuple[str, Tensor]]:
        maps = [("instances", self.instances), ("classes", self.classes)]
        return [(name, labels) for name, labels in maps if labels is not None]

    def __len__(self) -> int:
        """Number of images."""
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
        """Split planes into colours and labels, without a copy.

        Args:
            planes: `(n, 4 or 5, H, W)` uint8: three colours, the instances, perhaps the classes.

        Returns:
            Views of `planes`.
        """
        tensor = torch.from_numpy(planes)
        return cls(tensor[:, :3], tensor[:, 3], tensor[:, 4] if tensor.shape[1] == 5 else None)


Decoder = Callable[[Any], np.ndarray | None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the images of one split come from.

    Args:
        scenes: What `decode` takes, in order; read only if the cache does not have the images.
        decode: A module's function, or a `partial` of one. It makes `(4 or 5, H, W)` uint8 planes,
            or None for a scene that is no part of the set, and raises ValueError or OSError for a
            damaged one.
        identity: What decides the content, beside the set, split, count and size.
        limit: Number of images that the split has; None if only decoding tells.
        skip: Scenes of the set that precede the split.
        dropped: What is special about the scenes that are no part of the set; "" if there are none.
        workers: Processes that decode; None takes as many as pay.
        note: What the user must know about the source; printed.
    """

    scenes: Iterable[Any]
    decode: Decoder
    identity: str
    limit: int | None = None
    skip: int = 0
    dropped: str = ""
    workers: int | None = None
    note: str = ""


class ImageSet(ABC):
    """A set of images with labels; `load` does whatever does not depend on the set.

    Attributes:
        num_clusters: K, the number of clusters that the published scores use.
        size: Height and width of the images.
        resizable: Whether other sizes may be asked for.
        splits: By name, where a split starts and stops, in scenes or as the set counts.
        label_maps: 1 (instances) or 2 (instances and classes).
        addresses: Where the original is published.
        version: Counts up when the same source gives other planes.
    """

    num_clusters: int
    size: int
    splits: Mapping[str, tuple[Any, Any]]
    addresses: tuple[str, ...]
    resizable: bool = True
    label_maps: int = 1
    version: int = 2

    @abstractmethod
    def source(self, options: DataOptions, split: str) -> Source:
        """Find the images of one split.

        Args:
            options: What is asked for.
            split: A key of `splits`.

        Returns:
            The source.

        Raises:
            ValueError: If the files there are no such set.
            OSError: If there are none.
        """

    def missing(self, options: DataOptions, what: str) -> FileNotFoundError:
        """Make the error that says how to get a set."""
        return FileNotFoundError(
            f"no {what} in {options.root}; name its folder with --data.root, or get it: python -m "
            f"examples.object_discovery.download --dataset {options.name} --to {options.root}"
        )


def identity(folder: Path, paths: Iterable[str | Path]) -> str:
    """Name the content of some files, without reading them.

    A file that is added, removed, renamed, or written anew changes the identity, and so does a
    folder that is moved. What keeps name, size and time of change (a bit that flips on the disk, a
    tool that sets the old time) does not.

    Args:
        folder: The folder that they lie in.
        paths: The files, in a fixed order.

    Returns:
        "from-" and 16 hexadecimal digits.
    """
    digest = hashlib.sha256(os.fsencode(folder.resolve()))
    for path in paths:
        status, relative = os.stat(path), os.path.relpath(path, folder)
        line = f"\n{relative}\t{status.st_size}\t{status.st_mtime_ns}"
        digest.update(line.encode(errors="surrogateescape"))
    return f"from-{digest.hexdigest()[:16]}"


def list_files(folder: Path, pattern: str) -> list[tuple[re.Match[str], str]]:
    """Find files by name in a folder and the folders directly below it.

    Args:
        folder: Where to look.
        pattern: What the whole file name must match.

    Returns:
        The match and the path, sorted by path; nothing if there is no such folder.
    """
    if not folder.is_dir():
        return []
    wanted, found = re.compile(pattern), []
    with os.scandir(folder) as entries:
        folders = [os.fspath(folder), *(entry.path for entry in entries if entry.is_dir())]
    for place in folders:
        for name in os.listdir(place):
            if match := wanted.fullmatch(name):
                found.append((match, os.path.join(place, name)))
    return sorted(found, key=lambda item: item[1])
