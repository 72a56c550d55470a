"""A corrupt image or a missing mask, met by a real training process."""

import numpy as np
import pytest
from PIL import Image

from tests.examples.runs import finish, saved, start_training

OPTIONS = {
    "recipe": "clevrtex-vit-tiny",
    "model": {"num_steps": 1},
    "data": {"num_images": 8},
    "training": {"batch_size": 2},
    "max_steps": 2,
}
CORRUPT, UNLABELLED = "CLEVRTEX_full_000005.png", "CLEVRTEX_full_000007_flat.png"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Ten scenes, eight of them for training; one image is cut short, one mask missing."""
    root, random = tmp_path_factory.mktemp("scenes"), np.random.default_rng(0)
    folder = root / "clevrtex_full" / "0"
    folder.mkdir(parents=True)
    for i in range(10):
        path = folder / f"CLEVRTEX_full_{i:06d}.png"
        Image.fromarray(random.integers(0, 256, (240, 320, 4), np.uint8)).save(path)
        flat = Image.fromarray(random.integers(0, 9, (240, 320), np.uint8)).convert("P")
        flat.save(path.with_name(f"{path.stem}_flat.png"))
    (folder / CORRUPT).write_bytes((folder / CORRUPT).read_bytes()[:5000])
    (folder / UNLABELLED).unlink()
    return root


def test_a_damaged_scene_stops_the_run_with_its_name(scenes, tmp_path):
    _, errors = finish(start_training(tmp_path, scenes, **OPTIONS), code=1)
    assert "Traceback" not in errors and CORRUPT in errors, errors


def test_damaged_scenes_are_left_out_on_request(scenes, tmp_path):
    _, errors = finish(
        start_training(tmp_path, scenes, **OPTIONS | {"data": {"num_images": 8, "bad": "skip"}})
    )
    assert CORRUPT in errors and UNLABELLED in errors and "2 damaged scenes" in errors, errors
    assert saved(tmp_path)["step"] == 2
    assert saved(tmp_path)["identity"]["data"]["count"] == 6
