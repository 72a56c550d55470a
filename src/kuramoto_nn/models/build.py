"""From configurations to the layers that several models share."""

import torch
from torch import Tensor, nn

from kuramoto_nn.coupling import (
    AttentionCoupling,
    ConvCoupling,
    GeometricTransform,
    SinCosEmbedding,
)
from kuramoto_nn.layers import KuramotoLayer, NaturalFrequency, OscillatorNorm, ScaleBias
from kuramoto_nn.models.config import GridConfig, OscillatorConfig


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


def build_layer(
    config: OscillatorConfig, coupling: nn.Module, *, channels: int | None = None
) -> KuramotoLayer:
    """Build a Kuramoto layer.

    Args:
        config: The model's configuration.
        coupling: J.
        channels: Channels C; those of the configuration if None.

    Returns:
        The layer.
    """
    channels = channels or config.channels
    return KuramotoLayer(
        coupling,
        channels=channels,
        oscillator_dim=config.oscillator_dim,
        frequency=_frequency(config, channels),
        stimulus_norm=_stimulus_norm(config, channels),
        step_size=config.step_size,
        trainable_step_size=config.trainable_step_size,
        num_steps=config.num_steps,
        project=config.project,
    )


def start_noise(
    stimulus: Tensor,
    noise: Tensor | None,
    generator: torch.Generator | None,
    *,
    dtype: torch.dtype,
) -> Tensor:
    """Where the oscillators start: the noise that was given, or standard normal noise.

    Args:
        stimulus: Gives shape and device.
        noise: The noise; drawn if None.
        generator: What draws it; the global generator if None.
        dtype: Type of the result, that of the weights (under autocast the stimulus has another).

    Returns:
        Noise of the stimulus' shape.

    Raises:
        ValueError: If the given noise has another shape.
    """
    if noise is None:
        wide = torch.promote_types(dtype, torch.float32)
        noise = torch.randn(stimulus.shape, generator=generator, dtype=wide, device=stimulus.device)
    if noise.shape != stimulus.shape:
        raise ValueError(
            f"`noise` must have the shape of the stimulus, {tuple(stimulus.shape)}: got "
            f"{tuple(noise.shape)}"
        )
    return noise.to(dtype)


class KuramotoBlock(nn.Module):
    """A Kuramoto layer and its readout: from one block's oscillators and stimulus to the next's.

    Args:
        layer: The layer.
        readout: From oscillators to features, the next stimulus; None passes the oscillators on.
        oscillator_map: What the oscillators pass on their way; None leaves them.

    Shape:
        x and c ``(B, C, *S)`` to the next block's x and c.
    """

    def __init__(
        self,
        layer: KuramotoLayer,
        readout: nn.Module | None,
        oscillator_map: nn.Module | None = None,
    ):
        super().__init__()
        self.layer, self.readout, self.oscillator_map = layer, readout, oscillator_map

    def forward(
        self, x: Tensor, c: Tensor, *, num_steps: int | None = None
    ) -> tuple[Tensor, Tensor]:
        return self.read(self.layer(x, c, num_steps=num_steps))

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Oscillators and stimulus of the next block, from the last state of this one."""
        features = x if self.readout is None else self.readout(x)
        return x if self.oscillator_map is None else self.oscillator_map(x), features


def _frequency(config: OscillatorConfig, channels: int) -> NaturalFrequency | None:
    if config.frequency is None:
        return None
    return NaturalFrequency(
        channels,
        config.oscillator_dim,
        shared=config.frequency == "shared",
        init=config.frequency_init,
        trainable=config.trainable_frequency,
    )


def _stimulus_norm(config: OscillatorConfig, channels: int) -> nn.Module | None:
    if config.stimulus_norm == "group":
        return OscillatorNorm(channels, config.oscillator_dim)
    return ScaleBias(channels) if config.stimulus_norm == "scale" else None
