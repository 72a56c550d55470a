"""Originals of DeepMind's multi_object_datasets: TFRecord files, or the AKOrN authors' `.npz`.

Tetrominoes, Multi-dSprites and CLEVR with masks share the form of a record: `image` (height, width,
3) and `mask` (entities, height, width, 1), 255 where an entity is seen, the background first. Their
sizes differ, and what is cut out.
"""

from __future__ import annotations

import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from examples.object_discovery.data.records import (
    Frame,
    bytes_of,
    parse_example,
    read_frames,
    verified,
)
from examples.object_discovery.data.sets import ImageSet, Source, identity

if TYPE_CHECKING:
    from examples.object_discovery.data import DataOptions

ADDRESS = "https://storage.googleapis.com/multi-object-datasets"
SPLITS = {"test": (64, 384), "val": (384, 10_384), "train": (10_384, 70_384)}
"""Records of each split as the published scores use them; the first 64 are spare."""
SMALL_FILE = 32 << 20
"""Bytes that are decoded before other processes would have started."""


@dataclass(frozen=True)
class Layout:
    """How a set stores its scenes, and what of them is used.

    Args:
        height: Rows of the stored image.
        width: Its columns.
        entities: Masks of a scene, the background's included.
        rows: Rows to cut out.
        columns: Columns to cut out, as many.
        size: Rows and columns of the published result.
        max_objects: A scene in which a larger mask index is visible there is no part of the set;
            None keeps all.
    """

    height: int
    width: int
    entities: int
    rows: slice
    columns: slice
    size: int
    max_objects: int | None = None

    def cut(self, image: np.ndarray, masks: np.ndarray, size: int) -> np.ndarray | None:
        """Crop, resize and label one scene.

        Args:
            image: `(height, width, 3)` uint8.
            masks: `(entities, height, width)` uint8, 255 where the entity is seen.
            size: Rows and columns of the result, by nearest neighbour.

        Returns:
            `(4, size, size)` uint8: the colours, and the highest index of a mask that is 255 there;
            None for a scene that is no part of the set.
        """
        if self.max_objects is not None:
            rows, columns = self._places(self.size)
            if (masks[self.max_objects + 1 :, rows, columns] == 255).any():
                return None
        rows, columns = self._places(size)
        numbers = np.arange(self.entities, dtype=np.uint8)[:, None, None]
        labels = (numbers * (masks[:, rows, columns] == 255)).max(axis=0)
        return np.concatenate([image[rows, columns].transpose(2, 0, 1), labels[None]])

    def _places(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        return nearest(self.rows, size)[:, None], nearest(self.columns, size)


def nearest(part: slice, size: int) -> np.ndarray:
    """Indices that resize `part` to `size` pixels by nearest neighbour.

    Pixel i of the result lies at (i + 1/2) / size of the part: pillow's NEAREST, not the older
    convention i / size, which would shift the picture.

    Examples:
        >>> nearest(slice(10, 16), 4)
        array([10, 12, 13, 15])
    """
    extent = part.stop - part.start
    return part.start + (2 * np.arange(size) + 1) * extent // (2 * size)


class OriginalSet(ImageSet):
    """A set whose original is a TFRecord file or `<name>_<split>.npz`.

    Attributes:
        layout: How its records store scenes.
        pattern: What the name of its TFRecord file looks like.
        folders: Usual names of its folder.
    """

    layout: Layout
    pattern: str
    folders: tuple[str, ...]
    splits = SPLITS

    def places(self, options: DataOptions) -> list[Path]:
        """Folders where the original may lie."""
        return [options.root, *(options.root / name for name in self.folders)]

    def original(self, options: DataOptions, split: str) -> Source | None:
        """Find the original of one split; None if there is none."""
        for place in self.places(options):
            arrays = place / f"{options.name}_{split}.npz"
            if arrays.is_file():
                return self._arrays(options, arrays)
            found = sorted(place.glob(self.pattern))
            if len(found) > 1:
                raise ValueError(
                    f"{place} holds {len(found)} {self.pattern} files, one is needed; name the "
                    f"folder of one with --data.root"
                )
            if found:
                return self._records(options, split, found[0])
        return None

    def _arrays(self, options: DataOptions, path: Path) -> Source:
        if options.image_size not in (None, self.size):
            raise ValueError(
                f"{path} has {self.size}x{self.size} pixels: got --data.image-size "
                f"{options.image_size}; use the original .tfrecords for other sizes"
            )
        scenes = read_arrays(path, size=self.size, entities=self.layout.entities)
        return _file_source(path, scenes=scenes, decode=_join, workers=1)

    def _records(self, options: DataOptions, split: str, path: Path) -> Source:
        first, stop = self.splits[split]
        drops = self.layout.max_objects is not None
        return _file_source(
            path,
            scenes=read_frames(path) if drops else islice(read_frames(path), first, stop),
            decode=partial(decode_frame, self.layout, options.image_size or self.size),
            limit=None if stop is None else stop - first,
            skip=first if drops else 0,
            dropped=f"with more than {self.layout.max_objects} objects" if drops else "",
            workers=1 if path.stat().st_size < SMALL_FILE else None,
        )


class DrawnSet(OriginalSet):
    """A synthetic set, drawn if no original is found."""

    resizable = False

    @abstractmethod
    def draw(self, count: int, *, seed: int, split: str) -> Iterable[np.ndarray]:
        """Draw so many `(4, size, size)` uint8 scenes, of a stream that depends on the split."""

    def source(self, options: DataOptions, split: str) -> Source:
        """Find the original, or draw."""
        original = self.original(options, split)
        if original is not None:
            return original
        first, stop = SPLITS[split]
        count = options.count(split) or stop - first
        return Source(
            scenes=self.draw(count, seed=options.seed, split=split),
            decode=_same,
            identity=f"drawn-seed{options.seed}",
            limit=count,
            workers=1,
            note=f"drawn with seed {options.seed}, no original in {options.root}",
        )


def _same(planes: np.ndarray) -> np.ndarray:
    return planes


def _join(scene: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.rint(255 * scene[0]).astype(np.uint8), scene[1][None]])


def _file_source(path: Path, **fields) -> Source:
    name = f"{path.stem}-{identity(path.parent, [path])}"
    return Source(identity=name, note=f"read from {path}", **fields)


def read_arrays(path: Path, *, size: int, entities: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read a converted file of the AKOrN authors.

    Args:
        path: The `.npz` file.
        size: Rows and columns of its images.
        entities: Number of labels, the background's included.

    Yields:
        Colours `(3, size, size)` float32 in [0, 1], and labels `(size, size)` uint8.

    Raises:
        ValueError: If it is anything else; says what is expected.
    """
    wanted = (
        f"{path} must hold `images`, float32 (n, 3, {size}, {size}) in [0, 1], and `labels`, uint8 "
        f"(n, {size}, {size}) in 0..{entities - 1}"
    )
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except (
        *(KeyError, TypeError, ValueError, OSError, EOFError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise ValueError(f"{wanted}: {error}") from error
    got = f"{images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
    shape = (len(labels), 3, size, size) if labels.ndim else None
    if (images.dtype, images.shape) != (np.float32, shape) or labels.dtype != np.uint8:
        raise ValueError(f"{wanted}: got {got}")
    if labels.shape != (len(images), size, size) or not len(images):
        raise ValueError(f"{wanted}: got {got}")
    if not (images.min() >= 0 and images.max() <= 1 and labels.max() < entities):
        raise ValueError(
            f"{wanted}: got images in [{images.min()}, {images.max()}] and labels up to "
            f"{labels.max()}"
        )
    yield from zip(images, labels, strict=True)


def decode_frame(layout: Layout, size: int, frame: Frame) -> np.ndarray | None:
    """Decode one record as `Layout.cut` does; ValueError if it is damaged or of another set."""
    try:
        features = parse_example(verified(frame))
        height, width = layout.height, layout.width
        image = _pixels(features, "image", (height, width, 3))
        masks = _pixels(features, "mask", (layout.entities, height, width))
        return layout.cut(image, masks, size)
    except ValueError as error:
        raise ValueError(f"{frame.place}: {error}") from error


def _pixels(features: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    pixels = bytes_of(features, name)
    if pixels.size != np.prod(shape):
        raise ValueError(f"feature `{name}` needs {np.prod(shape)} bytes: got {pixels.size}")
    return pixels.reshape(shape)
