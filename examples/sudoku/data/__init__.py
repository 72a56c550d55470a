"""Sudoku boards by name: published sets, boards that are made here, and files of one's own.

To add a set, write a function of `BoardOptions` and the split, and enter it in `SETS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from examples.common.command import option_name
from examples.sudoku.data.boards import (
    UNREADABLE,
    Boards,
    Entry,
    digits,
    format_cells,
    open_text,
    parse_lines,
    read_boards,
)
from examples.sudoku.data.generate import FEWEST_GIVENS, generated, has_solution, solutions_of
from examples.sudoku.data.published import rrn, satnet

Split = Literal["train", "test"]

__all__ = [
    "SETS",
    "UNREADABLE",
    "BoardOptions",
    "Boards",
    "Entry",
    "Split",
    "digits",
    "format_cells",
    "has_solution",
    "load",
    "open_text",
    "parse_lines",
    "read_boards",
    "solutions_of",
]


@dataclass(frozen=True, kw_only=True)
class BoardOptions:
    """Boards to train on, or to be scored on."""

    name: str = "satnet"
    """satnet (31 to 42 givens), rrn (17 to 34 givens), or generated (made here)."""
    root: Path = Path("runs/data")
    """Folder of the boards: downloaded ones, and those that are made if there is no cache."""
    cache: Path | None = None
    """Folder where boards that are made are kept (root if not given)."""
    train_file: Path | None = None
    """File of your own (a line has a puzzle, its solution, and any other fields) in place of the
    set's training boards."""
    test_file: Path | None = None
    """File of your own in place of the set's test boards."""
    rows: str | None = None
    """Part of the test boards, as in Python: ":200" for the first 200, "::18" for every 18th."""
    num_boards: int | None = None
    """Training boards: the first ones (all if not given; 9,000 of those that are made)."""
    num_test_boards: int | None = None
    """Test boards, spread evenly (all if not given; 1,000 of those that are made)."""
    givens: tuple[int, int] = (31, 42)
    """Fewest and most given cells of boards that are made; SATNet's by default."""
    seed: int = 0
    """Seed of boards that are made."""

    def __post_init__(self):
        if self.name not in SETS:
            raise ValueError(f"--data.name must be one of {', '.join(SETS)}: got {self.name!r}")
        for name, least in (("num_boards", 1), ("num_test_boards", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                option = option_name(f"data.{name}")
                raise ValueError(f"{option} must be at least {least}: got {value}")
        if not FEWEST_GIVENS <= self.givens[0] <= self.givens[1] <= 81:
            raise ValueError(
                f"--data.givens must be two numbers in {FEWEST_GIVENS}..81, the smaller first: got "
                f"{' '.join(map(str, self.givens))}"
            )
        if self.rows is not None:
            _slice(self.rows)


SETS: dict[str, Callable[[BoardOptions, Split], Boards]] = {
    "satnet": satnet,
    "rrn": rrn,
    "generated": generated,
}
"""The sets of boards, by name."""


def load(options: BoardOptions, split: Split = "train") -> Boards:
    """Load boards.

    Args:
        options: Which ones.
        split: ``"train"`` or ``"test"``. `rows` and `num_test_boards` apply to the test boards.

    Returns:
        The boards, on the CPU.

    Raises:
        ValueError: If a file is damaged, a board is wrong, or no board is left.
        OSError: If a file is missing or the disk is full.
    """
    file = options.train_file if split == "train" else options.test_file
    boards = SETS[options.name](options, split) if file is None else read_boards(file)
    source = file or f"{options.name} in {options.root}"
    if len(boards) == 0:
        raise ValueError(f"{source} has no boards for split {split!r}")
    if split == "train":
        return boards[: options.num_boards]
    if options.rows is not None:
        chosen = boards[_slice(options.rows)]
        if len(chosen) == 0:
            raise ValueError(
                f"--data.rows {options.rows} leaves none of the {len(boards)} boards of {source}"
            )
        boards = chosen
    count = options.num_test_boards or len(boards)
    return boards[:: max(len(boards) // count, 1)][:count]


def _slice(rows: str) -> slice:
    try:
        parts = [int(part) if part else None for part in rows.split(":")]
        steps = [part for part in parts[2:] if part is not None]
        if not 2 <= len(parts) <= 3 or min(steps, default=1) < 1:
            raise ValueError
    except ValueError as error:
        raise ValueError(
            f"--data.rows must be START:STOP or START:STOP:STEP: got {rows!r}"
        ) from error
    return slice(*parts)
