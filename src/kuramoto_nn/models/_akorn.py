"""AKOrN for object discovery: image patches drive oscillators, whose readout is clustered."""

from dataclasses import dataclass
from typing import Literal, cast

from torch import Generator, Tensor, nn

from kuramoto_nn.layers import NormReadout, PatchEmbed, PooledHead, Trajectory
from kuramoto_nn.models import _parts as parts
from kuramoto_nn.models._base import ObjectDiscoveryModel


@dataclass(frozen=True, kw_only=True)
class AKOrNConfig(parts.ObjectDiscoveryConfig, parts.OscillatorConfig):
    """Configuration of `AKOrN`; all other fields are those of the base classes.

    Attributes:
        map_oscillators: Whether a linear map is applied to the oscillators between two blocks.
        readout: "norm" for the norms of linear combinations of oscillators; None is an ablation,
            whose features are the oscillators themselves.
    """

    position: parts.Position | None = "gta"
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

    Shape:
        Images ``(B, 3, H, W)`` in [0, 1] to embeddings ``(B, C)``. Sides other than the configured
        ones work if they are multiples of the patch size; positions are then resized.

    Reference:
        Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> import torch
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
        "dsprites-attn-tiny": _DSPRITES.replace(**_TINY),
    }

    def __init__(self, config: AKOrNConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = PatchEmbed(config.patch_size, channels)
        self.position_x = parts.build_position(config)
        self.position_c = parts.build_position(config)
        self.blocks = nn.ModuleList()
        for i, block in enumerate(config.blocks()):
            layer, dim = parts.build_layer(block), parts.plain(block.oscillator_dim)
            readout = NormReadout(channels, channels, dim) if config.readout else None
            mapped = config.map_oscillators and i < config.num_blocks - 1
            oscillator_map = nn.Conv2d(channels, channels, 1) if mapped else None
            self.blocks.append(parts.KuramotoBlock(layer, readout, oscillator_map))
        self.head = PooledHead(channels, channels, 4 * channels, pool=config.pool)

    def trajectories(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: Generator | None = None,
        num_steps: int | None = None,
    ) -> list[Trajectory]:
        """States and energies of every block, first to last. Arguments as in a call."""
        x, c = self._start(images, noise, generator)
        trajectories = []
        for block in cast(list[parts.KuramotoBlock], list(self.blocks)):
            trajectories.append(block.layer.trajectory(x, c, num_steps=num_steps))
            x, c = block.read(trajectories[-1].states[-1])
        return trajectories

    def _encode(
        self, images: Tensor, noise: Tensor | None, generator: Generator | None, steps: int | None
    ) -> Tensor:
        x, c = self._start(images, noise, generator)
        for block in self.blocks:
            x, c = block(x, c, num_steps=steps)
        return c

    def _start(
        self, images: Tensor, noise: Tensor | None, generator: Generator | None
    ) -> tuple[Tensor, Tensor]:
        c = self.embed(images)
        x = parts.start_noise(c, noise, generator, dtype=self.embed.conv.weight.dtype)
        if self.position_x is not None and self.position_c is not None:
            x, c = self.position_x(x), self.position_c(c)
        return x, c
