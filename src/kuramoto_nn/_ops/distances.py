"""Euclidean distances of all pairs of sites from one matrix product, exact also for close pairs."""

import torch
from torch import Tensor

FAR = 1e300
"""Distance to oneself and to slots without a cluster; finite, so that its averages are no NaN."""
CLOSE = 1e-4
"""Share of the squared norms below which a squared distance loses digits to cancellation.

Above it, the expanded square is exact to about 12 digits; below it, differences are taken.
"""
SLICE_ELEMENTS = 2**24
"""Differences of close pairs held at once."""


def pairwise_distances(points: Tensor) -> Tensor:
    r"""Compute :math:`|x - y|^2 = |x|^2 + |y|^2 - 2 x \cdot y` around the mean of an image.

    What cancels in this sum is computed from :math:`x - y` instead, so that close points far from
    the others keep all of their digits, and equal points are at distance 0.

    Args:
        points: Shape ``(B, P, D)``, float64.

    Returns:
        Distances, shape ``(B, P, P)``, symmetric to the last bit.

    Examples:
        >>> pairwise_distances(torch.tensor([[[0.0, 0.0], [3.0, 4.0]]], dtype=torch.float64))
        tensor([[[0., 5.],
                 [5., 0.]]], dtype=torch.float64)
    """
    centred = points - points.mean(1, keepdim=True)
    square = centred.square().sum(2)
    norms = (square[:, :, None] + square[:, None]).triu_(1)
    distance = torch.baddbmm(norms, centred, centred.mT, alpha=-2).triu_(1)
    _refine(distance, norms, points, points)
    distance.sqrt_()
    return distance + distance.mT


def distances_from(points: Tensor, moved: Tensor, square: Tensor, rows: Tensor) -> Tensor:
    """Distances from some points to all, computed as in `pairwise_distances`.

    Args:
        points: Shape ``(P, D)``, float64.
        moved: The same around their mean.
        square: Its squared norms, shape ``(P,)``.
        rows: Which points, shape ``(R,)``, int64.

    Returns:
        Distances, shape ``(P, R)``.

    Examples:
        >>> points = torch.tensor([[-3.0, -4.0], [3.0, 4.0]], dtype=torch.float64)
        >>> distances_from(points, points, points.square().sum(1), torch.tensor([1]))
        tensor([[10.],
                [ 0.]], dtype=torch.float64)
    """
    norms = square[:, None] + square[rows]
    distance = torch.addmm(norms, moved, moved[rows].mT, alpha=-2)
    _refine(distance[None], norms[None], points[None], points[rows][None])
    return distance.sqrt_()


def _refine(square: Tensor, norms: Tensor, points: Tensor, others: Tensor) -> None:
    """Replace the squared distances ``(B, P, R)`` that lost digits against the norms' sums."""
    image, row, column = (square < CLOSE * norms).nonzero().unbind(1)
    length = max(1, SLICE_ELEMENTS // points.shape[2])
    for pair in zip(image.split(length), row.split(length), column.split(length), strict=True):
        b, i, j = pair
        square[b, i, j] = (points[b, i] - others[b, j]).square().sum(1)
