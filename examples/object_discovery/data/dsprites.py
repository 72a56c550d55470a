"""Multi-dSprites, coloured sprites on grey, 64x64, either drawn here or the original file.

Every array runs over all scenes at once. The shapes are those of dSprites, found by fitting its
animation: in the frames compared (every frame of the heart, every third of the square and of the
ellipse) `render` differs from it by no more than four pixels. Sizes at scale 1, in pixels of the
64x64 image: a square of side 19.2 (20 pixels wide once drawn), an ellipse with axes 25.6 and 14.4,
and the heart curve `x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t`, 19.2 wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from examples.object_discovery.data.originals import ADDRESS, DrawnSet, Layout

SCENE_SIZE = 64
SHAPES = ("square", "ellipse", "heart")
SCALES = np.linspace(0.5, 1.0, 6)
# Both ends, as dSprites has them: the first and the last orientation look the same.
ORIENTATIONS = np.linspace(0.0, 2 * np.pi, 40)
# Centres of the sprites, in pixels from the image's corner.
POSITIONS = np.linspace(16.0, 48.0, 32)
FEWEST, MOST = 2, 5

SQUARE_SIDE = 19.2
ELLIPSE_AXES = (25.6, 14.4)
HEART_UNITS = (0.6, 0.6622)  # pixels per unit of the curve, across and down
HEART_SHIFT = -1.444  # the curve's origin lies this far above the centre
# No sprite reaches further from its centre than half the diagonal of the largest square, 13.6.
WINDOW = 28


@dataclass(frozen=True)
class Sprites:
    """The sprites of n scenes, from the lowest to the uppermost; each array is `(n, 5)`.

    Args:
        count: `(n,)` how many of the five there are, the first ones.
        shape: Index into `SHAPES`.
        scale: Index into `SCALES`.
        orientation: Index into `ORIENTATIONS`.
        row: Index into `POSITIONS`, of the centre.
        column: Index into `POSITIONS`.
        colors: `(n, 6, 3)` uint8, the background's first.
    """

    count: np.ndarray
    shape: np.ndarray
    scale: np.ndarray
    orientation: np.ndarray
    row: np.ndarray
    column: np.ndarray
    colors: np.ndarray

    def __getitem__(self, scenes: slice) -> Sprites:
        """Some of the scenes."""
        return Sprites(*(value[scenes] for value in vars(self).values()))


def sample_sprites(count: int, *, rng: np.random.Generator) -> Sprites:
    """Draw scenes, everything independent and uniform.

    They have 2 to 5 sprites of uniform hue, saturation and value, on a uniform grey.
    """
    size = (count, MOST)
    hsv = rng.random((count, MOST + 1, 3))
    hsv[:, 0, 1] = 0  # without saturation, value is the grey of the background
    return Sprites(
        count=rng.integers(FEWEST, MOST + 1, size=count),
        shape=rng.integers(len(SHAPES), size=size),
        scale=rng.integers(len(SCALES), size=size),
        orientation=rng.integers(len(ORIENTATIONS), size=size),
        row=rng.integers(len(POSITIONS), size=size),
        column=rng.integers(len(POSITIONS), size=size),
        colors=np.rint(255 * hsv_to_rgb(hsv)).astype(np.uint8),
    )


def hsv_to_rgb(hsv: np.ndarray) -> np.ndarray:
    """Convert colours: `v - v s max(0, min(k, 4 - k, 1))`, k = (n + 6 h) mod 6, n = 5, 3, 1.

    Both are `(..., 3)`, 0 to 1.

    Examples:
        >>> hsv_to_rgb(np.array([1 / 3, 1.0, 0.5])).round(3)
        array([0. , 0.5, 0. ])
    """
    hue, saturation, value = (hsv[..., i, None] for i in range(3))
    k = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    return value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)


def inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Say which points lie in a sprite of scale 1.

    They lie u pixels to the right of the centre and v down, along the sprite's own axes.
    """
    if shape == "square":
        return np.maximum(np.abs(u), np.abs(v)) < SQUARE_SIDE / 2
    if shape == "ellipse":
        across, down = ELLIPSE_AXES
        return (2 * u / across) ** 2 + (2 * v / down) ** 2 < 1
    # The curve crosses each vertical line twice, at cos t = +c above and -c below.
    across, down = HEART_UNITS
    sine = np.cbrt(np.abs(u) / (16 * across))
    c = np.sqrt(np.maximum(1 - sine**2, 0))
    y = (HEART_SHIFT - v) / down
    even = -5 * (2 * c**2 - 1) - (8 * c**4 - 8 * c**2 + 1)
    odd = 13 * c - 2 * (4 * c**3 - 3 * c)
    return (sine < 1) & (np.abs(y - even) < odd)


def render(sprites: Sprites) -> tuple[np.ndarray, np.ndarray]:
    """Paint scenes; later sprites cover earlier ones.

    Returns:
        images: `(n, 3, 64, 64)` uint8.
        masks: `(n, 64, 64)` uint8, sprite k of a scene labelled k + 1 and the background 0.
    """
    masks = np.zeros((len(sprites.count), SCENE_SIZE, SCENE_SIZE), dtype=np.uint8)
    for layer in range(MOST):
        for index, shape in enumerate(SHAPES):
            chosen = (layer < sprites.count) & (sprites.shape[:, layer] == index)
            _paint(masks, np.flatnonzero(chosen), sprites, layer, shape)
    scene = np.arange(len(masks))[:, None, None]
    return np.stack([sprites.colors[scene, masks, c] for c in range(3)], axis=1), masks


def _paint(masks: np.ndarray, scenes: np.ndarray, sprites: Sprites, layer: int, shape: str) -> None:
    """Set the label of the pixels whose centres lie in one sprite of each of these scenes."""
    center = [POSITIONS[index[scenes, layer]] for index in (sprites.row, sprites.column)]
    first = [np.ceil(value - WINDOW / 2 - 0.5).astype(np.int64) for value in center]
    rows, columns = (start[:, None] + np.arange(WINDOW) for start in first)
    scale = SCALES[sprites.scale[scenes, layer], None, None]
    angle = ORIENTATIONS[sprites.orientation[scenes, layer], None, None]
    down = (rows + 0.5 - center[0][:, None])[:, :, None]
    right = (columns + 0.5 - center[1][:, None])[:, None, :]
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    covered = inside(shape, right * cosine - down * sine, right * sine + down * cosine)
    scene, row, column = np.nonzero(covered)
    masks[scenes[scene], rows[scene, row], columns[scene, column]] = layer + 1


WHOLE = slice(0, SCENE_SIZE)
_STREAMS = {"train": 0, "test": 1, "val": 2}
_BLOCK = 1_000  # scenes painted at once, so that what is in between stays in the caches


class DSprites(DrawnSet):
    """Multi-dSprites, coloured on grey."""

    num_clusters = 7
    size = SCENE_SIZE
    addresses = (f"{ADDRESS}/multi_dsprites/multi_dsprites_colored_on_grayscale.tfrecords",)
    pattern = "*colored_on_grayscale*.tfrecords"
    folders = ("dsprites", "multi_dsprites")
    layout = Layout(
        height=SCENE_SIZE,
        width=SCENE_SIZE,
        entities=MOST + 1,
        rows=WHOLE,
        columns=WHOLE,
        size=SCENE_SIZE,
    )

    def draw(self, count: int, *, seed: int, split: str) -> Iterator[np.ndarray]:
        """Draw scenes; those of another count are no prefix of these."""
        # 2 is the set's own stream, so that it shares no numbers with another set.
        sequence = np.random.SeedSequence(seed, spawn_key=(2, _STREAMS[split]))
        sprites = sample_sprites(count, rng=np.random.default_rng(sequence))
        for start in range(0, count, _BLOCK):
            images, masks = render(sprites[start : start + _BLOCK])
            yield from np.concatenate([images, masks[:, None]], axis=1)
