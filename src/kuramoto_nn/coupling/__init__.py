"""Couplings: same-shape maps ``(B, C, *S) -> (B, C, *S)`` that tell oscillators of each other.

Any module of that kind plugs into a `KuramotoLayer`, `torch.nn.Conv2d` with padding included.
Reading order: `conv`, `linear`, `position`, `attention`.
"""

from kuramoto_nn.coupling.attention import AttentionCoupling
from kuramoto_nn.coupling.conv import ConvCoupling
from kuramoto_nn.coupling.position import GeometricTransform, SinCosEmbedding

__all__ = ["AttentionCoupling", "ConvCoupling", "GeometricTransform", "SinCosEmbedding"]
