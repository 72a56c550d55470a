"""Options, the form of the sets, and what adding one takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from examples.object_discovery.data import SETS, DataOptions, SegmentedImages
from examples.object_discovery.data.sets import ImageSet, Source
from tests.examples.data.scenes import read


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "mnist"}, "--data.name must be one of tetrominoes, .*: got 'mnist'"),
        ({"num_images": 0}, "--data.num-images must be positive and finite: got 0"),
        ({"num_test_images": -1}, "--data.num-test-images must be positive and finite: got -1"),
        ({"image_size": 0}, "--data.image-size must be positive and finite: got 0"),
        ({"seed": -1}, r"--data.seed must lie in 0\.\..*: got -1"),
        ({"name": "voc", "seed": 3}, "--data.seed has no effect on voc; leave it out"),
        ({"name": "clevr", "seed": 3}, "--data.seed has no effect on clevr; leave it out"),
        ({"partial": True}, "--data.partial has no effect on tetrominoes; leave it out"),
        ({"bad": "ignore"}, "--data.bad must be 'error' or 'skip': got 'ignore'"),
    ],
)
def test_options_are_checked(fields, message):
    with pytest.raises(ValueError, match=message):
        DataOptions(**{"name": "tetrominoes", **fields})


@pytest.mark.parametrize("name", ["tetrominoes", "dsprites", "textures-full"])
@pytest.mark.parametrize("size", [16, 48, 256])
def test_drawn_sets_are_resized_by_nearest_neighbour(name, size, tmp_path, capsys):
    plain, data = (read(name, "test", tmp_path, 2, image_size=side) for side in (None, size))
    own = SETS[name].size
    where = torch.from_numpy(np.floor((np.arange(size) + 0.5) * own / size).astype(int))
    torch.testing.assert_close(data.images, plain.images[..., where[:, None], where])
    torch.testing.assert_close(data.instances, plain.instances[..., where[:, None], where])
    first, second = capsys.readouterr().err.splitlines()
    assert "resized to" not in first
    assert second.endswith(f"resized to {size}x{size} pixels, the set's own size is {own}")


def test_every_set_says_what_the_scores_need():
    variants = ("full", "outd", "camo", "pbg", "vbg", "grassbg")
    names = ["clevr", *(f"clevrtex-{name}" for name in variants)]
    expected = dict.fromkeys([*names, *(n for n in SETS if n.startswith("textures-"))], 11)
    expected |= {"tetrominoes": 4, "voc": 4, "dsprites": 7}
    assert {name: image_set.num_clusters for name, image_set in SETS.items()} == expected
    assert all("test" in image_set.splits for image_set in SETS.values())


def test_images_and_labels_must_belong_together():
    images, labels = torch.zeros(2, 3, 4, 5, dtype=torch.uint8), torch.zeros(2, 4, 5).byte()
    for wrong, message in (
        ([labels.mT], r"instances uint8 \(n, H, W\): got .* \(2, 3, 4, 5\) and .* \(2, 5,"),
        ([labels, labels[:1]], r"classes uint8 .* got .* \(2, 3, 4, 5\) and .* \(1, 4, 5\)"),
        ([torch.zeros(2, 4, 5)], "got torch.uint8 .* and torch.float32"),
    ):
        with pytest.raises(ValueError, match=message):
            SegmentedImages(images, *wrong)


def test_the_fingerprint_is_of_the_content():
    planes = np.random.default_rng(0).integers(5, size=(1030, 5, 4, 4), dtype=np.uint8)
    data = SegmentedImages.from_planes(planes)
    same = SegmentedImages(data.images.clone(), data.instances.clone(), data.classes)
    assert len(data.fingerprint()) == 64
    assert same.fingerprint() == data.fingerprint()
    prints = {data.fingerprint(), SegmentedImages(data.images, data.instances).fingerprint()}
    for plane in range(5):
        changed = planes.copy()
        changed[-1, plane, 3, 3] ^= 1
        prints.add(SegmentedImages.from_planes(changed).fingerprint())
    assert len(prints) == 7


class Stripes(ImageSet):
    num_clusters = 2
    size = 4
    splits: Mapping[str, tuple[Any, Any]] = {"test": (0, 3)}
    label_maps = 2

    def source(self, options: DataOptions, split: str) -> Source:
        return Source(scenes=range(3), decode=stripe, identity="stripes", limit=3)


def stripe(number: int) -> np.ndarray:
    return np.full((5, 4, 4), number, np.uint8)


def test_a_new_set_is_one_class_and_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(SETS, "stripes", Stripes())
    for count in (None, 2):
        data = read("stripes", "test", tmp_path, count)
        assert data.images[:, 2, 0, 0].tolist() == [0, 1, 2][:count]
        assert data.classes is not None
        assert data.classes[:, 0, 0].tolist() == [0, 1, 2][:count]
    names = [f"stripes-v2-test-{count}-4px-stripes.npy" for count in ("2", "all")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
