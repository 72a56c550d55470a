"""The controls of AKOrN: iterated self-attention or convolution, without oscillators."""

from dataclasses import dataclass
from typing import cast

from torch import Generator, Tensor, nn

from kuramoto_nn._ops.linear import SiteLinear
from kuramoto_nn.layers import PatchEmbed, PooledHead, SiteNorm
from kuramoto_nn.layers._kuramoto import Stepwise
from kuramoto_nn.models import _parts as parts
from kuramoto_nn.models._base import ObjectDiscoveryModel
from kuramoto_nn.models._config import Checked
from kuramoto_nn.models._sudoku import SIDE, SudokuConfig, SudokuModel, check_puzzles


@dataclass(frozen=True, kw_only=True)
class IteratedConfig(Checked):
    """Blocks of iterated self-attention or convolution.

    Attributes:
        position: "gta" inside the attention blocks, "sincos" added before the first block, as in
            the paper, or None.
        mlp_channels: Hidden width of the MLP; twice the channels if None, as in the paper.
    """

    position: parts.Position | None = "sincos"
    mlp_channels: int | None = None


@dataclass(frozen=True, kw_only=True)
class ItrSAConfig(IteratedConfig, parts.ObjectDiscoveryConfig):
    """Configuration of `ItrSA`: the fields of its base classes."""


@dataclass(frozen=True, kw_only=True)
class ItrSASudokuConfig(IteratedConfig, SudokuConfig):
    """Configuration of `ItrSASudoku`: the fields of its base classes."""


# Networks of the paper's tables; those that end in -tiny are ours. Two are our interpretation: the
# paper does not state the depth of its ViT (T = 1; we take L = 1), and the authors did not release
# ItrConv (here the same network with AKOrN's convolutions).
_TETROMINOES = ItrSAConfig(image_size=32, patch_size=4, channels=128)
_DSPRITES = _TETROMINOES.replace(image_size=64)
_CONVOLUTION = {"coupling": "convolution", "position": None}
_TINY = {"channels": 64, "num_heads": 4}
_TRANSFORMER = ItrSASudokuConfig(num_steps=1, num_blocks=8)


class ItrSABlock(Stepwise):
    """T times ``y + mix(norm(y))`` with the same weights, then once ``y + mlp(norm(y))``."""

    step_method = "_repeat"

    def __init__(self, config: ItrSAConfig | ItrSASudokuConfig):
        super().__init__()
        channels, self.num_steps = config.channels, parts.plain(config.num_steps)
        self.mix = parts.build_coupling(config)
        self.mix_norm, self.mlp_norm = SiteNorm(channels), SiteNorm(channels)
        hidden = config.mlp_channels or 2 * channels
        self.mlp = nn.Sequential(
            SiteLinear(channels, hidden), nn.GELU(), SiteLinear(hidden, channels)
        )

    def forward(self, y: Tensor, *, num_steps: int | None = None) -> Tensor:
        return self.finish(self.iterate(y, num_steps=num_steps))

    def iterate(self, y: Tensor, *, num_steps: int | None = None) -> Tensor:
        for _ in range(self._count(num_steps)):
            y = self._repeat(y)
        return y

    def finish(self, y: Tensor) -> Tensor:
        return y + self.mlp(self.mlp_norm(y).movedim(1, -1)).movedim(-1, 1)

    def _repeat(self, y: Tensor) -> Tensor:
        return y + self.mix(self.mix_norm(y))

    def extra_repr(self) -> str:
        return f"num_steps={self.num_steps}"


class ItrSA(ObjectDiscoveryModel):
    """Iterated self-attention: AKOrN's control. T = 1 is a ViT, convolutions make it ItrConv.

    Shape:
        Images ``(B, 3, H, W)`` in [0, 1] to embeddings ``(B, C)``.

    Reference:
        Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025), section 5.

    Examples:
        >>> import torch
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
        "dsprites-itrsa-tiny": _DSPRITES.replace(**_TINY),
    }

    def __init__(self, config: ItrSAConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = PatchEmbed(config.patch_size, channels)
        self.position = parts.build_position(config)
        self.blocks = nn.ModuleList(map(ItrSABlock, config.blocks()))
        self.norm = SiteNorm(channels)
        self.head = PooledHead(channels, channels, 4 * channels, pool=config.pool)

    def _encode(
        self, images: Tensor, noise: Tensor | None, generator: Generator | None, steps: int | None
    ) -> Tensor:
        y = self.embed(images)
        y = y if self.position is None else self.position(y)
        for block in self.blocks:
            y = block(y, num_steps=steps)
        return self.norm(y)


class ItrSASudoku(SudokuModel):
    """Iterated self-attention on the cells of a Sudoku: AKOrN's control. T = 1 is a transformer.

    Examples:
        >>> import torch
        >>> solver = ItrSASudoku.from_preset("sudoku-transformer-tiny")
        >>> solver(torch.zeros(2, 9, 9, dtype=torch.long)).shape
        torch.Size([2, 9, 9, 9])
    """

    config: ItrSASudokuConfig
    config_class = ItrSASudokuConfig
    preset_configs = {
        "sudoku-itrsa": ItrSASudokuConfig(),
        "sudoku-transformer": _TRANSFORMER,
        "sudoku-itrsa-small": ItrSASudokuConfig(channels=128),
        "sudoku-transformer-small": _TRANSFORMER.replace(channels=128),
        "sudoku-itrsa-tiny": ItrSASudokuConfig().replace(**_TINY),
        "sudoku-transformer-tiny": _TRANSFORMER.replace(**_TINY),
    }

    def __init__(self, config: ItrSASudokuConfig):
        super().__init__(config)
        channels = config.channels
        self.embed = nn.Embedding(SIDE + 1, channels)
        self.position = parts.build_position(config)
        self.blocks = nn.ModuleList(map(ItrSABlock, config.blocks()))
        self.norm = SiteNorm(channels)
        self.out = nn.Linear(channels, SIDE)

    @property
    def stepwise(self) -> ItrSABlock:
        return cast(ItrSABlock, self.blocks[-1])

    def start(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        check_puzzles(puzzles)
        y = self.embed(puzzles).movedim(-1, 1)
        y = y if self.position is None else self.position(y)
        for block in self.blocks[:-1]:
            y = block(y, num_steps=num_steps)
        return y, y

    def advance(self, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
        return self.stepwise.iterate(x, num_steps=num_steps)

    def read(self, x: Tensor) -> Tensor:
        return self.out(self.norm(self.stepwise.finish(x)).movedim(1, -1))
