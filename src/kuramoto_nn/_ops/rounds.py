"""Average linkage in rounds, in plain torch: for GPUs, and for CPUs without Numba.

Two clusters that are each other's nearest are a reciprocal pair. Average linkage is reducible: a
union is never nearer to a third cluster than the nearer of its two parts. A reciprocal pair
therefore stays one whatever merges elsewhere, all such pairs can merge in the same round, and the
tree is that of merging the closest pair at a time. A round gathers the distances of the remaining
clusters into a smaller matrix and synchronises with the host once, to read the new size.

The merge tree, here and in `chain` and `condense`: a cluster is named after its lowest member. When
two clusters merge, the lower name stays. The higher one, `child`, becomes a node below it:
``parent[child]`` is the lower name and ``height[child]`` the distance of the merge. Point 0 has
parent 0 and height infinity. Heights increase strictly from every node to its parent.

Shapes: B images, P points, N slots for clusters now and n after the round, M pairs. A slot without
a cluster has size 0 and distance `FAR` to all others; the last slot never holds a cluster.

Reference: Müllner, *Modern hierarchical, agglomerative clustering algorithms* (2011), section 2;
Bruynooghe, *Méthodes nouvelles en classification automatique* (1977).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

FAR = 1e300
"""Distance of a cluster to itself and to empty slots; finite, so that its averages are not NaN."""
CLOSE = 1e-4
"""Share of the squared norms below which a squared distance loses digits to cancellation.

Above it, the expanded square is exact to about 12 digits; below it, differences are taken.
"""
SLICE_ELEMENTS = 2**24
"""Differences of close pairs held at once."""


class Clusters(NamedTuple):
    """The clusters of B images."""

    distance: Tensor  # (B, N, N), or more columns: mean distance between members, symmetric
    size: Tensor  # (B, N) number of members, float64
    first: Tensor  # (B, N) lowest member, the name of the cluster in the tree
    level: Tensor  # (B, N) height of its last merge, -1 for a single point


class Pairs(NamedTuple):
    """The pairs that merge in a round, padded with empty slots that are paired with themselves."""

    left: Tensor  # (B, M) the slot that keeps the union
    right: Tensor  # (B, M) its partner
    order: Tensor  # (B, n) the slots that remain, those of `left` in front


# Distances of points.


def pairwise_distances(points: Tensor) -> Tensor:
    """Distances of all pairs, ``(B, P, D)`` float64 to ``(B, P, P)``, symmetric to the last bit.

    ``|x|^2 + |y|^2 - 2 x . y`` around the mean of the image is one matrix product. Where this sum
    cancels, the difference x - y is taken, so that close points far from the others keep all of
    their digits and equal points are at distance 0.
    """
    centred = points - points.mean(1, keepdim=True)
    square = centred.square().sum(2)
    norms = (square[:, :, None] + square[:, None]).triu_(1)
    distance = torch.baddbmm(norms, centred, centred.mT, alpha=-2).triu_(1)
    _refine(distance, norms, points, points)
    distance.sqrt_()
    return distance + distance.mT


def distances_from(points: Tensor, centred: Tensor, square: Tensor, rows: Tensor) -> Tensor:
    """Distances ``(P, R)`` from all points ``(P, D)`` to R of them, as in `pairwise_distances`.

    Points around their mean ``(P, D)`` and the squared norms of these ``(P,)`` are given.
    """
    norms = square[:, None] + square[rows]
    distance = torch.addmm(norms, centred, centred[rows].mT, alpha=-2)
    _refine(distance[None], norms[None], points[None], points[rows][None])
    return distance.sqrt_()


def _refine(square: Tensor, norms: Tensor, points: Tensor, others: Tensor) -> None:
    """Replace the squared distances ``(B, P, R)`` that are small against the sums of norms."""
    pairs = (square < CLOSE * norms).nonzero()
    for part in pairs.split(max(1, SLICE_ELEMENTS // points.shape[2])):
        b, i, j = part.unbind(1)
        square[b, i, j] = (points[b, i] - others[b, j]).square().sum(1)


# Merging.


def merge_tree(distance: Tensor) -> tuple[Tensor, Tensor]:
    """Merge all points, whose distances are ``(B, P, P)``, to the tree's parent and height."""
    single = torch.ones_like(distance[:, 0])
    first = torch.arange(distance.shape[1], device=distance.device).repeat(len(distance), 1)
    parent, height = torch.zeros_like(first), torch.full_like(single, torch.inf)
    return merge_clusters(Clusters(distance, single, first, -single), parent, height)


def merge_clusters(clusters: Clusters, parent: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """Merge clusters, and complete the tree ``(B, P)`` below them."""
    num_slots = clusters.size.shape[1]
    distance = F.pad(clusters.distance[:, :, :num_slots], (0, 1, 0, 1), value=FAR)
    distance.diagonal(dim1=1, dim2=2).fill_(FAR)
    clusters = Clusters(distance, *(F.pad(values, (0, 1)) for values in clusters[1:]))
    # The additional column takes the entries of slots that are in no pair.
    parent, height = F.pad(parent, (0, 1)), F.pad(height, (0, 1))
    while (pairs := _reciprocal_pairs(clusters)) is not None:
        clusters = _merge(clusters, pairs, parent, height)
    return parent[:, :-1], height[:, :-1]


def _reciprocal_pairs(clusters: Clusters) -> Pairs | None:
    """List the clusters that are each other's nearest; None once every image has one cluster."""
    # argmin gives the first of equal entries. As the matrix is symmetric to the last bit, a
    # chain of nearest neighbours then ends in a pair, never in a cycle: every round merges one.
    neighbour = clusters.distance.argmin(2)
    own = torch.arange(neighbour.shape[1], device=neighbour.device).expand_as(neighbour)
    mutual = neighbour.gather(1, neighbour) == own
    keeps, leaves = mutual & (neighbour > own), mutual & (neighbour < own)
    stays = (clusters.size > 0) & ~keeps & ~leaves
    num_pairs = keeps.sum(1, keepdim=True)
    num_left = num_pairs + stays.sum(1, keepdim=True)
    # The only host sync of a round: the sizes of the following tensors.
    most_pairs, most_left = torch.cat([num_pairs, num_left], 1).amax(0).tolist()
    if most_pairs == 0:
        return None
    # Places count from 1. Slots that leave have place 0, whose column is dropped; places that no
    # slot takes refer to the last slot, which is empty.
    place = keeps * keeps.cumsum(1) + stays * (num_pairs + stays.cumsum(1))
    order = torch.full_like(own[:, : most_left + 2], own.shape[1] - 1)
    order = order.scatter(1, place, own)[:, 1:]
    left = order[:, :most_pairs]
    right = torch.where(keeps, neighbour, own).gather(1, left)
    return Pairs(left, right, order)


def _merge(clusters: Clusters, pairs: Pairs, parent: Tensor, height: Tensor) -> Clusters:
    """Join the pairs by Lance and Williams' average, add them to the tree, renumber the slots."""
    left, right, order = pairs
    num_pairs = left.shape[1]
    merges = left != right
    joined_size = clusters.size.gather(1, right) * merges
    size = clusters.size.gather(1, left) + joined_size
    weight = joined_size / size.clamp_min(1)

    # lerp never leaves the interval of its ends, so that rounding cannot undo reducibility.
    rows = _rows(clusters.distance, order)
    front = rows[:, :num_pairs]
    gap = front.gather(2, right[:, :, None]).squeeze(2)
    front.lerp_(_rows(clusters.distance, right), weight[:, :, None])
    distance = _columns(rows, order)
    distance[:, :, :num_pairs].lerp_(_columns(rows, right), weight[:, None])
    block = distance[:, :num_pairs, :num_pairs]
    block.copy_(torch.minimum(block, block.mT))  # rows and columns were averaged in another order
    distance.diagonal(dim1=1, dim2=2).fill_(FAR)

    below = torch.maximum(clusters.level.gather(1, left), clusters.level.gather(1, right))
    level = torch.where(merges, height_above(below, gap), below)
    one, other = clusters.first.gather(1, left), clusters.first.gather(1, right)
    first = torch.minimum(one, other)
    child = torch.where(merges, torch.maximum(one, other), parent.shape[1] - 1)
    parent.scatter_(1, child, first)
    height.scatter_(1, child, level)

    rest = order[:, num_pairs:]
    joined = zip((size, first, level), clusters[1:], strict=True)
    return Clusters(distance, *(torch.cat([new, old.gather(1, rest)], 1) for new, old in joined))


def height_above(below: Tensor, gap: Tensor) -> Tensor:
    """Heights of merges: their distances, raised above the heights of the parts where needed."""
    return torch.maximum(gap, below.nextafter(torch.full_like(below, FAR)))


def _rows(distance: Tensor, slots: Tensor) -> Tensor:
    """Rows of some slots: (B, N, N) and (B, M) to (B, M, N)."""
    num_slots = distance.shape[1]
    start = torch.arange(len(slots), device=slots.device)[:, None] * num_slots
    rows = distance.flatten(0, 1).index_select(0, (slots + start).flatten())
    return rows.unflatten(0, slots.shape)


def _columns(rows: Tensor, slots: Tensor) -> Tensor:
    """Columns of some slots: (B, n, N) and (B, M) to (B, n, M)."""
    return rows.gather(2, slots[:, None].expand(-1, rows.shape[1], -1))
