"""Average-linkage clustering of the sites of an image."""

import torch
from torch import Tensor

from kuramoto_nn.clustering.checks import as_double, check_num_clusters
from kuramoto_nn.clustering.merging import merge_tree

CHUNK_DISTANCES = {"cpu": 2**22, "cuda": 2**26}
"""Pairwise distances held at once, per device type: more images share a launch, fewer a cache."""


@torch.no_grad()
def average_linkage(features: Tensor, num_clusters: int) -> Tensor:
    r"""Cluster the sites of every image by exact average linkage (UPGMA).

    Starting from single sites, the two clusters with the least mean Euclidean distance

    .. math:: d(A, B) = \frac{1}{|A||B|} \sum_{a \in A} \sum_{b \in B} |a - b|

    merge until K are left. The result is that of SciPy's ``linkage(method="average")`` cut to K
    clusters; where distances tie exactly, any order of merging is right and ours depends on the
    order of the sites only. Distances are float64 on every device. Memory grows with
    P\ :sup:`2`; images are worked through in chunks.

    Args:
        features: One row per site, shape ``(B, P, D)``; float16 to float64.
        num_clusters: K, from 1 to P.

    Returns:
        Labels in ``0..K-1``, numbered by first appearance, shape ``(B, P)``, int64.

    Raises:
        ValueError: If ``features`` is not a finite, non-empty floating-point ``(B, P, D)`` tensor,
            or ``num_clusters`` is not in ``1..P``.

    Reference:
        Sokal and Michener, *A statistical method for evaluating systematic relationships* (1958).

    Examples:
        >>> features = torch.tensor([[[0.0], [9.0], [1.0], [8.0], [20.0]]])
        >>> average_linkage(features, 3)
        tensor([[0, 1, 0, 1, 2]])
    """
    points = as_double(features)
    num_points = points.shape[1]
    check_num_clusters(num_clusters, num_points)
    budget = CHUNK_DISTANCES.get(points.device.type, CHUNK_DISTANCES["cpu"])
    chunks = points.split(max(1, budget // num_points**2))
    return torch.cat(
        [cut_tree(*merge_tree(pairwise_distances(chunk)), num_clusters) for chunk in chunks]
    )


def pairwise_distances(points: Tensor) -> Tensor:
    """Compute Euclidean distances from differences, exact for close points far from the origin.

    Args:
        points: Shape ``(B, P, D)``.

    Returns:
        Symmetric distances, shape ``(B, P, P)``.

    Examples:
        >>> pairwise_distances(torch.tensor([[[0.0, 0.0], [3.0, 4.0]]]))
        tensor([[[0., 5.],
                 [5., 0.]]])
    """
    num_points = points.shape[1]
    distance = points.new_empty(len(points), num_points, num_points)
    upper = torch.ones_like(distance[0], dtype=torch.bool).triu(1)
    for image, full in zip(points, distance, strict=True):
        # pdist visits every pair once, where cdist does twice; a copied transpose adds up faster.
        half = torch.zeros_like(full).masked_scatter_(upper, torch.pdist(image))
        torch.add(half, half.T.contiguous(), out=full)
    return distance


def cut_tree(parent: Tensor, height: Tensor, num_clusters: int) -> Tensor:
    """Undo the K - 1 highest merges of a tree and number what is left.

    Args:
        parent: Of every point a lower one in the same cluster, shape ``(B, P)``; see `merge_tree`.
        height: Distance of the merge that joined them, infinite for point 0, shape ``(B, P)``.
        num_clusters: K.

    Returns:
        Labels in ``0..K-1``, numbered by first appearance, shape ``(B, P)``.

    Examples:
        >>> height = torch.tensor([[torch.inf, 4.0, 1.0]])
        >>> cut_tree(torch.tensor([[0, 0, 1]]), height, 2)
        tensor([[0, 1, 1]])
    """
    num_points = parent.shape[1]
    roots = height.sort(dim=1, descending=True, stable=True).indices[:, :num_clusters]
    is_root = torch.zeros_like(parent, dtype=torch.bool).scatter_(1, roots, True)
    own = torch.arange(num_points, device=parent.device)
    root = torch.where(is_root, own, parent)
    for _ in range(num_points.bit_length()):  # every pass doubles the distance jumped
        root = root.gather(1, root)
    return (is_root.cumsum(1) - 1).gather(1, root)
