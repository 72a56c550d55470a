"""Artificial Kuramoto oscillatory neurons for PyTorch.

Reading order: `functional` (the maths), `coupling` (who pulls at whom), `layers` (the Kuramoto
layer and its neighbours), `models` (whole networks), `reference` (the authors' weights),
`clustering` and `metrics` (what came of it), `plot` (what it looks like).
"""

import importlib

from kuramoto_nn.layers import KuramotoLayer, NaturalFrequency, NormReadout, Trajectory

_PACKAGES = ("clustering", "metrics", "models", "plot", "reference")

__version__ = "0.1.0"
__all__ = ["KuramotoLayer", "NaturalFrequency", "NormReadout", "Trajectory"]


def __getattr__(name: str) -> object:
    """Import a package of the library when it is first asked for."""
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
