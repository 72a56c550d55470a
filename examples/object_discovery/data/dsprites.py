"""Multi-dSprites, coloured sprites on grey, 64x64, either drawn here or the original file.

Every array runs over all scenes at once. The shapes are those of dSprites, found by fitting its
animation: in the frames compared (every frame of the heart, every third of the square and of the
ellipse) `render` differs from it by no more than four pixels. Sizes at scale 1, in pixels of the
64x64 image: a square of side 19.2 (20 pixels wide once drawn), an ellipse with axes 25.6 and 14.4,
and the heart curve `x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t`, 19.2 wide.
"""

from typing import NamedTuple

import numpy as np

from examples.object_discovery.data.originals import ADDRESS, DrawnSet

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


class Sprites(NamedTuple):
    """The sprites of n scenes, from the lowest to the uppermost: `(n, 5)` indices."""

    number: np.ndarray  # (n,): how many of the five are drawn, from the first on
    shape: np.ndarray  # of SHAPES
    scale: np.ndarray  # of SCALES
    orientation: np.ndarray  # of ORIENTATIONS
    row: np.ndarray  # of POSITIONS, of the centre
    column: np.ndarray  # of POSITIONS
    colors: np.ndarray  # (n, 6, 3) uint8, the background's first


def sample_sprites(count: int, *, rng: np.random.Generator) -> Sprites:
    """Draw 2 to 5 sprites on grey; everything is uniform and independent, colours in HSV."""
    size = (count, MOST)
    hsv = rng.random((count, MOST + 1, 3))
    hsv[:, 0, 1] = 0  # without saturation, value is the grey of the background
    return Sprites(
        number=rng.integers(FEWEST, MOST + 1, size=count),
        shape=rng.integers(len(SHAPES), size=size),
        scale=rng.integers(len(SCALES), size=size),
        orientation=rng.integers(len(ORIENTATIONS), size=size),
        row=rng.integers(len(POSITIONS), size=size),
        column=rng.integers(len(POSITIONS), size=size),
        colors=np.rint(255 * hsv_to_rgb(hsv)).astype(np.uint8),
    )


def hsv_to_rgb(hsv: np.ndarray) -> np.ndarray:
    """`v - v s max(0, min(k, 4 - k, 1))`, k = (n + 6 h) mod 6, n = 5, 3, 1; both `(..., 3)`."""
    hue, saturation, value = (hsv[..., i, None] for i in range(3))
    k = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    return value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)


def inside(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether points, u right of the centre and v down, lie in an upright sprite of scale 1."""
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
    """Paint images `(n, 3, 64, 64)` and labels `(n, 64, 64)`, k + 1 for sprite k, both uint8.

    Later sprites cover earlier ones.
    """
    masks = np.zeros((len(sprites.number), SCENE_SIZE, SCENE_SIZE), dtype=np.uint8)
    for layer in range(MOST):
        for index, shape in enumerate(SHAPES):
            chosen = (layer < sprites.number) & (sprites.shape[:, layer] == index)
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


class DSprites(DrawnSet):
    """Multi-dSprites, coloured on grey."""

    num_clusters = 7
    size = SCENE_SIZE
    addresses = (f"{ADDRESS}/multi_dsprites/multi_dsprites_colored_on_grayscale.tfrecords",)
    pattern = "*colored_on_grayscale*.tfrecords"
    folders = ("dsprites", "multi_dsprites")
    entities = MOST + 1
    stored = (SCENE_SIZE, SCENE_SIZE)
    side = SCENE_SIZE
    streams = {"train": (2, 0), "test": (2, 1), "val": (2, 2)}
    sample = staticmethod(sample_sprites)
    render = staticmethod(render)
