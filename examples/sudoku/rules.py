"""The rules of Sudoku on batches of boards, as tensors."""

import torch
from torch import Tensor

SIDE, BOX = 9, 3


def units(boards: Tensor) -> Tensor:
    """Rows, columns and boxes of boards.

    Args:
        boards: ``(..., 9, 9)``.

    Returns:
        ``(..., 27, 9)``: nine rows, nine columns, nine boxes, of nine cells each.
    """
    boxes = boards.unflatten(-1, (BOX, BOX)).unflatten(-3, (BOX, BOX)).transpose(-3, -2)
    return torch.cat([boards, boards.mT, boxes.flatten(-2).flatten(-3, -2)], -2)


def is_valid(boards: Tensor) -> Tensor:
    """Whether boards are filled in by the rules: every unit holds every digit.

    Args:
        boards: ``(..., 9, 9)``, integers.

    Returns:
        Booleans ``(...)``.
    """
    digits = torch.arange(1, SIDE + 1, device=boards.device)
    return (units(boards).sort(-1).values == digits).flatten(-2).all(-1)


def keeps_givens(boards: Tensor, puzzles: Tensor) -> Tensor:
    """Whether boards have the digits that their puzzles give.

    Args:
        boards: ``(..., 9, 9)``.
        puzzles: The same shape, or one that broadcasts; 0 is a blank.

    Returns:
        Booleans ``(...)``.
    """
    return ((boards == puzzles) | (puzzles == 0)).flatten(-2).all(-1)


def solves(boards: Tensor, puzzles: Tensor) -> Tensor:
    """Whether boards are filled in by the rules and keep what their puzzles give.

    Args:
        boards: ``(..., 9, 9)``, integers.
        puzzles: As in `keeps_givens`.

    Returns:
        Booleans ``(...)``.
    """
    return is_valid(boards) & keeps_givens(boards, puzzles)


def count_givens(puzzles: Tensor) -> Tensor:
    """Number of given cells, ``(..., 9, 9)`` to ``(...)``."""
    return (puzzles > 0).flatten(-2).sum(-1)


def has_contradiction(puzzles: Tensor) -> Tensor:
    """Whether a unit holds a digit twice.

    Args:
        puzzles: ``(..., 9, 9)``, integers; 0 is a blank.

    Returns:
        Booleans ``(...)``.
    """
    return (_count_digits(puzzles) > 1).flatten(-2).any(-1)


def contradiction(puzzle: Tensor) -> str | None:
    """Say which digit stands twice, and where.

    Args:
        puzzle: ``(9, 9)``, integers; 0 is a blank.

    Returns:
        One clause; None if the givens do not contradict each other.
    """
    twice = (_count_digits(puzzle) > 1).nonzero().tolist()
    if not twice:
        return None
    (unit, digit), kinds = twice[0], ("row", "column", "box")
    return f"{digit + 1} stands twice in {kinds[unit // SIDE]} {unit % SIDE + 1}"


def _count_digits(puzzles: Tensor) -> Tensor:
    """How often a unit holds a digit, ``(..., 27, 9)``."""
    return torch.nn.functional.one_hot(units(puzzles).long(), SIDE + 1).sum(-2)[..., 1:]
