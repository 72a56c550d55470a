"""The published boards: SATNet's, and the harder ones of recurrent relational networks (RRN)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from examples.sudoku.data.boards import Boards, checked, read_boards
from examples.sudoku.rules import SIDE

if TYPE_CHECKING:
    from examples.sudoku.data import BoardOptions, Split

FEATURES, LABELS = "features.pt", "labels.pt"
"""SATNet's one-hot tensors: puzzles and solutions."""
ROWS = {"train": slice(9000), "test": slice(9000, None)}
"""SATNet's split."""


def satnet(options: BoardOptions, split: Split) -> Boards:
    """Load SATNet's boards (31 to 42 givens): the first 9,000 for training, the others for tests.

    Args:
        options: `root` holds ``features.pt`` and ``labels.pt``, or ``satnet.csv[.xz|.gz]``, either
            itself or in its folder ``sudoku``.
        split: Which part.

    Returns:
        The boards.

    Raises:
        ValueError: If a file is damaged or holds a wrong board.
        OSError: If no file is there.
    """
    path = _find(options.root, ("", "sudoku"), (FEATURES, "satnet.csv"))
    boards = _read_tensors(path.parent) if path.name == FEATURES else read_boards(path)
    return boards[ROWS[split]]


def rrn(options: BoardOptions, split: Split) -> Boards:
    """Load the boards of recurrent relational networks (17 to 34 givens).

    Args:
        options: `root` holds ``train.csv`` and ``test.csv``, or, for tests,
            ``rrn-test.csv[.xz|.gz]``, either itself or in its folder ``sudoku-hard`` or ``sudoku``.
        split: Which part.

    Returns:
        The boards.

    Raises:
        ValueError: If a file is damaged or holds a wrong board.
        OSError: If no file is there.
    """
    names = (f"{split}.csv", f"rrn-{split}.csv")
    return read_boards(_find(options.root, ("", "sudoku-hard", "sudoku"), names))


def _find(root: Path, folders: tuple[str, ...], names: tuple[str, ...]) -> Path:
    for path in (root / folder / name for folder in folders for name in names):
        for suffix in ("", ".xz", ".gz"):
            if (file := path.with_name(path.name + suffix)).exists():
                return file
    raise FileNotFoundError(
        f"no {' or '.join(names)} in {' or '.join(str(root / folder) for folder in folders)}; "
        f"download the boards (python -m examples.sudoku.download), name their folder "
        f"(--data.root) or csv files (--data.train-file, --data.test-file), or use boards that are "
        f"made here (--data.name generated)"
    )


def _read_tensors(folder: Path) -> Boards:
    """Read SATNet's own files; nothing but tensors is unpickled."""
    puzzles, solutions = (_digits(folder / name) for name in (FEATURES, LABELS))
    if len(puzzles) != len(solutions):
        raise ValueError(
            f"{folder}: {FEATURES} has {len(puzzles)} boards and {LABELS} {len(solutions)}"
        )
    return checked(Boards(puzzles, solutions), lambda row: f"{folder / FEATURES}, row {row}")


def _digits(path: Path) -> Tensor:
    """Read one-hot ``(B, 9, 9, 9)`` as digits ``(B, 9, 9)``, 0 where no entry is set."""
    try:
        one_hot = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file can lead anywhere
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} is not a readable file of tensors: {reason}") from error
    if not isinstance(one_hot, Tensor) or one_hot.shape[1:] != (SIDE, SIDE, SIDE):
        what = tuple(one_hot.shape) if isinstance(one_hot, Tensor) else type(one_hot).__name__
        raise ValueError(f"{path} must hold a tensor (B, 9, 9, 9): got {what}")
    wrong = ((one_hot != 0) & (one_hot != 1)).any(-1) | (one_hot.sum(-1) > 1)
    if wrong.any():
        row, *cell = wrong.nonzero()[0].tolist()
        raise ValueError(f"{path}, row {row}: cell {tuple(cell)} is not one-hot")
    return (one_hot * torch.arange(1, SIDE + 1)).sum(-1).long()
