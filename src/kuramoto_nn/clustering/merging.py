"""Agglomeration in rounds: every pair of clusters that are each other's nearest merges at once.

Average linkage is reducible: a merged cluster is never nearer to a third one than the nearer of
its two parts. So a reciprocal pair stays reciprocal whatever merges elsewhere, all such pairs can
merge in one round, and the tree is the one that merging the closest pair at a time would give. For
the same reason a nearest neighbour stays one until it merges itself, and the distance to it is a
lower bound even then; the search for the next one waits until it matters.

Reference: Müllner, *Modern hierarchical, agglomerative clustering algorithms* (2011), section 2;
Bruynooghe, *Méthodes nouvelles en classification automatique* (1977).
"""

import torch
from torch import Tensor

from kuramoto_nn.clustering.clusters import FAR, Clusters

COMPACT_BELOW = 0.7
"""Slots are renumbered once at most this share of them is in use."""
SMALL_SEARCH = 2**17
"""Distances of an image that are searched at once, rather than put off at the cost of a round."""


def merge_tree(distance: Tensor) -> tuple[Tensor, Tensor]:
    """Merge all points of every image by average linkage.

    Every point but point 0 is the lowest member of its cluster until one merge, in which that
    cluster joins one with a lower first point: its parent in the tree.

    Args:
        distance: Pairwise distances, shape ``(B, P, P)``, float64; overwritten.

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
    clusters = Clusters.singletons(distance)
    parent = torch.zeros_like(clusters.first)
    height = torch.full_like(clusters.gap, torch.inf)
    while True:
        keeps, leaves = _reciprocal(clusters)
        unknown, wanted = _to_search(clusters, keeps, leaves)
        # The one host sync of a round: the sizes of what follows.
        num_pairs, num_unknown, num_wanted, num_alive = (
            torch.stack([keeps, unknown, wanted, clusters.alive & ~leaves]).sum(2).amax(1).tolist()
        )
        if num_pairs:
            _merge(clusters, keeps, _list_slots(keeps, num_pairs), parent, height)
            clusters.retire(leaves)
        if num_alive == 1:
            return parent, height
        if num_unknown * leaves.shape[1] <= SMALL_SEARCH:
            wanted, num_wanted = unknown, num_unknown
        clusters.search(_list_slots(wanted, num_wanted))
        if num_alive <= COMPACT_BELOW * leaves.shape[1]:
            clusters = clusters.compact(num_alive)


def _reciprocal(clusters: Clusters) -> tuple[Tensor, Tensor]:
    """Mark the pairs that merge now: the slots they keep, and those they leave."""
    # Distances equal up to rounding can make neighbours point in a ring. The closest pair of all,
    # if known, therefore always points at each other, and every round makes progress.
    closest = clusters.gap.argmin(1, keepdim=True)
    other = clusters.neighbour.gather(1, closest)
    sure = clusters.known.gather(1, closest)
    target, pointer = torch.where(sure, other, closest), torch.where(sure, closest, other)
    clusters.neighbour.scatter_(1, target, pointer)
    clusters.known.scatter_(1, target, sure)

    own, neighbour, known = clusters.own, clusters.neighbour, clusters.known
    mutual = (neighbour.gather(1, neighbour) == own) & known & known.gather(1, neighbour)
    return mutual & (neighbour > own), mutual & (neighbour < own)


def _to_search(clusters: Clusters, keeps: Tensor, leaves: Tensor) -> tuple[Tensor, Tensor]:
    """Mark the clusters whose neighbour merges, and those of them that could merge next.

    The latter are new, or named by another cluster as its neighbour, or the closest of all. The
    rest can wait, which spares hundreds of searches where one cluster is everybody's neighbour.
    """
    clusters.known &= ~(keeps | leaves).gather(1, clusters.neighbour)
    unknown = ~clusters.known & ~leaves
    times_named = torch.zeros_like(clusters.first)
    times_named.scatter_add_(1, clusters.neighbour, clusters.known.long())
    times_named.scatter_(1, clusters.gap.argmin(1, keepdim=True), 1)
    return unknown, unknown & (keeps | (times_named > 0))


def _list_slots(mask: Tensor, width: int) -> Tensor:
    """List the marked slots of every image in order, padded with 0: (B, N) to (B, width)."""
    place = mask.cumsum(1) * mask
    own = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    # Unmarked slots all write to column 0, which is dropped.
    return own.new_zeros(len(mask), width + 1).scatter_(1, place, own)[:, 1:]


def _merge(clusters: Clusters, keeps: Tensor, left: Tensor, parent: Tensor, height: Tensor) -> None:
    """Join the clusters in slots ``left`` with their neighbours, by Lance and Williams' average."""
    partner = torch.where(keeps, clusters.neighbour, clusters.own)
    size = clusters.size + clusters.size.gather(1, partner) * keeps
    weight = (1 - clusters.size / size).gather(1, left)
    right = partner.gather(1, left)

    # lerp never leaves the interval of its ends, so that rounding cannot undo reducibility.
    rows = clusters.rows(left).lerp_(clusters.rows(right), weight[:, :, None])
    columns = left[:, None].expand(-1, left.shape[1], -1)
    partners = right[:, None].expand_as(columns)
    rows.scatter_(
        2, columns, rows.gather(2, columns).lerp_(rows.gather(2, partners), weight[:, None])
    )
    clusters.write(left, rows.scatter_(2, left[:, :, None], FAR))
    clusters.size = size

    below = torch.maximum(clusters.height, clusters.height.gather(1, partner))
    above = torch.nextafter(below, torch.full_like(below, FAR))
    clusters.height = torch.where(keeps, torch.maximum(clusters.gap, above), clusters.height)
    joined = clusters.first.gather(1, right)
    parent.scatter_(1, joined, clusters.first.gather(1, left))
    level = clusters.height.gather(1, left).masked_fill_(left == right, torch.inf)
    height.scatter_(1, joined, level)
