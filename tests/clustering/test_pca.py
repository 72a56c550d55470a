"""PCA against scikit-learn and by its laws."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from kuramoto_nn.clustering import pca


def random_features(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    scale = 0.7 ** torch.arange(shape[-1], dtype=torch.float64)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale + 3


@given(
    seed=st.integers(0, 2**32),
    num_points=st.integers(2, 40),
    num_channels=st.integers(1, 40),
    data=st.data(),
)
def test_scores_are_scikit_learns(seed, num_points, num_channels, data):
    """Component by component, from either Gram matrix, up to the sign where data do not fix it."""
    features = random_features(seed, 2, num_points, num_channels)
    count = data.draw(st.integers(1, min(num_points, num_channels)))
    found = pca(features, count)
    for image, scores in zip(features, found, strict=True):
        expected = torch.from_numpy(PCA(count, svd_solver="full").fit_transform(image.numpy()))
        torch.testing.assert_close(scores @ scores.T, expected @ expected.T, rtol=1e-9, atol=1e-9)
        sign = (scores * expected).sum(0).sign()
        torch.testing.assert_close(scores, expected * sign, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 50, 20), (3, 20, 50)])
def test_signs_are_scikit_learns(shape):
    features = random_features(0, *shape)
    for image, scores in zip(features, pca(features, 6), strict=True):
        expected = torch.from_numpy(PCA(6, svd_solver="full").fit_transform(image.numpy()))
        torch.testing.assert_close(scores, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("num_points", "num_channels"), [(60, 8), (8, 60), (8, 8), (1, 5)])
def test_all_components_are_a_rotation(num_points, num_channels):
    features = random_features(1, 2, num_points, num_channels)
    scores = pca(features, 1000)
    assert scores.shape == (2, num_points, min(num_points, num_channels))
    torch.testing.assert_close(
        torch.cdist(scores, scores, compute_mode="donot_use_mm_for_euclid_dist"),
        torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist"),
        rtol=1e-9,
        atol=1e-9,
    )


def test_components_that_data_lack_are_zero():
    """Rank 2 in 10 channels, with fewer and with more points than channels."""
    for num_points in (6, 40):
        features = random_features(2, 1, num_points, 2) @ random_features(3, 2, 10)
        scores = pca(features, 5)
        assert scores[..., 2:].abs().max() < 1e-9 * scores.abs().max()


def test_a_constant_image_has_zero_scores():
    assert not pca(torch.full((1, 9, 4), 0.1), 3).any()


def test_images_do_not_depend_on_their_batch():
    features = random_features(4, 3, 30, 12)
    torch.testing.assert_close(pca(features, 5)[1:2], pca(features[1:2], 5), rtol=0, atol=1e-12)


def test_float32_is_worked_in_float64():
    features = random_features(5, 2, 64, 16).float()
    scores = pca(features, 4)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, pca(features.double(), 4).float(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("features", "count", "message"),
    [
        (torch.ones(4, 3), 2, r"`features` must have shape \(B, P, D\): got \(4, 3\).*try"),
        (torch.ones(1, 4, 3).int(), 2, r"`features` must be floating point: got torch.int32"),
        (torch.ones(0, 4, 3), 2, r"`features` must not be empty: got \(0, 4, 3\)"),
        (torch.full((1, 4, 3), torch.nan), 2, r"`features` must be finite: got NaN"),
        (torch.ones(1, 4, 3), 0, r"`num_components` must be.*at least 1: got 0"),
    ],
)
def test_wrong_input_is_named(features, count, message):
    with pytest.raises(ValueError, match=message):
        pca(features, count)
