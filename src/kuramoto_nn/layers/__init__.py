"""Layers: the Kuramoto layer and what stands before and after it.

Reading order: `frequency`, `norm`, `kuramoto`, `readout`, `embed`, `heads`.
"""

from kuramoto_nn.layers.embed import PatchEmbed
from kuramoto_nn.layers.frequency import NaturalFrequency
from kuramoto_nn.layers.heads import PooledHead
from kuramoto_nn.layers.kuramoto import KuramotoLayer, Trajectory
from kuramoto_nn.layers.norm import OscillatorNorm, ScaleBias, SiteNorm
from kuramoto_nn.layers.readout import NormReadout

__all__ = [
    "KuramotoLayer",
    "NaturalFrequency",
    "NormReadout",
    "OscillatorNorm",
    "PatchEmbed",
    "PooledHead",
    "ScaleBias",
    "SiteNorm",
    "Trajectory",
]
