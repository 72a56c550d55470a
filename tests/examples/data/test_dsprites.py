"""Multi-dSprites: shapes against the real animation, the rules of a scene, the original file."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from examples.object_discovery.data import dsprites as scenes
from tests.examples.data.scenes import read
from tests.examples.data.test_tfrecord import encode_example, frame


def one(shape: str, scale: int, orientation: int, row: int = 0, column: int = 0) -> np.ndarray:
    """The pixels of a single sprite."""
    values = (scenes.SHAPES.index(shape), scale, orientation, row, column)
    all_five = (np.full((1, scenes.MOST), value) for value in values)
    sprites = scenes.Sprites(np.array([1]), *all_five, np.zeros((1, 6, 3), np.uint8))
    return scenes.render(sprites)[1][0] == 1


@pytest.fixture(scope="module")
def frames(shared):
    path = shared / "data/dsprites/dsprites.gif"
    if not path.exists():
        pytest.skip(f"no {path}")
    with Image.open(path) as animation:
        pictures = [f.convert("L") for f in ImageSequence.Iterator(animation)]
        return np.stack(pictures) > 127


@pytest.fixture(scope="module")
def many():
    return scenes.sample_sprites(10_000, rng=np.random.default_rng(0))


def test_hearts_turn_and_move_as_in_the_animation(frames):
    for orientation in range(40):
        assert (one("heart", 5, orientation) != frames[18 + orientation]).sum() <= 2
    for row in range(32):
        assert (one("heart", 5, 0, row=row) != frames[58 + row]).sum() <= 4


@pytest.mark.parametrize(("shape", "first"), [("ellipse", 192), ("square", 256)])
def test_other_shapes_are_those_of_the_animation(shape, first, frames):
    bank = np.stack([one(shape, scale, turn) for scale in range(6) for turn in range(40)])
    for number in range(first, first + 64, 3):
        assert (bank != frames[number]).sum(axis=(1, 2)).min() <= 4


def test_boxes_have_the_published_sizes():
    for scale, value in enumerate((0.5, 0.6, 0.7, 0.8, 0.9, 1.0)):
        rows, columns = np.nonzero(one("square", scale, 0))
        assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == round(20 * value)
    for shape, wide, high in (("ellipse", 26, 14), ("heart", 20, 17)):
        rows, columns = np.nonzero(one(shape, 5, 0))
        assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (wide, high)


def test_no_sprite_is_cut_by_its_window_or_the_border():
    for shape in scenes.SHAPES:
        places = [(turn, place) for turn in range(0, 40, 3) for place in (0, 9, 20, 31)]
        values = np.array([one(shape, 5, turn, place, place).sum() for turn, place in places])
        assert np.ptp(values) < 0.15 * values.mean()
        assert not one(shape, 5, 5, 0, 0)[:, [0, 63]].any()


def test_every_rule_is_drawn(many):
    assert set(many.number) == {2, 3, 4, 5}
    numbers = {"shape": 3, "scale": 6, "orientation": 40, "row": 32, "column": 32}
    for name, number in numbers.items():
        values = getattr(many, name)
        frequency = np.bincount(values.ravel(), minlength=number) / values.size
        assert len(frequency) == number
        np.testing.assert_allclose(frequency, 1 / number, rtol=0.15)
    assert (np.ptp(many.colors[:, 0].astype(int), axis=1) == 0).all()  # grey
    assert len(np.unique(many.colors[:, 0, 0])) == 256
    brightest = many.colors[:, 1:].max(axis=2) / 255  # the value of a colour, uniform
    assert brightest.mean() == pytest.approx(0.5, abs=0.01)


def test_colors_agree_with_the_standard_library():
    import colorsys

    hsv = np.random.default_rng(0).random((200, 3))
    expected = [colorsys.hsv_to_rgb(*color) for color in hsv]
    np.testing.assert_allclose(scenes.hsv_to_rgb(hsv), expected, atol=1e-12)


def test_later_sprites_cover_earlier_ones(many):
    part = scenes.Sprites(*(values[:50] for values in many))
    images, masks = scenes.render(part)
    for scene in range(50):
        expected = np.zeros((64, 64), np.uint8)
        for k in range(part.number[scene]):
            shape, *rest = (values[scene, k] for values in part[1:6])
            expected[one(scenes.SHAPES[shape], *rest)] = k + 1
        np.testing.assert_array_equal(masks[scene], expected)
        pixels = part.colors[scene][expected]
        np.testing.assert_array_equal(images[scene].transpose(1, 2, 0), pixels)


def test_load_maps_what_is_drawn(tmp_path):
    data = read("dsprites", "train", tmp_path, 1_200, seed=3)
    drawn = np.stack([*scenes.DSprites().draw(1_200, seed=3, split="train")])
    assert data.images.shape == (1_200, 3, 64, 64)
    torch.testing.assert_close(data.images, torch.from_numpy(drawn[:, :3]))
    torch.testing.assert_close(data.instances, torch.from_numpy(drawn[:, 3]))
    test = read("dsprites", "test", tmp_path, seed=3)
    assert len(test) == 320
    tests, trained = ({i.numpy().tobytes() for i in part.images} for part in (test, data))
    assert not tests & trained


def test_the_original_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes.DSprites, "splits", {"test": (1, 3)})
    rng = np.random.default_rng(0)
    image = rng.integers(256, size=(64, 64, 3), dtype=np.uint8)
    label = rng.integers(6, size=(64, 64))
    mask = np.stack([255 * (label >= k) for k in range(6)]).astype(np.uint8)  # the highest counts
    mask[5] = np.where(label == 5, 255, 254)  # and only 255
    record = encode_example({"image": [image.tobytes()], "mask": [mask.tobytes()]})
    (tmp_path / "multi_dsprites").mkdir()
    path = tmp_path / "multi_dsprites" / "multi_dsprites_colored_on_grayscale.tfrecords"
    path.write_bytes(frame(record, record, record))
    for root in (path.parent, tmp_path):
        data = read("dsprites", "test", root, 2)
        np.testing.assert_array_equal(data.images[1], image.transpose(2, 0, 1))
        np.testing.assert_array_equal(data.instances[1], label)
    large = read("dsprites", "test", tmp_path, 2, image_size=128)
    np.testing.assert_array_equal(large.instances[1], label.repeat(2, axis=0).repeat(2, axis=1))
