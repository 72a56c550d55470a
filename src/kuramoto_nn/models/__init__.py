"""Whole networks: compositions of the library's layers, built from plain values.

Reading order: `config`, `presets`, `published`, `build`, `block`, `card`, `files`, `pretrained`,
`base`, then the networks `akorn`, `itrsa`, `sudoku`, `itrsa_sudoku`, `classifier`, and
`uptiling` and `voting`, which run networks several times.
``python -m kuramoto_nn.models`` lists all presets.
"""

from kuramoto_nn.models._akorn import AKOrN
from kuramoto_nn.models._base import Model, Preset
from kuramoto_nn.models._classifier import AKOrNClassifier
from kuramoto_nn.models._config import (
    AKOrNClassifierConfig,
    AKOrNConfig,
    AKOrNSudokuConfig,
    ItrSAConfig,
    ItrSASudokuConfig,
)
from kuramoto_nn.models._itrsa import ItrSA
from kuramoto_nn.models._itrsa_sudoku import ItrSASudoku
from kuramoto_nn.models._sudoku import AKOrNSudoku, SudokuRollout, SudokuTrajectory

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
    "Preset",
    "SudokuRollout",
    "SudokuTrajectory",
]
