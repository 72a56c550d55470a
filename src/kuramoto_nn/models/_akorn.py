"""AKOrN for object discovery: image patches drive oscillators, whose readout is clustered."""

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from kuramoto_nn.layers import NormReadout, PatchEmbed, PooledHead, Trajectory
from kuramoto_nn.models._base import ObjectDiscoveryModel
from kuramoto_nn.models._parts import (
    KuramotoBlock,
    ObjectDiscoveryConfig,
    OscillatorConfig,
    Position,
    build_layer,
    build_position,
    plain,
    start_noise,
)


@dataclass(frozen=True, kw_only=True)
class AKOrNConfig(ObjectDiscoveryConfig, OscillatorConfig):
    """Configuration of `AKOrN`; all other fields are those of the base classes.

    Attributes:
        position: "gta" inside the attention blocks, as in the paper, "sincos" added before the
            first block, or None.
        map_oscillators: Whether a linear map lies between the oscillators of two blocks.
        readout: "norm" for the norms of linear combinations of oscillators; None is an ablation,
            whose features are the oscillators themselves.
    """

    position: Position | None = "gta"
    map_oscillators: bool = False
    readout: Literal["norm"] | None = "norm"


# Networks of the paper's tables. Its gamma = 1 without natural frequencies is `step_size` 0.5 here.
# Presets that end in -tiny are ours: small enough to train in minutes on a CPU.
_CLEVRTEX = AKOrNConfig(stimulus_norm="group")
_TETROMINOES = AKOrNConfig(image_size=32, patch_size=4, channels=128)
_DSPRITES = _TETROMINOES.replace(image_size=64)
_CONVOLUTION = {"coupling": "convolution", "position": None}
_TINY = {"channels": 64, "num_heads": 4}


class AKOrN(ObjectDiscoveryModel):
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
    preset_configs = {
        "clevrtex-attn-l1": _CLEVRTEX,
        "clevrtex-attn-l2": _CLEVRTEX.replace(num_blocks=2),
        "clevrtex-large-l2": _CLEVRTEX.replace(num_blocks=2, channels=512),
        "tetrominoes-attn": _TETROMINOES,
        "tetrominoes-conv": _TETROMINOES.replace(**_CONVOLUTION, kernel_size=5),
        "dsprites-attn": _DSPRITES,
        "dsprites-conv": _DSPRITES.replace(**_CONVOLUTION, kernel_size=7),
        "clevr-attn": AKOrNConfig(),
        "clevr-conv": AKOrNConfig().replace(**_CONVOLUTION, kernel_size=7),
        "clevrtex-attn-tiny": _CLEVRTEX.replace(**_TINY),
        "tetrominoes-attn-tiny": _TETROMINOES.replace(**_TINY),
        "tetrominoes-conv-tiny": _TETROMINOES.replace(**_TINY, **_CONVOLUTION, kernel_size=5),
    }

    def __init__(self, config: AKOrNConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = PatchEmbed(config.patch_size, channels)
        self.position_x, self.position_c = build_position(config), build_position(config)
        self.blocks = nn.ModuleList(_blocks(config))
        self.head = PooledHead(channels, channels, 4 * channels, pool=config.pool)

    def features(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Features of every patch for clustering, ``(B, C, h, w)``. Arguments as in a call."""
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
    channels, blocks = config.channels, []
    for i in range(config.num_blocks):
        block = config.block(i)
        dim, last = plain(block.oscillator_dim), i == config.num_blocks - 1
        layer = build_layer(block)
        readout = NormReadout(channels, channels, dim) if config.readout else None
        mapped = config.map_oscillators and not last
        oscillator_map = nn.Conv2d(channels, channels, 1) if mapped else None
        blocks.append(KuramotoBlock(layer, readout, oscillator_map))
    return blocks
