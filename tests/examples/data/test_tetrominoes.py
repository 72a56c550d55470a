"""Tetrominoes: the generator against its specification and the ten real records, and the cache."""

import gzip

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.data import tetrominoes as scenes
from examples.object_discovery.data.originals import bytes_of, parse_example, read_frames, verified
from tests.examples.data.scenes import read

SET = scenes.Tetrominoes()


@pytest.fixture
def real(shared):
    path = shared / "data/tetrominoes/tetrominoes_mini.tfrecords"
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture(scope="module")
def many():
    return scenes.sample_scenes(10_000, rng=np.random.default_rng(0))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_no_piece_hides_another(seed):
    drawn = scenes.sample_scenes(50, rng=np.random.default_rng(seed))
    images, masks = scenes.render(drawn)
    for piece in (1, 2, 3):
        inside = np.broadcast_to((masks == piece)[:, None], images.shape)
        assert (inside[:, 0].sum(axis=(1, 2)) == 100).all()
        colors = scenes.COLORS[drawn.color[:, piece - 1]][:, :, None, None]
        assert ((images > 0) == (colors > 0))[inside].all()
    assert not images[np.broadcast_to((masks == 0)[:, None], images.shape)].any()


def test_overlap_test_agrees_with_painting():
    proposed = scenes.propose_scenes(2_000, rng=np.random.default_rng(1))
    _, masks = scenes.render(proposed)
    hidden = (masks > 0).sum(axis=(1, 2)) < 300
    np.testing.assert_array_equal(scenes.overlaps(proposed), hidden)


def test_orientations_are_distinct_tetrominoes():
    assert len(set(scenes.ORIENTATIONS)) == 17
    assert scenes.BLOCK_OFFSETS.shape == (17, 4, 2)
    assert not scenes.BLOCK_OFFSETS.min(axis=1).any()


def test_every_orientation_reaches_every_border_in_every_color(many):
    far = many.corner + scenes.PIECE_SIZES[many.orientation]
    assert many.corner.min() == 0
    assert far.max() == scenes.SCENE_SIZE
    for index in range(len(scenes.ORIENTATIONS)):
        chosen = many.orientation == index
        assert chosen.mean() == pytest.approx(1 / 17, rel=0.35)
        assert (many.corner[chosen].min(axis=0) == 0).all()
        assert (far[chosen].max(axis=0) == scenes.SCENE_SIZE).all()
        assert set(many.color[chosen]) == set(range(6))


def test_order_of_the_pieces_says_nothing(many):
    mean, deviation = many.corner.mean(axis=0), many.corner.std(axis=0)
    assert (np.abs(mean - mean.mean(axis=0)) < 5 * deviation / np.sqrt(10_000)).all()


def test_block_is_shaded_as_specified():
    one = scenes.Scenes(np.array([[1]]), np.array([[3]]), np.array([[[4, 7]]]))
    images, masks = scenes.render(one)
    rows = ["191 255 255 255 223", *3 * ["127 159 159 159 191"], "95 63 63 63 127"]
    block = np.array([[int(value) for value in row.split()] for row in rows])
    for channel, lit in enumerate((1, 1, 0)):
        np.testing.assert_array_equal(images[0, channel, 4:9, 7:27], lit * np.tile(block, (1, 4)))
    assert masks[0, 4:9, 7:27].all()
    assert masks.sum() == 100


def draw(count: int, seed: int, split: str = "train") -> np.ndarray:
    return np.stack([*scenes.Tetrominoes().draw(count, seed=seed, split=split)])


def test_drawing_cuts_one_pixel_at_the_top_and_two_at_the_bottom(many, monkeypatch):
    images, masks = scenes.render(many)
    monkeypatch.setattr(scenes.Tetrominoes, "sample", lambda *_, **__: many)
    planes = draw(10_000, seed=0)
    np.testing.assert_array_equal(planes[:, :3], images[..., 1:33, 1:33])
    np.testing.assert_array_equal(planes[:, 3], masks[..., 1:33, 1:33])


def test_seeds_and_splits_differ():
    train = draw(100, seed=0)
    for other in (draw(100, seed=0, split="test"), draw(100, seed=0, split="val"), draw(100, 1)):
        assert not {image.tobytes() for image in train} & {image.tobytes() for image in other}


def test_real_records_are_rendered_pixel_for_pixel(real):
    records = [parse_example(verified(frame)) for frame in read_frames(real)]
    assert len(records) == 10
    for record in records:
        image = bytes_of(record, "image").reshape(35, 35, 3)
        mask = bytes_of(record, "mask").reshape(4, 35, 35)
        orientation, corner = [], []
        for piece in mask[1:]:
            rows, columns = np.nonzero(piece)
            box = piece[rows.min() : rows.max() + 1 : 5, columns.min() : columns.max() + 1 : 5]
            text = "/".join("".join("#" if cell else "." for cell in row) for row in box)
            orientation.append(scenes.ORIENTATIONS.index(text))
            corner.append((rows.min(), columns.min()))
        rgb = [(image[piece > 0].max(axis=0) > 0).astype(int) for piece in mask[1:]]
        color = [scenes.COLORS.tolist().index(value.tolist()) for value in rgb]
        scene = (np.array([values]) for values in (orientation, color, corner))
        images, masks = scenes.render(scenes.Scenes(*scene))
        np.testing.assert_array_equal(images[0].transpose(1, 2, 0), image)
        np.testing.assert_array_equal(masks[0], mask.argmax(axis=0))


@pytest.fixture
def original(real, tmp_path):
    """The ten real records over and over: as many as reach into the training split."""
    content = gzip.decompress(real.read_bytes())
    path = tmp_path / "tetrominoes" / "tetrominoes_train.tfrecords"
    path.parent.mkdir()
    path.write_bytes(content * 7)
    return path


def test_an_original_in_the_root_is_read(original, real, tmp_path, capsys):
    frames = [SET.decode_frame(32, frame) for frame in read_frames(real)]
    everything = torch.from_numpy(np.stack(frames))
    for root in (original.parent, tmp_path):
        data = read("tetrominoes", "test", root, 5, cache=tmp_path)
        assert f"tetrominoes test: read from {original}" in capsys.readouterr().err
        torch.testing.assert_close(data.images, everything[4:9, :3])  # after 64 spare ones
        torch.testing.assert_close(data.instances, everything[4:9, 3])
        assert len(read("tetrominoes", "test", root)) == 6
    for split in ("val", "train"):
        with pytest.raises(ValueError, match=f"tetrominoes {split} has 0 scenes: got --data.num"):
            read("tetrominoes", split, tmp_path, 7)
    with pytest.raises(ValueError, match="test has 6 scenes: got --data.num-test-images 7; lower"):
        read("tetrominoes", "test", tmp_path, 7)
    with pytest.raises(ValueError, match="has 320 scenes: got --data.num-test-images 321"):
        read("tetrominoes", "test", tmp_path, 321)
    original.with_name("more_tetrominoes.tfrecords").touch()
    message = r"holds 2 \*tetrominoes\*\.tfrecords files, one is needed"
    with pytest.raises(ValueError, match=message):
        read("tetrominoes", "test", tmp_path, 5)


def test_splits_of_the_records_are_the_published_ones(real, tmp_path, monkeypatch):
    splits = {"test": (2, 5), "val": (5, 7), "train": (7, 9)}
    monkeypatch.setattr(scenes.Tetrominoes, "splits", splits)
    numbered = [SET.decode_frame(32, frame) for frame in read_frames(real)]
    for split, (first, stop) in splits.items():
        data = read("tetrominoes", split, real.parent, cache=tmp_path)
        np.testing.assert_array_equal(data.images, np.stack(numbered[first:stop])[:, :3])
    monkeypatch.undo()
    expected = {"test": (64, 384), "val": (384, 10_384), "train": (10_384, 70_384)}
    assert scenes.Tetrominoes().splits == expected


def test_corrupt_original_file_names_the_record(original, tmp_path, capsys):
    content = bytearray(original.read_bytes())
    record = len(content) // 70
    content[66 * record + record // 2] ^= 1
    original.write_bytes(content)
    with pytest.raises(ValueError, match=r"tfrecords, record 66: .*corrupt.*--data\.bad skip"):
        read("tetrominoes", "test", tmp_path, 6)
    assert len(read("tetrominoes", "test", tmp_path, 2)) == 2
    assert len(read("tetrominoes", "test", tmp_path, bad="skip")) == 5
    assert "1 damaged scenes left out" in capsys.readouterr().err


def test_load_maps_what_is_drawn(tmp_path, capsys):
    for _ in range(2):
        data = read("tetrominoes", "train", tmp_path / "new", 20, seed=5)
        planes = torch.from_numpy(draw(20, seed=5))
        assert isinstance(data, SegmentedImages)
        assert data.images.shape == (20, 3, 32, 32) and data.classes is None
        torch.testing.assert_close(data.images, planes[:, :3])
        torch.testing.assert_close(data.instances, planes[:, 3])
        assert "tetrominoes train: drawn with seed 5, no original in" in capsys.readouterr().err
    assert len(list((tmp_path / "new").iterdir())) == 1
    numbers = [len(read("tetrominoes", split, tmp_path)) for split in ("test", "val")]
    assert numbers == [320, 10_000]
