"""Configurations of the models that solve Sudoku."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from kuramoto_nn.models._config.parts import Frequency, GridConfig, OscillatorConfig, Position

SIDE = 9
"""Rows, columns and digits of a Sudoku."""

Readout = Literal["feed-forward", "norm"]


@dataclass(frozen=True, kw_only=True)
class SudokuConfig(GridConfig):
    """What the Sudoku models have in common: a site per cell."""

    channels: int = 512
    num_steps: int = 16

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the board."""
        return SIDE, SIDE

    def example_input(self) -> Tensor:
        """The empty puzzle, ``(1, 9, 9)``."""
        return torch.zeros(1, SIDE, SIDE, dtype=torch.long)


@dataclass(frozen=True, kw_only=True)
class AKOrNSudokuConfig(SudokuConfig, OscillatorConfig):
    """Configuration of `AKOrNSudoku`.

    Attributes:
        position: GTA as in the paper, or another of `GridConfig`.
        readout: What follows the oscillators of a block: the norm readout and a residual network,
            or the norm readout alone.
        step_size: Step size gamma; the authors' value, as there are frequencies.
        trainable_step_size: Learned, as in the paper.
        frequency: One for all oscillators, as in the paper.
        frequency_init: Its speed at the start, in radians per unit time.
    """

    position: Position | None = "gta"
    readout: Readout = "feed-forward"
    step_size: float = 1.0
    trainable_step_size: bool = True
    frequency: Frequency | None = "shared"
    frequency_init: float = 0.5


@dataclass(frozen=True, kw_only=True)
class ItrSASudokuConfig(SudokuConfig):
    """Configuration of `ItrSASudoku`: iterated self-attention, or a transformer (T = 1).

    Attributes:
        position: Sine/cosine as in the paper, or another of `GridConfig`.
        mlp_channels: Hidden width of the MLP; twice the channels if None, as in the paper.
    """

    position: Position | None = "sincos"
    mlp_channels: int | None = None
