"""The controls: the same sites, the same mixing, but activations that do not live on spheres."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from kuramoto_nn._ops.linear import SiteLinear
from kuramoto_nn.layers import PatchEmbed, PooledHead, SiteNorm
from kuramoto_nn.layers._kuramoto import check_num_steps
from kuramoto_nn.layers._stepwise import Stepwise
from kuramoto_nn.models._base import Model
from kuramoto_nn.models._build import build_coupling, build_position
from kuramoto_nn.models._config import ItrSAConfig, ItrSASudokuConfig
from kuramoto_nn.models._presets import ITRSA_PRESETS


class ItrSABlock(Stepwise):
    """T times ``y + mix(norm(y))`` with the same weights, then once ``y + mlp(norm(y))``.

    Args:
        mix: Any module ``(B, C, *S) -> (B, C, *S)``.
        channels: Channels C.
        num_steps: T.
        mlp_channels: Hidden width of the MLP; ``2 channels`` if None.

    Shape:
        ``(B, C, *S)`` to the same shape.
    """

    step_methods = ("_repeat",)

    def __init__(
        self, mix: nn.Module, channels: int, num_steps: int, *, mlp_channels: int | None = None
    ):
        super().__init__()
        self.num_steps = num_steps
        self.mix, self.mix_norm, self.mlp_norm = mix, SiteNorm(channels), SiteNorm(channels)
        hidden = mlp_channels or 2 * channels
        self.mlp = nn.Sequential(
            SiteLinear(channels, hidden), nn.GELU(), SiteLinear(hidden, channels)
        )

    def forward(self, y: Tensor, *, num_steps: int | None = None) -> Tensor:
        for _ in range(check_num_steps(num_steps, self.num_steps)):
            y = self._repeat(y)
        return y + self.mlp(self.mlp_norm(y).movedim(1, -1)).movedim(-1, 1)

    def _repeat(self, y: Tensor) -> Tensor:
        return y + self.mix(self.mix_norm(y))


def build_itrsa_blocks(config: ItrSAConfig | ItrSASudokuConfig) -> nn.ModuleList:
    """Build the blocks of an iterated model.

    Args:
        config: The model's configuration.

    Returns:
        Its `ItrSABlock` modules.
    """
    return nn.ModuleList(
        ItrSABlock(
            build_coupling(config),
            config.channels,
            config.num_steps,
            mlp_channels=config.mlp_channels,
        )
        for _ in range(config.num_blocks)
    )


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
        self.position = build_position(config)
        self.blocks = build_itrsa_blocks(config)
        self.norm = SiteNorm(channels)
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
            noise: Not used, as nothing here is random; taken so that AKOrN and its control can
                stand in for each other.
            generator: Not used either.
            num_steps: T of every block; the configured one if None.

        Returns:
            Embeddings ``(B, C)``, what the contrastive loss compares.
        """
        return self.head(self.features(images, num_steps=num_steps))

    def features(
        self,
        images: Tensor,
        *,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Features of every patch, ``(B, C, h, w)``: what is clustered. Arguments as in a call."""
        y = self.embed(images)
        y = y if self.position is None else self.position(y)
        for block in self.blocks:
            y = block(y, num_steps=num_steps)
        return self.norm(y)
