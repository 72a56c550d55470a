"""Rules and symmetries of Sudoku on batches of boards: integers ``(..., 9, 9)``, 0 for a blank."""

import torch
from torch import Tensor

SIDE, BOX = 9, 3
CELLS = SIDE * SIDE


def units(boards: Tensor) -> Tensor:
    """Nine rows, nine columns and nine boxes, ``(..., 9, 9)`` to ``(..., 27, 9)``."""
    boxes = boards.unflatten(-1, (BOX, BOX)).unflatten(-3, (BOX, BOX)).transpose(-3, -2)
    return torch.cat([boards, boards.mT, boxes.flatten(-2).flatten(-3, -2)], -2)


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


def count_givens(puzzles: Tensor) -> Tensor:
    """Number of given cells, ``(..., 9, 9)`` to ``(...)``."""
    return (puzzles > 0).flatten(-2).sum(-1)


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


def transform(
    puzzles: Tensor, solutions: Tensor, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Apply a random symmetry to each puzzle and its solution, ``(B, 9, 9)`` each.

    Digits are renamed, bands (three rows) and stacks (three columns) permuted, as are the rows of a
    band and the columns of a stack, and the board may be transposed: 9! 2 6^8 symmetries.
    """
    count, device = len(puzzles), puzzles.device
    boards = torch.stack([puzzles, solutions], 1)
    flip = torch.rand(count, 1, 1, 1, generator=generator, device=device) < 0.5
    boards = torch.where(flip, boards.mT, boards)
    for axis in (-2, -1):
        lines = _line_order(count, generator)
        index = lines[:, None, :, None] if axis == -2 else lines[:, None, None, :]
        boards = boards.gather(axis, index.expand_as(boards))
    names = torch.rand(count, SIDE, generator=generator, device=device).argsort(-1) + 1
    names = torch.nn.functional.pad(names, (1, 0))  # blanks stay blank
    boards = names.gather(1, boards.flatten(1).long()).view_as(boards).to(boards.dtype)
    return boards[:, 0], boards[:, 1]


def _line_order(count: int, generator: torch.Generator) -> Tensor:
    """Random orders ``(B, 9)`` of lines that permute bands, and lines within their band."""
    draw = torch.rand(count, BOX, BOX + 1, generator=generator, device=generator.device)
    bands, within = draw[..., 0].argsort(-1), draw[..., 1:].argsort(-1)
    return (bands.unsqueeze(-1) * BOX + within).flatten(1)
