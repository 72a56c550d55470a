"""Scores of predicted segments against true objects: FG-ARI and mean best overlap (MBO).

Functions score a batch of label maps. The `torchmetrics.Metric` classes take the mean over a data
set, and import torchmetrics on first use. Class-level MBO is `mean_best_overlap(pred, class_map)`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kuramoto_nn.metrics._scores import contingency_table, foreground_ari, mean_best_overlap

if TYPE_CHECKING:
    from kuramoto_nn.metrics._running import ForegroundARI, MeanBestOverlap

__all__ = [
    "ForegroundARI",
    "MeanBestOverlap",
    "contingency_table",
    "foreground_ari",
    "mean_best_overlap",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import the Metric classes on first use."""
        if name in __all__:
            return getattr(import_module("kuramoto_nn.metrics._running"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
