"""Get the published boards: download, check, unpack.

    python -m examples.sudoku.download --dataset sudoku --to runs/data
    python -m examples.sudoku.download --dataset sudoku-hard --to runs/data

The same command goes on where it was stopped, and does nothing when all is there.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from examples.download.sets import DownloadOptions, download
from examples.sudoku.data import load
from examples.training.command import run_command

# As the authors of the data name them: there was no way to try them. --url names others.
ADDRESSES = {
    "sudoku": ("https://powei.tw/sudoku.zip",),
    "sudoku-hard": ("https://www.dropbox.com/s/rp3hbjs91xiqdgc/sudoku-hard.zip?dl=1",),
}


@dataclass(frozen=True, kw_only=True)
class SudokuDownloadOptions(DownloadOptions):
    """Get published boards: download, check, unpack."""

    addresses: ClassVar = ADDRESSES

    dataset: str
    """sudoku (SATNet's boards) or sudoku-hard (RRN's)."""


def check_boards(path: Path) -> None:
    """Raise ValueError if a single file is not one of boards."""
    load(path, "test")


if __name__ == "__main__":
    run_command(partial(download, check=check_boards), SudokuDownloadOptions)
