"""Layers: the Kuramoto layer and what stands before and after it.

Reading order: `frequency`, `norm`, `stepwise`, `trajectory`, `kuramoto`, `readout`, `embed`,
`heads`.
"""

from kuramoto_nn.layers.embed import PatchEmbed
from kuramoto_nn.layers.frequency import NaturalFrequency
from kuramoto_nn.layers.heads import PooledHead
from kuramoto_nn.layers.kuramoto import KuramotoLayer
from kuramoto_nn.layers.norm import OscillatorNorm, ScaleBias, SiteNorm
from kuramoto_nn.layers.readout import FeedForwardReadout, NormReadout
from kuramoto_nn.layers.trajectory import Rollout, Trajectory

__all__ = [
    "FeedForwardReadout",
    "KuramotoLayer",
    "NaturalFrequency",
    "NormReadout",
    "OscillatorNorm",
    "PatchEmbed",
    "PooledHead",
    "Rollout",
    "ScaleBias",
    "SiteNorm",
    "Trajectory",
]
