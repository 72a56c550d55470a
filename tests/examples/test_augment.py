"""SimCLR views: each part against kornia or plain code, and the laws of drawing and slicing."""

import dataclasses
import itertools
import json
import math
from typing import Any

import kornia.enhance
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from examples.object_discovery.augment import (
    ADJUSTMENTS,
    Augmentation,
    ViewParameters,
    apply_jitter,
    apply_views,
    draw_crops,
    draw_views,
    resized_crop,
)

NO_COLOR: dict[str, Any] = {"jitter_probability": 0.0, "grayscale_probability": 0.0}
WHOLE: dict[str, Any] = {"crop_area": (1.0, 1.0), "crop_ratio": (1.0, 1.0)}
KORNIA = (
    kornia.enhance.adjust_brightness_accumulative,
    kornia.enhance.adjust_contrast_with_mean_subtraction,
    kornia.enhance.adjust_saturation_with_gray_subtraction,
    lambda images, turns: kornia.enhance.adjust_hue(images, 2 * math.pi * turns),
)


def pictures(batch: int, height: int = 16, width: int = 16, seed: int = 0) -> Tensor:
    """Noise, with black, white, gray and pure-colour pixels among it."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(batch, 3, height, width, generator=generator)
    images[:, :, :4] = images[:, :, :4].round()
    images[:, :, 4] = images[:, :1, 4]
    return images


def draw(batch: int, size: tuple[int, int] = (16, 16), seed: int = 0, **changes) -> ViewParameters:
    generator, augmentation = torch.Generator().manual_seed(seed), Augmentation(**changes)
    return draw_views(batch, image_size=size, generator=generator, augmentation=augmentation)


def test_identity_parameters_give_the_image_back():
    images = pictures(6)
    torch.testing.assert_close(apply_views(images, draw(6, **NO_COLOR, **WHOLE)), images)
    neutral = draw(6, jitter=(0, 0, 0, 0), jitter_probability=1, grayscale_probability=0, **WHOLE)
    torch.testing.assert_close(apply_views(images, neutral), images)
    before = images.clone()
    apply_views(images, draw(6))
    assert torch.equal(images, before)


@settings(max_examples=20, deadline=None)
@given(batch=st.integers(0, 9), seed=st.integers(0, 2**31), data=st.data())
def test_slices_equal_the_whole(batch, seed, data):
    low = data.draw(st.integers(0, batch))
    high = data.draw(st.integers(low, batch))
    images, params = pictures(batch), draw(batch, seed=seed)
    part, whole = apply_views(images[low:high], params[low:high]), apply_views(images, params)
    assert len(part) == high - low
    torch.testing.assert_close(part, whole[low:high], rtol=0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    strength=st.floats(0, 3),
    hue=st.floats(0, 0.5),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_views_stay_within_zero_and_one(seed, strength, hue, size):
    images = torch.rand(5, 3, *size).round()
    images[0] = 1.0
    params = draw(5, size, seed, jitter=(strength, strength, strength, hue), flip_probability=0.5)
    views = apply_views(images, params)
    assert views.shape == images.shape
    assert 0 <= views.min() and views.max() <= 1


def test_same_generator_state_gives_the_same_bits():
    images = pictures(16)
    assert torch.equal(apply_views(images, draw(16)), apply_views(images, draw(16)))
    assert not torch.equal(apply_views(images, draw(16)), apply_views(images, draw(16, seed=1)))
    generator = torch.Generator().manual_seed(0)
    first, second = (draw_views(16, image_size=(16, 16), generator=generator) for _ in range(2))
    assert not torch.equal(first.factors, second.factors)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adjustments_agree_with_kornia(index, dtype):
    images = pictures(12).to(dtype)
    factors = torch.linspace(-0.5, 0.5, 12) if index == 3 else torch.linspace(0, 3, 12)
    factors = factors.to(dtype)
    ours = ADJUSTMENTS[index](images, factors.view(-1, 1, 1, 1))
    torch.testing.assert_close(ours, KORNIA[index](images, factors), rtol=0, atol=1e-5)


def test_jitter_runs_in_the_order_of_each_image():
    orders = torch.tensor(list(itertools.permutations(range(4))))
    images = pictures(len(orders))
    params = draw(len(orders))
    applied = torch.arange(len(orders)) % 5 > 0
    jittered = apply_jitter(images, params.factors, orders, applied)
    for row, (image, order) in enumerate(zip(images, orders.tolist(), strict=True)):
        expected = image[None]
        for index in order if applied[row] else ():
            expected = KORNIA[index](expected, params.factors[row, index : index + 1])
        torch.testing.assert_close(jittered[row], expected[0], rtol=0, atol=2e-5)


def test_gray_and_flip():
    images = pictures(4)
    settings = {**NO_COLOR, **WHOLE}
    gray = apply_views(images, draw(4, **{**settings, "grayscale_probability": 1.0}))
    expected = 0.299 * images[:, 0] + 0.587 * images[:, 1] + 0.114 * images[:, 2]
    torch.testing.assert_close(gray, expected[:, None].expand(-1, 3, -1, -1))
    flipped = apply_views(images, draw(4, **settings, flip_probability=1.0))
    torch.testing.assert_close(flipped, images.flip(3))


def test_draws_follow_the_settings():
    params = draw(4000, flip_probability=0.3, jitter=(0.4, 2.0, 0.4, 0.1))
    assert params.jittered.float().mean() == pytest.approx(0.8, abs=0.04)
    assert params.gray.float().mean() == pytest.approx(0.2, abs=0.04)
    assert params.flip.float().mean() == pytest.approx(0.3, abs=0.04)
    bounds = [(0.6, 1.4), (0.0, 3.0), (0.6, 1.4), (-0.1, 0.1)]
    for factors, (low, high) in zip(params.factors.unbind(1), bounds, strict=True):
        margin = 0.01 * (high - low)
        assert low - 1e-6 <= factors.min() < low + margin
        assert high - margin < factors.max() <= high + 1e-6
    orders, counts = params.order.unique(dim=0, return_counts=True)
    assert sorted(map(tuple, orders.tolist())) == list(itertools.permutations(range(4)))
    assert counts.min() > 100


def test_settings_survive_json():
    before = Augmentation(crop_area=(0.3, 0.9), flip_probability=0.5)
    assert Augmentation(**json.loads(json.dumps(dataclasses.asdict(before)))) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_area": (0.0, 1.0)}, "--training.augmentation.crop-area needs 0 < smallest"),
        ({"crop_area": (0.5, 1.1)}, "--training.augmentation.crop-area needs"),
        ({"crop_area": (0.5,)}, r"crop-area needs 2 numbers of at least 0: got \(0.5,\)"),
        ({"crop_ratio": (2.0, 1.0)}, "crop-ratio needs 0 < smallest <= largest"),
        ({"crop_ratio": (0.5, math.inf)}, "crop-ratio needs 2 numbers"),
        ({"jitter": (0.4, 0.4, 0.1)}, "augmentation.jitter needs 4 numbers"),
        ({"jitter": (0.4, 0.4, -0.4, 0.1)}, "jitter needs 4 numbers of at least 0"),
        ({"jitter": (0.4, 0.4, 0.4, 0.6)}, "at most 0.5 of a turn: got .*0.6"),
        ({"jitter": (0.4, 0.4, 0.4, math.nan)}, "augmentation.jitter needs 4 numbers"),
        ({"jitter_probability": 1.1}, "jitter-probability must be within 0 and 1: got 1.1"),
        ({"flip_probability": math.nan}, "flip-probability must be within 0 and 1"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**changes)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), r"uint8 images need \.float\(\) / 255"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.float16), "must be float32 or float64"),
        (torch.zeros(3, 4, 4), r"got torch\.float32 of shape \(3, 4, 4\)"),
        (torch.zeros(2, 1, 4, 4), r"\(B, 3, H, W\): got"),
        (torch.zeros(3, 3, 4, 4), "one view per image: got 3 images and 2 views"),
    ],
)
def test_images_of_another_form_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        apply_views(images, draw(2, (4, 4)))


def draw_boxes(batch, size, seed=0, *, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3)) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return draw_crops(batch, image_size=size, area=area, ratio=ratio, generator=generator)


@pytest.mark.parametrize("size", [(16, 16), (12, 21)])
def test_crop_agrees_with_slicing_and_interpolate(size):
    images = torch.rand(30, 3, *size)
    crops, flips = draw_boxes(30, size), torch.arange(30) % 2 > 0
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
    crops = draw_boxes(20, size, seed, area=(area, 1.0), ratio=(ratio, 1.5 * ratio))
    assert (crops[:, :2] >= 0).all() and (crops[:, 2:] >= 1).all()
    assert (crops[:, :2] + crops[:, 2:] <= torch.tensor(size)).all()


def test_boxes_follow_the_settings():
    crops = draw_boxes(4000, (200, 200)).double()
    top, left, height, width = crops.unbind(1)
    area, ratio = height * width / 200**2, width / height
    assert 0.075 < area.min() < 0.09 and area.max() > 0.97
    assert 0.73 < ratio.min() < 0.76 and 1.31 < ratio.max() < 1.36
    # Symmetric in the logarithm, and no side is preferred.
    assert abs(ratio.log().mean()) < 0.02
    for start, length in ((top, height), (left, width)):
        room = 200 - length
        assert (start[room > 0] / room[room > 0]).mean() == pytest.approx(0.5, abs=0.03)


def test_every_place_of_a_box_is_as_likely():
    top, _, height, _ = draw_boxes(4000, (8, 8)).unbind(1)
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
    # Slightly more than the whole image: no candidate can fit.
    assert draw_boxes(3, size, area=(1.2, 1.2), ratio=ratio).tolist() == 3 * [box]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    images, params = pictures(32), draw(32, flip_probability=0.5)
    views = apply_views(images.cuda(), params)
    torch.testing.assert_close(views.cpu(), apply_views(images, params), rtol=0, atol=1e-4)
