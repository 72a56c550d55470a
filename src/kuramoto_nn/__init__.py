"""Artificial Kuramoto oscillatory neurons for PyTorch.

Packages, in the order in which to read them; each imports only from those before it:

- `functional`: maths on unit vectors (velocity, integrators, energy)
- `coupling`: interactions between oscillators
- `layers`: the Kuramoto layer and the layers before and after it
- `models`: complete networks with their configurations and presets
- `inference`: several runs of a model (energy vote, up-tiling)
- `reference`: weights of the authors' code
- `clustering`, `metrics`, `plot`: evaluation and pictures
- `testing`: laws of oscillators and couplings as assertions
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kuramoto_nn import coupling, functional, layers
from kuramoto_nn.layers import KuramotoLayer, NaturalFrequency, NormReadout, Trajectory

if TYPE_CHECKING:
    from kuramoto_nn import clustering, inference, metrics, models, plot, reference, testing
    from kuramoto_nn.models import create_model, list_models, load_model

__version__ = "0.1.0"
__all__ = [
    "KuramotoLayer",
    "NaturalFrequency",
    "NormReadout",
    "Trajectory",
    "clustering",
    "coupling",
    "create_model",
    "functional",
    "inference",
    "layers",
    "list_models",
    "load_model",
    "metrics",
    "models",
    "plot",
    "reference",
    "testing",
]

if not TYPE_CHECKING:  # else a type checker would accept any attribute

    def __getattr__(name: str) -> object:
        """Import packages on first use, and the functions that load `models`."""
        if name in ("create_model", "list_models", "load_model"):
            return getattr(import_module(f"{__name__}.models"), name)
        if name in __all__:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Public names, packages that are not loaded yet included."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
