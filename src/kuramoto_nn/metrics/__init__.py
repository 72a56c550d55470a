"""How well predicted segments match true objects: `contingency` table, `ari`, `overlap`, `running`.

The functions score a batch; the classes of `running` take the mean over a data set, and import
torchmetrics once one of them is asked for.
"""

from typing import TYPE_CHECKING

from kuramoto_nn.metrics._ari import foreground_ari
from kuramoto_nn.metrics._contingency import contingency_table
from kuramoto_nn.metrics._overlap import mean_best_overlap

if TYPE_CHECKING:
    from kuramoto_nn.metrics._running import ForegroundARI, MeanBestOverlap

__all__ = [
    "ForegroundARI",
    "MeanBestOverlap",
    "contingency_table",
    "foreground_ari",
    "mean_best_overlap",
]


def __getattr__(name: str) -> object:
    """Import the Metric classes on first use."""
    if name in ("ForegroundARI", "MeanBestOverlap"):
        from kuramoto_nn.metrics import _running

        return getattr(_running, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
