"""AKOrN for Sudoku: more steps think longer, and the energy ranks the answers."""

from typing import ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from kuramoto_nn.layers import FeedForwardReadout, NormReadout
from kuramoto_nn.models._base import Model
from kuramoto_nn.models._block import KuramotoBlock, start_noise
from kuramoto_nn.models._build import build_coupling, build_layer, build_position
from kuramoto_nn.models._config import SIDE, AKOrNSudokuConfig
from kuramoto_nn.models._presets import SUDOKU_PRESETS


class SudokuRollout(NamedTuple):
    """What a solver says, and how the energy of its last block went.

    Attributes:
        logits: Shape ``(B, 9, 9, 9)``, digits 1 to 9 on the last axis.
        energies: Shape ``(T + 1, B)``; entry t belongs to the state after t steps.
    """

    logits: Tensor
    energies: Tensor


class SudokuTrajectory(NamedTuple):
    """What a solver would say after every step of its last block.

    Attributes:
        logits: Shape ``(T + 1, B, 9, 9, 9)``, digits 1 to 9 on the last axis.
        energies: Shape ``(T + 1, B)``.
        states: The oscillators, ``(T + 1, B, C, 9, 9)``.
    """

    logits: Tensor
    energies: Tensor
    states: Tensor


class AKOrNSudoku(Model):
    """Oscillators on the cells of a Sudoku: given cells start at their digit, the rest at random.

    Args:
        config: Sizes and parts; see `AKOrNSudokuConfig`.

    Shape:
        Puzzles ``(B, 9, 9)``, integers with 0 for a blank, to logits ``(B, 9, 9, 9)`` of the
        digits 1 to 9 on the last axis.

    Reference:
        Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> solver = AKOrNSudoku.from_preset("sudoku-akorn-tiny")
        >>> solver(torch.zeros(2, 9, 9, dtype=torch.long), num_steps=4).shape
        torch.Size([2, 9, 9, 9])
    """

    config: AKOrNSudokuConfig
    config_class = AKOrNSudokuConfig
    _presets: ClassVar = SUDOKU_PRESETS

    def __init__(self, config: AKOrNSudokuConfig):
        super().__init__(config)
        channels, dim = config.channels, config.oscillator_dim
        readout = NormReadout if config.readout == "norm" else FeedForwardReadout
        self.embed = nn.Embedding(SIDE + 1, channels)
        self.position_x, self.position_c = build_position(config), build_position(config)
        self.blocks = nn.ModuleList(
            KuramotoBlock(
                build_layer(config, build_coupling(config)), readout(channels, channels, dim)
            )
            for _ in range(config.num_blocks)
        )
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
            noise: Where the oscillators of blank cells start, before normalisation,
                ``(B, C, 9, 9)``; what it holds for given cells is not used.
            generator: Draws the noise if none is given; the global one if None.

        Returns:
            Logits ``(B, 9, 9, 9)`` of the digits 1 to 9 on the last axis.

        Raises:
            ValueError: If the puzzles have another shape or type, or hold other numbers.
        """
        x, c = self._start(puzzles, noise, generator)
        for block in self.blocks:
            x, c = block(x, c, num_steps=num_steps)
        return self._read(c)

    def rollout(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> SudokuRollout:
        """Logits, and the energies of the last block at every step. Arguments as in a call.

        Keeps no states: without gradients, memory does not grow with the number of steps.
        """
        last, x, c = self._before_last(puzzles, num_steps, noise, generator)
        state, energies = last.layer.rollout(x, c, num_steps=num_steps)
        return SudokuRollout(self._read(last.read(state)[1]), energies)

    def trajectory(
        self,
        puzzles: Tensor,
        *,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> SudokuTrajectory:
        """Logits, energies and states of the last block at every step. Arguments as in a call."""
        last, x, c = self._before_last(puzzles, num_steps, noise, generator)
        states, energies = last.layer.trajectory(x, c, num_steps=num_steps)
        logits = self._read(last.read(states.flatten(0, 1))[1])
        return SudokuTrajectory(logits.unflatten(0, states.shape[:2]), energies, states)

    def answers(
        self,
        puzzles: Tensor,
        *,
        every: int,
        skip: int = 0,
        num_steps: int | None = None,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Logits after every few steps of the last block: what a loss can hold each of.

        Args:
            puzzles: As in a call.
            every: Steps from one reading to the next; divides T.
            skip: Steps that the last block takes before, without gradients: so that few steps with
                gradients teach what to do after many.
            num_steps: As in a call.
            noise: Likewise.
            generator: Likewise.

        Returns:
            Logits ``(T / every, B, 9, 9, 9)``; the last are those of a call, if none is skipped.

        Raises:
            ValueError: If ``every`` does not divide T, or as in a call.
        """
        last, x, c = self._before_last(puzzles, num_steps, noise, generator)
        steps = last.layer.num_steps if num_steps is None else num_steps
        if every < 1 or steps < every or steps % every:
            raise ValueError(
                f"`every` must divide the number of steps: got {every} and {steps} steps"
            )
        with torch.no_grad():
            x = last.layer(x, c, num_steps=skip) if skip else x
        states = []
        for _ in range(steps // every):
            x = last.layer(x, c, num_steps=every)
            states.append(x)
        logits = self._read(last.read(torch.cat(states))[1])
        return logits.unflatten(0, (len(states), -1))

    def _before_last(
        self,
        puzzles: Tensor,
        num_steps: int | None,
        noise: Tensor | None,
        generator: torch.Generator | None,
    ) -> tuple[KuramotoBlock, Tensor, Tensor]:
        """The last block, and the oscillators and stimulus that come to it."""
        x, c = self._start(puzzles, noise, generator)
        *first, last = cast(list[KuramotoBlock], list(self.blocks))
        for block in first:
            x, c = block(x, c, num_steps=num_steps)
        return last, x, c

    def _start(
        self, puzzles: Tensor, noise: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        check_puzzles(puzzles)
        c = self.embed(puzzles).movedim(-1, 1)
        noise = start_noise(c, noise, generator, dtype=c.dtype)
        x = torch.where(puzzles.unsqueeze(1) > 0, c, noise)
        if self.position_x is not None and self.position_c is not None:
            x, c = self.position_x(x), self.position_c(c)
        return x, c

    def _read(self, c: Tensor) -> Tensor:
        return self.out(c.relu().movedim(1, -1))


def check_puzzles(puzzles: Tensor) -> None:
    """Reject what is no batch of puzzles; on a GPU the numbers are not looked at."""
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
