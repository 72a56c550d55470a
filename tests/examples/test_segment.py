"""Pictures of any kind and size become masks and overlays; broken ones do not stop the others."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import tyro
from PIL import Image

from examples.common.randomness import build_model
from examples.object_discovery.evaluate import EvaluateOptions
from examples.object_discovery.recipes import Scoring
from examples.object_discovery.segment import SegmentOptions, segment, segment_picture
from examples.object_discovery.segmenter import Segmenter
from tests.examples.runs import finish, start

SEGMENT = "examples.object_discovery.segment"
TRAINED = Path(__file__).parents[2] / "examples/object_discovery/trained/tetrominoes-attn"


def scene(height: int = 45, width: int = 61) -> np.ndarray:
    """A red and a blue rectangle on black, ``(H, W, 3)`` uint8."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[height // 9 : height // 2, width // 8 : width // 2] = 255, 0, 0
    pixels[height // 2 : height * 8 // 9, width * 5 // 8 : width * 7 // 8] = 0, 0, 255
    return pixels


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures of one scene, of every kind; three in colour and three in grey are equal pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    color = Image.fromarray(scene())
    grey = color.convert("L")
    color.save(folder / "rgb.png")
    color.convert("RGBA").save(folder / "rgba.png")
    color.quantize(8).save(folder / "palette.png", transparency=bytes(range(0, 256, 32)))
    color.save(folder / "film.gif", save_all=True, append_images=[Image.new("RGB", color.size)])
    (folder / "folder.png").mkdir()  # no picture
    grey.save(folder / "grey.png")
    grey.convert("LA").save(folder / "grey-alpha.png")
    deep = np.array(grey).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "sixteen.png")
    color.convert("1").save(folder / "one-bit.png")
    color.convert("CMYK").save(folder / "cmyk.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    color.save(folder / "turned.jpg", exif=exif)
    return folder


def masks(folder: Path) -> dict[str, np.ndarray]:
    paths = folder.glob("*-mask.png")
    return {path.name.removesuffix("-mask.png"): np.array(Image.open(path)) for path in paths}


def test_pictures_of_every_kind_become_masks_and_overlays(pictures, tmp_path, capsys):
    segment(SegmentOptions(model=str(TRAINED), pictures=(pictures,), num_clusters=3, out=tmp_path))
    found = masks(tmp_path)
    assert set(found) == {path.stem for path in pictures.iterdir() if path.is_file()}
    assert len(capsys.readouterr().out.splitlines()) == len(found)
    for name, mask in found.items():
        assert mask.shape == ((61, 45) if name == "turned" else (45, 61)), name
        assert mask.max() < 3 and len(np.unique(mask)) > 1, name
        with Image.open(tmp_path / f"{name}-overlay.png") as overlay:
            assert (overlay.mode, overlay.size) == ("RGB", mask.shape[::-1])
        with Image.open(tmp_path / f"{name}-mask.png") as picture:
            assert picture.mode == "P"
    for same in (("rgb", "rgba", "palette"), ("grey", "grey-alpha", "sixteen")):
        assert all(np.array_equal(found[same[0]], found[name]) for name in same)
    inside = found["rgb"][10:20, 10:25], found["rgb"][25:35, 42:50]
    values = [np.bincount(part.flatten()).argmax() for part in inside]
    assert values[0] != values[1]  # the rectangles are told apart


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (31, 33), (300, 500)])
@pytest.mark.parametrize("name", ["tetrominoes-attn-tiny", "clevrtex-vit-tiny"])
@pytest.mark.parametrize("max_side", [None, 20, 100])
def test_any_size_is_segmented_in_its_own_size(size, name, max_side):
    model = build_model(name, seed=0).eval()
    segmenter = Segmenter(model=model, scoring=Scoring(num_clusters=2))
    image = torch.from_numpy(scene(*size)).movedim(-1, 0)
    labels = segment_picture(segmenter, image, max_side=max_side)
    assert labels.shape == size and 0 <= labels.min() and labels.max() < 2


def test_padding_does_not_shift_the_labels():
    """Sites that see one colour each: the mask has the picture's borders, but for whole patches."""

    class Colors(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config = build_model("tetrominoes-attn", seed=0).config
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def features(self, images, *, noise):
            return torch.nn.functional.avg_pool2d(images, 4) + 0.1

    image = torch.zeros(3, 30, 90, dtype=torch.uint8)  # seen as 11 x 32, padded to 12 x 32
    image[0, :, :45], image[1, :, 45:] = 255, 255
    labels = segment_picture(Segmenter(model=Colors(), scoring=Scoring(num_clusters=2)), image)
    expected = image[1].bool().long()
    agreement = (labels == (expected if labels[0, 89] else 1 - expected)).double().mean()
    assert agreement == 1


def test_broken_pictures_are_named_and_the_others_go_on(pictures, tmp_path):
    broken, other = tmp_path / "broken.png", tmp_path / "other" / "RGB.png"
    broken.write_bytes((pictures / "rgb.png").read_bytes()[:60])
    other.parent.mkdir()
    Image.fromarray(scene(20, 10)).save(other)
    words = [TRAINED, broken, tmp_path / "missing.jpg", pictures / "rgb.png", other]
    options = f"--num-clusters 2 --uptile 2 --device cpu --out {tmp_path / 'out'}".split()
    output, errors = finish(start(SEGMENT, *words, *options), code=1)
    assert len(output.splitlines()) == 2 and str(other) in output
    assert all(errors.count(str(path)) == 1 for path in (broken, tmp_path / "missing.jpg"))
    assert "error: 2 of 4 pictures could not be segmented" in errors
    assert "Traceback" not in errors
    shapes = {name: mask.shape for name, mask in masks(tmp_path / "out").items()}
    assert shapes == {"rgb": (45, 61), "RGB-2": (20, 10)}


def test_a_picture_that_memory_cannot_hold_is_named(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("examples.common.device.free_memory", lambda device: 2**16)
    with pytest.raises(ValueError, match="1 of 1 pictures could not be segmented"):
        segment(SegmentOptions(model=str(TRAINED), pictures=(pictures / "rgb.png",), out=tmp_path))
    assert "rgb.png: 2,745 pixels need 0.0 GiB: got 0.0 GiB of free" in capsys.readouterr().err


def test_results_replace_no_picture(pictures, tmp_path):
    for name in ("a.png", "a-mask.png", "b-OVERLAY.PNG", "b.png"):
        shutil.copy(pictures / "rgb.png", tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    segment(SegmentOptions(model=str(TRAINED), pictures=tuple(before), out=tmp_path / "."))
    assert before == {path: path.read_bytes() for path in before}
    assert {"a-2", "a-mask", "b-OVERLAY", "b-2"} <= masks(tmp_path).keys()


def test_masks_do_not_depend_on_the_other_pictures(pictures, tmp_path):
    # As many clusters as here differ with the noise; the three objects do not.
    given = {"model": str(TRAINED), "num_clusters": 20, "clustering": "kmeans"}
    segment(SegmentOptions(**given, pictures=(pictures,), out=tmp_path / "all"))
    segment(SegmentOptions(**given, pictures=(pictures / "rgb.png",), out=tmp_path / "one"))
    one = masks(tmp_path / "one")["rgb"]
    assert np.array_equal(one, masks(tmp_path / "all")["rgb"])
    given |= {"pictures": (pictures / "rgb.png",), "noise_seed": 1}
    segment(SegmentOptions(**given, out=tmp_path / "other"))
    assert not np.array_equal(one, masks(tmp_path / "other")["rgb"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_clusters": 0}, "--num-clusters must be positive"),
        ({"num_clusters": 300}, "--num-clusters must be at most 256"),
        ({"pictures": ()}, "at least one picture"),
        ({"num_clusters": 65}, "1 of 1 pictures"),
        ({"noise_seed": -1}, "--noise-seed must lie in"),
        ({"out": Path(__file__)}, "cannot write into .*test_segment.py: File exists"),
        ({"pictures": (TRAINED,)}, "no pictures in the folder"),
        ({"out": TRAINED, "pictures": (TRAINED,)}, "--out must be another folder"),
    ],
)
def test_mistakes_are_named(pictures, tmp_path, options, message):
    given = {"model": str(TRAINED), "pictures": (pictures / "rgb.png",), "out": tmp_path}
    with pytest.raises((ValueError, OSError), match=message):
        segment(SegmentOptions(**{**given, **options}))


@pytest.mark.parametrize("options_type", [EvaluateOptions, SegmentOptions])
def test_usage_names_the_model(options_type, capsys):
    with pytest.raises(SystemExit):
        tyro.cli(options_type, args=["--help"])
    assert "[OPTIONS] MODEL" in capsys.readouterr().out
