"""Boards for the tests: a few dozen that were made here, and the real ones where they lie."""

from pathlib import Path

from examples.sudoku.boards import Boards, read_boards
from examples.sudoku.data import BoardOptions

MADE = Path(__file__).with_name("made.csv")
"""36 boards of 22 to 39 givens, two each: ``generate(36, givens=range(22, 40), seed=11)``."""

REAL = Path("data/sudoku")
"""Folder of the real boards, in that of the fixture `shared`."""


def made() -> Boards:
    return read_boards(MADE)


def options(**fields) -> BoardOptions:
    """The made boards as a user names them, for training and tests."""
    return BoardOptions(**{"train_file": MADE, "test_file": MADE, **fields})
