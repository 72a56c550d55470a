"""Layers: the Kuramoto layer, natural frequencies, norms, embeddings, readouts and heads."""

from kuramoto_nn.layers._images import PatchEmbed, PooledHead, SinCosEmbedding
from kuramoto_nn.layers._kuramoto import KuramotoLayer, Rollout, Trajectory
from kuramoto_nn.layers._parts import NaturalFrequency, OscillatorNorm, ScaleBias, SiteNorm
from kuramoto_nn.layers._readout import FeedForwardReadout, NormReadout

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
    "SinCosEmbedding",
    "SiteNorm",
    "Trajectory",
]
