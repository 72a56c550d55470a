"""PCA and k-means of the sites of every image, and the checks that all clustering shares."""

import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer, with_float64

LARGEST_FEATURE = 1e100
"""Squared distances of larger features could overflow float64."""


@torch.no_grad()
def pca(features: Tensor, num_components: int) -> Tensor:
    r"""Project the sites of every image on its own leading principal components.

    With the centred features $X = U \Sigma V^\top$ (P x D), returns the leading columns of
    $XV = U \Sigma$. Every component has the sign that makes the largest entry of its axis (its
    column of V) positive. With ``num_components >= D`` nothing is lost: the result is the centred
    features, rotated. The work is done in float64 on the smaller of the two Gram matrices.

    Args:
        features: One row per site, shape ``(B, P, D)``; float16 to float64.
        num_components: Components to keep, at least 1; more than ``min(P, D)`` do not exist.

    Returns:
        Scores by decreasing variance, shape ``(B, P, min(num_components, P, D))``, dtype of
        ``features``.

    Raises:
        ValueError: If ``features`` is not a finite, non-empty floating-point ``(B, P, D)`` tensor,
            or ``num_components`` is below 1.

    Reference:
        Jolliffe, *Principal Component Analysis* (2002).

    Examples:
        >>> line = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]])
        >>> pca(line, 1).squeeze().round(decimals=4)
        tensor([-5.,  0.,  5.])
    """
    points = as_double(features)
    num_components = as_integer("num_components", num_components, least=1)
    centred = points - points.mean(1, keepdim=True)
    num_points, num_channels = points.shape[1:]
    if num_channels <= num_points:
        axes = _leading_eigenvectors(centred.mT @ centred, num_components)
        scores = centred @ axes
    else:
        sites = _leading_eigenvectors(centred @ centred.mT, num_components)
        axes = centred.mT @ sites
        # The length of an axis is its singular value, more exact than an eigenvalue's root.
        scores = sites * axes.norm(dim=1, keepdim=True)
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -scores, scores).to(features)


def _leading_eigenvectors(gram: Tensor, count: int) -> Tensor:
    return torch.linalg.eigh(gram).eigenvectors.flip(-1)[..., :count]


@torch.no_grad()
def kmeans(
    features: Tensor,
    num_clusters: int,
    *,
    generator: torch.Generator | None = None,
    num_iterations: int = 50,
) -> Tensor:
    r"""Cluster the sites of every image by Lloyd's algorithm from a k-means++ start.

    Lowers $\sum_p |f_p - m_{k(p)}|^2$ in turns: every site joins the nearest centre, then
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


def as_double(features: Tensor) -> Tensor:
    """Check ``features`` and convert them to float64, on the CPU if their device has none."""
    check_features(features)
    return with_float64(features).double()


def check_features(features: Tensor) -> None:
    """Check that ``features`` are a finite, non-empty floating-point ``(B, P, D)`` tensor."""
    shape = tuple(features.shape)
    if features.ndim != 3:
        raise ValueError(
            f"`features` must have shape (B, P, D): got {shape}, expected one row per site; "
            "try `features.flatten(2).mT` on a (B, C, H, W) map, `features[None]` on one image"
        )
    if not features.is_floating_point():
        raise ValueError(
            f"`features` must be floating point: got {features.dtype}, expected float32 or "
            "float64; try `features.float()`"
        )
    if 0 in shape:
        raise ValueError(
            f"`features` must not be empty: got {shape}, expected at least one image, site and "
            "channel; try leaving empty batches out"
        )
    # The extremes of a tensor with a NaN are NaN, which is not below anything.
    if not torch.stack(features.detach().aminmax()).abs().amax().item() <= LARGEST_FEATURE:
        raise ValueError(
            f"`features` must be finite: got NaN, infinity or a value above {LARGEST_FEATURE:g}, "
            "expected finite numbers; try `features.isfinite()` to find them"
        )


def as_num_clusters(num_clusters: int, num_points: int) -> int:
    """Convert K to a plain integer in ``1..P``."""
    number = as_integer("num_clusters", num_clusters)
    if not 1 <= number <= num_points:
        raise ValueError(
            f"`num_clusters` must lie between 1 and the number of sites: got {number}, "
            f"expected an integer in 1..{num_points}; try fewer clusters or a finer feature map"
        )
    return number
