"""VOC 2012: two label maps, void, resize and crop, layouts."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples.object_discovery.data import VOID
from examples.object_discovery.data.voc import FOLDERS
from tests.examples.data.scenes import read


def write(folder: Path, names: list[str], size: tuple[int, int] = (40, 30)) -> Path:
    rng = np.random.default_rng(0)
    for inner, suffix in FOLDERS.items():
        (folder / inner).mkdir(parents=True)
        for name in names:
            pixels = rng.integers(21, size=size[::-1], dtype=np.uint8)
            picture = Image.fromarray(pixels)
            if suffix == ".png":
                picture.putpalette(bytes(range(255, -1, -1)) * 3)
            picture.save(folder / inner / f"{name}{suffix}")
    return folder


@pytest.mark.parametrize("list_in", ["ImageSets/Segmentation", "."])
@pytest.mark.parametrize("inner", ["VOCdevkit/VOC2012", "VOC2012", "voc", "."])
def test_the_listed_pictures_are_read_in_order(inner, list_in, tmp_path):
    folder = write(tmp_path / inner, ["b", "a", "c"])
    listed = folder / list_in / "val.txt"
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_bytes(b"\xef\xbb\xbfc\r\nb\r\n")  # as on Windows
    data = read("voc", "test", tmp_path, image_size=30)
    assert len(data) == len(read("voc", "val", tmp_path, image_size=30)) == 2
    assert data.classes is not None
    maps = {"SegmentationObject": data.instances, "SegmentationClass": data.classes}
    for name, labels in maps.items():
        for index, stem in enumerate("cb"):
            stored = np.asarray(Image.open(folder / name / f"{stem}.png"))
            np.testing.assert_array_equal(labels[index], stored[:, 5:35])
    listed.write_text("a\n")
    assert len(read("voc", "test", tmp_path, image_size=30)) == 1


def test_the_shorter_side_is_resized_by_nearest_neighbour(shared, tmp_path):
    folder = shared / "data/voc"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    data = read("voc", "test", shared / "data", cache=tmp_path)
    assert data.classes is not None
    assert data.images.shape == (3, 3, 256, 256)
    names = ("2011_000003", "2011_000006", "2011_000025")
    for i, name in enumerate(names):
        picture = Image.open(folder / "JPEGImages" / f"{name}.jpg")
        width, height = picture.size
        assert width > height
        wide = 256 * width // height
        rows, columns = np.arange(256), np.arange(256) + round((wide - 256) / 2)
        # Where a new pixel's centre lies between two old ones, either is the nearest.
        between = ((2 * rows + 1) * height % 512, (2 * columns + 1) * width % (2 * wide))
        clear = np.ix_(*(position != 0 for position in between))
        assert clear[0].size > 200 < clear[1].size
        where = np.ix_((2 * rows + 1) * height // 512, (2 * columns + 1) * width // (2 * wide))
        pixels, found = np.asarray(picture)[where], data.images[i].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(found[clear], pixels[clear])
        classes = np.asarray(Image.open(folder / "SegmentationClass" / f"{name}.png"))[where]
        np.testing.assert_array_equal(data.classes[i].numpy()[clear], classes[clear])
        objects = np.asarray(Image.open(folder / "SegmentationObject" / f"{name}.png"))[where]
        # The samples' instances have lost the void borders that the classes have.
        objects = np.where(classes == VOID, VOID, objects)
        np.testing.assert_array_equal(data.instances[i].numpy()[clear], objects[clear])
    assert (data.classes == VOID).any()


def test_damage_is_named(tmp_path):
    folder = write(tmp_path, ["a", "b"])
    (folder / "SegmentationClass" / "b.png").unlink()
    with pytest.raises(ValueError, match=r"SegmentationClass/b\.png is missing"):
        read("voc", "test", tmp_path)
    assert len(read("voc", "test", tmp_path, bad="skip")) == 1
    Image.new("L", (30, 40)).save(folder / "SegmentationClass" / "b.png")
    with pytest.raises(ValueError, match=r"b\.png has \(30, 40\) pixels, the image \(40, 30\)"):
        read("voc", "test", tmp_path)
    shutil.rmtree(folder / "SegmentationObject")
    with pytest.raises(FileNotFoundError, match="download --dataset voc --to"):
        read("voc", "test", tmp_path)
