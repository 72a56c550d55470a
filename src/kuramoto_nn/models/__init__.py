"""Whole networks: compositions of the library's layers, built from plain values.

Reading order: `config`, `presets`, `published`, `build`, `block`, `card`, `files`, `pretrained`,
`base`, then the networks `akorn`, `itrsa`, `sudoku`, `itrsa_sudoku`, `classifier`, and
`uptiling` and `voting`, which run networks several times.
``python -m kuramoto_nn.models`` lists all presets.
"""

from kuramoto_nn.models.akorn import AKOrN
from kuramoto_nn.models.base import Model, Preset
from kuramoto_nn.models.classifier import AKOrNClassifier
from kuramoto_nn.models.config import (
    AKOrNClassifierConfig,
    AKOrNConfig,
    AKOrNSudokuConfig,
    ItrSAConfig,
    ItrSASudokuConfig,
)
from kuramoto_nn.models.itrsa import ItrSA
from kuramoto_nn.models.itrsa_sudoku import ItrSASudoku
from kuramoto_nn.models.sudoku import AKOrNSudoku, SudokuRollout, SudokuTrajectory
from kuramoto_nn.models.uptiling import uptile_views, uptiled_features
from kuramoto_nn.models.voting import (
    Noise,
    Vote,
    energy_vote,
    energy_votes,
    last_energy,
    seeded_noise,
    total_energy,
)

__all__ = [
    "AKOrN",
    "AKOrNClassifier",
    "AKOrNClassifierConfig",
    "AKOrNConfig",
    "AKOrNSudoku",
    "AKOrNSudokuConfig",
    "ItrSA",
    "ItrSAConfig",
    "ItrSASudoku",
    "ItrSASudokuConfig",
    "Model",
    "Noise",
    "Preset",
    "SudokuRollout",
    "SudokuTrajectory",
    "Vote",
    "energy_vote",
    "energy_votes",
    "last_energy",
    "seeded_noise",
    "total_energy",
    "uptile_views",
    "uptiled_features",
]
