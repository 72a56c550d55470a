"""Boards from wherever they are.

Reading order: `boards`, `csv`, `satnet`, `generate`; this file chooses among them.
"""

from pathlib import Path
from typing import Literal

from examples.sudoku.data.boards import Boards, format_cells, parse_cells
from examples.sudoku.data.csv import is_header, read_csv
from examples.sudoku.data.generate import generate, solutions_of
from examples.sudoku.data.satnet import FEATURES, ROWS, read_satnet
from examples.training.files import write_text

Split = Literal["train", "test"]

__all__ = [
    "Boards",
    "Split",
    "format_cells",
    "generated",
    "is_header",
    "load",
    "parse_cells",
    "solutions_of",
]


def load(source: Path, split: Split, *, rows: str | None = None, option: str = "--rows") -> Boards:
    """Read boards.

    Args:
        source: SATNet's folder (``features.pt``, ``labels.pt``), the RRN archive's (``train.csv``,
            ``valid.csv``, ``test.csv``), or one csv file.
        split: Which part of a folder. A single file is taken whole.
        rows: Of these, as in a Python slice: ``":9000"``, ``"9000:"``, ``"::18"``.
        option: What messages call `rows`.

    Returns:
        The boards.

    Raises:
        ValueError: If a line or row is wrong, the slice is none, or nothing is left.
        OSError: If there is no such file.
    """
    if source.is_dir() and (source / FEATURES).exists():
        boards = read_satnet(source)[ROWS[split]]
    elif source.is_dir():
        if not (source / f"{split}.csv").exists():
            raise ValueError(
                f"{source} has neither {FEATURES} (SATNet) nor {split}.csv (RRN); "
                f"name such a folder or a csv file"
            )
        boards = read_csv(source / f"{split}.csv")
    else:
        boards = read_csv(source)
    if rows is None:
        return boards
    chosen = boards[_slice(rows, option)]
    if len(chosen) == 0:
        raise ValueError(f"{option} {rows} leaves none of the {len(boards)} boards of {source}")
    return chosen


def generated(root: Path, split: Split, *, count: int, givens: range, seed: int) -> Boards:
    """Boards that are made here, once, and kept as a csv file.

    Args:
        root: Folder of the file.
        split: Training and test boards differ.
        count: How many.
        givens: Numbers of given cells.
        seed: Decides which.

    Returns:
        The boards.

    Raises:
        ValueError: If the numbers of givens cannot be made.
        OSError: If the disk refuses.
    """
    name = f"sudoku-{split}-{count}-givens{givens.start}to{givens.stop - 1}-seed{seed}.csv"
    path = root / name
    if not path.exists():
        boards = generate(count, givens=givens, seed=2 * seed + (split == "test"))
        pairs = zip(boards.puzzles, boards.solutions, strict=True)
        lines = (f"{format_cells(puzzle)},{format_cells(solution)}\n" for puzzle, solution in pairs)
        write_text(path, "".join(lines))
    return read_csv(path)


def _slice(rows: str, option: str) -> slice:
    try:
        parts = [int(part) if part else None for part in rows.split(":")]
        steps = [part for part in parts[2:] if part is not None]
        if not 2 <= len(parts) <= 3 or min(steps, default=1) < 1:
            raise ValueError
    except ValueError as error:
        raise ValueError(f"{option} must be START:STOP or START:STOP:STEP: got {rows!r}") from error
    return slice(*parts)
