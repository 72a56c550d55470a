"""The published layout: names, palette image, JSON, and the order of writing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples.clevrtex_scenes.__main__ import RenderOptions, write_card
from examples.clevrtex_scenes.draw import Job, smallest_area
from examples.clevrtex_scenes.layout import is_complete, palette, scene_path, write_scene
from examples.clevrtex_scenes.scene import sample_scene


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(11, dtype=np.uint8), 16)[None].repeat(24, axis=0)
    return rng.integers(256, size=(24, 176, 4), dtype=np.uint8), labels


def test_files_hold_what_was_given(pictures: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    image, labels = pictures
    scene = sample_scene("full", 12345, seed=0)
    assert not is_complete(tmp_path, "full", 12345)
    write_scene(tmp_path, scene, image, labels)
    assert is_complete(tmp_path, "full", 12345)
    folder = tmp_path / "clevrtex_full" / "12"
    stem = "CLEVRTEX_full_012345"
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"{stem}.json", f"{stem}.png", f"{stem}_flat.png")
    ]
    with Image.open(folder / f"{stem}.png") as read:
        assert read.mode == "RGBA" and read.size == (176, 24)
        np.testing.assert_array_equal(np.asarray(read), image)
    with Image.open(folder / f"{stem}_flat.png") as read:
        assert read.mode == "P"
        np.testing.assert_array_equal(np.asarray(read), labels)
    told = json.loads((folder / f"{stem}.json").read_text())
    assert told["num_objects"] == len(told["objects"]) == len(scene.objects)
    assert told["ground_material"] == scene.ground_material
    assert told["image_filename"] == f"{stem}.png" and told["image_index"] == 12345
    for label, (item, entry) in enumerate(zip(scene.objects, told["objects"], strict=True), 1):
        assert entry["index"] == label
        assert entry["3d_coords"] == list(item.position)
        assert entry["rotation"] == item.rotation and entry["shape"] == item.shape
        column, row, depth = entry["pixel_coords"]
        assert isinstance(column, int) and isinstance(row, int) and depth > 0


def test_a_failure_leaves_the_scene_incomplete(
    pictures: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    scene = sample_scene("full", 0, seed=0)
    # Something is in the way of the last picture.
    scene_path(tmp_path, "full", 0, "_flat.png").mkdir(parents=True)
    with pytest.raises(OSError, match="cannot write .*_flat.png"):
        write_scene(tmp_path, scene, *pictures)
    assert not is_complete(tmp_path, "full", 0)


def test_palette_starts_black_and_tells_labels_apart() -> None:
    colors = np.frombuffer(palette(), dtype=np.uint8).reshape(256, 3).astype(int)
    assert not colors[0].any()
    first = colors[:11]
    apart = np.abs(first[:, None] - first).sum(axis=-1) + 999 * np.eye(11, dtype=int)
    assert apart.min() > 50


def test_smallest_area_counts_for_320x240() -> None:
    labels = np.zeros((160, 214), dtype=np.uint8)
    labels[:9, :10] = 1
    labels[50:100] = 2
    assert smallest_area(labels, 2) == pytest.approx(90 * 76800 / 34240)
    assert smallest_area(labels, 3) == 0


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_damaged_card_is_named(content: str, tmp_path: Path) -> None:
    card = tmp_path / "clevrtex_full" / "card.json"
    card.parent.mkdir()
    card.write_text(content)
    job = Job(tmp_path, "full", seed=0, size=(214, 160), samples=16, threads=1)
    with pytest.raises(ValueError, match=r"card\.json is damaged .*; remove it"):
        write_card(RenderOptions(out=tmp_path), job)
