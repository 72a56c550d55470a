"""Tetrominoes: three coloured pieces on black, 32x32, either drawn here or the original file.

The data set is synthetic and simple enough to draw again; `tetromino_scenes` reproduces the
original records pixel for pixel once it knows their placements. Without a `source`, `load` draws.
With one, it reads DeepMind's TFRecord file: the first 320 records are the test split, the
following ones the training split.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from examples.object_discovery.data.cache import load_or_build
from examples.object_discovery.data.segmented import SegmentedImages
from examples.object_discovery.data.tetromino_records import CROP, CROP_SIZE, read_tfrecords
from examples.object_discovery.data.tetromino_scenes import render, sample_scenes

__all__ = ["CACHE_VERSION", "TEST_RECORDS", "generate", "load", "read_tfrecords"]

# Counts up when the same arguments give other images.
CACHE_VERSION = 1
TEST_RECORDS = 320
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
            f"{count} were asked for; lower --num-images, or leave --source out to generate"
        )
    return data
