"""Originals of DeepMind's multi_object_datasets: TFRecord files, or the AKOrN authors' `.npz`.

Tetrominoes, Multi-dSprites and CLEVR with masks share the form of a record: a `tf.Example` of
`image` (height, width, 3) and `mask` (entities, height, width, 1), 255 where an entity is seen, the
background first. They differ in their sizes and in the crop.

A TFRecord file is a sequence of records, optionally gzipped: u64 length, u32 masked CRC of the
length, payload, u32 masked CRC of the payload, little endian. The package `tfrecord` has the
messages. Its reader is not used: it verifies neither checksums nor lengths.
"""

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zipfile import BadZipFile

import numpy as np
from crc32c import crc32c
from google.protobuf.message import DecodeError
from tfrecord import example_pb2

from examples.object_discovery.data import sets
from examples.object_discovery.data.sets import VOID, DataOptions, ImageSet, Source

ADDRESS = "https://storage.googleapis.com/multi-object-datasets"
SPLITS = {"test": (64, 384), "val": (384, 10_384), "train": (10_384, 70_384)}
"""Records of each split as the published scores use them; the first 64 are spare."""
BLOCK = 1_000  # scenes painted at once, so that intermediate arrays stay in the processor's caches


class Frame(NamedTuple):
    """One record as stored: place (FILE, record NUMBER), unverified payload, its checksum."""

    place: str
    payload: bytes
    checksum: int


class OriginalSet(ImageSet):
    """A set whose original is a TFRecord file or `<name>_<split>.npz`."""

    entities: int  # masks of a scene, the background's included
    stored: tuple[int, int]  # rows and columns of the stored image
    corner: tuple[int, int] = (0, 0)  # first row and column of the square that is used
    side: int  # rows and columns of the square
    max_objects: int | None = None  # scenes with a larger visible mask index are left out
    pattern: str  # of the name of its TFRecord file
    folders: tuple[str, ...]  # usual names of its folder
    splits = SPLITS

    def places(self, options: DataOptions) -> list[Path]:
        """Folders where the original may be."""
        return [options.root, *(options.root / name for name in self.folders)]

    def original(self, options: DataOptions, split: str) -> Source | None:
        """Find the original of one split; None if there is none."""
        for place in self.places(options):
            arrays = place / f"{options.name}_{split}.npz"
            if arrays.is_file():
                scenes = read_arrays(arrays, size=self.size, entities=self.entities)
                return _file_source(arrays, scenes=scenes, decode=np.asarray, workers=1)
            found = [path for path in sorted(place.glob(self.pattern)) if path.name[0] != "."]
            if len(found) > 1:
                raise ValueError(
                    f"{place} holds {len(found)} {self.pattern} files, one is needed; name the "
                    f"folder of one with --data.root"
                )
            if found:
                return self._records(options, split, found[0])
        return None

    def _records(self, options: DataOptions, split: str, path: Path) -> Source:
        first, stop = self.splits[split]
        drops = self.max_objects is not None
        return _file_source(
            path,
            f", from record {first} on",
            scenes=read_frames(path) if drops else islice(read_frames(path), first, stop),
            decode=partial(self.decode_frame, options.image_size or self.size),
            limit=None if stop is None else stop - first,
            skip=first if drops else 0,
            dropped=f"with more than {self.max_objects} objects" if drops else "",
        )

    def decode_frame(self, size: int, frame: Frame) -> np.ndarray | None:
        """Decode one record as `cut` does; ValueError if it is damaged or of another set."""
        try:
            features = parse_example(verified(frame))
            image = _pixels(features, "image", (*self.stored, 3))
            masks = _pixels(features, "mask", (self.entities, *self.stored))
        except ValueError as error:
            raise ValueError(f"{frame.place}: {error}") from error
        return self.cut(image, masks, size)

    def cut(self, image: np.ndarray, masks: np.ndarray, size: int) -> np.ndarray | None:
        """Crop, resize by nearest neighbour and label a scene; None if it is not of the set.

        From `(height, width, 3)` and `(entities, height, width)` to `(4, size, size)`, all uint8; a
        label is the highest index of a mask that is 255 there. Whether a scene is of the set is
        decided at the published size.
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
        rows, columns = (sets.nearest(first, self.side, size) for first in self.corner)
        return rows[:, None], columns


class DrawnSet(OriginalSet):
    """A synthetic set, drawn if no original is found.

    `sample(count, rng=...)` draws the parameters of scenes as a named tuple of arrays; `render`
    makes uint8 images `(n, 3, height, width)` and labels `(n, height, width)` of it.
    """

    drawn = True
    streams: Mapping[str, tuple[int, ...]]  # random streams of the splits; no two sets share one
    sample: Callable[..., Any]
    render: Callable[[Any], tuple[np.ndarray, np.ndarray]]

    def draw(self, count: int, *, seed: int, split: str) -> Iterator[np.ndarray]:
        """Draw `(4, size, size)` uint8 scenes; a smaller count draws other scenes."""
        sequence = np.random.SeedSequence(seed, spawn_key=self.streams[split])
        scenes = self.sample(count, rng=np.random.default_rng(sequence))
        rows, columns = (slice(first, first + self.side) for first in self.corner)
        for start in range(0, count, BLOCK):
            part = scenes._make(values[start : start + BLOCK] for values in scenes)
            images, labels = self.render(part)
            yield from np.concatenate([images, labels[:, None]], axis=1)[..., rows, columns]

    def source(self, options: DataOptions, split: str) -> Source:
        """Find the original, or draw."""
        if (original := self.original(options, split)) is not None:
            return original
        first, stop = SPLITS[split]
        number = options.count(split) or stop - first
        return Source(
            scenes=self.draw(number, seed=options.seed, split=split),
            decode=np.asarray,
            identity=f"drawn-seed{options.seed}",
            limit=number,
            workers=1,
            note=f"drawn with seed {options.seed}, no original in {options.root}",
        )


def _file_source(path: Path, part: str = "", **fields) -> Source:
    name = f"{path.stem}-{sets.identity(path.parent, [path])}"
    return Source(identity=name, note=f"read from {path}{part}", **fields)


def read_arrays(path: Path, *, size: int, entities: int) -> Iterator[np.ndarray]:
    """Read `(4, size, size)` uint8 scenes from a converted file of the AKOrN authors.

    Raises ValueError, with the right form, for any other file.
    """
    wanted = (
        f"{path} must hold `images`, float32 (n, 3, {size}, {size}) in [0, 1], and `labels`, uint8 "
        f"(n, {size}, {size}) in 0..{entities - 1} or {VOID} for void"
    )
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except (KeyError, TypeError, ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(f"{wanted}: {error}") from error
    count = labels.shape[:1]
    right = (np.float32, (*count, 3, size, size), np.uint8, (*count, size, size))
    if (images.dtype, images.shape, labels.dtype, labels.shape) != right or count == (0,):
        got = f"{images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
        raise ValueError(f"{wanted}: got {got}")
    most = labels[labels != VOID].max(initial=0)
    if not (images.min() >= 0 and images.max() <= 1 and most < entities):
        raise ValueError(
            f"{wanted}: got images in [{images.min()}, {images.max()}] and labels up to {most}"
        )
    for image, label in zip(images, labels, strict=True):
        yield np.concatenate([np.rint(255 * image).astype(np.uint8), label[None]])


def _pixels(features: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    pixels = bytes_of(features, name)
    if pixels.size != np.prod(shape):
        raise ValueError(f"feature `{name}` needs {np.prod(shape)} bytes: got {pixels.size}")
    return pixels.reshape(shape)


def masked_crc32c(data: bytes) -> int:
    """Compute the checksum of TFRecord files: `rotate_right(crc, 15) + 0xa282ead8`, modulo 2^32."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def read_frames(path: str | Path) -> Iterator[Frame]:
    """Iterate over the records of a TFRecord file; other processes may verify and decode them.

    Raises ValueError if it is truncated or no TFRecord file; names file and record.
    """
    with open(path, "rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if compressed else raw
        for number in count():
            place = f"{path}, record {number}"
            try:
                content = _read_record(file)
            except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(f"{place}: {error}") from error
            if content is None:
                return
            yield Frame(place, *content)


def _read_record(file: BinaryIO | gzip.GzipFile) -> tuple[bytes, int] | None:
    header = file.read(12)
    if not header:
        return None
    if len(header) < 12:
        raise ValueError(f"truncated: {len(header)} bytes where a record's 12-byte header starts")
    length, length_crc = struct.unpack("<QI", header)
    if masked_crc32c(header[:8]) != length_crc:
        raise ValueError("the length's checksum is wrong: not a TFRecord file, or corrupt")
    payload, data_crc = file.read(length), file.read(4)
    if len(payload) < length or len(data_crc) < 4:
        got = len(payload) + len(data_crc)
        raise ValueError(f"truncated: {got} of the record's {length + 4} bytes are there")
    return payload, int.from_bytes(data_crc, "little")


def verified(frame: Frame) -> bytes:
    """Return the payload of a record if its checksum is right, or raise ValueError."""
    if masked_crc32c(frame.payload) != frame.checksum:
        raise ValueError("the payload's checksum is wrong: the file is corrupt")
    return frame.payload


def parse_example(data: bytes) -> Mapping[str, Any]:
    """Parse the features of a serialised `tf.Example`, or raise ValueError."""
    try:
        # Its module makes its names as it is imported.
        example = example_pb2.Example  # pyright: ignore[reportAttributeAccessIssue]
        return example.FromString(data).features.feature
    except DecodeError as error:
        raise ValueError(f"not a tf.Example: {error}") from error


def bytes_of(features: Mapping[str, Any], name: str) -> np.ndarray:
    """Join the values of a feature of bytes into one `(n,)` uint8 array; ValueError if not one."""
    if name not in features or features[name].WhichOneof("kind") != "bytes_list":
        raise ValueError(f"the record needs a bytes feature `{name}`; has {[*features]}")
    values = features[name].bytes_list
    # The data sets store one value per pixel's byte, over a million in a record of CLEVR. As a
    # message, each is a tag, its length and itself: with equal lengths, rows of a matrix.
    length = len(values.value[0]) if values.value else 0
    message = np.frombuffer(values.SerializeToString(), dtype=np.uint8)
    if 0 < length < 128 and len(message) == len(values.value) * (length + 2):
        rows = message.reshape(-1, length + 2)
        if (rows[:, 1] == length).all():
            return rows[:, 2:].reshape(-1)
    return np.frombuffer(b"".join(values.value), dtype=np.uint8)
