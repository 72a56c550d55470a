"""FG-ARI and MBO against scikit-learn and boolean masks, and their laws."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from kuramoto_nn.metrics import (
    _scores,
    contingency_table,
    foreground_ari,
    mean_best_overlap,
)


def ari_by_sklearn(pred: Tensor, target: Tensor) -> float:
    foreground = target > 0
    if not foreground.any():
        return math.nan
    return float(adjusted_rand_score(target[foreground], pred[foreground]))


def mbo_by_masks(pred: Tensor, target: Tensor) -> float:
    seen = target >= 0
    objects = [target == label for label in target.unique() if label > 0]
    segments = [(pred == label) & seen for label in pred.unique()]
    best = [max(int((o & s).sum()) / int((o | s).sum()) for s in segments) for o in objects]
    return sum(best) / len(best) if best else math.nan


def label_maps(
    seed: int, shape: tuple[int, ...], num_segments: int, num_objects: int, agreement: float
) -> tuple[Tensor, Tensor]:
    """Random maps; the prediction repeats the truth at a share of the pixels."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(-1, num_objects + 1, shape, generator=generator)
    pred = torch.randint(0, num_segments, shape, generator=generator)
    keep = torch.rand(shape, generator=generator) < agreement
    return torch.where(keep, target % num_segments, pred), target


def assert_scores_right(pred: Tensor, target: Tensor) -> None:
    pairs = list(zip(pred, target, strict=True))
    for score, by_hand in ((foreground_ari, ari_by_sklearn), (mean_best_overlap, mbo_by_masks)):
        expected = torch.tensor([by_hand(*pair) for pair in pairs], dtype=torch.float64)
        torch.testing.assert_close(
            score(pred, target), expected, rtol=1e-12, atol=1e-12, equal_nan=True
        )


@given(
    seed=st.integers(0, 2**32),
    num_images=st.integers(1, 4),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    num_segments=st.integers(1, 30),
    num_objects=st.integers(0, 6),
    agreement=st.sampled_from([0.0, 0.6, 1.0]),
)
def test_scores_are_right(seed, num_images, height, width, num_segments, num_objects, agreement):
    shape = (num_images, height, width)
    assert_scores_right(*label_maps(seed, shape, num_segments, num_objects, agreement))


@pytest.mark.parametrize(("num_segments", "num_objects"), [(1, 1), (1, 5), (30, 1), (11, 10)])
def test_large_images(num_segments, num_objects):
    """Products of the pair counts of 320 x 320 pixels overflow int64."""
    assert_scores_right(*label_maps(0, (2, 320, 320), num_segments, num_objects, 0.7))


@given(seed=st.integers(0, 2**32), spread=st.sampled_from([1, 40, 10**6, 2**60]))
def test_names_of_labels_do_not_matter(seed, spread):
    pred, target = label_maps(seed, (3, 9, 9), 7, 4, 0.7)
    generator = torch.Generator().manual_seed(seed)
    # Other names in every image; some negative, and too far apart for a table indexed by them.
    names = torch.stack([torch.randperm(7, generator=generator) - 3 for _ in pred]) * spread
    renamed = names.gather(1, pred.flatten(1)).view_as(pred)
    order = torch.cat([torch.arange(1), 1 + spread * torch.randperm(4, generator=generator)])
    objects = torch.where(target < 0, target, order[target.clamp_min(0)])
    for score in (foreground_ari, mean_best_overlap):
        torch.testing.assert_close(
            score(renamed, objects), score(pred, target), rtol=1e-12, atol=1e-12, equal_nan=True
        )


def test_labels_at_both_ends_of_int64():
    ends = torch.iinfo(torch.int64)
    pred = torch.tensor([[[ends.min, ends.max, ends.max]]])
    target = torch.tensor([[[ends.max, 1, 1]]])
    assert foreground_ari(pred, target).tolist() == [1.0]
    assert mean_best_overlap(pred, target).tolist() == [1.0]


@given(seed=st.integers(0, 2**32))
def test_ignored_pixels_do_not_matter(seed):
    pred, target = label_maps(seed, (2, 8, 8), 5, 3, 0.7)
    generator = torch.Generator().manual_seed(seed)
    elsewhere = torch.randint(0, 99, pred.shape, generator=generator)
    changed = torch.where(target < 0, elsewhere, pred)
    torch.testing.assert_close(mean_best_overlap(changed, target), mean_best_overlap(pred, target))
    in_background = torch.where(target == 0, elsewhere, changed)
    torch.testing.assert_close(foreground_ari(in_background, target), foreground_ari(pred, target))


@given(
    seed=st.integers(0, 2**32),
    ignored=st.sampled_from([255, 3, 1, 0, -1, -5]),
    dtype=st.sampled_from([torch.uint8, torch.int64]),
)
def test_an_ignored_label_is_as_minus_one(seed, ignored, dtype):
    """Also 255 in maps of bytes; what is predicted there changes nothing."""
    if dtype == torch.uint8:
        ignored %= 256
    pred, target = label_maps(seed, (2, 8, 8), 5, 3, 0.7)
    if dtype == torch.uint8:
        target = target.clamp_min(0)
    generator = torch.Generator().manual_seed(seed)
    void = torch.rand(target.shape, generator=generator) < 0.2
    target[void] = ignored
    elsewhere = torch.randint(0, 99, pred.shape, generator=generator)
    changed = torch.where(target == ignored, elsewhere, pred)
    expected = target.masked_fill(target == ignored, -1)
    for score in (foreground_ari, mean_best_overlap):
        ours = score(changed.to(dtype), target.to(dtype), ignore_index=ignored)
        torch.testing.assert_close(ours, score(pred, expected), equal_nan=True, rtol=0, atol=0)


def test_ignored_and_background_pixels_by_hand():
    target = torch.tensor([[[1, 1, 2, 255]]], dtype=torch.uint8)
    pred = torch.tensor([[[7, 7, 8, 8]]])
    assert foreground_ari(pred, target, ignore_index=255).item() == 1.0
    assert mean_best_overlap(pred, target, ignore_index=255).item() == 1.0
    assert mean_best_overlap(pred, target).item() < 1.0
    with pytest.raises(ValueError, match="`ignore_index` must be an integer: got 25.5"):
        foreground_ari(pred, target, ignore_index=25.5)


def test_background_enlarges_the_union():
    pred = torch.tensor([[[1, 1, 1, 1], [2, 2, 2, 2]]])
    target = torch.tensor([[[5, 5, 0, -1], [0, 0, -1, -7]]])
    assert mean_best_overlap(pred, target).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("pred", "target", "expected"),
    [
        ([1, 1, 1, 1], [2, 2, 2, 2], 1.0),  # one object, one segment
        ([1, 1, 2, 2], [2, 2, 2, 2], 0.0),  # one object, two segments
        ([1, 1, 1, 1], [1, 1, 2, 2], 0.0),  # two objects, one segment
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0),  # every pixel on its own in both
        ([1, 1, 2, 2], [1, 2, 1, 2], -0.5),  # worse than chance
        ([1, 2, 2, 2], [3, 0, 0, -1], 1.0),  # one pixel of foreground
    ],
)
def test_degenerate_ari(pred, target, expected):
    pred, target = torch.tensor([[pred]]), torch.tensor([[target]])
    score = foreground_ari(pred, target).item()
    assert score == pytest.approx(expected)
    assert score == pytest.approx(ari_by_sklearn(pred[0], target[0]))


@pytest.mark.parametrize("target", [[0, 0, 0], [-1, -1, -1], [0, -1, 0]])
def test_an_image_without_objects(target):
    pred = torch.tensor([[[1, 2, 3]], [[1, 2, 2]]])
    target = torch.tensor([[target], [[1, 2, 2]]])
    assert foreground_ari(pred, target).isnan().tolist() == [True, False]
    assert foreground_ari(pred, target, empty="one").tolist() == [1.0, 1.0]
    assert mean_best_overlap(pred, target).isnan().tolist() == [True, False]
    assert mean_best_overlap(pred[:1], target[:1]).isnan().all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool])
def test_types_of_labels(dtype):
    pred = torch.tensor([[[0, 1, 1, 0]]])
    target = torch.tensor([[[0, 1, 1, 1]]])
    ari, mbo = (
        foreground_ari(pred.to(dtype), target.to(dtype)),
        mean_best_overlap(pred.to(dtype), target.to(dtype)),
    )
    assert ari.dtype == mbo.dtype == torch.float64
    assert ari.item() == pytest.approx(adjusted_rand_score([1, 1, 1], [1, 1, 0]))
    assert mbo.item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("spread", [1, 10**9])
def test_contingency_counts_pixels(spread):
    """Rows and columns follow the order of the labels; column 0 is there without background."""
    pred = spread * torch.tensor([[[2, 3, 3, 3]], [[3, 4, 4, 2]]])
    target = spread * torch.tensor([[[1, 1, 2, -1]], [[0, 2, 2, 1]]])
    table = contingency_table(pred, target)
    expected = torch.zeros(2, 3, 3, dtype=torch.float64)
    expected[0, 0, 1] = expected[0, 1, 1] = expected[0, 1, 2] = 1
    expected[1, 1, 0] = expected[1, 0, 1] = 1
    expected[1, 2, 2] = 2
    torch.testing.assert_close(table, expected)


def test_a_batch_is_counted_in_parts(monkeypatch):
    """Few images at a time, also where an ignored pixel is the first of a part."""
    pred, target = label_maps(0, (7, 8, 8), 5, 3, 0.7)
    target[:, 0, 0] = -1
    expected = contingency_table(pred, target)
    for pixels in (1, 64, 150):
        monkeypatch.setattr(_scores, "CACHED_PIXELS", pixels)
        assert torch.equal(contingency_table(pred, target), expected)
    assert expected.sum() == (target >= 0).sum()


MAPS = torch.ones(2, 4, 4, dtype=torch.long)


@pytest.mark.parametrize("score", [foreground_ari, mean_best_overlap, contingency_table])
@pytest.mark.parametrize(
    ("pred", "target", "message"),
    [
        (
            MAPS[:, :2],
            MAPS,
            r"`pred` must have the shape of `target`: got \(2, 2, 4\).*\(2, 4, 4\)",
        ),
        (MAPS[0], MAPS[0], r"must have shape \(B, H, W\): got \(4, 4\), expected 3 axes; try"),
        (MAPS[:, None], MAPS[:, None], r"must have shape \(B, H, W\): got \(2, 1, 4, 4\)"),
        (MAPS[:0], MAPS[:0], r"must not be empty: got \(0, 4, 4\).*try"),
        (MAPS[:, :, :0], MAPS[:, :, :0], r"must not be empty: got \(2, 4, 0\).*try"),
        (MAPS.float(), MAPS, r"`pred` must hold integer labels: got torch.float32.*try `pred.lo"),
        (MAPS, MAPS.double(), r"`target` must hold integer labels: got torch.float64"),
    ],
)
def test_wrong_input_is_named(score, pred, target, message):
    with pytest.raises(ValueError, match=message):
        score(pred, target)


def test_a_wrong_word_for_empty_is_named():
    with pytest.raises(ValueError, match=r"`empty` must be one of nan, one: got 'zero', expected"):
        foreground_ari(MAPS, MAPS, empty="zero")  # pyright: ignore[reportArgumentType]
