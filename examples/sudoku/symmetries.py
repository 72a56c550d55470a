"""Symmetries of Sudoku, used as data augmentation."""

import torch
from torch import Tensor

from examples.sudoku.rules import BOX, SIDE


def transform(
    puzzles: Tensor, solutions: Tensor, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw one of the symmetries of Sudoku for every board.

    Digits change names; bands (three rows) and stacks (three columns) trade places, as do the rows
    of a band and the columns of a stack; and the board may be transposed: 9! 2 6^8 ways.

    Args:
        puzzles: ``(B, 9, 9)``, integers; 0 is a blank.
        solutions: The same, filled in.
        generator: Draws; on the boards' device.

    Returns:
        Both, each board and its solution changed alike.
    """
    count, device = len(puzzles), puzzles.device
    boards = torch.stack([puzzles, solutions], 1)
    flip = torch.rand(count, 1, 1, 1, generator=generator, device=device) < 0.5
    boards = torch.where(flip, boards.mT, boards)
    for axis in (-2, -1):
        lines = _lines(count, generator)
        index = lines[:, None, :, None] if axis == -2 else lines[:, None, None, :]
        boards = boards.gather(axis, index.expand_as(boards))
    names = torch.rand(count, SIDE, generator=generator, device=device).argsort(-1) + 1
    names = torch.nn.functional.pad(names, (1, 0))  # a blank stays one
    boards = names.gather(1, boards.flatten(1).long()).view_as(boards).to(boards.dtype)
    return boards[:, 0], boards[:, 1]


def _lines(count: int, generator: torch.Generator) -> Tensor:
    """Orders ``(B, 9)`` of lines: bands at random, and lines within their band at random."""
    draw = torch.rand(count, BOX, BOX + 1, generator=generator, device=generator.device)
    bands, within = draw[..., 0].argsort(-1), draw[..., 1:].argsort(-1)
    return (bands.unsqueeze(-1) * BOX + within).flatten(1)
