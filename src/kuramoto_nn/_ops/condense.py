"""First stage of average linkage for more points than their matrix of distances has room for.

As in `rounds`, all reciprocal nearest neighbours merge at once. The distances between clusters are
computed in strips, from some clusters to all, and only the nearest neighbour of each is kept. It is
computed again when the cluster or its nearest neighbour has merged: average linkage is reducible,
so no other union can have come nearer. Once the matrix of the remaining clusters fits into memory,
`chain` or `rounds` complete the tree, which is the same to rounding.

Shapes: P points at U distinct places, n clusters.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from kuramoto_nn._ops.rounds import FAR, Clusters, distances_from, height_above

STRIP_DISTANCES = {"cpu": 2**22, "cuda": 2**26}
"""Distances that are held at once, by device."""


class _Places(NamedTuple):
    """The distinct points; equal points are one place, whose distances are computed once."""

    points: Tensor  # (U, D)
    centred: Tensor  # (U, D) the same around their mean
    square: Tensor  # (U,) its squared norms
    weight: Tensor  # (U,) number of points there, float64


class _Partition(NamedTuple):
    """The clusters; all but the first field as in `Clusters`, of one image."""

    label: Tensor  # (U,) cluster of every place
    size: Tensor  # (n,)
    first: Tensor  # (n,)
    level: Tensor  # (n,)


def condense(points: Tensor, most: int) -> tuple[Clusters, Tensor, Tensor]:
    """Merge the points ``(P, D)`` of an image, float64, until at most ``most`` clusters are left.

    Returns these, with one spare column of distances as `chain` needs it, and the tree so far, all
    as a batch of one.
    """
    parent = torch.zeros(len(points), dtype=torch.long, device=points.device)
    height = torch.full_like(points[:, 0], torch.inf)
    places, clusters = _join_equal(points, parent, height)
    gap = torch.full_like(clusters.size, torch.nan)  # distance to the nearest cluster
    neighbour = torch.full_like(clusters.first, -1)  # its number, -1 if unknown
    while len(clusters.size) > most:
        for chosen, rows in _rows(places, clusters, neighbour < 0):
            gap[chosen], neighbour[chosen] = rows.min(1)
        clusters, gap, neighbour = _merge(clusters, gap, neighbour, parent, height)
    left = (_matrix(places, clusters), *clusters[1:])
    return Clusters(*(values[None] for values in left)), parent[None], height[None]


def _join_equal(points: Tensor, parent: Tensor, height: Tensor) -> tuple[_Places, _Partition]:
    """Make clusters of equal points; in rounds, only one pair of them would merge at a time."""
    places, place, count = points.unique(dim=0, return_inverse=True, return_counts=True)
    own = torch.arange(len(points), device=points.device)
    first = torch.full_like(count, len(points)).scatter_reduce(0, place, own, "amin")
    joins = first[place] < own
    parent[joins] = first[place][joins]
    height[joins] = 0.0
    size, level = count.double(), torch.where(count > 1, 0.0, -1.0).double()
    centred = places - places.mean(0)
    of_places = _Places(places, centred, centred.square().sum(1), size.clone())
    return of_places, _Partition(own[: len(places)], size, first, level)


def _matrix(places: _Places, clusters: _Partition) -> Tensor:
    """All distances between clusters ``(n, n | 1)``, symmetric to the last bit."""
    num_clusters = len(clusters.size)
    matrix = places.points.new_full((num_clusters, num_clusters | 1), FAR)
    for chosen, rows in _rows(places, clusters, torch.ones_like(clusters.first, dtype=torch.bool)):
        start, stop = int(chosen[0]), int(chosen[-1]) + 1
        block = rows[:, start:stop]
        block.copy_(torch.minimum(block, block.mT))
        matrix[start:stop, start:num_clusters] = rows[:, start:]
        matrix[start:, start:stop] = rows[:, start:].mT
    return matrix


def _rows(places: _Places, clusters: _Partition, wanted: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Distances from the wanted clusters (n,) to all, in strips: which ones (c,), and (c, n)."""
    points, centred, square, weight = places
    num_clusters = len(wanted)
    budget = STRIP_DISTANCES.get(points.device.type, STRIP_DISTANCES["cpu"])
    length = max(1, budget // len(points))
    label, order = clusters.label.sort(stable=True)
    members = _membership(label, order, weight[order], num_clusters)
    strips = wanted.nonzero().squeeze(1).split(length)
    num_places = label.bincount(minlength=num_clusters)
    counts = [int(num_places[strip].sum()) for strip in strips]
    for strip, of_strip in zip(strips, order[wanted[label]].split(counts), strict=True):
        rows = points.new_zeros(len(strip), num_clusters)
        for part in of_strip.split(length):  # a cluster may have more places than fit
            sums = members @ distances_from(points, centred, square, part)
            owner = torch.searchsorted(strip, clusters.label[part])
            own = torch.arange(len(part), device=part.device)
            rows += _membership(owner, own, weight[part], len(strip)) @ sums.mT
        rows /= clusters.size[strip, None] * clusters.size
        yield strip, rows.scatter_(1, strip[:, None], FAR)


def _membership(label: Tensor, place: Tensor, weight: Tensor, num_clusters: int) -> Tensor:
    """Sparse (n, U) weights: a product with it adds up the rows of every cluster's members."""
    index, shape = torch.stack([label, place]), (num_clusters, len(label))
    return torch.sparse_coo_tensor(index, weight, shape, is_coalesced=True, check_invariants=False)


def _merge(
    clusters: _Partition, gap: Tensor, neighbour: Tensor, parent: Tensor, height: Tensor
) -> tuple[_Partition, Tensor, Tensor]:
    """Join all reciprocal pairs, add them to the tree, and renumber clusters and neighbours."""
    label, size, first, level = clusters
    closest = gap.argmin()
    neighbour[neighbour[closest]] = closest  # a merge in every round, in spite of rounding
    own = torch.arange(len(gap), device=gap.device)
    mutual = neighbour[neighbour] == own
    stays = ~mutual | (own < neighbour)
    left = (mutual & stays).nonzero().squeeze(1)
    right = neighbour[left]

    level[left] = height_above(torch.maximum(level[left], level[right]), gap[left])
    child = torch.maximum(first[left], first[right])
    first[left] = torch.minimum(first[left], first[right])
    parent[child], height[child] = first[left], level[left]
    size[left] += size[right]

    number = stays.cumsum(0) - 1
    renumbered = number.where(stays, number[neighbour])
    neighbour = torch.where(mutual | mutual[neighbour], -1, number[neighbour])
    left_over = _Partition(renumbered[label], size[stays], first[stays], level[stays])
    return left_over, gap[stays], neighbour[stays]
