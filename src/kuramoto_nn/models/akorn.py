"""AKOrN for object discovery: patches drive oscillators, their lengths are the features."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from kuramoto_nn.coupling import SinCosEmbedding
from kuramoto_nn.layers import (
    KuramotoLayer,
    NaturalFrequency,
    NormReadout,
    OscillatorNorm,
    PatchEmbed,
    PooledHead,
    ScaleBias,
    Trajectory,
)
from kuramoto_nn.models.base import Model, build_coupling
from kuramoto_nn.models.config import AKOrNConfig
from kuramoto_nn.models.presets import AKORN_PRESETS


class AKOrNBlock(nn.Module):
    """A Kuramoto layer and its readout: stimulus in, oscillators and features out.

    Args:
        config: The model's configuration.
        map_oscillators: Whether the oscillators pass a linear map before the next block.

    Shape:
        x and c ``(B, C, h, w)`` to the next block's x and c.
    """

    def __init__(self, config: AKOrNConfig, *, map_oscillators: bool = False):
        super().__init__()
        channels, dim = config.channels, config.oscillator_dim
        self.layer = KuramotoLayer(
            build_coupling(config),
            channels=channels,
            oscillator_dim=dim,
            frequency=_frequency(config),
            stimulus_norm=_stimulus_norm(config),
            step_size=config.step_size,
            num_steps=config.num_steps,
            project=config.project,
        )
        self.readout = NormReadout(channels, channels, dim)
        self.oscillator_map = nn.Conv2d(channels, channels, 1) if map_oscillators else None

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.read(self.layer(x, c))

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Oscillators and features for the next block, from this one's last state."""
        return x if self.oscillator_map is None else self.oscillator_map(x), self.readout(x)


class AKOrN(Model):
    """Artificial Kuramoto oscillatory neurons on images, trained with SimCLR to discover objects.

    Args:
        config: Sizes and parts; see `AKOrNConfig`.

    Shape:
        Images ``(B, 3, H, W)`` in [0, 1] to embeddings ``(B, C)``. Sides other than the configured
        ones work if they are multiples of the patch size; positions are then resized.

    Reference:
        Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> model = AKOrN.from_preset("tetrominoes-attn")
        >>> model.features(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 128, 8, 8])
    """

    config: AKOrNConfig
    config_class = AKOrNConfig
    _presets: ClassVar = AKORN_PRESETS

    def __init__(self, config: AKOrNConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = PatchEmbed(config.patch_size, channels)
        sincos = config.position == "sincos"
        self.position_x = SinCosEmbedding(channels, config.grid) if sincos else None
        self.position_c = SinCosEmbedding(channels, config.grid) if sincos else None
        last = config.num_blocks - 1
        self.blocks = nn.ModuleList(
            AKOrNBlock(config, map_oscillators=config.map_oscillators and i < last)
            for i in range(config.num_blocks)
        )
        self.head = PooledHead(channels, channels, 4 * channels, pool=config.pool)

    def forward(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Embed images.

        Args:
            images: ``(B, 3, H, W)`` in [0, 1].
            noise: Where the oscillators start, before normalisation, ``(B, C, h, w)``.
            generator: Draws the noise if none is given; the global one if None.

        Returns:
            Embeddings ``(B, C)``, what the contrastive loss compares.
        """
        return self.head(self.features(images, noise=noise, generator=generator))

    def features(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Features of every patch, ``(B, C, h, w)``: what is clustered. Arguments as in a call."""
        x, c = self._start(images, noise, generator)
        for block in self.blocks:
            x, c = block(x, c)
        return c

    def trajectories(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> list[Trajectory]:
        """States and energies of every block, first to last. Arguments as in a call.

        ``num_steps`` lets every block take another number of steps than the configured one.
        """
        x, c = self._start(images, noise, generator)
        trajectories = []
        for block in cast(list[AKOrNBlock], list(self.blocks)):
            trajectories.append(block.layer.trajectory(x, c, num_steps=num_steps))
            x, c = block.read(trajectories[-1].states[-1])
        return trajectories

    def _start(
        self, images: Tensor, noise: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        c = self.embed(images)
        # Under autocast c is half precision; the oscillators stay in the type of the weights.
        x = _noise_like(c, noise, generator).to(self.embed.conv.weight.dtype)
        if self.position_x is not None and self.position_c is not None:
            x, c = self.position_x(x), self.position_c(c)
        return x, c


def _noise_like(c: Tensor, noise: Tensor | None, generator: torch.Generator | None) -> Tensor:
    if noise is None:
        dtype = torch.promote_types(c.dtype, torch.float32)
        return torch.randn(c.shape, generator=generator, dtype=dtype, device=c.device)
    if noise.shape != c.shape:
        raise ValueError(
            f"`noise` must have the shape of the stimulus, {tuple(c.shape)}: got "
            f"{tuple(noise.shape)}"
        )
    return noise


def _frequency(config: AKOrNConfig) -> NaturalFrequency | None:
    if config.frequency is None:
        return None
    return NaturalFrequency(
        config.channels,
        config.oscillator_dim,
        shared=config.frequency == "shared",
        init=config.frequency_init,
    )


def _stimulus_norm(config: AKOrNConfig) -> nn.Module | None:
    if config.stimulus_norm == "group":
        return OscillatorNorm(config.channels, config.oscillator_dim)
    return ScaleBias(config.channels) if config.stimulus_norm == "scale" else None
