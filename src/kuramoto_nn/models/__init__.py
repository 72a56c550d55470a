"""Whole networks: compositions of the library's layers, built from plain values.

Reading order: `config`, `presets`, `akorn`, `itrsa`, `uptiling`.
"""

from kuramoto_nn.models.akorn import AKOrN
from kuramoto_nn.models.config import AKOrNConfig, ItrSAConfig
from kuramoto_nn.models.itrsa import ItrSA
from kuramoto_nn.models.uptiling import uptile_views, uptiled_features

__all__ = [
    "AKOrN",
    "AKOrNConfig",
    "ItrSA",
    "ItrSAConfig",
    "uptile_views",
    "uptiled_features",
]
