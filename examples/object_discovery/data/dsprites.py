"""Multi-dSprites, coloured sprites on grey, 64x64, either drawn here or the original file.

Without a `source`, `plan` draws. With one, it reads DeepMind's TFRecord file
`multi_dsprites_colored_on_grayscale.tfrecords`: the first 320 records are the test split, the
following 60,000 the training split.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from examples.object_discovery.data.object_records import Layout, plan_drawn_or_read
from examples.object_discovery.data.plan import Plan, Request
from examples.object_discovery.data.sprite_scenes import MOST, SCENE_SIZE, render, sample_sprites

# Counts up when the same arguments give other images.
CACHE_VERSION = 1
IMAGES = {"train": 60_000, "test": 320}
_WHOLE = slice(0, SCENE_SIZE)
LAYOUT = Layout(
    height=SCENE_SIZE,
    width=SCENE_SIZE,
    entities=MOST + 1,
    rows=_WHOLE,
    columns=_WHOLE,
    size=SCENE_SIZE,
)
_STREAMS = {"train": 0, "test": 1}
_BLOCK = 1_000  # scenes painted at once, so that what is in between stays in the caches


def generate(count: int, *, seed: int, split: str = "train") -> Iterator[np.ndarray]:
    """Draw scenes.

    The images of `generate(n, ...)` are no prefix of those of `generate(m, ...)`.

    Args:
        count: Number of images.
        seed: Same seed, split and count: same images.
        split: "train" or "test", independent streams of one seed.

    Yields:
        `(k, 4, 64, 64)` uint8 blocks: colours, and labels of which 0 is the background.
    """
    # 2 is the data set's own stream, so that it shares no numbers with another one's.
    sequence = np.random.SeedSequence(seed, spawn_key=(2, _STREAMS[split]))
    sprites = sample_sprites(count, rng=np.random.default_rng(sequence))
    for start in range(0, count, _BLOCK):
        images, masks = render(sprites[start : start + _BLOCK])
        yield np.concatenate([images, masks[:, None]], axis=1)


def plan(request: Request) -> Plan:
    """Plan to draw or read one split, as `plan_drawn_or_read` says."""
    return plan_drawn_or_read(
        request,
        "*colored_on_grayscale*.tfrecords",
        LAYOUT,
        version=CACHE_VERSION,
        images=IMAGES,
        draw=partial(generate, seed=request.seed, split=request.split),
    )
