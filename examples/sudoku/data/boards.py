"""Puzzles with their solutions, checked against the rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from examples.sudoku.rules import SIDE, count_givens, has_contradiction, is_valid, keeps_givens


@dataclass(frozen=True)
class Boards:
    """Puzzles and their solutions.

    Attributes:
        puzzles: ``(B, 9, 9)``, int64; 0 is a blank.
        solutions: ``(B, 9, 9)``, int64.
    """

    puzzles: Tensor
    solutions: Tensor

    def __len__(self) -> int:
        return len(self.puzzles)

    def __getitem__(self, rows: slice | Tensor) -> Self:
        """A part of the boards."""
        return type(self)(self.puzzles[rows], self.solutions[rows])

    def to(self, device: torch.device) -> Self:
        """The boards on another device."""
        return type(self)(self.puzzles.to(device), self.solutions.to(device))

    @property
    def givens(self) -> Tensor:
        """Number of given cells of every puzzle, ``(B,)``."""
        return count_givens(self.puzzles)


def checked(boards: Boards, where: Callable[[int], str]) -> Boards:
    """Check that every solution is one.

    Args:
        boards: Puzzles and solutions.
        where: From a board's number to its place in a file, for the message.

    Returns:
        The boards.

    Raises:
        ValueError: If a board is wrong; the message says which and why.
    """
    puzzles, solutions = boards.puzzles, boards.solutions
    if len(boards) == 0:
        raise ValueError(f"{where(0)}: there is no board")
    reasons = {
        "the puzzle holds a digit twice in a row, column or box": ~has_contradiction(puzzles),
        "the solution does not have every digit in every row, column and box": is_valid(solutions),
        "the solution does not keep the puzzle's digits": keeps_givens(solutions, puzzles),
    }
    for reason, good in reasons.items():
        if not good.all():
            raise ValueError(f"{where(int((~good).nonzero()[0]))}: {reason}")
    return boards


def parse_cells(text: str, *, blanks: str = "0.") -> Tensor:
    """Read one board of 81 characters, row by row.

    Args:
        text: Digits and blanks.
        blanks: Characters that stand for a blank.

    Returns:
        ``(9, 9)``, int64; 0 is a blank.

    Raises:
        ValueError: If it is longer or shorter, or has another character.
    """
    if len(text) != SIDE * SIDE:
        raise ValueError(f"a board has {SIDE * SIDE} characters: got {len(text)}")
    for blank in blanks:
        text = text.replace(blank, "0")
    wrong = next((at for at, cell in enumerate(text) if cell not in "0123456789"), None)
    if wrong is not None:
        raise ValueError(
            f"a board has digits and, for a blank, 0 or a dot: got {text[wrong]!r} in row "
            f"{wrong // SIDE + 1}, column {wrong % SIDE + 1}"
        )
    return torch.tensor([int(cell) for cell in text]).view(SIDE, SIDE)


def format_cells(board: Tensor) -> str:
    """Write one board ``(9, 9)`` as 81 digits, row by row."""
    return "".join(str(cell) for cell in board.flatten().tolist())
