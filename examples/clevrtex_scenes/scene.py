"""One scene as plain numbers, drawn from (seed, variant, index) alone.

The rules are CLEVR's: objects stand on the ground, x and y uniform, at least `MIN_GAP` apart, and
no two so level with each other along the viewer's directions that left and right, or in front and
behind, would be doubtful. What only the picture can tell, whether every object can be seen, is
asked by the renderer, which then draws the next `attempt`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from examples.clevrtex_scenes.camera import POSITION, Camera
from examples.clevrtex_scenes.variants import COLORS, PLAIN_OBJECTS, Variant, find_variant

MIN_OBJECTS, MAX_OBJECTS = 3, 10
EXTENT = 3.0
MIN_GAP = 0.25
MIN_MARGIN = 0.4
CAMERA_JITTER = 0.5
LIGHT_JITTER = 1.0
LAMPS = {
    "key": (6.447, -2.905, 4.258),
    "back": (-1.169, 2.646, 5.816),
    "fill": (-4.671, -4.014, 3.011),
}
_PLACEMENTS = 50
"""How often one object is tried before the whole scene is begun anew."""

Point = tuple[float, float, float]


@dataclass(frozen=True)
class SceneObject:
    """One object.

    Args:
        shape: A name of `meshes.SHAPES`, or "monkey".
        size: Name of the size.
        radius: Scale of the unit shape in world units; its centre lies as high above the ground.
        rotation: About the vertical, in degrees.
        position: Centre.
        material: A name of `materials`.
        color: A key of `variants.COLORS` if the material takes a colour.
        texture_offset: Where in the material's texture the object is cut from.
    """

    shape: str
    size: str
    radius: float
    rotation: float
    position: Point
    material: str
    color: str | None
    texture_offset: Point


@dataclass(frozen=True)
class Scene:
    """All there is to render.

    Args:
        variant: Its name.
        index: Its number.
        attempt: How many scenes of this index were dropped before.
        render_seed: Seed of the renderer's noise.
        camera: The camera.
        lamps: Positions by name.
        ground_material: A name of `materials`.
        ground_offset: Where in the texture the ground lies.
        objects: In the order of their labels 1, 2, …
    """

    variant: str
    index: int
    attempt: int
    render_seed: int
    camera: Camera
    lamps: dict[str, Point]
    ground_material: str
    ground_offset: Point
    objects: tuple[SceneObject, ...]


def sample_scene(variant: str, index: int, *, seed: int, attempt: int = 0) -> Scene:
    """Draw a scene.

    Args:
        variant: A name of `variants.VARIANTS`.
        index: Its number, from 0.
        seed: Same seed, variant, index and attempt: same scene.
        attempt: Counts the scenes of this index that were dropped.

    Raises:
        ValueError: For an unknown variant or a negative number.
    """
    kind = find_variant(variant)
    if min(index, seed, attempt) < 0:
        raise ValueError(
            f"index, seed and attempt must not be negative: got {index}, {seed}, {attempt}"
        )
    sequence = np.random.SeedSequence(seed, spawn_key=(kind.stream, index, attempt))
    rng = np.random.default_rng(sequence)
    camera = Camera(_jittered(POSITION, CAMERA_JITTER, rng))
    lamps = {name: _jittered(position, LIGHT_JITTER, rng) for name, position in LAMPS.items()}
    ground = _pick(kind.ground, rng)
    count = int(rng.integers(MIN_OBJECTS, MAX_OBJECTS + 1))
    objects = None
    while objects is None:
        objects = _place(kind, count, camera, ground, rng)
    return Scene(
        variant=variant,
        index=index,
        attempt=attempt,
        render_seed=int(rng.integers(2**31)),
        camera=camera,
        lamps=lamps,
        ground_material=ground,
        ground_offset=_offset(rng),
        objects=objects,
    )


def standing_radius(shape: str, size: float) -> float:
    """Scale of a shape: a cube's edges are a sphere's diameter over the square root of 2."""
    return size / math.sqrt(2) if shape == "cube" else size


def fits(position: Point, radius: float, placed: list[SceneObject], camera: Camera) -> bool:
    """Whether a new object keeps its distance to all others.

    Args:
        position: Of the new object.
        radius: Of the new object.
        placed: The objects that are there.
        camera: Its directions along the ground are those that must not be doubtful.
    """
    directions = camera.directions()
    for other in placed:
        dx, dy = position[0] - other.position[0], position[1] - other.position[1]
        if math.hypot(dx, dy) - radius - other.radius < MIN_GAP:
            return False
        for name in ("right", "front"):  # left and behind are their opposites
            if abs(dx * directions[name][0] + dy * directions[name][1]) < MIN_MARGIN:
                return False
    return True


def _place(
    kind: Variant, count: int, camera: Camera, ground: str, rng: np.random.Generator
) -> tuple[SceneObject, ...] | None:
    """All objects of a scene, or None if one finds no place."""
    placed: list[SceneObject] = []
    for _ in range(count):
        size, half_height = kind.sizes[rng.integers(len(kind.sizes))]
        shape = _pick(kind.shapes, rng)
        radius = standing_radius(shape, half_height)
        for _ in range(_PLACEMENTS):
            x, y = (float(value) for value in rng.uniform(-EXTENT, EXTENT, 2))
            if fits((x, y, radius), radius, placed, camera):
                break
        else:
            return None
        material = ground if kind.one_material else _pick(kind.objects, rng)
        color = _pick(tuple(COLORS), rng) if material in PLAIN_OBJECTS else None
        rotation = 360 * float(rng.random())
        position = (x, y, radius)
        placed.append(
            SceneObject(
                shape,
                size,
                radius,
                rotation,
                position,
                material,
                color,
                texture_offset=_offset(rng),
            )
        )
    return tuple(placed)


def _pick(names: tuple[str, ...], rng: np.random.Generator) -> str:
    return names[rng.integers(len(names))]


def _jittered(point: Point, amount: float, rng: np.random.Generator) -> Point:
    x, y, z = np.asarray(point) + rng.uniform(-amount, amount, 3)
    return float(x), float(y), float(z)


def _offset(rng: np.random.Generator) -> Point:
    x, y, z = rng.uniform(-20, 20, 3)
    return float(x), float(y), float(z)
