"""Average linkage against SciPy's, along chains and in rounds; ties; types; wrong input."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from torch import Tensor

from kuramoto_nn._ops import condense
from kuramoto_nn.clustering import _linkage as linkage_module
from kuramoto_nn.clustering import average_linkage


@pytest.fixture(
    scope="module", autouse=True, params=["chain", "rounds", "strips, chain", "strips, rounds"]
)
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run every test along compiled chains, in the rounds that a GPU takes, and in strips first."""
    with pytest.MonkeyPatch.context() as patch:
        if "rounds" in request.param:
            patch.setattr(linkage_module, "load_chain", lambda: None)
        elif not find_spec("numba"):
            pytest.skip("Numba is not installed")
        if "strips" in request.param:
            patch.setattr(linkage_module, "MOST_POINTS", 30)
            patch.setitem(condense.STRIP_DISTANCES, "cpu", 2**12)
        yield request.param


def scipy_labels(features: Tensor, num_clusters: int) -> Tensor:
    """Labels of one image by SciPy, numbered by first appearance."""
    found = fcluster(linkage(features.double().numpy(), "average"), num_clusters, "maxclust")
    return first_appearance(torch.from_numpy(found))


def first_appearance(labels: Tensor) -> Tensor:
    numbers: dict[int, int] = {}
    return torch.tensor([numbers.setdefault(label, len(numbers)) for label in labels.tolist()])


def random_features(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@given(
    seed=st.integers(0, 2**32),
    num_images=st.integers(1, 4),
    num_points=st.integers(2, 90),
    num_channels=st.integers(1, 20),
    blobs=st.booleans(),
    data=st.data(),
)
def test_the_partition_is_scipys(seed, num_images, num_points, num_channels, blobs, data):
    features = random_features(seed, num_images, num_points, num_channels)
    if blobs:
        features[:, : num_points // 2] *= 0.01
        features[:, num_points // 3 :] += 5
    num_clusters = data.draw(st.integers(1, num_points))
    labels = average_linkage(features, num_clusters)
    expected = torch.stack([scipy_labels(image, num_clusters) for image in features])
    assert labels.dtype == torch.int64
    assert torch.equal(labels, expected)


@pytest.mark.slow
def test_large_maps_agree_with_scipy():
    centres = random_features(2, 9, 32)
    features = centres[torch.arange(1500) % 9] + 0.8 * random_features(3, 1500, 32)
    assert torch.equal(average_linkage(features[None], 9)[0], scipy_labels(features, 9))


@given(seed=st.integers(0, 2**32), side=st.integers(2, 7), data=st.data())
def test_ties_still_give_a_valid_partition(seed, side, data):
    """On a lattice with repeated points nearly all distances tie."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randint(0, 3, (3, side * side, 2), generator=generator).float()
    num_clusters = data.draw(st.integers(1, side * side))
    labels = average_linkage(features, num_clusters)
    for image in labels:
        assert torch.equal(image.unique(), torch.arange(num_clusters))
        assert torch.equal(image, first_appearance(image))


def test_duplicates_stay_together():
    generator = torch.Generator().manual_seed(4)
    kind = torch.randint(0, 7, (2, 60), generator=generator)
    features = random_features(5, 7, 3)[kind]
    labels = average_linkage(features, 7)
    assert torch.equal(labels, torch.stack([first_appearance(image) for image in kind]))
    coarser = average_linkage(features, 4)
    same_kind = kind[:, :, None] == kind[:, None]
    assert (coarser[:, :, None] == coarser[:, None])[same_kind].all()


def test_all_points_equal():
    labels = average_linkage(torch.ones(2, 33, 4), 5)
    assert all(torch.equal(image.unique(), torch.arange(5)) for image in labels)


def test_one_cluster_and_all_clusters():
    features = random_features(6, 2, 10, 3)
    assert not average_linkage(features, 1).any()
    assert torch.equal(average_linkage(features, 10), torch.arange(10).expand(2, 10))
    assert average_linkage(torch.ones(3, 1, 2), 1).tolist() == [[0], [0], [0]]


def test_growing_gaps_merge_one_pair_a_round():
    line = 2.0 ** torch.arange(300, dtype=torch.float64)
    features = torch.stack([line, line.flip(0)])[:, :, None]
    expected = torch.arange(300).sub(290).clamp_min(0)
    mirrored = torch.arange(300).clamp_max(9)
    assert torch.equal(average_linkage(features, 10), torch.stack([expected, mirrored]))


def test_images_do_not_depend_on_their_batch(monkeypatch):
    features = random_features(7, 5, 300, 6)
    features[2] = features[2].round()
    features[3, 150:] = features[3, :150]
    whole = average_linkage(features, 6)
    assert torch.equal(whole, torch.cat([average_linkage(image[None], 6) for image in features]))
    monkeypatch.setitem(linkage_module.CHUNK_DISTANCES, "cpu", 2 * 300**2)
    assert torch.equal(whole, average_linkage(features, 6))


@pytest.mark.parametrize("num_threads", [1, 3, 8])
def test_the_number_of_threads_does_not_matter(num_threads):
    features = random_features(11, 5, 300, 8)
    expected = average_linkage(features, 6)
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        assert torch.equal(average_linkage(features, 6), expected)
    finally:
        torch.set_num_threads(before)


def test_strided_features():
    maps = random_features(12, 3, 7, 6, 5, dtype=torch.float32)
    sites = maps.flatten(2).mT
    assert not sites.is_contiguous()
    expected = average_linkage(sites.contiguous(), 4)
    assert torch.equal(average_linkage(sites, 4), expected)
    assert torch.equal(average_linkage(sites.expand(2, 3, 30, 7)[1], 4), expected)
    assert torch.equal(average_linkage(sites.flip(0), 4), expected.flip(0))


@given(seed=st.integers(0, 2**32), num_clusters=st.integers(1, 30))
def test_permuting_points_permutes_the_partition(seed, num_clusters):
    features = random_features(seed, 1, 30, 5)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(seed))
    labels, permuted = (
        average_linkage(features, num_clusters),
        average_linkage(features[:, order], num_clusters),
    )
    assert torch.equal(first_appearance(labels[0, order]), permuted[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_types_are_clustered_in_float64(dtype):
    features = random_features(8, 2, 50, 16, dtype=torch.float32).to(dtype)
    expected = torch.stack([scipy_labels(image, 5) for image in features])
    assert torch.equal(average_linkage(features, 5), expected)


def test_distances_survive_a_common_offset():
    """Expanding |x|^2 - 2xy + |y|^2 would lose them all."""
    features = 1e-4 * random_features(9, 1, 60, 3)
    assert torch.equal(
        average_linkage(features + 2.0**20, 6), average_linkage((features + 2.0**20) - 2.0**20, 6)
    )


def test_close_points_keep_their_digits():
    """Two tight groups far apart: what cancels in |x|^2 - 2xy + |y|^2 around any one centre."""
    features = 1e-7 * random_features(13, 1, 80, 5)
    features[:, 40:] += 1
    assert torch.equal(average_linkage(features, 9)[0], scipy_labels(features[0], 9))
    far = random_features(14, 1, 60, 3)
    far[:, 0] = 1e7
    assert torch.equal(average_linkage(far, 9)[0], scipy_labels(far[0], 9))


def test_features_that_require_gradients_are_accepted():
    features = random_features(10, 1, 12, 3).requires_grad_()
    assert not average_linkage(features, 3).requires_grad


VALID = torch.arange(12.0).view(1, 6, 2)


@pytest.mark.parametrize(
    ("features", "num_clusters", "message"),
    [
        (VALID[0], 2, r"`features` must have shape \(B, P, D\): got \(6, 2\).*try"),
        (VALID[None], 2, r"`features` must have shape \(B, P, D\): got \(1, 1, 6, 2\).*try"),
        (VALID.long(), 2, r"`features` must be floating point: got torch.int64.*try"),
        (VALID.cfloat(), 2, r"`features` must be floating point: got torch.complex64.*try"),
        (VALID[:0], 2, r"`features` must not be empty: got \(0, 6, 2\).*try"),
        (VALID[:, :0], 1, r"`features` must not be empty: got \(1, 0, 2\).*try"),
        (VALID / 0, 2, r"`features` must be finite: got NaN, infinity.*try"),
        (VALID * 0 + torch.inf, 2, r"`features` must be finite.*try"),
        (VALID.double() * 1e200, 2, r"`features` must be finite.*above 1e\+100.*try"),
        (VALID, 0, r"`num_clusters` must lie between 1 .*: got 0, expected .* 1\.\.6; try"),
        (VALID, -3, r"`num_clusters` must lie between 1 .*: got -3, expected"),
        (VALID, 7, r"`num_clusters` must lie between 1 .*: got 7, expected"),
        (VALID, 2.0, r"`num_clusters` must be an integer: got 2\.0"),
    ],
)
def test_wrong_input_is_named(features, num_clusters, message):
    with pytest.raises(ValueError, match=message):
        average_linkage(features, num_clusters)
