"""CLEVR with masks: the TFRecord file and the PNG export give the same arrays."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from examples.object_discovery.data import clevr, load, object_records
from tests.examples.data.scenes import clevr_masks, write_clevr
from tests.examples.data.test_tfrecord import encode_example, frame

OBJECTS = [3, 7, 6, 10, 1]


def write_records(path: Path, objects: list[int]) -> Path:
    records = []
    for index, count in enumerate(objects):
        visible = [1.0] * (count + 1) + [0.0] * (10 - count)
        image, masks = np.full((240, 320, 3), index, np.uint8), clevr_masks(count)
        features = {"image": [image.tobytes()], "mask": [masks.tobytes()], "visibility": visible}
        records.append(encode_example(features))
    path.write_bytes(frame(*records))
    return path


@pytest.fixture(autouse=True)
def quick_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bitwise loop of the test's own writer takes a second per megabyte."""
    import tests.examples.data.test_tfrecord as writer
    from examples.object_discovery.data.crc32c import masked_crc32c

    monkeypatch.setattr(writer, "masked", lambda data: masked_crc32c(data).to_bytes(4, "little"))


def read(source: Path, split: str, count: int | None = None, **options: object):
    options = {"root": source.parent / "cache", "seed": 0, "source": source, **options}
    return load("clevr", split, count=count, **options)


def test_both_sources_agree_and_crowded_scenes_are_dropped(tmp_path: Path) -> None:
    pictures = read(write_clevr(tmp_path / "pictures", OBJECTS), "test")
    records = read(write_records(tmp_path / "clevr_with_masks_train.tfrecords", OBJECTS), "test")
    assert pictures.images.shape == (3, 3, 128, 128)
    assert pictures.images[:, 0, 0, 0].tolist() == [0, 2, 4]
    torch.testing.assert_close(records.images, pictures.images)
    torch.testing.assert_close(records.masks, pictures.masks)
    assert [mask.max().item() for mask in pictures.masks] == [3, 6, 1]


def test_labels_lie_where_the_crop_puts_them(tmp_path: Path) -> None:
    data = read(write_clevr(tmp_path / "pictures", [3]), "test", 1)
    # Rows 100:112 of the image are 71:83 of the crop, and 47.3 to 55.3 after 192 -> 128.
    rows, columns = np.nonzero((data.masks[0] == 2).numpy())
    assert (rows.min(), rows.max()) == (47, 54)
    assert (columns.min(), columns.max()) == (16, 23)


def test_test_scenes_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (clevr, object_records):
        monkeypatch.setattr(module, "TEST_SCENES", 2)
    for source in (
        write_clevr(tmp_path / "pictures", OBJECTS),
        write_records(tmp_path / "clevr_with_masks_train.tfrecords", OBJECTS),
    ):
        assert read(source, "test").images[:, 0, 0, 0].tolist() == [0, 2]
        assert read(source, "train").images[:, 0, 0, 0].tolist() == [4]
        with pytest.raises(ValueError, match="holds 1 scenes for the train split of clevr, 2 were"):
            read(source, "train", 2)


def test_the_real_scenes_have_too_many_objects(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/clevr_with_masks"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    with pytest.raises(ValueError, match="holds 0 scenes for the test split of clevr"):
        load("clevr", "test", root=tmp_path, count=None, seed=0, source=folder)
    paths = [str(folder / f"CLEVR_mask_1_{k}.png") for k in range(11)]
    layout = object_records.Layout(**{**vars(clevr.LAYOUT), "max_objects": 10})
    planes = clevr.decode_pictures(layout, (str(folder / "CLEVR_image_1.png"), *paths))
    assert planes is not None
    assert planes.shape == (4, 128, 128)
    assert set(np.unique(planes[3])) == set(range(9))
    where = np.floor((np.arange(128) + 0.5) * 1.5).astype(int)
    for label, path in enumerate(paths[:9]):
        mask = np.asarray(Image.open(path))[29:221, 64:256][np.ix_(where, where)]
        np.testing.assert_array_equal(planes[3] == label, mask == 255)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "CLEVR_mask_0_4.png").unlink(), "image_0.png has 10 masks, 11 are needed"),
        (lambda f: (f / "CLEVR_mask_0_4.png").write_bytes(b""), "mask_0_4.png is damaged"),
        (
            lambda f: (f / "CLEVR_mask_0_4.png").write_bytes(
                (f / "CLEVR_image_0.png").read_bytes()
            ),
            "mask_0_4.png has pixels of mode RGB, not L",
        ),
    ],
)
def test_damage_is_named(change, message: str, tmp_path: Path) -> None:
    folder = write_clevr(tmp_path / "pictures", [3, 3])
    change(folder)
    with pytest.raises(ValueError, match=message):
        read(folder, "test")
    assert len(read(folder, "test", bad="skip")) == 1


def test_no_source_says_how_to_get_it(tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    with pytest.raises(FileNotFoundError, match=r"download --dataset clevr --to"):
        load("clevr", "test", root=tmp_path, count=1, seed=0)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read(tmp_path / "gone.tfrecords", "test")
    with pytest.raises(ValueError, match="unknown split 'val' of clevr; known are: train, test"):
        read(tmp_path, "val")


def test_records_need_their_visibility(tmp_path: Path) -> None:
    path = tmp_path / "clevr_with_masks_train.tfrecords"
    path.write_bytes(frame(encode_example({"x": [1]})))
    with pytest.raises(ValueError, match="record 0: the record needs a feature `visibility`"):
        read(path, "test")
