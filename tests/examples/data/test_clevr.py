"""CLEVR with masks: the TFRecord file and the PNG export give the same arrays."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from examples.object_discovery.data import clevr
from tests.examples.data.scenes import clevr_masks, read, replace, write_clevr
from tests.examples.data.test_tfrecord import encode_example, frame

OBJECTS = [3, 7, 6, 10, 1, 2, 5]


def write_records(path: Path, objects: list[int]) -> Path:
    records = []
    for index, count in enumerate(objects):
        image, masks = np.full((240, 320, 3), (index, 1, 2), np.uint8), clevr_masks(count)
        records.append(encode_example({"image": [image.tobytes()], "mask": [masks.tobytes()]}))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(frame(*records))
    return path


@pytest.fixture
def early(monkeypatch):
    """Splits that reach into a few scenes."""
    splits = {"test": (0, 2), "val": (2, 3), "train": (3, None)}
    monkeypatch.setattr(clevr.Clevr, "splits", splits)


def sources(folder: Path) -> list[Path]:
    """The same scenes as pictures and as records; each folder is a root."""
    records = folder / "records" / "clevr" / "clevr_with_masks_train.tfrecords"
    records.parent.parent.mkdir(parents=True)
    write_records(records, OBJECTS)
    write_clevr(folder / "pictures" / "clevr_with_masks", OBJECTS)
    return [folder / "pictures", folder / "records"]


@pytest.mark.usefixtures("early")
def test_both_sources_agree_and_crowded_scenes_are_dropped(tmp_path):
    for split, indices in {"test": [0, 2], "val": [4], "train": [5, 6]}.items():
        pictures_root, records_root = sources(tmp_path / split)
        pictures = read("clevr", split, pictures_root)
        records = read("clevr", split, records_root, len(indices))  # all of them by one process
        assert pictures.images.shape == (len(indices), 3, 128, 128)
        assert pictures.images[:, 0, 0, 0].tolist() == indices
        torch.testing.assert_close(records.images, pictures.images)
        torch.testing.assert_close(records.instances, pictures.instances)
        assert [m.max().item() for m in pictures.instances] == [OBJECTS[i] for i in indices]


@pytest.mark.usefixtures("early")
def test_labels_lie_where_the_crop_puts_them(tmp_path):
    data = read("clevr", "test", write_clevr(tmp_path, [3]), 1)
    # Rows 100:112 of the image are 71:83 of the crop, and 47.3 to 55.3 after 192 -> 128.
    rows, columns = np.nonzero((data.instances[0] == 2).numpy())
    assert (rows.min(), rows.max()) == (47, 54)
    assert (columns.min(), columns.max()) == (16, 23)


def test_splits_are_the_published_ones():
    expected = {"test": (64, 384), "val": (384, 10_384), "train": (10_384, None)}
    assert clevr.Clevr().splits == expected


def test_membership_goes_by_the_largest_index_that_is_visible():
    image, masks = np.zeros((240, 320, 3), np.uint8), clevr_masks(6)
    layout = clevr.Clevr()
    masks[9, :20] = 255  # outside of the crop
    assert layout.cut(image, masks, 128) is not None
    masks[2:7] = 0
    masks[7, 150:152, 150:152] = 255  # two objects, but the larger index is 7
    for size in (128, 16):  # decided at the published size, whatever is asked for
        assert layout.cut(image, masks, size) is None


def test_the_real_scenes_have_too_many_objects(shared, tmp_path):
    folder = shared / "data/clevr_with_masks"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    with pytest.raises(ValueError, match="clevr test has 0 scenes: too few; name another folder"):
        read("clevr", "test", folder, cache=tmp_path)
    paths = {k: str(folder / f"CLEVR_mask_1_{k}.png") for k in range(11)}
    paths[-1] = str(folder / "CLEVR_image_1.png")
    every = clevr.Clevr()
    every.max_objects = None
    planes = every.decode_pictures(128, (folder, paths))
    assert planes is not None
    assert planes.shape == (4, 128, 128)
    assert set(np.unique(planes[3])) == set(range(9))
    where = np.floor((np.arange(128) + 0.5) * 1.5).astype(int)
    for label in range(9):
        mask = np.asarray(Image.open(paths[label]))[29:221, 64:256][np.ix_(where, where)]
        np.testing.assert_array_equal(planes[3] == label, mask == 255)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mask_0_4", None, "image_0.png has 10 masks, 11 are needed"),
        ("mask_0_4", b"", "mask_0_4.png is damaged"),
        ("mask_0_4", Image.new("RGB", (320, 240), "red"), "mask_0_4.png has pixels of mode RGB"),
        ("mask_0_4", Image.new("L", (320, 240), 3), "mask_0_4.png has other values than 0 and 255"),
        ("mask_0_4", Image.new("L", (32, 24)), r"mask_0_4.png has \(32, 24\) pixels, the image"),
        ("image_0", None, "image_0.png is missing"),
    ],
)
@pytest.mark.usefixtures("early")
def test_damage_is_named(name, content, message, tmp_path):
    folder = write_clevr(tmp_path / "clevr", [3, 3])
    replace(folder / f"CLEVR_{name}.png", content)
    with pytest.raises(ValueError, match=message):
        read("clevr", "test", tmp_path)
    assert len(read("clevr", "test", tmp_path, bad="skip")) == 1


def test_no_original_says_how_to_get_it(tmp_path):
    for root in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FileNotFoundError, match=r"with --data\.root, .*--dataset clevr --to"):
            read("clevr", "test", root, 1)


@pytest.mark.usefixtures("early")
def test_masks_of_one_bit_are_read(tmp_path):
    folder = write_clevr(tmp_path / "clevr", [3, 3])
    plain = read("clevr", "test", tmp_path)
    for path in folder.glob("CLEVR_mask_*.png"):
        Image.open(path).convert("1").save(path)
    torch.testing.assert_close(read("clevr", "test", tmp_path).instances, plain.instances)


@pytest.mark.usefixtures("early")
def test_gaps_are_refused_unless_accepted(tmp_path):
    folder = write_clevr(tmp_path, [3, 3, 3])
    for path in [folder / "CLEVR_image_1.png", *folder.glob("CLEVR_mask_1_*.png")]:
        path.unlink()
    with pytest.raises(ValueError, match=" has gaps .* 1 scenes are missing, 1; .*partial"):
        read("clevr", "test", tmp_path)
    assert read("clevr", "test", tmp_path, partial=True).images[:, 0, 0, 0].tolist() == [0, 2]


@pytest.mark.usefixtures("early")
def test_a_folder_says_what_it_leaves_out(tmp_path, capsys):
    write_clevr(tmp_path, [7, 3, 8])
    with pytest.raises(ValueError, match="clevr val has 0 scenes: too few; name another folder"):
        read("clevr", "val", tmp_path)
    said = capsys.readouterr().err
    assert "from scene 2 on; scenes with more than 6 objects are left out" in said
    assert "clevr val: 2 scenes with more than 6 objects left out" in said
