"""Inference with several runs of a model: energy vote over starting noises, and up-tiling."""

from kuramoto_nn.inference._uptiling import uptile_views, uptiled_features
from kuramoto_nn.inference._voting import (
    Noise,
    Vote,
    energy_before_last_update,
    energy_vote,
    energy_votes,
    last_energy,
    seeded_noise,
    total_energy,
)

__all__ = [
    "Noise",
    "Vote",
    "energy_before_last_update",
    "energy_vote",
    "energy_votes",
    "last_energy",
    "seeded_noise",
    "total_energy",
    "uptile_views",
    "uptiled_features",
]
