"""Random resized crops against slicing and F.interpolate, and the laws of the boxes."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from examples.object_discovery.augment import draw_crops, resized_crop


def draw(batch: int, size: tuple[int, int]) -> Tensor:
    return draw_crops(
        batch,
        image_size=size,
        area=(0.08, 1.0),
        ratio=(3 / 4, 4 / 3),
        generator=torch.Generator().manual_seed(0),
    )


@pytest.mark.parametrize("size", [(16, 16), (12, 21)])
def test_crop_agrees_with_slicing_and_interpolate(size):
    images = torch.rand(30, 3, *size)
    crops, flips = draw(30, size), torch.arange(30) % 2 > 0
    views = resized_crop(images, crops, flips)
    for image, view, box, flip in zip(images, views, crops, flips, strict=True):
        top, left, height, width = box.tolist()
        cut = image[None, :, top : top + height, left : left + width]
        expected = F.interpolate(cut, size=size, mode="bilinear", align_corners=False)[0]
        expected = expected.flip(2) if flip else expected
        torch.testing.assert_close(view, expected, rtol=0, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    size=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    area=st.floats(0.02, 1),
    ratio=st.floats(0.2, 5),
)
def test_boxes_lie_inside(seed, size, area, ratio):
    crops = draw_crops(
        20,
        image_size=size,
        area=(area, 1.0),
        ratio=(ratio, 1.5 * ratio),
        generator=torch.Generator().manual_seed(seed),
    )
    assert (crops[:, :2] >= 0).all()
    assert (crops[:, 2:] >= 1).all()
    assert (crops[:, :2] + crops[:, 2:] <= torch.tensor(size)).all()


def test_boxes_follow_the_settings():
    crops = draw(4000, (200, 200)).double()
    top, left, height, width = crops.unbind(1)
    area, ratio = height * width / 200**2, width / height
    assert 0.075 < area.min() < 0.09
    assert area.max() > 0.97
    assert 0.73 < ratio.min() < 0.76
    assert 1.31 < ratio.max() < 1.36
    # Symmetric in the logarithm, and no side is preferred.
    assert abs(ratio.log().mean()) < 0.02
    for start, length in ((top, height), (left, width)):
        room = 200 - length
        assert (start[room > 0] / room[room > 0]).mean() == pytest.approx(0.5, abs=0.03)


def test_every_place_of_a_box_is_as_likely():
    top, _, height, _ = draw(4000, (8, 8)).unbind(1)
    for room in (1, 2, 3):
        counts = top[height == 8 - room].bincount(minlength=room + 1)
        assert len(counts) == room + 1
        assert counts.double().std() < 0.15 * counts.double().mean()


@pytest.mark.parametrize(
    ("size", "ratio", "box"),
    [
        ((20, 20), (2.0, 2.0), [5, 0, 10, 20]),
        ((20, 20), (0.5, 0.5), [0, 5, 20, 10]),
        ((10, 40), (1.0, 1.0), [0, 15, 10, 10]),
        ((10, 40), (3.9, 4.1), [0, 0, 10, 40]),
    ],
)
def test_box_that_never_fits_is_central(size, ratio, box):
    generator = torch.Generator().manual_seed(0)
    # Slightly more than the whole image: no candidate can fit.
    crops = draw_crops(3, image_size=size, area=(1.2, 1.2), ratio=ratio, generator=generator)
    assert crops.tolist() == 3 * [box]
