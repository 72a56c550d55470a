"""The control on Sudoku: the same cells, the same attention, no oscillators."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from kuramoto_nn.layers import SiteNorm
from kuramoto_nn.models._base import Model
from kuramoto_nn.models._build import build_position
from kuramoto_nn.models._config import SIDE, ItrSASudokuConfig
from kuramoto_nn.models._itrsa import build_itrsa_blocks
from kuramoto_nn.models._presets import ITRSA_SUDOKU_PRESETS
from kuramoto_nn.models._sudoku import check_puzzles


class ItrSASudoku(Model):
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
    _presets: ClassVar = ITRSA_SUDOKU_PRESETS

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
            noise: Not used, as nothing here is random; taken so that AKOrN and its control can
                stand in for each other.
            generator: Not used either.

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
