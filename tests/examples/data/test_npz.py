"""The AKOrN authors' converted files."""

import numpy as np
import pytest

from examples.object_discovery.data import VOID
from tests.examples.data.scenes import read

RNG = np.random.default_rng(0)
IMAGES = RNG.random((4, 3, 32, 32), dtype=np.float32)
LABELS = RNG.integers(4, size=(4, 32, 32), dtype=np.uint8)


def test_the_shared_file_is_read(shared, tmp_path, capsys):
    path = shared / "inputs/tetrominoes_test.npz"
    if not path.exists():
        pytest.skip(f"no {path}")
    data = read("tetrominoes", "test", path.parent, cache=tmp_path)
    assert f"tetrominoes test: read from {path}" in capsys.readouterr().err
    with np.load(path) as file:
        assert len(data) == len(file["labels"])
        assert np.abs(255 * file["images"] - data.images.numpy()).max() <= 0.5
        np.testing.assert_array_equal(data.instances, file["labels"])
    with pytest.raises(ValueError, match="tetrominoes test has 4 scenes: got --data.num-test-im"):
        read("tetrominoes", "test", path.parent, 5, cache=tmp_path)


@pytest.mark.parametrize(
    ("name", "size", "most"), [("tetrominoes", 32, 3), ("dsprites", 64, 5), ("clevr", 128, 10)]
)
def test_every_set_has_such_files(name, size, most, tmp_path):
    colors = RNG.integers(256, size=(2, 3, size, size), dtype=np.uint8)
    labels = RNG.integers(most + 1, size=(2, size, size), dtype=np.uint8)
    labels[:, :2] = VOID
    (tmp_path / name).mkdir()
    path = tmp_path / name / f"{name}_train.npz"
    np.savez(path, images=np.float32(colors) / 255, labels=labels)
    data = read(name, "train", tmp_path)
    np.testing.assert_array_equal(data.images, colors)
    np.testing.assert_array_equal(data.instances, labels)
    before = len([*tmp_path.iterdir()])
    np.savez(path, images=np.float32(colors[:1]) / 255, labels=labels[:1])
    assert len(read(name, "train", tmp_path)) == 1
    assert len([*tmp_path.iterdir()]) == before + 1


def test_other_sizes_are_made_by_nearest_neighbour(tmp_path):
    np.savez(tmp_path / "tetrominoes_test.npz", images=IMAGES, labels=LABELS)
    data = read("tetrominoes", "test", tmp_path, image_size=64)
    np.testing.assert_array_equal(data.instances, LABELS.repeat(2, axis=1).repeat(2, axis=2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "labels is not a file"),
        ({"x": IMAGES, "y": LABELS}, "images is not a file"),
        ({"images": IMAGES, "labels": LABELS[:3]}, r"got float32 \(4, 3, 32, 32\) and uint8 \(3,"),
        ({"images": IMAGES[..., :16], "labels": LABELS}, r"got float32 \(4, 3, 32, 16\)"),
        ({"images": IMAGES, "labels": LABELS[..., :16]}, r"and uint8 \(4, 32, 16\)"),
        ({"images": IMAGES.transpose(0, 2, 3, 1), "labels": LABELS}, r"\(4, 32, 32, 3\)"),
        ({"images": IMAGES.astype(np.float64), "labels": LABELS}, "got float64"),
        ({"images": IMAGES, "labels": LABELS.astype(np.int64)}, "and int64"),
        ({"images": 255 * IMAGES, "labels": LABELS}, r"got images in \[.*, 25"),
        ({"images": IMAGES - 1, "labels": LABELS}, r"got images in \[-"),
        ({"images": IMAGES * np.float32(np.nan), "labels": LABELS}, "got images in .nan"),
        ({"images": IMAGES, "labels": LABELS + 1}, "and labels up to 4"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, r"got float32 \(0, 3, 32, 32\)"),
        ({"images": np.float32(1), "labels": np.uint8(1)}, r"got float32 \(\) and uint8 \(\)"),
        ({"images": np.array([{}]), "labels": LABELS}, "allow_pickle=False"),
    ],
)
def test_wrong_arrays_are_named(arrays, message, tmp_path):
    np.savez(tmp_path / "tetrominoes_test.npz", **arrays)
    wanted = r"tetrominoes_test.npz must hold `images`, float32 \(n, 3, 32, 32\) .* in 0..3"
    with pytest.raises(ValueError, match=f"{wanted} or 255 for void: .*{message}"):
        read("tetrominoes", "test", tmp_path)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "an array", "a pickle"])
def test_damaged_files_are_named(damage, tmp_path):
    path = tmp_path / "tetrominoes_test.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    content = path.read_bytes()
    flipped = content[:3000] + bytes([content[3000] ^ 255]) + content[3001:]
    kept = {"empty": b"", "text": b"hello" * 99, "cut": content[:-50], "flipped": flipped}
    if damage in kept:
        path.write_bytes(kept[damage])
    else:
        with path.open("wb") as file:
            value = IMAGES if damage == "an array" else np.array([{}])
            np.save(file, value, allow_pickle=True)
    with pytest.raises(ValueError, match=r"tetrominoes_test.npz must hold `images`"):
        read("tetrominoes", "test", tmp_path)


def test_hidden_files_are_ignored(tmp_path):
    np.savez(tmp_path / "tetrominoes_test.npz", images=IMAGES, labels=LABELS)
    (tmp_path / "._tetrominoes_test.npz").write_bytes(b"Mac OS X")
    (tmp_path / "._tetrominoes_train.tfrecords").write_bytes(b"Mac OS X")
    assert len(read("tetrominoes", "test", tmp_path)) == 4
    assert len(read("tetrominoes", "train", tmp_path, 3)) == 3  # drawn
