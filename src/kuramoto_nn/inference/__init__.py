"""Inference with several runs of a model: votes by energy or confidence, and up-tiling."""

from kuramoto_nn.inference._uptiling import uptile_views, uptiled_features
from kuramoto_nn.inference._voting import (
    Noise,
    Vote,
    confidence,
    energy_before_last_update,
    energy_vote,
    energy_votes,
    last_energy,
    seeded_noise,
    total_energy,
    votes,
)

__all__ = [
    "Noise",
    "Vote",
    "confidence",
    "energy_before_last_update",
    "energy_vote",
    "energy_votes",
    "last_energy",
    "seeded_noise",
    "total_energy",
    "uptile_views",
    "uptiled_features",
    "votes",
]
