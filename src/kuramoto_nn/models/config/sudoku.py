"""Configurations of the models that solve Sudoku."""

from dataclasses import dataclass
from typing import Literal

from kuramoto_nn.models.config.parts import FrequencyName, GridConfig, OscillatorConfig, Position

SIDE = 9
"""Rows, columns and digits of a Sudoku."""

ReadoutName = Literal["feed-forward", "norm"]


@dataclass(frozen=True, kw_only=True)
class SudokuConfig(GridConfig):
    """What the Sudoku models have in common: a site per cell.

    Attributes:
        channels: See `Config`.
        num_steps: See `Config`.
    """

    channels: int = 512
    num_steps: int = 16

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the board."""
        return SIDE, SIDE


@dataclass(frozen=True, kw_only=True)
class AKOrNSudokuConfig(SudokuConfig, OscillatorConfig):
    """Configuration of `AKOrNSudoku`.

    Attributes:
        position: See `GridConfig`.
        readout: What follows the oscillators of a block: the norm readout and a residual network,
            or the norm readout alone.
        step_size: See `OscillatorConfig`.
        trainable_step_size: See `OscillatorConfig`.
        frequency: See `OscillatorConfig`.
        frequency_init: See `OscillatorConfig`.
    """

    position: Position | None = "gta"
    readout: ReadoutName = "feed-forward"
    step_size: float = 1.0
    trainable_step_size: bool = True
    frequency: FrequencyName | None = "shared"
    frequency_init: float = 0.5


@dataclass(frozen=True, kw_only=True)
class ItrSASudokuConfig(SudokuConfig):
    """Configuration of `ItrSASudoku`: iterated self-attention, or a transformer (T = 1).

    Attributes:
        position: See `GridConfig`; sine/cosine in the paper.
        mlp_channels: Hidden width of the MLP; twice the channels if None, as in the paper.
    """

    position: Position | None = "sincos"
    mlp_channels: int | None = None
