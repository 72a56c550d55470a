"""Checks of the input of the clustering functions."""

import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer, with_float64

LARGEST_FEATURE = 1e100
"""Squared distances of larger features could overflow float64."""


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
