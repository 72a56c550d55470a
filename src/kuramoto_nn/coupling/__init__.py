"""Couplings: maps ``(B, C, *S) -> (B, C, *S)`` through which oscillators interact.

Any module of that kind plugs into a `KuramotoLayer`, `torch.nn.Conv2d` with padding included.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kuramoto_nn.coupling._attention import AttentionCoupling
from kuramoto_nn.coupling._conv import ConvCoupling
from kuramoto_nn.coupling._position import GeometricTransform

if TYPE_CHECKING:
    from kuramoto_nn.layers import SinCosEmbedding

__all__ = ["AttentionCoupling", "ConvCoupling", "GeometricTransform", "SinCosEmbedding"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import `SinCosEmbedding` on first use: it is a layer, and layers import couplings."""
        if name == "SinCosEmbedding":
            return import_module("kuramoto_nn.layers").SinCosEmbedding
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
