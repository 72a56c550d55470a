"""Tetrominoes: the generator against its specification and the ten real records, and the cache."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.object_discovery.data import SegmentedImages, load, tetrominoes
from examples.object_discovery.data import tetromino_scenes as scenes
from examples.object_discovery.data.object_records import decode_frame
from examples.object_discovery.data.tf_example import parse_example
from examples.object_discovery.data.tfrecord import read_frames, read_records


@pytest.fixture
def real(shared: Path) -> Path:
    path = shared / "data/tetrominoes/tetrominoes_mini.tfrecords"
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture(scope="module")
def many() -> scenes.Scenes:
    return scenes.sample_scenes(10_000, rng=np.random.default_rng(0))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_no_piece_hides_another(seed: int) -> None:
    drawn = scenes.sample_scenes(50, rng=np.random.default_rng(seed))
    images, masks = scenes.render(drawn)
    for piece in (1, 2, 3):
        inside = np.broadcast_to((masks == piece)[:, None], images.shape)
        assert (inside[:, 0].sum(axis=(1, 2)) == 100).all()
        colors = scenes.COLORS[drawn.color[:, piece - 1]][:, :, None, None]
        assert ((images > 0) == (colors > 0))[inside].all()
    assert not images[np.broadcast_to((masks == 0)[:, None], images.shape)].any()


def test_overlap_test_agrees_with_painting() -> None:
    proposed = scenes.propose_scenes(2_000, rng=np.random.default_rng(1))
    _, masks = scenes.render(proposed)
    hidden = (masks > 0).sum(axis=(1, 2)) < 300
    np.testing.assert_array_equal(scenes.overlaps(proposed), hidden)


def test_orientations_are_distinct_tetrominoes() -> None:
    assert len(set(scenes.ORIENTATIONS)) == 17
    assert scenes.BLOCK_OFFSETS.shape == (17, 4, 2)
    assert not scenes.BLOCK_OFFSETS.min(axis=1).any()


def test_every_orientation_reaches_every_border_in_every_color(many: scenes.Scenes) -> None:
    far = many.corner + scenes.PIECE_SIZES[many.orientation]
    assert many.corner.min() == 0
    assert far.max() == scenes.SCENE_SIZE
    for index in range(len(scenes.ORIENTATIONS)):
        chosen = many.orientation == index
        assert chosen.mean() == pytest.approx(1 / 17, rel=0.35)
        assert (many.corner[chosen].min(axis=0) == 0).all()
        assert (far[chosen].max(axis=0) == scenes.SCENE_SIZE).all()
        assert set(many.color[chosen]) == set(range(6))


def test_order_of_the_pieces_says_nothing(many: scenes.Scenes) -> None:
    mean, deviation = many.corner.mean(axis=0), many.corner.std(axis=0)
    assert (np.abs(mean - mean.mean(axis=0)) < 5 * deviation / np.sqrt(10_000)).all()


def test_block_is_shaded_as_specified() -> None:
    one = scenes.Scenes(np.array([[1]]), np.array([[3]]), np.array([[[4, 7]]]))
    images, masks = scenes.render(one)
    rows = ["191 255 255 255 223", *3 * ["127 159 159 159 191"], "95 63 63 63 127"]
    block = np.array([[int(value) for value in row.split()] for row in rows])
    for channel, lit in enumerate((1, 1, 0)):
        np.testing.assert_array_equal(images[0, channel, 4:9, 7:27], lit * np.tile(block, (1, 4)))
    assert masks[0, 4:9, 7:27].all()
    assert masks.sum() == 100


def test_generate_crops_and_repeats() -> None:
    images, masks = tetrominoes.generate(40, seed=3)
    assert images.shape == (40, 3, 32, 32)
    assert masks.shape == (40, 32, 32)
    assert images.dtype == masks.dtype == np.uint8
    assert all({1, 2, 3} <= set(np.unique(mask)) for mask in masks)
    again, _ = tetrominoes.generate(40, seed=3)
    np.testing.assert_array_equal(images, again)


def test_generate_cuts_one_pixel_at_the_top_and_two_at_the_bottom(
    many: scenes.Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tetrominoes, "sample_scenes", lambda *_, **__: many)
    for part, whole in zip(tetrominoes.generate(10_000, seed=0), scenes.render(many), strict=True):
        np.testing.assert_array_equal(part, whole[..., 1:33, 1:33])


def test_seeds_and_splits_differ() -> None:
    train = tetrominoes.generate(100, seed=0)[0]
    for other in (
        tetrominoes.generate(100, seed=0, split="test")[0],
        tetrominoes.generate(100, seed=1)[0],
    ):
        assert not {image.tobytes() for image in train} & {image.tobytes() for image in other}


def test_no_images_is_allowed() -> None:
    assert tetrominoes.generate(0, seed=0)[0].shape == (0, 3, 32, 32)


def test_real_records_are_rendered_pixel_for_pixel(real: Path) -> None:
    records = [parse_example(record) for record in read_records(real)]
    assert len(records) == 10
    for record in records:
        image = np.frombuffer(b"".join(record["image"]), np.uint8).reshape(35, 35, 3)
        mask = np.frombuffer(b"".join(record["mask"]), np.uint8).reshape(4, 35, 35)
        orientation, corner = [], []
        for piece in mask[1:]:
            rows, columns = np.nonzero(piece)
            box = piece[rows.min() : rows.max() + 1 : 5, columns.min() : columns.max() + 1 : 5]
            text = "/".join("".join("#" if cell else "." for cell in row) for row in box)
            orientation.append(scenes.ORIENTATIONS.index(text))
            corner.append((rows.min(), columns.min()))
        np.testing.assert_array_equal(np.stack([record["x"], record["y"]], axis=1)[1:], corner)
        rgb = np.asarray(record["color"]).reshape(4, 3)[1:]
        color = [scenes.COLORS.tolist().index(value) for value in rgb.tolist()]
        images, masks = scenes.render(
            scenes.Scenes(np.array([orientation]), np.array([color]), np.array([corner]))
        )
        np.testing.assert_array_equal(images[0].transpose(1, 2, 0), image)
        np.testing.assert_array_equal(masks[0], mask.argmax(axis=0))


def test_original_file_is_read_where_one_is_given(real: Path, tmp_path: Path) -> None:
    frames = [decode_frame(tetrominoes.LAYOUT, frame) for frame in read_frames(real)]
    everything = torch.from_numpy(np.stack(frames))
    for source in (real, real.parent):
        data = load("tetrominoes", "test", root=tmp_path, count=7, seed=0, source=source)
        torch.testing.assert_close(data.images, everything[:7, :3])
        torch.testing.assert_close(data.masks, everything[:7, 3])
        assert (
            len(load("tetrominoes", "test", root=tmp_path, count=None, seed=0, source=real)) == 10
        )
    with pytest.raises(ValueError, match="holds 0 scenes for the train split of tetrominoes, 7"):
        load("tetrominoes", "train", root=tmp_path, count=7, seed=0, source=real)
    with pytest.raises(ValueError, match="holds 10 scenes for the test split"):
        load("tetrominoes", "test", root=tmp_path, count=11, seed=0, source=real)
    with pytest.raises(ValueError, match="is its first 320 scenes: got count 321"):
        load("tetrominoes", "test", root=tmp_path, count=321, seed=0, source=real)


def test_corrupt_original_file_names_the_record(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(gzip.decompress(real.read_bytes()))
    content[len(content) // 2 + 1000] ^= 1
    damaged = tmp_path / "damaged.tfrecords"
    damaged.write_bytes(content)
    options: dict = {"root": tmp_path, "seed": 0, "source": damaged}
    with pytest.raises(ValueError, match=r"damaged\.tfrecords, record [45]: .*corrupt.*bad='skip'"):
        load("tetrominoes", "test", count=10, **options)
    assert len(load("tetrominoes", "test", count=4, **options)) == 4
    assert len(load("tetrominoes", "test", count=None, bad="skip", **options)) == 9
    assert "1 damaged scenes left out" in capsys.readouterr().err


def test_load_maps_what_generate_draws(tmp_path: Path) -> None:
    for _ in range(2):
        data = load("tetrominoes", "train", root=tmp_path / "new", count=20, seed=5)
        images, masks = tetrominoes.generate(20, seed=5, split="train")
        assert isinstance(data, SegmentedImages)
        assert len(data) == 20
        torch.testing.assert_close(data.images, torch.from_numpy(images))
        torch.testing.assert_close(data.masks, torch.from_numpy(masks))
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_second_load_does_not_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load("tetrominoes", "test", root=tmp_path, count=5, seed=0)
    monkeypatch.delattr(tetrominoes, "generate")
    load("tetrominoes", "test", root=tmp_path, count=5, seed=0)
    with pytest.raises(NameError):
        load("tetrominoes", "test", root=tmp_path, count=5, seed=1)


@pytest.mark.parametrize(
    ("name", "split", "changes", "message"),
    [
        ("mnist", "train", {}, "unknown data set 'mnist'; known are: .*tetrominoes"),
        ("tetrominoes", "val", {}, "unknown split 'val' of tetrominoes; known are: train, test"),
        ("tetrominoes", "test", {"size": 64}, "tetrominoes has 32x32 pixels: got size 64"),
        ("tetrominoes", "test", {"bad": "ignore"}, "bad must be 'error' or 'skip': got 'ignore'"),
        ("tetrominoes", "test", {"count": 0}, "count must be at least 1: got 0"),
        ("tetrominoes", "test", {"source": "."}, r"holds 0 \*tetrominoes\*\.tfrecords files"),
    ],
)
def test_load_refuses(name: str, split: str, changes: dict, message: str, tmp_path: Path) -> None:
    if "source" in changes:
        changes = {"source": tmp_path}
    with pytest.raises(ValueError, match=message):
        load(name, split, **{"root": tmp_path, "count": 5, "seed": 0, **changes})


def test_missing_source_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file: .*gone"):
        load("tetrominoes", "test", root=tmp_path, count=5, seed=0, source=tmp_path / "gone")


def test_segmented_images_must_belong_together() -> None:
    images = torch.zeros(2, 3, 4, 5, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"masks \(n, H, W\): got \(2, 3, 4, 5\) and \(2, 5, 4\)"):
        SegmentedImages(images, torch.zeros(2, 5, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match="must be uint8"):
        SegmentedImages(images, torch.zeros(2, 4, 5))
