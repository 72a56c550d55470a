"""Artificial Kuramoto oscillatory neurons for PyTorch.

Packages, each of which imports only from those before it: `functional` (mathematics on unit
vectors), `coupling` (interactions between oscillators), `layers` (the Kuramoto layer and its
neighbours), `models` (whole networks), `inference` (running a network many times), `reference`
(weights of the authors' code), `clustering`, `metrics`, `plot`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kuramoto_nn.layers import KuramotoLayer, NaturalFrequency, NormReadout, Trajectory

if TYPE_CHECKING:
    from kuramoto_nn import clustering as clustering
    from kuramoto_nn import inference as inference
    from kuramoto_nn import metrics as metrics
    from kuramoto_nn import models as models
    from kuramoto_nn import plot as plot
    from kuramoto_nn import reference as reference
    from kuramoto_nn.models import create_model, list_models, load_model

__version__ = "0.1.0"
__all__ = [
    "KuramotoLayer",
    "NaturalFrequency",
    "NormReadout",
    "Trajectory",
    "create_model",
    "list_models",
    "load_model",
]

_PACKAGES = (
    *("functional", "coupling", "layers", "models", "inference"),
    *("reference", "clustering", "metrics", "plot"),
)
_FROM_MODELS = ("create_model", "list_models", "load_model")


def __getattr__(name: str) -> object:
    """Import what is loaded on demand: packages, and the functions that load `models`."""
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    if name in _FROM_MODELS:
        return getattr(import_module(f"{__name__}.models"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the names above and the packages."""
    return sorted({*globals(), *_PACKAGES, *_FROM_MODELS})
