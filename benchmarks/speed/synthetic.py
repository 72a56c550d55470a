"""Inputs that resemble real ones where the cost depends on it: masks, and clustered sites."""

import torch
from torch import Tensor


def label_maps(batch: int, side: int, num_labels: int) -> Tensor:
    """Maps of blobs, int64 ``(B, side, side)``; a pixel has the label of the nearest seed."""
    pixels = torch.cartesian_prod(*[torch.arange(side, dtype=torch.float32)] * 2)
    seeds = side * torch.rand(batch, 3 * num_labels, 2)
    nearest = torch.cdist(pixels.expand(batch, -1, -1), seeds).argmin(2)
    return (nearest % num_labels).unflatten(1, (side, side))


def sites(batch: int, num_points: int, num_channels: int, *, num_groups: int = 11) -> Tensor:
    """Unit vectors around some centres, like trained features, ``(B, P, D)``."""
    centres = torch.randn(batch, num_groups, num_channels)
    group = torch.randint(num_groups, (batch, num_points, 1)).expand(-1, -1, num_channels)
    points = centres.gather(1, group) + 0.5 * torch.randn(batch, num_points, num_channels)
    return points / points.norm(dim=2, keepdim=True)
