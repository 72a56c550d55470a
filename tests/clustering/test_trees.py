"""The merge trees behind average linkage: heights, ties, and rounds that merge one pair."""

from importlib.util import find_spec

import pytest
import torch
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform
from torch import Tensor

from kuramoto_nn._ops import condense, rounds
from kuramoto_nn._ops.rounds import pairwise_distances
from kuramoto_nn.clustering import _linkage as linkage_module
from kuramoto_nn.clustering._linkage import cut_tree


def merge_in_rounds(points: Tensor) -> tuple[Tensor, Tensor]:
    return rounds.merge_tree(pairwise_distances(points))


def merge_along_chains(points: Tensor) -> tuple[Tensor, Tensor]:
    chain = pytest.importorskip("kuramoto_nn._ops.chain")
    return chain.merge_tree(points, 1)


def merge_in_strips(points: Tensor) -> tuple[Tensor, Tensor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linkage_module, "MOST_POINTS", max(1, points.shape[1] // 3))
        patch.setitem(condense.STRIP_DISTANCES, "cpu", 5000)
        return linkage_module.merge_tree(points)


every = pytest.mark.parametrize(
    "merge_tree", [merge_in_rounds, merge_along_chains, merge_in_strips]
)


def random_points(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@every
@pytest.mark.parametrize("num_points", [2, 3, 64, 65, 256, 257, 700])
@pytest.mark.parametrize("num_channels", [2, 128])
def test_heights_are_scipys(merge_tree, num_points, num_channels):
    points = random_points(1, 3, num_points, num_channels)
    parent, height = merge_tree(points)
    assert (parent[:, 1:] < torch.arange(1, num_points)).all()
    assert height[:, 0].isinf().all()
    for image, found in zip(points, height, strict=True):
        expected = torch.from_numpy(linkage(image.numpy(), "average")[:, 2])
        torch.testing.assert_close(found[1:].sort().values, expected, rtol=1e-11, atol=0)


@every
def test_equal_points_join_at_the_bottom(merge_tree):
    places = random_points(9, 40, 3)
    kind = torch.randint(0, 40, (200,), generator=torch.Generator().manual_seed(9))
    kind[:100] = 7
    _, height = merge_tree(places[kind][None])
    expected = torch.from_numpy(linkage(places[kind].numpy(), "average")[:, 2])
    found = height[0, 1:].sort().values
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-300)


def test_strips_measure_equal_points_once(monkeypatch):
    lengths = set()
    distances_from = condense.distances_from

    def recorded(points, *others):
        lengths.add(len(points))
        return distances_from(points, *others)

    monkeypatch.setattr(condense, "distances_from", recorded)
    merge_in_strips(random_points(10, 30, 2)[torch.arange(300) % 30][None])
    assert lengths == {30}


@pytest.mark.skipif(not find_spec("numba"), reason="Numba is not installed")
@pytest.mark.parametrize("num_images", [1, 7])
def test_both_trees_are_the_same(num_images):
    points = random_points(2, num_images, 333, 16)
    parent, height = merge_in_rounds(points)
    same_parent, same_height = merge_along_chains(points)
    assert torch.equal(parent, same_parent)
    torch.testing.assert_close(height, same_height, rtol=1e-12, atol=0)


def cut_in_a_loop(parent, height, num_clusters):
    """One pass over the points: a parent always comes before its children."""
    roots = sorted(range(len(height)), key=lambda i: -height[i])[:num_clusters]
    labels, count = [], 0
    for point in range(len(parent)):
        labels.append(count if point in roots else labels[parent[point]])
        count += point in roots
    return labels


def test_cut_is_that_of_a_loop():
    points = random_points(3, 4, 50, 2).round()
    parent, height = merge_in_rounds(points)
    trees = list(zip(parent.tolist(), height.tolist(), strict=True))
    for num_clusters in range(1, 51):
        expected = [cut_in_a_loop(*tree, num_clusters) for tree in trees]
        assert cut_tree(parent, height, num_clusters).tolist() == expected


def test_distances():
    points = random_points(4, 3, 200, 7)
    points[:, 50:60] = points[:, :10]  # equal points
    points[:, 100:150] = 1e-9 * points[:, 100:150] + 3  # close ones
    found = pairwise_distances(points)
    assert torch.equal(found, found.mT)
    for image, distance in zip(points, found, strict=True):
        expected = torch.from_numpy(squareform(pdist(image.numpy())))
        torch.testing.assert_close(distance, expected, rtol=1e-11, atol=0)


@pytest.mark.skipif(not find_spec("numba"), reason="Numba is not installed")
@pytest.mark.parametrize("strip", [1, 64, 100, 200])
def test_compiled_distances(strip):
    from kuramoto_nn._ops.chain import FAR, fill_distances

    points = random_points(5, 200, 7)
    points[50:60] = points[:10]
    points[100:150] = 1e-9 * points[100:150] + 3
    centred = points - points.mean(0)
    matrix = torch.zeros(200, 203, dtype=torch.float64)
    for start in range(0, 200, strip):
        given = (points, centred, centred.square().sum(1), matrix)
        fill_distances(*(tensor.numpy() for tensor in given), start, min(start + strip, 200))
    found = matrix[:, :200]
    assert torch.equal(found, found.T)
    assert (found.diagonal() == FAR).all()
    expected = torch.from_numpy(squareform(pdist(points.numpy()))).fill_diagonal_(FAR)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=0)


@pytest.fixture
def merges(monkeypatch):
    """Record how many pairs every round merges, and stop a run that makes no progress."""
    lengths: list[int] = []
    merge = rounds._merge

    def recorded(clusters, pairs, parent, height):
        lengths.append(pairs.left.shape[1])
        assert len(lengths) < 2000, "no progress"
        return merge(clusters, pairs, parent, height)

    monkeypatch.setattr(rounds, "_merge", recorded)
    return lengths


def test_one_hub_for_all_merges_one_pair_a_round(merges):
    """Point 0 is everybody's nearest."""
    index = torch.arange(300, dtype=torch.float64)
    parent, height = rounds.merge_tree(torch.maximum(index[:, None], index)[None])
    torch.testing.assert_close(height[0, 1:], index[1:], rtol=1e-14, atol=0)
    assert torch.equal(cut_tree(parent, height, 3)[0], index.long().sub(297).clamp_min(0))
    assert merges == [1] * 299


def test_generic_points_merge_many_pairs_a_round(merges):
    merge_in_rounds(random_points(6, 1, 1000, 3))
    assert len(merges) < 60
    assert merges[0] > 100


def test_distances_equal_up_to_rounding_make_no_ring(merges):
    """Averages that should be equal differ in their last bits, in many ways."""
    generator = torch.Generator().manual_seed(0)
    steps = torch.randint(0, 4, (300, 14, 14), generator=generator).triu(1).double()
    distance = 1 + (steps + steps.mT) * torch.finfo(torch.float64).eps
    parent, _ = rounds.merge_tree(distance)
    assert (parent[:, 1:] < torch.arange(1, 14)).all()
    assert len(merges) < 14


@every
def test_a_lattice_of_ties_ends_and_has_all_heights(merge_tree):
    side = torch.arange(12.0, dtype=torch.float64)
    parent, height = merge_tree(torch.cartesian_prod(side, side)[None])
    assert (parent[0, 1:] < torch.arange(1, 144)).all()
    assert height[0, 1:].isfinite().all()
    assert height[0, 1:].min() == pytest.approx(1)


def test_merges_of_one_height_are_undone_from_the_top():
    """All distances equal: heights still grow from every merge to the one above it."""
    parent, height = rounds.merge_tree(torch.ones(1, 30, 30, dtype=torch.float64))
    torch.testing.assert_close(height[0, 1:], torch.ones(29).double(), rtol=1e-12, atol=0)
    above = height[0].gather(0, parent[0])[1:]
    assert (above > height[0, 1:]).all()
    for num_clusters in range(1, 31):
        labels = cut_tree(parent, height, num_clusters)
        assert torch.equal(labels.unique(), torch.arange(num_clusters))
