"""Tetrominoes: three coloured pieces on black, 32x32, either drawn here or the original file.

The data set is synthetic and simple enough to draw again; `tetromino_scenes` reproduces the
original records pixel for pixel once it knows their placements. Without a `source`, `plan` draws.
With one, it reads DeepMind's TFRecord file: the first 320 records are the test split, the
following ones the training split.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from examples.object_discovery.data.object_records import Layout, plan_drawn_or_read
from examples.object_discovery.data.plan import Plan, Request
from examples.object_discovery.data.tetromino_scenes import SCENE_SIZE, render, sample_scenes

# Counts up when the same arguments give other images.
CACHE_VERSION = 1
IMAGES = {"train": 60_000, "test": 320}
CROP = slice(1, 33)
CROP_SIZE = CROP.stop - CROP.start
LAYOUT = Layout(
    height=SCENE_SIZE, width=SCENE_SIZE, entities=4, rows=CROP, columns=CROP, size=CROP_SIZE
)
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
        ValueError: For a negative count.
    """
    if count < 0:
        raise ValueError(f"count must not be negative: got {count}")
    sequence = np.random.SeedSequence(seed, spawn_key=(_STREAMS[split],))
    images, masks = render(sample_scenes(count, rng=np.random.default_rng(sequence)))
    return (
        np.ascontiguousarray(images[..., CROP, CROP]),
        np.ascontiguousarray(masks[..., CROP, CROP]),
    )


def plan(request: Request) -> Plan:
    """Plan to draw or read one split, as `plan_drawn_or_read` says."""

    def draw(count: int) -> Iterator[np.ndarray]:
        images, masks = generate(count, seed=request.seed, split=request.split)
        yield np.concatenate([images, masks[:, None]], axis=1)

    return plan_drawn_or_read(
        request,
        "*tetrominoes*.tfrecords",
        LAYOUT,
        version=CACHE_VERSION,
        images=IMAGES,
        draw=draw,
    )
