"""Textures: flat shapes in procedural textures on textured ground, drawn here, 128x128.

A set in the manner of CLEVRTex that needs no download: 3 to 10 shapes of random place, size,
rotation and depth, each in a texture of its own, with soft shading and a soft shadow. Variant
`outd` has other shapes and textures; `camo` has the texture of the ground on everything, so that
only orientation, shading and borders tell objects apart.
"""

from collections.abc import Callable
from functools import partial, reduce

import numpy as np

from examples.object_discovery.data.sets import DataOptions, ImageSet, Source

VARIANTS = ("full", "outd", "camo")
SPLITS = {"train": (0, 40_000), "val": (0, 1_000), "test": (0, 1_000)}
SIZE, FEWEST, MOST = 128, 3, 10
LEAST_VISIBLE = 200  # pixels of every object
RADII = (10.0, 25.0)  # in pixels, of a disc of an object's area
SCALES = (4.0, 11.0)  # unit of a texture in pixels
LEAST_CONTRAST = 0.8  # L1 distance of the ends of a texture's colours, channels in [0, 1]
LATTICE = 16  # period of value noise and of cells
SHADOW = 4.0  # pixels between an object and its shadow

Array = np.ndarray
_AXIS = np.arange(SIZE, dtype=np.float32) + 0.5


class Textures(ImageSet):
    """One variant of the drawn textures; any number of images."""

    num_clusters = MOST + 1
    size = SIZE
    drawn = True
    splits = SPLITS
    addresses = ()
    version = 1

    def __init__(self, variant: str):
        self.variant = variant

    def source(self, options: DataOptions, split: str) -> Source:
        """Draw the images of one split."""
        count = options.count(split) or SPLITS[split][1]
        return Source(
            scenes=range(count),
            decode=partial(draw_scene, variant=self.variant, split=split, seed=options.seed),
            identity=f"drawn-seed{options.seed}",
            limit=count,
            note=f"drawn with seed {options.seed}",
        )


# Shapes: functions of u (right) and v (down) that are below 1 inside.


def _polygon(u: Array, v: Array, *, sides: int) -> Array:
    normals = (2 * np.pi * side / sides for side in range(sides))
    distances = (u * float(np.cos(angle)) + v * float(np.sin(angle)) for angle in normals)
    return reduce(np.maximum, distances) / float(np.cos(np.pi / sides))


def _star(u: Array, v: Array, *, half: float = np.pi / 5, inner: float = 0.5) -> Array:
    notch = np.abs(np.arctan2(v, u) % (2 * half) - half)  # angle to the nearest notch
    slope = float((1 - inner * np.cos(half)) / (inner * np.sin(half)))
    return np.hypot(u, v) * (np.cos(half - notch) + slope * np.sin(half - notch))


def _cross(u: Array, v: Array) -> Array:
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(u, v), np.minimum(u, v) / 0.38)


def _arrow(u: Array, v: Array) -> Array:
    head = np.maximum(np.abs(v) + 0.9 * u, 0.85 - 3 * u)
    return np.minimum(head, np.maximum(np.abs(v) / 0.3, np.abs(u + 0.2) / 0.8))


_FULL_SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "disc": np.hypot,
    "ellipse": lambda u, v: np.hypot(u, 1.8 * v),
    "triangle": partial(_polygon, sides=3),
    "square": partial(_polygon, sides=4),
    "pentagon": partial(_polygon, sides=5),
    "star": _star,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.74) / 0.26,
    "cross": _cross,
}
_OUTD_SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "hexagon": partial(_polygon, sides=6),
    "half disc": lambda u, v: np.maximum(np.hypot(u, v), 0.25 - 2.5 * v),
    "crescent": lambda u, v: np.maximum(np.hypot(u, v), 1.75 - np.hypot(u - 0.5, v)),
    "heart": lambda u, v: np.hypot(1.1 * u, 1.15 * v + 0.75 * np.sqrt(np.abs(u) + 0.02) - 0.38),
    "corner": lambda u, v: np.maximum(np.maximum(np.abs(u), np.abs(v)), 1.5 + 2 * np.minimum(u, v)),
    "arrow": _arrow,
    "gear": lambda u, v: np.hypot(u, v) / (0.85 + 0.15 * np.sign(np.cos(7 * np.arctan2(v, u)))),
}
SHAPES = {"full": _FULL_SHAPES, "outd": _OUTD_SHAPES, "camo": _FULL_SHAPES}


def _area(shape: Callable[[Array, Array], Array]) -> float:
    """Area of a shape in units of the disc's, by counting."""
    axis = np.linspace(-1.6, 1.6, 129)
    return float((shape(axis[None], axis[:, None]) < 1).mean() * 3.2**2 / np.pi)


_AREAS = {name: _area(shape) for name, shape in (_FULL_SHAPES | _OUTD_SHAPES).items()}


# Textures: weights at positions in units of the texture, with a table of random numbers. Weights
# outside of [0, 1] are clipped: a wave times 3 gives bands with soft edges.


def _noise(x: Array, y: Array, table: Array) -> Array:
    """Value noise: smooth interpolation of a periodic table of random numbers."""
    row, column = np.floor(y), np.floor(x)
    fy, fx = y - row, x - column
    fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
    padded = np.pad(table, (0, 1), mode="wrap").ravel()
    place = row.astype(np.int32) % LATTICE * (LATTICE + 1) + column.astype(np.int32) % LATTICE
    top, bottom = padded[place], padded[place + LATTICE + 1]
    top += fx * (padded[place + 1] - top)
    bottom += fx * (padded[place + LATTICE + 2] - bottom)
    return top + fy * (bottom - top)


def _octaves(x: Array, y: Array, table: Array) -> Array:
    octaves = [0.5**k * _noise(x * 2**k, y * 2**k + 3 * k, table) for k in range(3)]
    return 0.5 + 1.6 * (np.add.reduce(octaves) / 1.75 - 0.5)


def _bricks(x: Array, y: Array, table: Array) -> Array:
    row = np.floor(y)
    across, up = x / 2 + 0.5 * (row % 2), y - row
    column = np.floor(across)
    across -= column
    gap = np.minimum(1 - np.abs(2 * across - 1), 0.5 - np.abs(up - 0.5))
    brick = table[row.astype(np.int32) % LATTICE, column.astype(np.int32) % LATTICE]
    return np.clip(12 * (gap - 0.08), 0, 0.6 + 0.4 * brick)


def _cells(x: Array, y: Array, table: Array) -> Array:
    """Distance to the nearest of one random point per unit square (Worley noise)."""
    table = 0.28 + 0.44 * table  # so far from the border that four squares hold the nearest point
    row, column = np.rint(y), np.rint(x)
    down, right = y - row, x - column
    row, column = row.astype(np.int32), column.astype(np.int32)
    nearest = np.full_like(x, 9.0)
    for i in (-1, 0):
        for j in (-1, 0):
            place = (row + i) % LATTICE * LATTICE + (column + j) % LATTICE
            dy, dx = table.take(place) + i - down, table.T.take(place) + j - right
            np.minimum(nearest, dy * dy + dx * dx, out=nearest)
    return 1.3 * np.sqrt(nearest)


_FULL_TEXTURES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "noise": _octaves,
    "stripes": lambda x, y, _: 0.5 + 3 * np.sin(np.pi * x),
    "checks": lambda x, y, _: 0.5 + 3 * np.sin(np.pi * x) * np.sin(np.pi * y),
    "dots": lambda x, y, _: 2 - 4 * np.hypot(x % 1 - 0.5, y % 1 - 0.5),
    "bricks": _bricks,
    "cells": _cells,
    "gradient": lambda x, y, _: np.abs((x / 4) % 2 - 1),
}
_OUTD_TEXTURES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "waves": lambda x, y, _: 0.5 + 3 * np.sin(np.pi * (x + 0.6 * np.sin(2 * y))),
    "rings": lambda x, y, _: 0.5 + 3 * np.sin(np.pi * np.hypot(x % 6 - 3, y % 6 - 3)),
    "zigzag": lambda x, y, _: 0.5 + 3 * np.sin(np.pi * (x + np.abs(y % 2 - 1))),
    "marble": lambda x, y, table: 0.5 + 0.5 * np.sin(np.pi * (x + 3 * _noise(x / 3, y / 3, table))),
}
TEXTURES = {"full": _FULL_TEXTURES, "outd": _OUTD_TEXTURES, "camo": _FULL_TEXTURES}


def _ramp(rng: np.random.Generator) -> Array:
    """Colours `(256, 3)` from one to another that differs, every other time by way of a third."""
    first, middle, last = np.zeros((3, 3))
    while np.abs(first - last).sum() <= LEAST_CONTRAST:
        first, middle, last = rng.random((3, 3), dtype=np.float32)
    if rng.random() < 0.5:
        middle = (first + last) / 2
    at = np.linspace(0, 1, 128, dtype=np.float32)[:, None]
    return 255 * np.concatenate([first + at * (middle - first), middle + at * (last - middle)])


class Texture:
    """A random texture of a variant: family, unit in pixels, table of random numbers, colours."""

    def __init__(self, variant: str, rng: np.random.Generator):
        self.weight = TEXTURES[variant][str(rng.choice([*TEXTURES[variant]]))]
        self.scale = float(np.exp(rng.uniform(*np.log(SCALES))))
        self.table = rng.random((LATTICE, LATTICE), dtype=np.float32)
        self.ramp = _ramp(rng)

    def places(self, down: Array, right: Array, turn: float) -> Array:
        """Places in the ramp, 0 to 255, of pixels; the texture is turned by an angle."""
        weight = self.weight(*_turned(down / self.scale, right / self.scale, turn), self.table)
        return np.clip(255 * weight, 0, 255).astype(np.uint8)


def _turned(down: Array, right: Array, turn: float) -> tuple[Array, Array]:
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    return right * cosine + down * sine, down * cosine - right * sine


class Object:
    """A random object of a variant: shape, radius in pixels, centre (row and column), rotation."""

    def __init__(self, variant: str, rng: np.random.Generator):
        name = str(rng.choice([*SHAPES[variant]]))
        self.shape, self.radius = SHAPES[variant][name], rng.uniform(*RADII) / _AREAS[name] ** 0.5
        self.center = rng.uniform(8, SIZE - 8, 2).tolist()
        self.turn = rng.uniform(0, 2 * np.pi)

    def pixels(self, margin: float = 0) -> tuple[tuple[slice, slice], Array, Array]:
        """Rows and columns that it may touch, and their distances down and right of its centre."""
        reach = 1.5 * self.radius + margin
        rows, columns = (slice(max(int(c - reach), 0), int(c + reach) + 1) for c in self.center)
        down, right = _AXIS[rows] - self.center[0], _AXIS[columns] - self.center[1]
        return (rows, columns), down[:, None], right

    def gauge(self, down: Array, right: Array) -> Array:
        """Below 1 inside the shape."""
        return self.shape(*_turned(down / self.radius, right / self.radius, self.turn))


def _place(variant: str, rng: np.random.Generator) -> tuple[list[Object], Array]:
    """Objects from back to front, and their label map, in which enough of each is visible."""
    while True:
        count = rng.integers(FEWEST, MOST + 1)
        objects: list[Object] = []
        labels = np.zeros((SIZE, SIZE), np.uint8)
        visible = np.full(1, SIZE * SIZE)
        for _ in range(12 * MOST):
            candidate = Object(variant, rng)
            window, down, right = candidate.pixels()
            inside = candidate.gauge(down, right) < 1
            left = visible - np.bincount(labels[window][inside], minlength=len(visible))
            left = np.append(left, inside.sum())
            if left.min() >= LEAST_VISIBLE:
                objects, visible = [*objects, candidate], left
                labels[window][inside] = len(objects)
                if len(objects) == count:
                    return objects, labels


def draw_scene(index: int, *, variant: str, split: str, seed: int) -> Array:
    """Draw one scene; it follows from the arguments alone.

    The result, `(4, 128, 128)` uint8, is colours, and labels from 1 on, from back to front.
    """
    rng = np.random.default_rng((seed, VARIANTS.index(variant), [*SPLITS].index(split), index))
    objects, labels = _place(variant, rng)
    textures = [Texture(variant, rng) for _ in range(len(objects) + 1)]
    if variant == "camo":
        textures = textures[:1] * len(textures)
    light = rng.uniform(0, 2 * np.pi)
    toward_down, toward_right = float(np.sin(light)), float(np.cos(light))
    down, right = np.broadcast_arrays(_AXIS[:, None], _AXIS)
    places = textures[0].places(down, right, rng.uniform(0, 2 * np.pi))
    shade = 0.95 + 0.2 / SIZE * (toward_down * down + toward_right * right)
    for number, shape in enumerate(objects, start=1):
        window, down, right = shape.pixels(margin=2 * SHADOW)
        behind = shape.gauge(down + SHADOW * toward_down, right + SHADOW * toward_right)
        shade[window] *= 1 - 0.5 * np.clip(2.4 - 2 * behind, 0, 1)
        seen = labels[window] == number
        down, right = (axis[seen] for axis in np.broadcast_arrays(down, right))
        places[window][seen] = textures[number].places(down, right, shape.turn)
        gauge = shape.gauge(down, right)
        height = np.sqrt(np.clip(1.05 - gauge * gauge, 0, None))
        facing = (toward_down * down + toward_right * right) / shape.radius
        border = 1 - 0.45 * np.clip(6 * (gauge - 0.86), 0, 1)
        shade[window][seen] = border * np.clip(0.72 + 0.35 * facing + 0.25 * height, 0.3, 1.25)
    ramps = np.stack([texture.ramp for texture in textures])
    colors = np.clip(ramps[labels, places] * shade[..., None], 0, 255).astype(np.uint8)
    return np.concatenate([colors.transpose(2, 0, 1), labels[None]])
