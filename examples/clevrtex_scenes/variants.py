"""What may occur in a scene: shapes, sizes and materials of every variant."""

from __future__ import annotations

from dataclasses import dataclass

from examples.clevrtex_scenes.materials import FULL, OUTD

PLAIN_GROUND = ("plain",)
PLAIN_OBJECTS = ("rubber", "metal")
# CLEVR's eight, as sRGB bytes.
COLORS = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
_SHAPES = ("cube", "sphere", "cylinder", "monkey")
_SIZES = {"large": 0.9, "medium": 0.6, "small": 0.4}


@dataclass(frozen=True)
class Variant:
    """One data set.

    Args:
        stream: Number of its random stream; never changes.
        objects: Names of the objects' materials; `PLAIN_OBJECTS` take one of `COLORS`.
        ground: Names of the ground's materials.
        shapes: Names of the shapes.
        sizes: Half the height of an object, by name, in world units.
        one_material: Whether all objects take the ground's material.
        ambient: Light from everywhere; metal in a black world is black.
        look: Contrast of Blender's Filmic view.
    """

    stream: int
    objects: tuple[str, ...] = tuple(FULL)
    ground: tuple[str, ...] = tuple(FULL)
    shapes: tuple[str, ...] = _SHAPES
    sizes: tuple[tuple[str, float], ...] = tuple(_SIZES.items())
    one_material: bool = False
    ambient: float = 0.0
    look: str = "Very High Contrast"


VARIANTS = {
    "full": Variant(stream=0),
    "outd": Variant(
        stream=1,
        objects=tuple(OUTD),
        ground=tuple(OUTD),
        shapes=("cone", "icosahedron", "torus", "teapot"),
        sizes=(("large", 1.0), ("medium", 0.8), ("small", 0.6)),
    ),
    "camo": Variant(stream=2, one_material=True),
    "pbg": Variant(stream=3, ground=PLAIN_GROUND),
    "vbg": Variant(stream=4, objects=PLAIN_OBJECTS),
    "grassbg": Variant(stream=5, ground=("forest_floor",)),
    "clevr": Variant(
        stream=6,
        objects=PLAIN_OBJECTS,
        ground=PLAIN_GROUND,
        shapes=("cube", "sphere", "cylinder"),
        sizes=(("large", 0.7), ("small", 0.35)),
        ambient=0.25,
        look="Medium Contrast",
    ),
}


def find_variant(name: str) -> Variant:
    """Look a variant up.

    Args:
        name: A key of `VARIANTS`.

    Raises:
        ValueError: If there is none of that name.
    """
    if name not in VARIANTS:
        raise ValueError(f"unknown variant {name!r}; known are: {', '.join(VARIANTS)}")
    return VARIANTS[name]
