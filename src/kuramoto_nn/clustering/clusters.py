"""The working state of agglomeration: the clusters of a batch of images and their distances.

Shapes: B images, N cluster slots (P at first), M slots in a list. Lists are padded with slot 0,
which is in use until the end and which may be listed twice without harm.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FAR = 1e300
"""Distance to oneself and to slots out of use; finite, so that its averages are no NaN."""


@dataclass
class Clusters:
    """The clusters of B images; a merged pair lives on in the lower of its two slots."""

    distance: Tensor  # (B, N, N) mean distance between the members of two clusters
    size: Tensor  # (B, N) number of members
    first: Tensor  # (B, N) the lowest member, which stands for the cluster in the merge tree
    height: Tensor  # (B, N) distance at which the cluster was merged
    alive: Tensor  # (B, N) whether the slot is in use
    neighbour: Tensor  # (B, N) slot of the nearest cluster; a slot out of use names itself
    gap: Tensor  # (B, N) distance to it
    known: Tensor  # (B, N) whether these two are exact; if not, `gap` is a lower bound

    @classmethod
    def singletons(cls, distance: Tensor) -> "Clusters":
        """Start with every point a cluster of its own."""
        distance.diagonal(dim1=1, dim2=2).fill_(FAR)
        gap, neighbour = distance.min(2)
        first = torch.arange(gap.shape[1], device=gap.device).repeat(len(gap), 1)
        alive = torch.ones_like(first, dtype=torch.bool)
        size, height = torch.ones_like(gap), torch.full_like(gap, -1.0)
        return cls(distance, size, first, height, alive, neighbour, gap, known=alive.clone())

    @property
    def own(self) -> Tensor:
        """The number of every slot, (N,)."""
        return torch.arange(self.alive.shape[1], device=self.alive.device)

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
        self.known.scatter_(1, slots, True)

    def retire(self, slots: Tensor) -> None:
        """Take the slots of a (B, N) mask out of use."""
        self.alive &= ~slots
        self.gap.masked_fill_(slots, FAR)
        self.known |= slots
        self.neighbour = torch.where(slots, self.own, self.neighbour)

    def compact(self, num_slots: int) -> "Clusters":
        """Renumber the slots, those in use first and in their order."""
        order = self.alive.byte().sort(dim=1, descending=True, stable=True).indices[:, :num_slots]
        numbers = torch.zeros_like(self.first).scatter_(
            1, order, self.own[:num_slots].expand_as(order)
        )

        def kept(values: Tensor) -> Tensor:
            return values.gather(1, order)

        return Clusters(
            distance=self.rows(order).gather(2, order[:, None].expand(-1, num_slots, -1)),
            size=kept(self.size),
            first=kept(self.first),
            height=kept(self.height),
            alive=kept(self.alive),
            neighbour=numbers.gather(1, kept(self.neighbour)),
            gap=kept(self.gap),
            known=kept(self.known),
        )

    def _row_numbers(self, slots: Tensor) -> Tensor:
        num_images, num_slots = self.alive.shape
        start = torch.arange(num_images, device=slots.device) * num_slots
        return (slots + start[:, None]).flatten()
