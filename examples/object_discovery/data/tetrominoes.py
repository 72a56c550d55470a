"""Tetrominoes: three coloured pieces on black, 32x32, either drawn here or the original file.

The data set is synthetic and simple enough to draw again; `tetromino_scenes` reproduces the
original records pixel for pixel once it knows their placements. Without a `source`, `load` draws.
With one, it reads DeepMind's TFRecord file: the first 320 records are the test split, the
following ones the training split.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch

from examples.object_discovery.data.cache import load_or_build
from examples.object_discovery.data.segmented import SegmentedImages
from examples.object_discovery.data.tetromino_scenes import SCENE_SIZE, render, sample_scenes
from examples.object_discovery.data.tfrecord import parse_example, read_records

CACHE_VERSION = 1
TEST_RECORDS = 320
CROP = slice(1, 33)
CROP_SIZE = CROP.stop - CROP.start
_STREAMS = {"train": 0, "test": 1}


def generate(count: int, *, seed: int, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Draw cropped scenes.

    The images of `generate(n, ...)` are no prefix of those of `generate(m, ...)`.

    Args:
        count: Number of images.
        seed: Same seed, split and count: same images.
        split: "train" or "test", independent streams of one seed.

    Returns:
        images: `(count, 3, 32, 32)` uint8.
        masks: `(count, 32, 32)` uint8; 0 is the background, 1 to 3 the pieces.

    Raises:
        ValueError: For a negative count or an unknown split.
    """
    if count < 0:
        raise ValueError(f"count must not be negative: got {count}")
    sequence = np.random.SeedSequence(seed, spawn_key=(_STREAMS[_checked(split)],))
    images, masks = render(sample_scenes(count, rng=np.random.default_rng(sequence)))
    return (
        np.ascontiguousarray(images[..., CROP, CROP]),
        np.ascontiguousarray(masks[..., CROP, CROP]),
    )


def read_tfrecords(path: str | Path, limit: int | None = None, *, skip: int = 0) -> SegmentedImages:
    """Read cropped scenes from the original file.

    Args:
        path: The file.
        limit: Number of records to read; None reads all.
        skip: Number of records to leave out first.

    Returns:
        As many records as there are, at most `limit`.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When the file is damaged or its records are no Tetrominoes.
    """
    stop = None if limit is None else skip + limit
    images, masks = [], []
    for number, record in islice(enumerate(read_records(path)), skip, stop):
        try:
            image, mask = _decode(record)
        except ValueError as error:
            raise ValueError(f"{path}, record {number}: {error}") from error
        images.append(image)
        masks.append(mask)
    shape = (-1, 3, CROP_SIZE, CROP_SIZE)
    return SegmentedImages(
        images=torch.from_numpy(np.array(images, dtype=np.uint8).reshape(shape)),
        masks=torch.from_numpy(np.array(masks, dtype=np.uint8).reshape(-1, *shape[2:])),
    )


def load(
    split: str, *, root: str | Path, count: int, seed: int, source: str | Path | None = None
) -> SegmentedImages:
    """Load one split, from the cache when it is there.

    Args:
        split: "train" or "test".
        root: Folder of the cache.
        count: Number of images.
        seed: Seed of the generated images.
        source: The original file, or a folder with exactly one `*.tfrecords`; None generates.

    Returns:
        `count` images with their masks, memory-mapped.

    Raises:
        ValueError: For an unknown split, a count below 1, or a `source` with too few records.
        FileNotFoundError: When `source` is no such file.
    """
    _checked(split)
    if count < 1:
        raise ValueError(f"count must be at least 1: got {count}")
    if source is None:
        name = f"tetrominoes-v{CACHE_VERSION}-{split}-{count}-seed{seed}.npy"
    else:
        source = _find(Path(source))
        status = source.stat()
        identity = f"{source.stem}-{status.st_size}-{status.st_mtime_ns}"
        name = f"tetrominoes-v{CACHE_VERSION}-{split}-{count}-from-{identity}.npy"

    def build() -> np.ndarray:
        if source is None:
            images, masks = generate(count, seed=seed, split=split)
            return np.concatenate([images, masks[:, None]], axis=1)
        return _read_split(source, split, count).to_planes()

    shape = (count, 4, CROP_SIZE, CROP_SIZE)
    return SegmentedImages.from_planes(load_or_build(Path(root) / name, build, shape=shape))


def _checked(split: str) -> str:
    if split not in _STREAMS:
        raise ValueError(f"unknown split {split!r}; known are: {', '.join(_STREAMS)}")
    return split


def _find(source: Path) -> Path:
    if not source.is_dir():
        if not source.exists():
            raise FileNotFoundError(f"no such file: {source}; leave `source` out to generate")
        return source
    found = sorted(source.glob("*.tfrecords"))
    if len(found) != 1:
        raise ValueError(
            f"{source} holds {len(found)} *.tfrecords files, one is needed; give the file's path"
        )
    return found[0]


def _read_split(source: Path, split: str, count: int) -> SegmentedImages:
    if split == "test" and count > TEST_RECORDS:
        raise ValueError(
            f"the test split of an original file is its first {TEST_RECORDS} records: got count "
            f"{count}"
        )
    skip = 0 if split == "test" else TEST_RECORDS
    data = read_tfrecords(source, count, skip=skip)
    if len(data) < count:
        raise ValueError(
            f"{source} holds {len(data)} records for the {split} split (from record {skip} on), "
            f"{count} were asked for; lower count, or leave `source` out to generate"
        )
    return data


def _decode(record: bytes) -> tuple[np.ndarray, np.ndarray]:
    features = parse_example(record)
    image = _pixels(features, "image", (SCENE_SIZE, SCENE_SIZE, 3))
    mask = _pixels(features, "mask", (4, SCENE_SIZE, SCENE_SIZE))
    return image.transpose(2, 0, 1)[:, CROP, CROP], mask.argmax(axis=0)[CROP, CROP]


def _pixels(features: dict, name: str, shape: tuple[int, ...]) -> np.ndarray:
    values = features.get(name)
    if not isinstance(values, list):
        raise ValueError(f"a Tetrominoes record needs a bytes feature `{name}`; has {[*features]}")
    pixels = np.frombuffer(b"".join(values), dtype=np.uint8)
    if pixels.size != np.prod(shape):
        raise ValueError(f"feature `{name}` needs {np.prod(shape)} bytes: got {pixels.size}")
    return pixels.reshape(shape)
