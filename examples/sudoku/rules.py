"""Rules and symmetries of Sudoku on batches of boards: integers ``(..., 9, 9)``, 0 for a blank."""

from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE, BOX = 9, 3
CELLS = SIDE * SIDE
# Random numbers of a symmetry: transposition, order of the rows, of the columns, and digits.
SYMMETRY_DRAWS = (1, 12, 12, 9)


def units(boards: Tensor) -> Tensor:
    """Nine rows, nine columns and nine boxes, ``(..., 9, 9)`` to ``(..., 27, 9)``."""
    boxes = boards.unflatten(-1, (BOX, BOX)).unflatten(-3, (BOX, BOX)).transpose(-3, -2)
    return torch.cat([boards, boards.mT, boxes.flatten(-2).flatten(-3, -2)], -2)


UNITS = units(torch.arange(CELLS).view(SIDE, SIDE))
"""Numbers of the cells of every unit, ``(27, 9)``."""


def is_valid(boards: Tensor) -> Tensor:
    """Whether every row, column and box holds every digit, booleans ``(...)``."""
    digits = torch.arange(1, SIDE + 1, device=boards.device)
    return (units(boards).sort(-1).values == digits).flatten(-2).all(-1)


def keeps_givens(boards: Tensor, puzzles: Tensor) -> Tensor:
    """Whether boards have the digits that their puzzles give, booleans ``(...)``."""
    return ((boards == puzzles) | (puzzles == 0)).flatten(-2).all(-1)


def solves(boards: Tensor, puzzles: Tensor) -> Tensor:
    """Whether boards are valid and keep the givens of their puzzles, booleans ``(...)``."""
    return is_valid(boards) & keeps_givens(boards, puzzles)


def repeated_digits(puzzles: Tensor) -> Tensor:
    """A digit that each row, column and box holds twice, ``(..., 27)``; 0 if there is none."""
    cells = units(puzzles).sort(-1).values
    return (cells[..., 1:] * (cells[..., 1:] == cells[..., :-1])).amax(-1)


def contradiction(puzzle: Tensor) -> str | None:
    """Describe the first digit that stands twice in a puzzle ``(9, 9)``; None if none does."""
    for unit, digit in enumerate(repeated_digits(puzzle).tolist()):
        if digit:
            kind = ("row", "column", "box")[unit // SIDE]
            return f"{digit} stands twice in {kind} {unit % SIDE + 1}"
    return None


class Symmetry(NamedTuple):
    """A symmetry of Sudoku for each of B boards: 9! 2 6^8 of them.

    Digits are renamed, bands (three rows) and stacks (three columns) permuted, as are the rows of a
    band and the columns of a stack, and the board may be transposed.
    """

    cells: Tensor  # (B, 81), number of the cell that each cell takes its digit from
    names: Tensor  # (B, 10), new names of the digits; blanks stay blank

    @classmethod
    def of(cls, draws: Tensor) -> Self:
        """Symmetries from uniform random numbers ``(B, 34)``; ascending from 0.5: the identity."""
        flip, rows, columns, names = draws.split(SYMMETRY_DRAWS, -1)
        grid = torch.arange(CELLS, device=draws.device).view(SIDE, SIDE).expand(len(draws), -1, -1)
        grid = torch.where(flip[..., None] < 0.5, grid.mT, grid)
        grid = grid.gather(1, _line_order(rows)[:, :, None].expand_as(grid))
        grid = grid.gather(2, _line_order(columns)[:, None].expand_as(grid))
        return cls(grid.flatten(1), F.pad(names.argsort(-1) + 1, (1, 0)))

    def __call__(self, boards: Tensor) -> Tensor:
        """Apply the symmetries to boards ``(B, 9, 9)``."""
        moved = boards.flatten(1).gather(1, self.cells)
        return self.names.gather(1, moved.long()).view_as(boards).to(boards.dtype)

    def undo(self, logits: Tensor) -> Tensor:
        """Logits ``(B, 9, 9, 9)`` of the boards that the symmetries were applied to."""
        back, digits = self.cells.argsort(1)[..., None], self.names[:, None, 1:] - 1
        moved = logits.flatten(1, 2).gather(1, back.expand(-1, -1, SIDE))
        return moved.gather(2, digits.expand_as(moved)).view_as(logits)


def transform(
    puzzles: Tensor, solutions: Tensor, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Apply a random `Symmetry` to each puzzle and its solution, ``(B, 9, 9)`` each."""
    count, device = len(puzzles), puzzles.device
    draws = [torch.rand(count, n, generator=generator, device=device) for n in SYMMETRY_DRAWS]
    symmetry = Symmetry.of(torch.cat(draws, -1))
    return symmetry(puzzles), symmetry(solutions)


def _line_order(draws: Tensor) -> Tensor:
    """Orders ``(B, 9)`` of lines that permute bands, and lines within their band."""
    draws = draws.unflatten(-1, (BOX, BOX + 1))
    bands, within = draws[..., 0].argsort(-1), draws[..., 1:].argsort(-1)
    return (bands.unsqueeze(-1) * BOX + within).flatten(1)
