"""Drawn textures: what every scene holds, what follows from its index, and what variants share."""

from functools import cache

import numpy as np
import pytest
from scipy.spatial import KDTree

from examples.object_discovery.data.textures import (
    FEWEST,
    LATTICE,
    LEAST_VISIBLE,
    MOST,
    SHAPES,
    SPLITS,
    TEXTURES,
    VARIANTS,
    Texture,
    draw_scene,
)
from tests.examples.data.scenes import read


@cache
def scenes(variant: str, count: int = 48) -> np.ndarray:
    drawn = [draw_scene(i, variant=variant, split="test", seed=0) for i in range(count)]
    return np.stack(drawn)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_scene_has_three_to_ten_visible_objects(variant):
    counts = set()
    for image in scenes(variant):
        assert (image.shape, image.dtype) == ((4, 128, 128), np.uint8)
        pixels = np.bincount(image[3].ravel())
        assert pixels.min() >= LEAST_VISIBLE == 200
        counts.add(len(pixels) - 1)
        assert image[:3].std() > 10
    assert counts == set(range(FEWEST, MOST + 1)) == set(range(3, 11))


def test_a_scene_follows_from_its_index_split_variant_and_seed(tmp_path):
    data = read("textures-camo", "test", tmp_path, 3)
    np.testing.assert_array_equal(data.images, scenes("camo")[:3, :3])
    np.testing.assert_array_equal(data.instances, scenes("camo")[:3, 3])
    drawn = [
        draw_scene(index, variant=variant, split=split, seed=seed).tobytes()
        for index in (0, 1)
        for variant in VARIANTS
        for split in SPLITS
        for seed in (0, 1)
    ]
    assert len({*drawn}) == len(drawn)
    assert drawn[0] == draw_scene(0, variant="full", split="train", seed=0).tobytes()


def test_the_cache_is_named_after_the_seed(tmp_path):
    for seed in (0, 1):
        assert len(read("textures-outd", "train", tmp_path, 2, seed=seed)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"textures-outd-v1-train-2-128px-drawn-seed{seed}.npy" for seed in (0, 1)
    ]


def test_outd_shares_neither_shapes_nor_textures():
    for families in (SHAPES, TEXTURES):
        assert families["camo"] == families["full"]
        assert not families["outd"].keys() & families["full"].keys()
        assert not {*families["outd"].values()} & {*families["full"].values()}


def test_every_shape_has_an_inside_within_reach():
    axis = np.linspace(-3, 3, 301, dtype=np.float32)
    for name, shape in (SHAPES["full"] | SHAPES["outd"]).items():
        inside = shape(axis[None], axis[:, None]) < 1
        area = inside.mean() * 36 / np.pi
        assert 0.4 < area < 1.01, name
        farthest = np.hypot(axis[None], axis[:, None])[inside].max()
        assert farthest / area**0.5 <= 1.5 / area**0.5 and farthest <= 1.5, name


def test_every_texture_uses_its_colours():
    rng = np.random.default_rng(0)
    down, right = np.mgrid[:128, :128].astype(np.float32)
    table = rng.random((LATTICE, LATTICE), dtype=np.float32)
    for name, weight in (TEXTURES["full"] | TEXTURES["outd"]).items():
        values = np.clip(weight(right / 6, down / 6, table), 0, 1)
        assert values.dtype == np.float32, name
        assert values.std() > 0.1 and values.min() < 0.2 and values.max() > 0.8, name
    for _ in range(20):
        ramp = Texture("full", rng).ramp
        assert ramp.shape == (256, 3) and 0 <= ramp.min() and ramp.max() <= 255
        assert np.abs(ramp[0] - ramp[-1]).sum() > 0.8 * 255


def near_the_ground(image: np.ndarray) -> float:
    """Share of the objects' pixels whose colour, up to brightness, the ground has as well."""
    colors = image[:3].reshape(3, -1).T.astype(float)
    bright, labels = np.linalg.norm(colors, axis=1) > 60, image[3].ravel()
    directions = colors / np.linalg.norm(colors, axis=1, keepdims=True).clip(1)
    ground, objects = (directions[bright & part] for part in (labels == 0, labels > 0))
    distance, _ = KDTree(ground).query(objects)
    return float((distance < 0.03).mean())


def test_objects_of_camo_have_the_colours_of_the_ground():
    assert np.mean([near_the_ground(image) for image in scenes("camo")]) > 0.97
    assert np.mean([near_the_ground(image) for image in scenes("full")]) < 0.6
