"""Puzzles with their solutions: the form, and reading them from text."""

import gzip
import hashlib
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO, cast

import numpy as np
import torch
from torch import Tensor

from examples.sudoku.rules import SIDE, count_givens, has_contradiction, is_valid, keeps_givens

CELLS = SIDE * SIDE
_OPENERS = {".xz": lzma.open, ".gz": gzip.open}

UNREADABLE = (lzma.LZMAError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError)
"""What reading a file of `open_text` raises if it is damaged or holds no text in UTF-8."""


@dataclass(frozen=True)
class Boards:
    """Puzzles and their solutions.

    Attributes:
        puzzles: ``(B, 9, 9)``, int64; 0 is a blank.
        solutions: ``(B, 9, 9)``, int64.
    """

    puzzles: Tensor
    solutions: Tensor

    def __len__(self) -> int:
        return len(self.puzzles)

    def __getitem__(self, rows: slice | Tensor) -> Self:
        """Select boards."""
        return type(self)(self.puzzles[rows], self.solutions[rows])

    def to(self, device: torch.device) -> Self:
        """Move the boards to a device."""
        return type(self)(self.puzzles.to(device), self.solutions.to(device))

    @property
    def givens(self) -> Tensor:
        """Number of given cells of every puzzle, ``(B,)``."""
        return count_givens(self.puzzles)

    def fingerprint(self) -> str:
        """SHA-256 of the boards in their order, in hexadecimal digits; files do not matter."""
        cells = torch.stack([self.puzzles, self.solutions], 1).to("cpu", torch.uint8)
        return hashlib.sha256(cells.contiguous().numpy().tobytes()).hexdigest()


def checked(boards: Boards, where: Callable[[int], str]) -> Boards:
    """Check that every solution obeys the rules and belongs to its puzzle.

    Args:
        boards: Puzzles and solutions.
        where: From a board's number to its place in a file, for the message.

    Returns:
        The boards.

    Raises:
        ValueError: If a board is wrong; the message says which and why.
    """
    puzzles, solutions = boards.puzzles, boards.solutions
    if len(boards) == 0:
        raise ValueError(f"{where(0)}: there is no board")
    reasons = {
        "the puzzle holds a digit twice in a row, column or box": ~has_contradiction(puzzles),
        "the solution does not have every digit in every row, column and box": is_valid(solutions),
        "the solution does not keep the puzzle's digits": keeps_givens(solutions, puzzles),
    }
    for reason, good in reasons.items():
        if not good.all():
            raise ValueError(f"{where(int((~good).nonzero()[0]))}: {reason}")
    return boards


def parse_cells(text: str) -> Tensor:
    """Parse one board of 81 characters, row by row.

    Args:
        text: Digits, with 0 or a dot for a blank.

    Returns:
        ``(9, 9)``, int64; 0 is a blank.

    Raises:
        ValueError: If it is longer or shorter, or has another character.
    """
    return _digits(_check_cells(text))[0]


def format_cells(board: Tensor) -> str:
    """Write one board ``(9, 9)`` as 81 digits, row by row."""
    return "".join(str(cell) for cell in board.flatten().tolist())


def open_text(path: Path) -> TextIO:
    """Open a text file; ``.xz`` and ``.gz`` are decompressed, a byte order mark is left out."""
    opener = _OPENERS.get(path.suffix, open)
    return cast(TextIO, opener(path, "rt", encoding="utf-8-sig"))


def is_header(line: str) -> bool:
    """Whether a first line names the columns: it has letters and no digit."""
    return any(c.isalpha() for c in line) and not any(c.isdigit() for c in line)


def read_csv(path: Path) -> Boards:
    """Read boards, a line ``puzzle,solution`` each.

    Args:
        path: The file; see `open_text`. A first line without digits is a header.

    Returns:
        The boards, in the file's order.

    Raises:
        ValueError: If a line is wrong; the message names file and line.
        OSError: If the file cannot be read.
    """
    try:
        with open_text(path) as file:
            lines = file.read().splitlines()
    except UNREADABLE as error:
        raise ValueError(f"{path} is damaged, or no text: {error}") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if numbered and is_header(numbered[0][1]):
        numbered = numbered[1:]
    cells = [field for number, line in numbered for field in _split(f"{path}:{number}", line)]
    boards = Boards(*_digits("".join(cells)).view(-1, 2, SIDE, SIDE).unbind(1))
    return checked(boards, lambda row: f"{path}:{numbered[row][0]}" if numbered else f"{path}")


def format_csv(boards: Boards) -> str:
    """Format boards as `read_csv` reads them."""
    pairs = zip(boards.puzzles, boards.solutions, strict=True)
    return "".join(f"{format_cells(puzzle)},{format_cells(answer)}\n" for puzzle, answer in pairs)


def _split(where: str, line: str) -> Iterator[str]:
    """Puzzle and solution of a line."""
    fields = line.split(",")
    if len(fields) != 2:
        raise ValueError(f"{where}: a line is `puzzle,solution`: got {len(fields)} fields")
    for name, field in zip(("puzzle", "solution"), fields, strict=True):
        try:
            yield _check_cells(field.strip())
        except ValueError as error:
            raise ValueError(f"{where}: {name}: {error}") from error


def _check_cells(text: str) -> str:
    if len(text) != CELLS:
        raise ValueError(f"a board has {CELLS} characters: got {len(text)}")
    if wrong := re.search("[^0-9.]", text):
        row, column = divmod(wrong.start(), SIDE)
        raise ValueError(
            f"a board has digits and, for a blank, 0 or a dot: got {wrong[0]!r} in row "
            f"{row + 1}, column {column + 1}"
        )
    return text


def _digits(cells: str) -> Tensor:
    """Checked cells of any number of boards as ``(B, 9, 9)``."""
    codes = np.frombuffer(cells.replace(".", "0").encode(), dtype=np.uint8)
    return torch.from_numpy(codes.astype(np.int64) - ord("0")).view(-1, SIDE, SIDE)
