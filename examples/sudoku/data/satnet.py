"""SATNet's boards: one-hot tensors in ``features.pt`` (puzzles) and ``labels.pt`` (solutions)."""

from pathlib import Path

import torch
from torch import Tensor

from examples.sudoku.data.boards import Boards, checked
from examples.sudoku.rules import SIDE
from examples.training.checkpoint import first_line

FEATURES, LABELS = "features.pt", "labels.pt"
ROWS = {"train": slice(0, 9000), "test": slice(9000, 10000)}


def read_satnet(folder: Path) -> Boards:
    """Read SATNet's own files; nothing but tensors is unpickled.

    Args:
        folder: Where both files are.

    Returns:
        All boards, in the files' order.

    Raises:
        ValueError: If a file is damaged, or a row is no board; the message names file and row.
        OSError: If a file cannot be read.
    """
    puzzles, solutions = (_digits(folder / name) for name in (FEATURES, LABELS))
    if len(puzzles) != len(solutions):
        raise ValueError(
            f"{folder}: {FEATURES} has {len(puzzles)} boards and {LABELS} {len(solutions)}"
        )
    return checked(Boards(puzzles, solutions), lambda row: f"{folder / FEATURES}, row {row}")


def _digits(path: Path) -> Tensor:
    """One-hot ``(B, 9, 9, 9)`` to digits ``(B, 9, 9)``, 0 where no entry is set."""
    try:
        one_hot = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file can lead anywhere
        raise ValueError(
            f"{path} is not a readable file of tensors: {first_line(error)}"
        ) from error
    if not isinstance(one_hot, Tensor) or one_hot.shape[1:] != (SIDE, SIDE, SIDE):
        what = tuple(one_hot.shape) if isinstance(one_hot, Tensor) else type(one_hot).__name__
        raise ValueError(f"{path} must hold a tensor (B, 9, 9, 9): got {what}")
    wrong = ((one_hot != 0) & (one_hot != 1)).any(-1) | (one_hot.sum(-1) > 1)
    if wrong.any():
        row, *cell = wrong.nonzero()[0].tolist()
        raise ValueError(f"{path}, row {row}: cell {tuple(cell)} is not one-hot")
    return (one_hot * torch.arange(1, SIDE + 1)).sum(-1).long()
