"""The controls: the same sites, the same mixing, but activations that do not live on spheres."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from kuramoto_nn.coupling import SinCosEmbedding
from kuramoto_nn.layers import PatchEmbed, PooledHead, SiteNorm
from kuramoto_nn.models.base import Model, build_coupling
from kuramoto_nn.models.config import ItrSAConfig
from kuramoto_nn.models.presets import ITRSA_PRESETS


class ItrSABlock(nn.Module):
    """T times ``y + mix(norm(y))`` with the same weights, then once ``y + mlp(norm(y))``.

    Args:
        mix: Any module ``(B, C, *S) -> (B, C, *S)``.
        channels: Channels C.
        num_steps: T.

    Shape:
        ``(B, C, *S)`` to the same shape.
    """

    def __init__(self, mix: nn.Module, channels: int, num_steps: int):
        super().__init__()
        self.num_steps = num_steps
        self.mix, self.mix_norm, self.mlp_norm = mix, SiteNorm(channels), SiteNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, y: Tensor) -> Tensor:
        for _ in range(self.num_steps):
            y = y + self.mix(self.mix_norm(y))
        return y + self.mlp(self.mlp_norm(y).movedim(1, -1)).movedim(-1, 1)


class ItrSA(Model):
    """Iterated self-attention: AKOrN's control. T = 1 is a ViT, convolutions make it ItrConv.

    Args:
        config: Sizes and parts; see `ItrSAConfig`.

    Shape:
        Images ``(B, 3, H, W)`` in [0, 1] to embeddings ``(B, C)``.

    Reference:
        Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025), section 5.

    Examples:
        >>> model = ItrSA.from_preset("tetrominoes-itrsa")
        >>> model.features(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 128, 8, 8])
    """

    config: ItrSAConfig
    config_class = ItrSAConfig
    _presets: ClassVar = ITRSA_PRESETS

    def __init__(self, config: ItrSAConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = PatchEmbed(config.patch_size, channels)
        sincos = config.position == "sincos"
        self.position = SinCosEmbedding(channels, config.grid) if sincos else None
        self.blocks = nn.ModuleList(
            ItrSABlock(build_coupling(config), channels, config.num_steps)
            for _ in range(config.num_blocks)
        )
        self.norm = SiteNorm(channels)
        self.head = PooledHead(channels, channels, 4 * channels, pool=config.pool)

    def forward(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Embed images, ``(B, 3, H, W)`` to ``(B, C)``. Nothing is random: the rest is ignored."""
        return self.head(self.features(images))

    def features(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Features of every patch, ``(B, C, h, w)``: what is clustered."""
        y = self.embed(images)
        y = y if self.position is None else self.position(y)
        for block in self.blocks:
            y = block(y)
        return self.norm(y)
