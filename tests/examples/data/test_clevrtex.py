"""CLEVRTex: layout, splits, crop and resize, damage, and the cache's knowledge of its source."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from examples.object_discovery.data import SETS, VOID, DataOptions, SegmentedImages, clevrtex
from tests.examples.data import scenes
from tests.examples.data.scenes import write_clevrtex


def read(root: Path, split: str, variant: str = "full", **fields) -> SegmentedImages:
    return scenes.read(f"clevrtex-{variant}", split, root, **{"cache": root / "cache", **fields})


def indices(data: SegmentedImages) -> list[int]:
    return [int(image[0, 0, 0]) + 251 * int(image[1, 0, 0]) for image in data.images]


def test_splits_go_by_index_over_the_folders(tmp_path):
    write_clevrtex(tmp_path, range(990, 1020), width=40)
    small: dict = {"image_size": 8, "partial": True}
    assert indices(read(tmp_path, "test", **small)) == [990, 991, 992]
    assert indices(read(tmp_path, "val", **small)) == [993, 994, 995]
    assert indices(read(tmp_path, "train", **small)) == [*range(996, 1020)]
    assert indices(read(tmp_path, "train", count=5, **small)) == [*range(996, 1001)]


@pytest.mark.parametrize("number", [1, 7, 10, 99, 600, 50_000])
def test_splits_part_the_scenes(number, monkeypatch):
    numbers = [(str(i), "") for i in range(number)]
    monkeypatch.setattr(clevrtex, "find_scenes", lambda *_, **__: (numbers, []))
    options = DataOptions(name="clevrtex-full")
    sources = [SETS["clevrtex-full"].source(options, split) for split in ("test", "val", "train")]
    parts = [[*source.scenes] for source in sources]
    assert sum(parts, []) == numbers
    assert [len(part) for part in parts] == [source.limit for source in sources]
    assert [len(part) for part in parts[:2]] == pytest.approx([number / 10] * 2, abs=1)
    if number == 50_000:
        assert parts[2][0][0] == "10000"
    said = [f"has {number} scenes, the published set 50000" in source.note for source in sources]
    assert said == [number != 50_000] * 3


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ([*range(6), *range(2000, 2006)], "1994 scenes are missing, 6, 7, 8, 9, 10, …"),
        ([0, 1, 3, 5], "2 scenes are missing, 2, 4;"),
        ([2, 3], "2 scenes are missing, 0, 1;"),
    ],
)
def test_gaps_in_the_numbering_are_refused(present, missing, tmp_path):
    write_clevrtex(tmp_path, present, width=40)
    for split in ("train", "test"):
        with pytest.raises(ValueError, match=f"gaps in its numbering: {missing}.* --data.partial"):
            read(tmp_path, split, image_size=8)
    assert indices(read(tmp_path, "all", image_size=8, partial=True)) == present


def test_a_doubled_scene_is_refused(tmp_path):
    folder = write_clevrtex(tmp_path, range(10), width=40)
    (folder / "1").mkdir()
    copy = folder / "1" / "CLEVRTEX_full_000003.png"
    copy.write_bytes((folder / "0" / copy.name).read_bytes())
    message = "scene 3 is there twice: .*/0/CLEVRTEX_full_000003.png and .*/1/CLEVRTEX_full_000003"
    with pytest.raises(ValueError, match=message):
        read(tmp_path, "train", partial=True, bad="skip")


def test_outd_is_one_test_split(tmp_path):
    write_clevrtex(tmp_path, range(10), variant="outd", width=40)
    assert indices(read(tmp_path, "test", "outd", image_size=8)) == [*range(10)]
    for split in ("train", "val"):
        message = f"unknown split '{split}' of clevrtex-outd; .*: test, all"
        with pytest.raises(ValueError, match=message):
            read(tmp_path, split, "outd")


def test_the_folder_may_be_named_or_lie_in_the_root(tmp_path):
    folder = write_clevrtex(tmp_path, range(10), variant="pbg", width=40)
    for root in (folder, tmp_path):
        assert len(read(root, "train", "pbg", image_size=8, cache=tmp_path)) == 8


def test_a_missing_folder_says_how_to_get_it(tmp_path):
    message = r"no clevrtex_camo with .*; .*download --dataset clevrtex-camo --to"
    for root in (tmp_path / "gone", tmp_path):
        with pytest.raises(FileNotFoundError, match=message):
            read(root, "train", "camo")


def test_the_crop_of_the_published_size(tmp_path):
    folder = write_clevrtex(tmp_path, range(10)) / "0"
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(240, 320, 4), dtype=np.uint8)
    labels = rng.integers(11, size=(240, 320), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "CLEVRTEX_full_000000.png")
    flat = Image.fromarray(labels)
    flat.putpalette(bytes(range(255, -1, -1)) * 3)
    flat.save(folder / "CLEVRTEX_full_000000_flat.png")
    data = read(tmp_path, "test")
    assert data.images.shape == (1, 3, 128, 128)

    inner = torch.from_numpy(pixels[24:216, 64:256, :3]).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(inner, (128, 128), mode="bilinear", antialias=True)
    assert (data.images.float() - expected).abs().max() <= 1  # pillow rounds after each axis
    where = np.floor((np.arange(128) + 0.5) * 1.5).astype(int)
    np.testing.assert_array_equal(data.instances[0], labels[24:216, 64:256][np.ix_(where, where)])
    assert read(tmp_path, "test", image_size=256).images.shape == (1, 3, 256, 256)


def test_renderings_whose_crop_has_the_size_are_not_resized(tmp_path):
    folder = tmp_path / "clevrtex_full" / "0"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(256, size=(160, 214, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "CLEVRTEX_full_000000.png")
    Image.fromarray(pixels[..., 0] % 11).save(folder / "CLEVRTEX_full_000000_flat.png")
    data = read(tmp_path, "train")
    np.testing.assert_array_equal(data.images[0].permute(1, 2, 0), pixels[16:144, 43:171])
    np.testing.assert_array_equal(data.instances[0], pixels[16:144, 43:171, 0] % 11)


@pytest.mark.parametrize(("variant", "count"), [("full", 12), ("outd", 6), ("camo", 6)])
def test_rendered_scenes_are_read(variant, count, tmp_path):
    root = Path(__file__).parents[2] / "data" / "clevrtex"
    data = read(root, "all", variant, cache=tmp_path)
    assert data.images.shape == (count, 3, 128, 128)
    for image, labels in zip(data.images, data.instances, strict=True):
        assert labels[labels > 0].unique().numel() >= 3 and labels.max() <= 10
        assert image.float().std() > 10


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("000005.png", b"", r"000005\.png is damaged or not a picture"),
        ("000005_flat.png", None, r"000005_flat\.png is missing"),
        ("000005.png", None, r"000005\.png is missing"),
        ("000005_flat.png", Image.new("RGB", (320, 240), "red"), "flat.png has pixels of mode RGB"),
        ("000005_flat.png", Image.new("P", (100, 100)), r"flat\.png has \(100, 100\) pixels, the"),
    ],
)
def test_a_damaged_scene_is_an_error_or_left_out(name, content, message, tmp_path, capsys):
    folder = write_clevrtex(tmp_path, range(10)) / "0"
    scenes.replace(folder / f"CLEVRTEX_full_{name}", content)
    with pytest.raises(ValueError, match=rf"{message}.*; .*leave damaged .* --data.bad skip"):
        read(tmp_path, "train")
    assert list((tmp_path / "cache").iterdir()) == []
    for _ in range(2):
        assert indices(read(tmp_path, "train", bad="skip")) == [2, 3, 4, 6, 7, 8, 9]
    said = capsys.readouterr().err
    assert said.count("1 damaged scenes left out") == 1
    assert "CLEVRTEX_full_000005" in said
    assert len(read(tmp_path, "val")) == 1  # the other splits do not need it
    with pytest.raises(ValueError, match=message):  # what was built with a gap is not the whole
        read(tmp_path, "train")


def test_a_cache_of_other_files_is_not_used(tmp_path):
    folder = write_clevrtex(tmp_path, range(10), width=40) / "0"
    one = folder / "CLEVRTEX_full_000005.png"

    def built() -> int:
        read(tmp_path, "train", image_size=8)
        return len(list((tmp_path / "cache").iterdir()))

    assert built() == built() == 1
    (folder / "CLEVRTEX_full_000005.json").write_text("changed")
    assert built() == 1
    os.utime(one, ns=(1, 1))
    assert built() == 2
    content = one.read_bytes()
    one.write_bytes(content + b"more")
    os.utime(one, ns=(1, 1))
    assert built() == 3
    write_clevrtex(tmp_path, [10], width=40)
    assert built() == 4
    moved = tmp_path / "elsewhere"
    folder.parent.rename(moved)
    read(moved, "train", image_size=8, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 5


def test_void_is_kept_in_a_palette(tmp_path):
    folder = write_clevrtex(tmp_path, range(10), width=40) / "0"
    flat = Image.open(folder / "CLEVRTEX_full_000000_flat.png")
    labels = np.array(flat)
    labels[:, :20] = VOID
    changed = Image.fromarray(labels)
    changed.putpalette(flat.getpalette() or [])
    changed.save(folder / "CLEVRTEX_full_000000_flat.png")
    found = read(tmp_path, "test", image_size=24).instances[0]
    assert (found[:, :12] == VOID).all() and not (found[:, 12:] == VOID).any()


def test_hidden_files_are_ignored(tmp_path):
    folder = write_clevrtex(tmp_path, range(10), width=40)
    for path in [*folder.rglob("*.png")]:
        path.with_name(f"._{path.name}").write_bytes(b"Mac OS X")
    assert len(read(tmp_path, "train", image_size=8)) == 8


def test_a_gap_of_a_billion_takes_no_memory(tmp_path):
    folder = write_clevrtex(tmp_path, range(3), width=40) / "0"
    for name in ("", "_flat"):
        old = folder / f"CLEVRTEX_full_000002{name}.png"
        old.rename(folder / f"CLEVRTEX_full_2000000000{name}.png")
    with pytest.raises(ValueError, match="1999999998 scenes are missing, 2, 3, 4, 5, 6, …"):
        read(tmp_path, "test")
