"""AKOrN for Sudoku: oscillators on the cells of a board."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Generator, Tensor, nn

from kuramoto_nn import functional
from kuramoto_nn._checks import as_integer
from kuramoto_nn.layers import FeedForwardReadout, KuramotoLayer, NormReadout
from kuramoto_nn.layers._kuramoto import Energy, Stepwise
from kuramoto_nn.models import _parts as parts
from kuramoto_nn.models._base import Model

SIDE = 9
"""Rows, columns and digits of a Sudoku."""


@dataclass(frozen=True, kw_only=True)
class SudokuConfig(parts.GridConfig):
    """Networks with a site per cell of a Sudoku.

    Attributes:
        num_steps: Updates, or repetitions, T of every block.
    """

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
class AKOrNSudokuConfig(SudokuConfig, parts.OscillatorConfig):
    """Configuration of `AKOrNSudoku`; all other fields are those of the base classes.

    The defaults are the paper's.

    Attributes:
        oscillator_dim: Components N of an oscillator.
        readout: "feed-forward" for the norm readout and a residual network, or "norm" for the norm
            readout alone.
        step_size: Step size gamma; the authors' value, as there are frequencies.
    """

    position: parts.Position | None = "gta"
    oscillator_dim: int = 4
    readout: Literal["feed-forward", "norm"] = "feed-forward"
    step_size: float = 1.0
    trainable_step_size: bool = True
    frequency: parts.Frequency | None = "shared"
    frequency_init: float = 0.5


class SudokuRollout(NamedTuple):
    """Logits ``(B, 9, 9, 9)`` of a solver, and energies ``(T + 1, B)`` of its last block.

    Entry t of the energies belongs to the state after t steps.
    """

    logits: Tensor
    energies: Tensor


class SudokuTrajectory(NamedTuple):
    """A `SudokuRollout` after every step, and the states of the oscillators.

    Shapes ``(T + 1, B, 9, 9, 9)``, ``(T + 1, B)`` and ``(T + 1, B, C, 9, 9)``.
    """

    logits: Tensor
    energies: Tensor
    states: Tensor


class SudokuModel(Model):
    """Network that solves Sudokus.

    Shape:
        Puzzles ``(B, 9, 9)``, integers with 0 for a blank, to logits ``(B, 9, 9, 9)`` of the
        digits 1 to 9 on the last axis.
    """

    config: Any  # a SudokuConfig, which subclasses narrow down
    blocks: nn.ModuleList
    out: nn.Linear

    def forward(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """Logits ``(B, 9, 9, 9)`` of the digits 1 to 9 on the last axis.

        Args:
            puzzles: ``(B, 9, 9)``, integers; 0 is a blank.
            num_steps: T of every block; the configured one if None.
            noise: Start of the oscillators of blank cells, before normalisation,
                ``(B, C, 9, 9)``; its values at given cells are not used. Networks without
                oscillators ignore it, and ``generator``.
            generator: Draws the noise if none is given; the global one if None.

        Raises:
            ValueError: If the puzzles have another shape or type, or hold other numbers.
        """
        x, c = self.start(puzzles, num_steps=num_steps, noise=noise, generator=generator)
        return self.read(self.advance(x, c, num_steps=num_steps))

    def answers(
        self,
        puzzles: Tensor,
        *,
        every: int,
        skip: int = 0,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: Generator | None = None,
        select: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Logits after each ``every`` steps of the last block, ``(T / every, B, 9, 9, 9)``.

        For a loss on each of them. ``skip`` steps of the last block come before these, without
        gradients, to train the behaviour after many steps at the cost of a few. Without them the
        last logits are those of a call, whose arguments are the others. ``select`` maps the logits
        after the skipped steps, ``(B, 9, 9, 9)``, to the numbers ``(M,)`` of the boards that take
        the other steps; the logits are then theirs, ``(T / every, M, 9, 9, 9)``.

        Raises:
            ValueError: If ``every`` does not divide T, or as in a call.
        """
        x, c = self.start(puzzles, num_steps=num_steps, noise=noise, generator=generator)
        every, steps = as_integer("every", every), self.stepwise._count(num_steps)
        if every < 1 or steps < every or steps % every:
            raise ValueError(
                f"`every` must divide the number of steps: got {every} and {steps} steps"
            )
        with torch.no_grad():
            x = self.advance(x, c, num_steps=skip) if skip else x
            if select is not None:
                chosen = select(self.read(x))
                x, c = x[chosen], c[chosen]
        states = []
        for _ in range(steps // every):
            x = self.advance(x, c, num_steps=every)
            states.append(x)
        logits = self.read(torch.cat(states))
        return logits.unflatten(0, (len(states), -1))

    @property
    def stepwise(self) -> Stepwise:
        """The module of the last block that repeats its step."""
        raise NotImplementedError

    def start(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """State and stimulus that the last block starts from, ``(B, C, 9, 9)`` each.

        The arguments are those of a call; ``num_steps`` is T of the earlier blocks. A call is
        ``start``, `advance` and `read`; with them, a loop of one's own can look at every answer.
        Networks without oscillators have no stimulus, and repeat their state.
        """
        raise NotImplementedError

    def advance(self, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
        """State of the last block after ``num_steps`` more steps, ``(B, C, 9, 9)``."""
        raise NotImplementedError

    def read(self, x: Tensor) -> Tensor:
        """Logits ``(B, 9, 9, 9)`` of states of the last block, ``(B, C, 9, 9)``."""
        raise NotImplementedError


class AKOrNSudoku(SudokuModel):
    """Oscillators on the cells of a Sudoku: given cells start at their digit, the rest at random.

    Reference:
        Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> solver = AKOrNSudoku.from_preset("sudoku-akorn-tiny")
        >>> solver(torch.zeros(2, 9, 9, dtype=torch.long), num_steps=4).shape
        torch.Size([2, 9, 9, 9])
    """

    config: AKOrNSudokuConfig
    config_class = AKOrNSudokuConfig
    preset_configs = {
        "sudoku-akorn": AKOrNSudokuConfig(),
        "sudoku-akorn-small": AKOrNSudokuConfig(channels=128),
        "sudoku-akorn-tiny": AKOrNSudokuConfig(channels=64, num_heads=4),
    }

    def __init__(self, config: AKOrNSudokuConfig):
        super().__init__(config)
        channels, dim = config.channels, config.oscillator_dim
        readout = NormReadout if config.readout == "norm" else FeedForwardReadout
        self.embed = nn.Embedding(SIDE + 1, channels)
        self.position_x = parts.build_position(config)
        self.position_c = parts.build_position(config)
        self.blocks = nn.ModuleList(
            parts.KuramotoBlock(parts.build_layer(block), readout(channels, channels, dim))
            for block in config.blocks()
        )
        self.out = nn.Linear(channels, SIDE)

    def rollout(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: Generator | None = None,
        energy: Energy = functional.energy,
    ) -> SudokuRollout:
        """Logits, and the energies of the last block at every step; arguments as in a call.

        ``energy`` is as in `KuramotoLayer.rollout`; `kuramoto_nn.reference.energy` is the authors'.
        Keeps no states: without gradients, memory does not grow with the number of steps.
        """
        x, c = self.start(puzzles, num_steps=num_steps, noise=noise, generator=generator)
        state, energies = self.layer.rollout(x, c, num_steps=num_steps, energy=energy)
        return SudokuRollout(self.read(state), energies)

    def trajectory(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: Generator | None = None,
        energy: Energy = functional.energy,
    ) -> SudokuTrajectory:
        """Logits, energies and states of the last block at every step; arguments of a rollout."""
        x, c = self.start(puzzles, num_steps=num_steps, noise=noise, generator=generator)
        states, energies = self.layer.trajectory(x, c, num_steps=num_steps, energy=energy)
        logits = self.read(states.flatten(0, 1))
        return SudokuTrajectory(logits.unflatten(0, states.shape[:2]), energies, states)

    @property
    def layer(self) -> KuramotoLayer:
        """Kuramoto layer of the last block."""
        return cast(parts.KuramotoBlock, self.blocks[-1]).layer

    @property
    def stepwise(self) -> Stepwise:
        return self.layer

    def start(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        check_puzzles(puzzles)
        c = self.embed(puzzles).movedim(-1, 1)
        noise = parts.start_noise(c, noise, generator, dtype=c.dtype)
        x = torch.where(puzzles.unsqueeze(1) > 0, c, noise)
        if self.position_x is not None and self.position_c is not None:
            x, c = self.position_x(x), self.position_c(c)
        for block in self.blocks[:-1]:
            x, c = block(x, c, num_steps=num_steps)
        return x, c

    def advance(self, x: Tensor, c: Tensor, *, num_steps: int | None = None) -> Tensor:
        return self.layer(x, c, num_steps=num_steps)

    def read(self, x: Tensor) -> Tensor:
        block = cast(parts.KuramotoBlock, self.blocks[-1])
        return self.out(block.read(x)[1].relu().movedim(1, -1))


def check_puzzles(puzzles: Tensor) -> None:
    """Check a batch of puzzles; on a GPU the digits are not checked."""
    if puzzles.ndim != 3 or puzzles.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"`puzzles` must be (B, 9, 9): got shape {tuple(puzzles.shape)}")
    if puzzles.dtype not in (torch.int32, torch.int64):
        raise ValueError(
            f"`puzzles` must be int64 or int32, 0 for a blank: got {puzzles.dtype}; "
            f"try puzzles.long()"
        )
    if puzzles.device.type == "cpu" and not torch.compiler.is_compiling():
        if ((puzzles < 0) | (puzzles > SIDE)).any():
            low, high = puzzles.min().item(), puzzles.max().item()
            raise ValueError(
                f"`puzzles` must hold 0 (blank) to 9: got numbers from {low} to {high}"
            )
