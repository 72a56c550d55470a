"""The scenes kept in the repository are what the code of today describes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples.clevrtex_scenes.draw import MIN_VISIBLE, smallest_area
from examples.clevrtex_scenes.layout import describe, scene_path
from examples.clevrtex_scenes.scene import sample_scene

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "clevrtex_scenes" / "sample"


def rounded(text: str) -> dict:
    """Read JSON; other processors may differ in the last digit."""
    return json.loads(text, parse_float=lambda number: round(float(number), 9))


@pytest.mark.parametrize(("variant", "count"), [("full", 12), ("outd", 6), ("camo", 6)])
def test_sample_is_whole(variant: str, count: int) -> None:
    card = json.loads((SAMPLE / f"clevrtex_{variant}" / "card.json").read_text())
    width, height = card["size"]
    assert len(list((SAMPLE / f"clevrtex_{variant}").rglob("CLEVRTEX_*"))) == 3 * count
    for index in range(count):
        told = rounded(scene_path(SAMPLE, variant, index, ".json").read_text())
        scene = sample_scene(variant, index, seed=card["seed"], attempt=told["attempt"])
        assert told == rounded(json.dumps(describe(scene, (width, height))))
        with Image.open(scene_path(SAMPLE, variant, index, ".png")) as image:
            assert image.size == (width, height) and image.mode == "RGBA"
        with Image.open(scene_path(SAMPLE, variant, index, "_flat.png")) as flat:
            labels = np.asarray(flat)
        assert labels.shape == (height, width) and labels.max() == told["num_objects"]
        assert smallest_area(labels, told["num_objects"]) >= MIN_VISIBLE


def test_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 4e6
