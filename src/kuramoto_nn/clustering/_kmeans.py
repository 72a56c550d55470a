"""K-means clustering of the sites of an image."""

import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer
from kuramoto_nn.clustering._checks import as_double, as_num_clusters


@torch.no_grad()
def kmeans(
    features: Tensor,
    num_clusters: int,
    *,
    generator: torch.Generator | None = None,
    num_iterations: int = 50,
) -> Tensor:
    r"""Cluster the sites of every image by Lloyd's algorithm from a k-means++ start.

    Lowers :math:`\sum_p |f_p - m_{k(p)}|^2` in turns: every site joins the nearest centre, then
    every centre moves to the mean of its sites. An empty cluster restarts at a site far from its
    centre. The result is a local optimum that depends on the random start.

    Args:
        features: One row per site, shape ``(B, P, D)``; float16 to float64.
        num_clusters: K, from 1 to P.
        generator: Source of randomness, on the device of ``features`` (on the CPU if that has no
            float64); the global one if None.
        num_iterations: Rounds of Lloyd's algorithm; always all of them, without a host sync.

    Returns:
        Labels in ``0..K-1``, shape ``(B, P)``, int64. An image with fewer than K distinct rows
        leaves some of them out.

    Raises:
        ValueError: If ``features`` is not a finite, non-empty floating-point ``(B, P, D)`` tensor,
            ``num_clusters`` is not in ``1..P`` or ``num_iterations`` is negative.

    Reference:
        Arthur and Vassilvitskii, *k-means++: the advantages of careful seeding* (2007).

    Examples:
        >>> features = torch.tensor([[[0.0], [1.0], [9.0], [10.0]]])
        >>> labels = kmeans(features, 2, generator=torch.Generator().manual_seed(0))
        >>> (labels == labels[:, :1]).tolist()
        [[True, True, False, False]]
    """
    points = as_double(features)
    num_clusters = as_num_clusters(num_clusters, points.shape[1])
    num_iterations = as_integer("num_iterations", num_iterations, least=0)
    centres = _spread_out(points, num_clusters, generator)
    for _ in range(num_iterations):
        centres = move_centres(points, centres)
    return torch.cdist(points, centres).argmin(2).to(features.device)


def _spread_out(points: Tensor, num_clusters: int, generator: torch.Generator | None) -> Tensor:
    """Draw centres one by one, each with odds of its squared distance to those before it."""
    odds = points.new_ones(points.shape[:2])
    nearest = torch.full_like(odds, torch.inf)
    centres = []
    for _ in range(num_clusters):
        drawn = torch.multinomial(odds, 1, generator=generator)
        centre = points.gather(1, drawn[:, :, None].expand(-1, 1, points.shape[2]))
        centres.append(centre)
        nearest = torch.minimum(nearest, (points - centre).square().sum(2))
        # Once all distinct sites are centres, any site will do.
        odds = torch.where(nearest.amax(1, keepdim=True) > 0, nearest, 1.0)
    return torch.cat(centres, 1)


def move_centres(points: Tensor, centres: Tensor) -> Tensor:
    """Move the centres ``(B, K, D)`` to the mean of their sites, the nearest ``(B, P, D)``.

    A centre without a site restarts at a site far from its centre.
    """
    distance, label = torch.cdist(points, centres).min(2)
    member = torch.zeros_like(points[..., :1]).expand(-1, -1, centres.shape[1])
    member = member.scatter(2, label[:, :, None], 1.0)
    size = member.sum(1)[:, :, None]
    mean = member.mT @ points / size.clamp_min(1)
    empty = size == 0
    # The n-th empty cluster takes the n-th farthest site, so that no two take the same.
    farthest = distance.topk(centres.shape[1], dim=1).indices[:, :, None]
    turn = (empty.cumsum(1) - 1).clamp_min(0)
    restart = points.gather(1, farthest.gather(1, turn).expand_as(centres))
    return torch.where(empty, restart, mean)
