"""AKOrN for object discovery: patches drive oscillators, their lengths are the features."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from kuramoto_nn.layers import NormReadout, PatchEmbed, PooledHead, Trajectory
from kuramoto_nn.models._base import Model
from kuramoto_nn.models._block import KuramotoBlock, start_noise
from kuramoto_nn.models._build import build_coupling, build_layer, build_position
from kuramoto_nn.models._config import AKOrNConfig
from kuramoto_nn.models._presets import AKORN_PRESETS


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
        self.position_x, self.position_c = build_position(config), build_position(config)
        self.blocks = nn.ModuleList(_blocks(config))
        self.head = PooledHead(channels, channels, 4 * channels, pool=config.pool)

    def forward(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Embed images.

        Args:
            images: ``(B, 3, H, W)`` in [0, 1].
            noise: Where the oscillators start, before normalisation and before positions are
                added, ``(B, C, h, w)``.
            generator: Draws the noise if none is given; the global one if None.
            num_steps: T of every block; the configured one if None.

        Returns:
            Embeddings ``(B, C)``, what the contrastive loss compares.
        """
        return self.head(
            self.features(images, noise=noise, generator=generator, num_steps=num_steps)
        )

    def features(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Features of every patch, ``(B, C, h, w)``: what is clustered. Arguments as in a call."""
        x, c = self._start(images, noise, generator)
        for block in self.blocks:
            x, c = block(x, c, num_steps=num_steps)
        return c

    def trajectories(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> list[Trajectory]:
        """States and energies of every block, first to last. Arguments as in a call."""
        x, c = self._start(images, noise, generator)
        trajectories = []
        for block in cast(list[KuramotoBlock], list(self.blocks)):
            trajectories.append(block.layer.trajectory(x, c, num_steps=num_steps))
            x, c = block.read(trajectories[-1].states[-1])
        return trajectories

    def _start(
        self, images: Tensor, noise: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        c = self.embed(images)
        x = start_noise(c, noise, generator, dtype=self.embed.conv.weight.dtype)
        if self.position_x is not None and self.position_c is not None:
            x, c = self.position_x(x), self.position_c(c)
        return x, c


def _blocks(config: AKOrNConfig) -> list[KuramotoBlock]:
    channels, last = config.channels, config.num_blocks - 1
    return [
        KuramotoBlock(
            build_layer(config, build_coupling(config)),
            NormReadout(channels, channels, config.oscillator_dim) if config.readout else None,
            nn.Conv2d(channels, channels, 1) if config.map_oscillators and i < last else None,
        )
        for i in range(config.num_blocks)
    ]
