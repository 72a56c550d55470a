"""K-means: finds blobs, reaches a fixed point, and copes with too few distinct points."""

import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from kuramoto_nn.clustering import kmeans
from kuramoto_nn.clustering._features import move_centres


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def blobs(num_images=3, num_points=90, num_blobs=4):
    centres = 20 * torch.randn(num_images, num_blobs, 5, generator=seeded(1))
    kind = torch.arange(num_points) % num_blobs
    noise = torch.randn(num_images, num_points, 5, generator=seeded(2))
    return centres[:, kind] + 0.1 * noise, kind


def test_finds_separate_blobs():
    features, kind = blobs()
    for labels in kmeans(features, 4, generator=seeded()):
        assert adjusted_rand_score(kind, labels) == 1


def test_the_result_is_a_fixed_point():
    features = torch.randn(2, 200, 4, generator=seeded(3), dtype=torch.float64)
    labels = kmeans(features, 5, generator=seeded(), num_iterations=200)
    for image, label in zip(features, labels, strict=True):
        assert torch.equal(label.unique(), torch.arange(5))
        centres = torch.stack([image[label == k].mean(0) for k in range(5)])
        assert torch.equal(torch.cdist(image, centres).argmin(1), label)


def test_iterations_lower_the_cost():
    features = torch.randn(1, 300, 3, generator=seeded(4), dtype=torch.float64)

    def cost(num_iterations):
        labels = kmeans(features, 6, generator=seeded(), num_iterations=num_iterations)[0]
        parts = [features[0, labels == k] for k in range(6)]
        return sum(float((part - part.mean(0)).square().sum()) for part in parts)

    costs = [cost(n) for n in (0, 1, 3, 10)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.95 * costs[0]


def test_empty_clusters_restart_at_distinct_far_sites():
    points = torch.tensor([[[0.0], [1.0], [5.0], [9.0]], [[0.0], [1.5], [99.5], [100.5]]])
    moved = move_centres(points, torch.tensor([[[0.0], [100.0], [200.0]]]).expand(2, 3, 1))
    assert moved.squeeze(2).tolist() == [[3.75, 9.0, 5.0], [0.75, 100.0, 1.5]]


def test_the_generator_alone_decides():
    features = torch.randn(2, 60, 3, generator=seeded(5))
    first = kmeans(features, 8, generator=seeded(6), num_iterations=1)
    torch.manual_seed(123)
    assert torch.equal(first, kmeans(features, 8, generator=seeded(6), num_iterations=1))
    assert not torch.equal(first, kmeans(features, 8, generator=seeded(7), num_iterations=1))


def test_fewer_distinct_points_than_clusters():
    kind = torch.arange(20) % 3
    features = torch.eye(3)[kind][None]
    labels = kmeans(features, 6, generator=seeded())[0]
    assert adjusted_rand_score(kind, labels) == 1
    assert labels.max() < 6


def test_as_many_clusters_as_points():
    features = torch.arange(7.0).view(1, 7, 1)
    assert kmeans(features, 7, generator=seeded()).unique().numel() == 7


@pytest.mark.parametrize(
    ("features", "num_clusters", "options", "message"),
    [
        (torch.ones(4, 3), 2, {}, r"`features` must have shape \(B, P, D\): got \(4, 3\)"),
        (torch.ones(0, 4, 3), 2, {}, r"`features` must not be empty"),
        (torch.full((1, 4, 3), torch.nan), 2, {}, r"`features` must be finite"),
        (torch.ones(1, 4, 3), 5, {}, r"`num_clusters` must lie between 1 .*: got 5"),
        (
            torch.ones(1, 4, 3),
            2,
            {"num_iterations": -1},
            r"`num_iterations` must be.*least 0: got -1",
        ),
    ],
)
def test_wrong_input_is_named(features, num_clusters, options, message):
    with pytest.raises(ValueError, match=message):
        kmeans(features, num_clusters, **options)
