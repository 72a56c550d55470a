"""From configurations to the layers that several models share."""

from torch import nn

from kuramoto_nn.coupling import (
    AttentionCoupling,
    ConvCoupling,
    GeometricTransform,
)
from kuramoto_nn.layers import (
    KuramotoLayer,
    NaturalFrequency,
    OscillatorNorm,
    ScaleBias,
    SinCosEmbedding,
)
from kuramoto_nn.models._config import GridConfig, OscillatorConfig


def build_coupling(config: GridConfig) -> nn.Module:
    """Build what mixes the sites of a grid.

    Args:
        config: The model's configuration.

    Returns:
        A convolution, or attention with or without GTA.
    """
    if config.coupling == "convolution":
        return ConvCoupling(config.channels, config.kernel_size)
    head_dim = config.channels // config.num_heads
    position = (
        GeometricTransform(config.grid, head_dim=head_dim) if config.position == "gta" else None
    )
    return AttentionCoupling(config.channels, config.num_heads, position=position)


def build_position(config: GridConfig) -> SinCosEmbedding | None:
    """Build what is added to the sites to tell where they are.

    Args:
        config: The model's configuration.

    Returns:
        The embedding; None if the configuration has no sine/cosine positions.
    """
    return SinCosEmbedding(config.channels, config.grid) if config.position == "sincos" else None


def build_layer(config: OscillatorConfig, coupling: nn.Module) -> KuramotoLayer:
    """Build a Kuramoto layer.

    Args:
        config: The model's configuration.
        coupling: J.

    Returns:
        The layer.
    """
    return KuramotoLayer(
        coupling,
        channels=config.channels,
        oscillator_dim=config.oscillator_dim,
        frequency=_frequency(config),
        stimulus_norm=_stimulus_norm(config),
        step_size=config.step_size,
        trainable_step_size=config.trainable_step_size,
        num_steps=config.num_steps,
        project=config.project,
        checkpoint_steps=config.checkpoint_steps,
    )


def _frequency(config: OscillatorConfig) -> NaturalFrequency | None:
    if config.frequency is None:
        return None
    return NaturalFrequency(
        config.channels,
        config.oscillator_dim,
        shared=config.frequency == "shared",
        init=config.frequency_init,
        trainable=config.trainable_frequency,
    )


def _stimulus_norm(config: OscillatorConfig) -> nn.Module | None:
    if config.stimulus_norm == "group":
        return OscillatorNorm(config.channels, config.oscillator_dim)
    return ScaleBias(config.channels) if config.stimulus_norm == "scale" else None
