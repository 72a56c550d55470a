"""Scenes as numbers: the rules of placement, what every variant may hold, repeatability."""

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.clevrtex_scenes.camera import LENS, POSITION, SENSOR, Camera
from examples.clevrtex_scenes.materials import FULL, OUTD, PLAIN
from examples.clevrtex_scenes.meshes import SHAPES
from examples.clevrtex_scenes.scene import (
    LAMPS,
    MIN_GAP,
    MIN_MARGIN,
    Scene,
    sample_scene,
    standing_radius,
)
from examples.clevrtex_scenes.variants import COLORS, VARIANTS

variants = st.sampled_from(sorted(VARIANTS))
indices = st.integers(0, 10**6)


@given(variants, indices, st.integers(0, 2**63 - 1), st.integers(0, 5))
def test_placement_follows_the_rules(variant: str, index: int, seed: int, attempt: int) -> None:
    scene = sample_scene(variant, index, seed=seed, attempt=attempt)
    assert 3 <= len(scene.objects) <= 10
    offsets = np.abs(np.subtract(scene.camera.position, POSITION))
    assert offsets.max() <= 0.5
    for name, position in scene.lamps.items():
        assert np.abs(np.subtract(position, LAMPS[name])).max() <= 1.0
    directions = {name: np.array(v) for name, v in scene.camera.directions().items()}
    for k, item in enumerate(scene.objects):
        assert max(map(abs, item.position[:2])) <= 3.0 and item.position[2] == item.radius
        assert 0 <= item.rotation < 360
        for other in scene.objects[:k]:
            gap = np.subtract(item.position, other.position) * (1, 1, 0)
            assert np.linalg.norm(gap) - item.radius - other.radius >= MIN_GAP
            for name in ("left", "right", "front", "behind"):
                assert not 0 < gap @ directions[name] < MIN_MARGIN


@given(variants, indices)
def test_scene_is_a_function_of_its_numbers(variant: str, index: int) -> None:
    def draw(**changed: int | str) -> Scene:
        return sample_scene(**({"variant": variant, "index": index, "seed": 3} | changed))

    assert draw() == draw()
    others = [draw(seed=4), draw(index=index + 1), draw(attempt=1)]
    assert draw().camera not in [other.camera for other in others]


@given(st.sampled_from(["full", "pbg", "vbg", "grassbg", "outd", "camo", "clevr"]), indices)
def test_variants_hold_what_they_promise(variant: str, index: int) -> None:
    scene = sample_scene(variant, index, seed=0)
    own = [item.material for item in scene.objects]
    table = {"outd": OUTD, "vbg": PLAIN, "clevr": PLAIN}.get(variant, FULL)
    assert set(own) <= set(table)
    if variant == "camo":
        assert set(own) == {scene.ground_material}
    grounds = {"pbg": ["plain"], "clevr": ["plain"], "grassbg": ["forest_floor"], "outd": OUTD}
    assert scene.ground_material in grounds.get(variant, FULL)
    for item in scene.objects:
        assert (item.color in COLORS) == (item.material in ("rubber", "metal"))
        assert item.shape in SHAPES or item.shape == "monkey"
        size = dict(VARIANTS[variant].sizes)[item.size]
        assert item.radius == standing_radius(item.shape, size)
    assert standing_radius("cube", 0.9) == pytest.approx(0.9 / math.sqrt(2))


def test_counts_shapes_and_materials_are_spread_evenly() -> None:
    scenes = [sample_scene("full", index, seed=1) for index in range(400)]
    items = [item for scene in scenes for item in scene.objects]
    counts = Counter(len(scene.objects) for scene in scenes)
    assert set(counts) == set(range(3, 11)) and min(counts.values()) > 20
    shapes = Counter(item.shape for item in items)
    assert min(shapes.values()) > 0.8 * len(items) / 4
    assert {item.material for item in items} == set(FULL)


def test_tables_are_large_and_disjoint() -> None:
    assert len(FULL) >= 60 and len(OUTD) >= 25
    assert not (set(FULL) & set(OUTD)) and not (set(PLAIN) & set(FULL | OUTD))


def test_known_views() -> None:
    """The origin is the middle; a step of the view's width over the depth is the picture's edge."""
    camera = Camera(POSITION)
    assert camera.project((0, 0, 0), size=(320, 240))[:2] == (160, 120)
    distance = np.linalg.norm(POSITION)
    right = np.array(camera.directions()["right"])
    edge = tuple(right * distance * SENSOR / LENS / 2)
    column, row, depth = camera.project(edge, size=(214, 160))
    assert (column, row) == (214, 80) and depth == pytest.approx(distance)
    column, row, _ = camera.project((0, 0, 1), size=(214, 160))
    assert column == 107 and row < 80
    np.testing.assert_allclose(camera.axes @ camera.axes.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("change", [{"index": -1}, {"seed": -1}, {"variant": "grass"}])
def test_nonsense_is_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="must not be negative|unknown variant 'grass'"):
        sample_scene(**({"variant": "full", "index": 0, "seed": 0} | change))


def test_the_command_needs_no_torch() -> None:
    """The environment with bpy has none."""
    code = "import sys; sys.modules['torch'] = None; import examples.clevrtex_scenes.__main__"
    subprocess.run([sys.executable, "-c", code], check=True)
