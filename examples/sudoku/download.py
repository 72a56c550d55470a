"""Download the published boards, check and unpack them.

    python -m examples.sudoku.download --dataset sudoku --to runs/data
    python -m examples.sudoku.download --dataset sudoku-hard --to runs/data

The same command resumes, and does nothing when everything is there.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from examples.common.command import run_command
from examples.common.download import DownloadOptions, download
from examples.sudoku.boards import read_boards

# The addresses that the data's authors name; they could not be tried here. --url names others.
ADDRESSES = {
    "sudoku": ("https://powei.tw/sudoku.zip",),
    "sudoku-hard": ("https://www.dropbox.com/s/rp3hbjs91xiqdgc/sudoku-hard.zip?dl=1",),
}


@dataclass(frozen=True, kw_only=True)
class SudokuDownloadOptions(DownloadOptions):
    """Download published boards, check and unpack them."""

    addresses: ClassVar = ADDRESSES

    dataset: str
    """sudoku (SATNet's boards) or sudoku-hard (RRN's)."""


def check_boards(path: Path) -> None:
    """Raise ValueError if a single file is no csv of boards."""
    read_boards(path)


if __name__ == "__main__":
    run_command(partial(download, check=check_boards), SudokuDownloadOptions)
