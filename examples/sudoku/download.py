"""Download the published boards, check and unpack them.

    python -m examples.sudoku.download --dataset sudoku --to runs/data
    python -m examples.sudoku.download --dataset sudoku-hard --to runs/data

The same command starts a failed download again, and does nothing if the boards are there.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from examples.common.command import run_command
from examples.common.download import DownloadOptions, download
from examples.sudoku.boards import read_boards


@dataclass(frozen=True, kw_only=True)
class SudokuDownloadOptions(DownloadOptions):
    """Download published boards, check and unpack them."""

    # Published by the authors of the data; untested without internet access. --url takes others.
    addresses: ClassVar = {
        "sudoku": ("https://powei.tw/sudoku.zip",),
        "sudoku-hard": ("https://www.dropbox.com/s/rp3hbjs91xiqdgc/sudoku-hard.zip?dl=1",),
    }

    dataset: str
    """sudoku (SATNet's boards) or sudoku-hard (RRN's)."""


if __name__ == "__main__":
    run_command(partial(download, check=read_boards), SudokuDownloadOptions)
