"""Pictures and label maps of any kind."""

import numpy as np
import pytest
from PIL import Image

from examples.object_discovery.data.pictures import read_labels, read_rgb
from tests.examples.data.scenes import png

COLORS = np.random.default_rng(0).integers(256, size=(6, 8, 3), dtype=np.uint8)
GREY = COLORS[..., 0]


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_pictures_of_any_mode_become_rgb(mode, tmp_path):
    picture = Image.fromarray(COLORS).convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr", "PA") else "a.png")
    picture.save(path)
    found = read_rgb(path)
    assert (found.mode, found.size) == ("RGB", (8, 6))
    expected = picture.convert("RGBA").convert("RGB") if "P" in mode else picture.convert("RGB")
    np.testing.assert_array_equal(found, expected)


def test_transparency_is_dropped(tmp_path):
    Image.fromarray(np.dstack([COLORS, GREY])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), COLORS)
    palette = Image.fromarray(GREY % 4)
    palette.putpalette(bytes(range(12)))
    palette.save(tmp_path / "p.png", transparency=bytes([0, 128, 255, 255]))
    expected = 3 * (GREY % 4)[..., None] + np.arange(3)
    np.testing.assert_array_equal(read_rgb(tmp_path / "p.png"), expected)


def test_sixteen_bits_keep_their_upper_half(tmp_path):
    deep = GREY.astype(np.uint16) * 256 + 77
    for name in ("a.png", "a.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        np.testing.assert_array_equal(read_rgb(tmp_path / name), np.dstack([GREY] * 3))


def test_a_turned_photograph_is_turned_back(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    Image.fromarray(COLORS).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), np.rot90(COLORS, -1))


def test_pictures_without_a_known_white_are_refused(tmp_path):
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif .* mode F, whose value for white is not known"):
        read_rgb(tmp_path / "a.tif")


def test_a_picture_too_large_to_be_one_is_refused(tmp_path, monkeypatch):
    Image.fromarray(COLORS).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match=r"a\.png is damaged or not a picture: .*exceeds limit"):
        read_rgb(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["P", "L", "1", "16 bits", "RGB"])
def test_labels_are_read_where_their_meaning_is_clear(mode, tmp_path):
    labels = GREY % 2 if mode == "1" else GREY.copy()
    labels[0, 0] = 1 if mode == "1" else 255
    arrays = {
        "1": labels > 0,
        "16 bits": labels.astype(np.uint16),
        "RGB": np.dstack([labels] * 3),
    }
    picture = Image.fromarray(arrays.get(mode, labels))
    if mode == "P":
        picture.putpalette(bytes(range(255, -1, -1)) * 3)
    picture.save(tmp_path / "a.png")
    found = read_labels(tmp_path / "a.png", size=(8, 6))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, labels)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (Image.fromarray(COLORS), "pixels of mode RGB, not labels; save it as a palette"),
        (Image.fromarray(COLORS).convert("RGBA"), "pixels of mode RGBA, not labels"),
        (Image.fromarray(COLORS).convert("LA"), "pixels of mode LA, not labels"),
        (Image.fromarray(GREY.astype(np.uint16) + 200), "labels up to .*must lie in 0..255"),
    ],
)
def test_other_labels_are_refused(picture, message, tmp_path):
    picture.save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=rf"a\.png has {message}"):
        read_labels(tmp_path / "a.png", size=(8, 6))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_grey_levels_of_any_depth_are_labels(bits, interlaced, tmp_path):
    labels = GREY.astype(int) % 2 ** min(bits, 8)
    (tmp_path / "a.png").write_bytes(png(labels, bits, interlaced=interlaced))
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png", size=(8, 6)), labels)


def test_sixteen_bits_a_channel_are_a_picture_but_no_labels(tmp_path):
    (tmp_path / "a.png").write_bytes(png(256 * np.dstack([np.uint16(GREY)] * 3) + 7, 16))
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), np.dstack([GREY] * 3))
    with pytest.raises(ValueError, match=r"a\.png has pixels of mode RGB of 16 bits, not labels"):
        read_labels(tmp_path / "a.png", size=(8, 6))


def test_a_photograph_for_printing_is_read(tmp_path):
    flat = Image.new("RGB", (16, 16), (200, 30, 90))
    flat.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_allclose(read_rgb(tmp_path / "a.jpg"), np.asarray(flat), atol=6)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "without pixels"])
def test_damaged_files_are_refused(damage, tmp_path):
    good = png(GREY, 8)
    contents = {
        "empty": b"",
        "text": b"no picture",
        "cut": good[: len(good) // 2],
        "flipped": good[:50] + bytes([good[50] ^ 255]) + good[51:],
        "without pixels": good[:33] + good[-12:],  # header and end
    }
    (tmp_path / "a.png").write_bytes(contents[damage])
    for read in (read_rgb, lambda path: read_labels(path, size=(8, 6))):
        with pytest.raises(ValueError, match=r"a\.png is damaged or not a picture"):
            read(tmp_path / "a.png")
