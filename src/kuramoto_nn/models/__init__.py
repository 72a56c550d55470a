"""Networks composed of the library's layers, built from configurations of plain values.

`create_model` builds a preset, `list_models` lists them, `load_model` loads a trained network.
``python -m kuramoto_nn.models`` prints all presets with sizes and published scores.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kuramoto_nn.models._akorn import AKOrN, AKOrNConfig
from kuramoto_nn.models._base import (
    Model,
    ObjectDiscoveryModel,
    Preset,
    all_presets,
    create_model,
    list_models,
    load_model,
)
from kuramoto_nn.models._classifier import AKOrNClassifier, AKOrNClassifierConfig
from kuramoto_nn.models._config import Config
from kuramoto_nn.models._itrsa import ItrSA, ItrSAConfig, ItrSASudoku, ItrSASudokuConfig
from kuramoto_nn.models._parts import (
    GridConfig,
    ImageConfig,
    ObjectDiscoveryConfig,
    OscillatorConfig,
)
from kuramoto_nn.models._sudoku import (
    AKOrNSudoku,
    AKOrNSudokuConfig,
    SudokuConfig,
    SudokuModel,
    SudokuRollout,
    SudokuTrajectory,
)

__all__ = [
    "AKOrN",
    "AKOrNClassifier",
    "AKOrNClassifierConfig",
    "AKOrNConfig",
    "AKOrNSudoku",
    "AKOrNSudokuConfig",
    "Config",
    "GridConfig",
    "ImageConfig",
    "ItrSA",
    "ItrSAConfig",
    "ItrSASudoku",
    "ItrSASudokuConfig",
    "Model",
    "ObjectDiscoveryConfig",
    "ObjectDiscoveryModel",
    "OscillatorConfig",
    "Preset",
    "SudokuConfig",
    "SudokuModel",
    "SudokuRollout",
    "SudokuTrajectory",
    "all_presets",
    "create_model",
    "list_models",
    "load_model",
]

if TYPE_CHECKING:  # else a type checker would accept any attribute
    from kuramoto_nn.inference import energy_vote as energy_vote
    from kuramoto_nn.inference import seeded_noise as seeded_noise
else:

    def __getattr__(name: str) -> object:
        """Import two functions of `inference`, which stands above `models`, on first use."""
        if name in ("energy_vote", "seeded_noise"):
            return getattr(import_module("kuramoto_nn.inference"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
