"""Agglomeration in rounds: every pair of clusters that are each other's nearest merges at once.

Average linkage is reducible: a merged cluster is never nearer to a third one than the nearer of
its two parts. So a reciprocal pair stays reciprocal whatever merges elsewhere, all such pairs can
merge in one round, and the tree is the one that merging the closest pair at a time would give.

A round builds the distances of what is left into a smaller matrix by gathers and needs the host
once, to learn its size: what a GPU wants. Shapes: B images, N slots of clusters now and n after
the round, M pairs. Slots without a cluster are copies of the last slot, which never has one.

Reference: Müllner, *Modern hierarchical, agglomerative clustering algorithms* (2011), section 2;
Bruynooghe, *Méthodes nouvelles en classification automatique* (1977).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from kuramoto_nn._ops.condense import Condensed
from kuramoto_nn._ops.distances import FAR


class Clusters(NamedTuple):
    """The clusters of B images, in the first slots."""

    distance: Tensor  # (B, N, N) mean distance between the members of two clusters
    size: Tensor  # (B, N) number of members, 0 without a cluster
    first: Tensor  # (B, N) the lowest member, which stands for the cluster in the merge tree
    level: Tensor  # (B, N) distance at which the cluster was merged


class Pairs(NamedTuple):
    """The pairs that merge in a round, padded with slots paired with themselves."""

    left: Tensor  # (B, M) the lower slot
    right: Tensor  # (B, M) its partner
    order: Tensor  # (B, n) the slots to keep, those of `left` in front


def merge_tree(distance: Tensor) -> tuple[Tensor, Tensor]:
    """Merge all points of every image by average linkage.

    Every point but point 0 is the lowest member of its cluster until one merge, in which that
    cluster joins one with a lower first point: its parent in the tree.

    Args:
        distance: Pairwise distances, shape ``(B, P, P)``, float64, symmetric.

    Returns:
        ``parent``, shape ``(B, P)``: the lowest member of the cluster which the point's cluster
        joined, 0 for point 0. ``height``, shape ``(B, P)``: the distance of that merge, infinite
        for point 0, and always above that of the merges below it.

    Examples:
        >>> x = torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64)
        >>> parent, height = merge_tree((x[:, None] - x).abs()[None])
        >>> parent.tolist(), height.tolist()
        ([[0, 0, 0]], [[inf, 1.0, 4.5]])
    """
    single = torch.ones_like(distance[:, 0])
    first = torch.arange(distance.shape[1], device=distance.device).repeat(len(distance), 1)
    parent, height = torch.zeros_like(first), torch.full_like(single, torch.inf)
    return _merge_all(Clusters(distance, single, first, -single), parent, height)


def merge_condensed(clusters: Condensed) -> tuple[Tensor, Tensor]:
    """Merge what is left of one image, and complete its tree.

    Args:
        clusters: What is left.

    Returns:
        ``parent`` and ``height`` as of `merge_tree`, of one image.
    """
    matrix, size, first, level, parent, height = (values[None] for values in clusters)
    distance = matrix[:, :, : size.shape[1]]
    return _merge_all(Clusters(distance, size, first, level), parent, height)


def _merge_all(clusters: Clusters, parent: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """Go on from some clusters and the tree (B, P) below them."""
    clusters = _with_empty_slot(clusters)
    # One more column than points: where what belongs to no pair is written.
    parent, height = F.pad(parent, (0, 1)), F.pad(height, (0, 1))
    while (pairs := _reciprocal_pairs(clusters)) is not None:
        clusters = _merge(clusters, pairs, parent, height)
    return parent[:, :-1], height[:, :-1]


def _with_empty_slot(clusters: Clusters) -> Clusters:
    """Append a slot without a cluster."""
    distance = F.pad(clusters.distance, (0, 1, 0, 1), value=FAR)
    distance.diagonal(dim1=1, dim2=2).fill_(FAR)
    return Clusters(distance, *(F.pad(values, (0, 1)) for values in clusters[1:]))


def _reciprocal_pairs(clusters: Clusters) -> Pairs | None:
    """List the clusters that are each other's nearest; None once every image has one cluster."""
    # argmin gives the first of equal entries. As the matrix is symmetric to the last bit, nearest
    # of nearest so ends in a pair and never in a ring: every round makes progress.
    neighbour = clusters.distance.argmin(2)
    own = torch.arange(neighbour.shape[1], device=neighbour.device).expand_as(neighbour)
    mutual = neighbour.gather(1, neighbour) == own
    keeps, leaves = mutual & (neighbour > own), mutual & (neighbour < own)
    stays = (clusters.size > 0) & ~keeps & ~leaves
    num_pairs = keeps.sum(1, keepdim=True)
    num_left = num_pairs + stays.sum(1, keepdim=True)
    # The one host sync of a round: the sizes of what follows.
    most_pairs, most_left = torch.cat([num_pairs, num_left], 1).amax(0).tolist()
    if most_pairs == 0:
        return None
    place = keeps * keeps.cumsum(1) + stays * (num_pairs + stays.cumsum(1))
    # Slots that leave have place 0, whose column is dropped; what no slot fills is without cluster.
    order = torch.full_like(own[:, : most_left + 2], own.shape[1] - 1)
    order = order.scatter(1, place, own)[:, 1:]
    left = order[:, :most_pairs]
    right = torch.where(keeps, neighbour, own).gather(1, left)
    return Pairs(left, right, order)


def _merge(clusters: Clusters, pairs: Pairs, parent: Tensor, height: Tensor) -> Clusters:
    """Join the pairs by Lance and Williams' average, write them into the tree, renumber slots."""
    left, right, order = pairs
    merges = left != right
    joined_size = clusters.size.gather(1, right) * merges
    size = clusters.size.gather(1, left) + joined_size
    weight = joined_size / size.clamp_min(1)

    # lerp never leaves the interval of its ends, so that rounding cannot undo reducibility.
    rows = _rows(clusters.distance, order)
    front = rows[:, : left.shape[1]]
    gap = front.gather(2, right[:, :, None]).squeeze(2)
    front.lerp_(_rows(clusters.distance, right), weight[:, :, None])
    distance = _columns(rows, order)
    distance[:, :, : left.shape[1]].lerp_(_columns(rows, right), weight[:, None])
    block = distance[:, : left.shape[1], : left.shape[1]]
    block.copy_(torch.minimum(block, block.mT))  # the order of averaging shows in the last bit
    distance.diagonal(dim1=1, dim2=2).fill_(FAR)

    below = torch.maximum(clusters.level.gather(1, left), clusters.level.gather(1, right))
    level = torch.maximum(gap, torch.nextafter(below, torch.full_like(below, FAR)))
    one, other = clusters.first.gather(1, left), clusters.first.gather(1, right)
    first = torch.minimum(one, other)
    child = torch.where(merges, torch.maximum(one, other), parent.shape[1] - 1)
    parent.scatter_(1, child, first)
    height.scatter_(1, child, level)

    def renumbered(values: Tensor, merged: Tensor) -> Tensor:
        return torch.cat([merged, values.gather(1, order[:, left.shape[1] :])], 1)

    level = torch.where(merges, level, below)
    return Clusters(
        distance,
        renumbered(clusters.size, size),
        renumbered(clusters.first, first),
        renumbered(clusters.level, level),
    )


def _rows(distance: Tensor, slots: Tensor) -> Tensor:
    """Rows of some slots: (B, N, N) and (B, M) to (B, M, N)."""
    num_slots = distance.shape[1]
    start = torch.arange(len(slots), device=slots.device)[:, None] * num_slots
    rows = distance.flatten(0, 1).index_select(0, (slots + start).flatten())
    return rows.unflatten(0, slots.shape)


def _columns(rows: Tensor, slots: Tensor) -> Tensor:
    """Columns of some slots: (B, n, N) and (B, M) to (B, n, M)."""
    return rows.gather(2, slots[:, None].expand(-1, rows.shape[1], -1))
