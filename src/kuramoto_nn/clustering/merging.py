"""Agglomeration in rounds: every pair of clusters that are each other's nearest merges at once.

Average linkage is reducible: a merged cluster is never nearer to a third one than the nearer of
its two parts. So a reciprocal pair stays reciprocal whatever merges elsewhere, all of them can merge
in one round, and the merge tree is the one that merging the closest pair at a time would give.
For the same reason a nearest neighbour has to be searched again only once it has merged itself.

Shapes: B images, N cluster slots (P at first), M pairs and S stale slots of a round. Lists of slots
are padded with slot 0, which is in use until the end and which may be listed twice without harm.

Reference: Müllner, *Modern hierarchical, agglomerative clustering algorithms* (2011), section 2;
Bruynooghe, *Méthodes nouvelles en classification automatique* (1977).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FAR = 1e300
"""Distance to oneself and to slots out of use; finite, so that its averages are no NaN."""
COMPACT_BELOW = 0.7
"""Slots are renumbered once at most this share of them is in use."""


@dataclass
class _Clusters:
    """The clusters of B images; a merged pair lives on in the lower of its two slots."""

    distance: Tensor  # (B, N, N) mean distance between the members of two clusters
    size: Tensor  # (B, N) number of members
    first: Tensor  # (B, N) the lowest member, which stands for the cluster in the merge tree
    height: Tensor  # (B, N) distance at which the cluster was merged
    alive: Tensor  # (B, N) whether the slot is in use
    neighbour: Tensor  # (B, N) slot of the nearest cluster; a slot out of use names itself
    gap: Tensor  # (B, N) distance to it

    @classmethod
    def singletons(cls, distance: Tensor) -> "_Clusters":
        """Start with every point a cluster of its own."""
        distance.diagonal(dim1=1, dim2=2).fill_(FAR)
        gap, neighbour = distance.min(2)
        first = torch.arange(gap.shape[1], device=gap.device).repeat(len(gap), 1)
        alive = torch.ones_like(first, dtype=torch.bool)
        size, height = torch.ones_like(gap), torch.full_like(gap, -1.0)
        return cls(distance, size, first, height, alive, neighbour, gap)

    def rows(self, slots: Tensor) -> Tensor:
        """Distances of some clusters to all: (B, M) slots to (B, M, N)."""
        return (
            self.distance.flatten(0, 1)
            .index_select(0, self._row_numbers(slots))
            .unflatten(0, slots.shape)
        )

    def write(self, slots: Tensor, rows: Tensor) -> None:
        """Replace the rows and the columns of some clusters."""
        self.distance.flatten(0, 1).index_copy_(0, self._row_numbers(slots), rows.flatten(0, 1))
        num_slots = self.distance.shape[1]
        self.distance.scatter_(2, slots[:, None].expand(-1, num_slots, -1), rows.mT)

    def search(self, slots: Tensor) -> None:
        """Find the nearest neighbours of some clusters again."""
        gap, neighbour = self.rows(slots).masked_fill_(~self.alive[:, None], FAR).min(2)
        self.gap.scatter_(1, slots, gap)
        self.neighbour.scatter_(1, slots, neighbour)

    def compact(self, num_slots: int) -> "_Clusters":
        """Renumber the slots, those in use first and in their order."""
        order = self.alive.byte().sort(dim=1, descending=True, stable=True).indices[:, :num_slots]
        new_number = torch.zeros_like(self.first).scatter_(
            1, order, torch.arange(num_slots, device=order.device).expand_as(order)
        )
        columns = order[:, None].expand(-1, num_slots, -1)
        return _Clusters(
            self.rows(order).gather(2, columns),
            *(x.gather(1, order) for x in (self.size, self.first, self.height, self.alive)),
            new_number.gather(1, self.neighbour.gather(1, order)),
            self.gap.gather(1, order),
        )

    def _row_numbers(self, slots: Tensor) -> Tensor:
        num_images, num_slots = self.alive.shape
        start = torch.arange(num_images, device=slots.device) * num_slots
        return (slots + start[:, None]).flatten()


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

    Example:
        >>> x = torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64)
        >>> parent, height = merge_tree((x[:, None] - x).abs()[None])
        >>> parent.tolist(), height.tolist()
        ([[0, 0, 0]], [[inf, 1.0, 4.5]])
    """
    clusters = _Clusters.singletons(distance)
    parent = torch.zeros_like(clusters.first)
    height = torch.full_like(clusters.gap, torch.inf)
    while True:
        mutual, keeps = _reciprocal(clusters)
        leaves = mutual & ~keeps
        stale = mutual.gather(1, clusters.neighbour) & ~leaves
        remaining = clusters.alive & ~leaves
        # The one host sync of a round: the sizes of what follows.
        num_pairs, num_stale, num_alive = (
            torch.stack([keeps, stale, remaining]).sum(2).amax(1).tolist()
        )
        if num_pairs == 0:
            return parent, height
        left = _list_slots(keeps, num_pairs)
        _merge(clusters, keeps, left, parent, height)
        clusters.alive = remaining
        clusters.gap.masked_fill_(leaves, FAR)
        own = torch.arange(leaves.shape[1], device=left.device)
        clusters.neighbour = torch.where(leaves, own, clusters.neighbour)
        clusters.search(_list_slots(stale, num_stale))
        if num_alive <= COMPACT_BELOW * leaves.shape[1]:
            clusters = clusters.compact(num_alive)


def _reciprocal(clusters: _Clusters) -> tuple[Tensor, Tensor]:
    """Mark the clusters that merge now, and those of them whose slot the pair keeps."""
    # Equal distances could make neighbours point in a ring; the closest pair of all always merges.
    closest = clusters.gap.argmin(1, keepdim=True)
    clusters.neighbour.scatter_(1, clusters.neighbour.gather(1, closest), closest)
    own = torch.arange(clusters.alive.shape[1], device=closest.device)
    mutual = (clusters.neighbour.gather(1, clusters.neighbour) == own) & (clusters.neighbour != own)
    return mutual, mutual & (clusters.neighbour > own)


def _list_slots(mask: Tensor, width: int) -> Tensor:
    """List the marked slots of every image in order, padded with 0: (B, N) to (B, width)."""
    place = mask.cumsum(1) * mask
    own = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    return own.new_zeros(len(mask), width + 1).scatter_(1, place, own)[:, 1:]


def _merge(
    clusters: _Clusters, keeps: Tensor, left: Tensor, parent: Tensor, height: Tensor
) -> None:
    """Join the clusters in slots ``left`` with their neighbours, by Lance and Williams' average."""
    own = torch.arange(keeps.shape[1], device=keeps.device)
    partner = torch.where(keeps, clusters.neighbour, own)
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
