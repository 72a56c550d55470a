"""Configurations: plain values, so that each is a JSON object.

Reading order: `base` (checks), `parts` (what several models have), `discovery`, `sudoku`,
`classifier`.
"""

from kuramoto_nn.models._config.base import Checked, Config
from kuramoto_nn.models._config.classifier import AKOrNClassifierConfig
from kuramoto_nn.models._config.discovery import AKOrNConfig, ItrSAConfig, ObjectDiscoveryConfig
from kuramoto_nn.models._config.parts import GridConfig, OscillatorConfig
from kuramoto_nn.models._config.sudoku import (
    SIDE,
    AKOrNSudokuConfig,
    ItrSASudokuConfig,
    SudokuConfig,
)

__all__ = [
    "SIDE",
    "AKOrNClassifierConfig",
    "AKOrNConfig",
    "AKOrNSudokuConfig",
    "Checked",
    "Config",
    "GridConfig",
    "ItrSAConfig",
    "ItrSASudokuConfig",
    "ObjectDiscoveryConfig",
    "OscillatorConfig",
    "SudokuConfig",
]
