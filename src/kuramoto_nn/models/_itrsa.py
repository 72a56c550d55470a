"""The controls of AKOrN: iterated self-attention or convolution, without oscillators."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kuramoto_nn._ops.linear import SiteLinear
from kuramoto_nn.layers import PatchEmbed, PooledHead, SiteNorm
from kuramoto_nn.layers._stepwise import Stepwise
from kuramoto_nn.models._base import ObjectDiscoveryModel
from kuramoto_nn.models._parts import (
    ObjectDiscoveryConfig,
    Position,
    build_coupling,
    build_position,
    plain,
)
from kuramoto_nn.models._sudoku import SIDE, SudokuConfig, SudokuModel, check_puzzles


@dataclass(frozen=True, kw_only=True)
class ItrSAConfig(ObjectDiscoveryConfig):
    """Configuration of `ItrSA`; all other fields are those of the base classes.

    Attributes:
        position: "gta" inside the attention blocks, "sincos" added before the first block, as in
            the paper, or None.
        mlp_channels: Hidden width of the MLP; twice the channels if None, as in the paper.
    """

    position: Position | None = "sincos"
    mlp_channels: int | None = None


@dataclass(frozen=True, kw_only=True)
class ItrSASudokuConfig(SudokuConfig):
    """Configuration of `ItrSASudoku`; all other fields are those of the base classes.

    Attributes:
        position: "gta" inside the attention blocks, "sincos" added before the first block, as in
            the paper, or None.
        mlp_channels: Hidden width of the MLP; twice the channels if None, as in the paper.
    """

    position: Position | None = "sincos"
    mlp_channels: int | None = None


# Networks of the paper's tables; those that end in -tiny are ours. Two rest on our reading of the
# paper: the depth of its ViT is stated nowhere (T = 1; we take L = 1), and its ItrConv was never
# released (the same network with AKOrN's convolutions).
_TETROMINOES = ItrSAConfig(image_size=32, patch_size=4, channels=128)
_DSPRITES = _TETROMINOES.replace(image_size=64)
_CONVOLUTION = {"coupling": "convolution", "position": None}
_TINY = {"channels": 64, "num_heads": 4}
_TRANSFORMER = ItrSASudokuConfig(num_steps=1, num_blocks=8)


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
        for _ in range(self._count(num_steps)):
            y = self._repeat(y)
        return y + self.mlp(self.mlp_norm(y).movedim(1, -1)).movedim(-1, 1)

    def _repeat(self, y: Tensor) -> Tensor:
        return y + self.mix(self.mix_norm(y))

    def extra_repr(self) -> str:
        return f"num_steps={self.num_steps}"


def build_itrsa_blocks(config: ItrSAConfig | ItrSASudokuConfig) -> nn.ModuleList:
    """Build the blocks of an iterated model.

    Args:
        config: The model's configuration.

    Returns:
        Its `ItrSABlock` modules.
    """
    blocks = map(config.block, range(config.num_blocks))
    return nn.ModuleList(
        ItrSABlock(
            build_coupling(block),
            block.channels,
            plain(block.num_steps),
            mlp_channels=block.mlp_channels,
        )
        for block in blocks
    )


class ItrSA(ObjectDiscoveryModel):
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
    preset_configs = {
        "clevrtex-itrsa-l1": ItrSAConfig(),
        "clevrtex-itrsa-l2": ItrSAConfig(num_blocks=2),
        "clevrtex-vit": ItrSAConfig(num_steps=1),
        "tetrominoes-itrsa": _TETROMINOES,
        "tetrominoes-itrconv": _TETROMINOES.replace(**_CONVOLUTION, kernel_size=5),
        "dsprites-itrsa": _DSPRITES,
        "dsprites-itrconv": _DSPRITES.replace(**_CONVOLUTION, kernel_size=7),
        "clevr-itrsa": ItrSAConfig(),
        "clevr-itrconv": ItrSAConfig().replace(**_CONVOLUTION, kernel_size=7),
        "clevrtex-itrsa-tiny": ItrSAConfig().replace(**_TINY),
        "clevrtex-vit-tiny": ItrSAConfig(num_steps=1).replace(**_TINY),
        "tetrominoes-itrsa-tiny": _TETROMINOES.replace(**_TINY),
        "tetrominoes-itrconv-tiny": _TETROMINOES.replace(**_TINY, **_CONVOLUTION, kernel_size=5),
    }

    def __init__(self, config: ItrSAConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = PatchEmbed(config.patch_size, channels)
        self.position = build_position(config)
        self.blocks = build_itrsa_blocks(config)
        self.norm = SiteNorm(channels)
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
        y = self.embed(images)
        y = y if self.position is None else self.position(y)
        for block in self.blocks:
            y = block(y, num_steps=num_steps)
        return self.norm(y)


class ItrSASudoku(SudokuModel):
    """Iterated self-attention on the cells of a Sudoku: the control. T = 1 is a transformer.

    Args:
        config: Sizes and parts; see `ItrSASudokuConfig`.

    Shape:
        Puzzles ``(B, 9, 9)``, integers with 0 for a blank, to logits ``(B, 9, 9, 9)`` of the
        digits 1 to 9 on the last axis.

    Reference:
        Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> solver = ItrSASudoku.from_preset("sudoku-transformer-tiny")
        >>> solver(torch.zeros(2, 9, 9, dtype=torch.long)).shape
        torch.Size([2, 9, 9, 9])
    """

    config: ItrSASudokuConfig
    config_class = ItrSASudokuConfig
    preset_configs = {
        "sudoku-itrsa": ItrSASudokuConfig(),
        "sudoku-transformer": _TRANSFORMER,
        "sudoku-itrsa-tiny": ItrSASudokuConfig().replace(**_TINY),
        "sudoku-transformer-tiny": _TRANSFORMER.replace(**_TINY),
    }

    def __init__(self, config: ItrSASudokuConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = nn.Embedding(SIDE + 1, channels)
        self.position = build_position(config)
        self.blocks = build_itrsa_blocks(config)
        self.norm = SiteNorm(channels)
        self.out = nn.Linear(channels, SIDE)

    def forward(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Fill puzzles in.

        Args:
            puzzles: ``(B, 9, 9)``, integers; 0 is a blank.
            num_steps: T of every block; the configured one if None.
            noise: Ignored, as nothing here is random; accepted so that AKOrN and its control are
                called alike.
            generator: Ignored as well.

        Returns:
            Logits ``(B, 9, 9, 9)`` of the digits 1 to 9 on the last axis.

        Raises:
            ValueError: If the puzzles have another shape or type, or hold other numbers.
        """
        check_puzzles(puzzles)
        y = self.embed(puzzles).movedim(-1, 1)
        y = y if self.position is None else self.position(y)
        for block in self.blocks:
            y = block(y, num_steps=num_steps)
        return self.out(self.norm(y).movedim(1, -1))
