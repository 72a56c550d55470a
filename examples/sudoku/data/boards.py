"""Puzzles with their solutions: the form, and reading them from text."""

import gzip
import hashlib
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self, TextIO, cast

import numpy as np
import torch
from torch import Tensor

from examples.sudoku.rules import SIDE, count_givens, has_contradiction, is_valid, keeps_givens

CELLS = SIDE * SIDE
_BLANKS = r"._?*\-"
_BOARD = re.compile(rf"(?<![\w{_BLANKS}])[0-9{_BLANKS}]{{81}}(?![\w{_BLANKS}])")
_ZEROS = str.maketrans("._?*- ", "000000")
_SPACED = re.compile("[0-9 ]{81}")
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


class Entry(NamedTuple):
    """Part of a text that is, or should be, one board.

    Attributes:
        line: Number of its line, from 1; the last one, if the board takes nine.
        boards: No, one or two strings of 81 digits, 0 for a blank: the puzzle, then its solution.
        error: Why there are not two.
    """

    line: int
    boards: tuple[str, ...]
    error: str = ""


def parse_lines(lines: Iterable[str]) -> Iterator[Entry]:
    """Find the boards of a text by their form.

    A board is 81 cells in a field of a line, among whatever other fields, or nine lines of nine
    cells, with or without a frame. A cell is a digit; ``.``, ``0``, ``_``, ``?``, ``*``, ``-`` or a
    space is a blank. Of two boards in a line the one without blanks is the solution. Empty lines,
    names of columns, comments (``#``) and ``.sdk`` sections other than ``[Puzzle]`` are left out.

    Args:
        lines: The text.

    Yields:
        The boards, and whatever else is there, as soon as its line is complete.
    """
    rows: list[str] = []
    is_first, is_puzzle, number = True, True, 0
    for number, line in enumerate(lines, 1):
        line = line.strip("\ufeff\r\n")
        if section := re.fullmatch(r"\s*\[([A-Za-z]+)\]\s*", line):
            is_puzzle = section[1].lower() == "puzzle"
        if section or not is_puzzle or _is_empty(line):
            continue
        if row := _row(line):
            rows.append(row)
            if len(rows) == SIDE:
                yield _entry(number, ["".join(rows)], line)
                rows = []
            continue
        if rows:
            yield Entry(number - 1, (), f"a board has nine lines of nine cells: got {len(rows)}")
            rows = []
        entry = _entry(number, _boards(line), line)
        names_columns = not entry.boards and len(max(_fields(line), key=len)) < CELLS // 2
        if not (is_first and names_columns and any(map(str.isalpha, line))):
            yield entry
        is_first = False
    if rows:
        yield Entry(number, (), f"a board has nine lines of nine cells: got {len(rows)}")


def digits(cells: str) -> Tensor:
    """Convert the digits of any number of boards, row by row, into a tensor.

    Args:
        cells: 81 characters from 0 to 9 for every board.

    Returns:
        ``(B, 9, 9)``, int64; 0 is a blank.
    """
    codes = np.frombuffer(cells.encode(), dtype=np.uint8)
    return torch.from_numpy(codes.astype(np.int64) - ord("0")).view(-1, SIDE, SIDE)


def format_cells(board: Tensor) -> str:
    """Write one board ``(9, 9)`` as 81 digits, row by row."""
    return "".join(str(cell) for cell in board.flatten().tolist())


def open_text(path: Path) -> TextIO:
    """Open a text file; ``.xz`` and ``.gz`` are decompressed."""
    opener = _OPENERS.get(path.suffix, open)
    return cast(TextIO, opener(path, "rt", encoding="utf-8"))


def read_boards(path: Path) -> Boards:
    """Read puzzles with their solutions.

    Args:
        path: The file; see `open_text` and `parse_lines`.

    Returns:
        The boards, in the file's order.

    Raises:
        ValueError: If a line is wrong; the message names the file and the first such line.
        OSError: If the file cannot be read.
    """
    entries = []
    try:
        with open_text(path) as file:
            for entry in parse_lines(file):
                if entry.error:
                    raise ValueError(f"{path}:{entry.line}: {entry.error}")
                entries.append(entry)
    except UNREADABLE as error:
        raise ValueError(f"{path} is damaged, or no text: {error}") from error
    cells = "".join(board for entry in entries for board in entry.boards)
    boards = Boards(*digits(cells).view(-1, 2, SIDE, SIDE).unbind(1))
    return checked(boards, lambda row: f"{path}:{entries[row].line}" if entries else f"{path}")


def format_csv(boards: Boards) -> str:
    """Format boards as `read_boards` reads them."""
    pairs = zip(boards.puzzles, boards.solutions, strict=True)
    return "".join(f"{format_cells(puzzle)},{format_cells(answer)}\n" for puzzle, answer in pairs)


def _fields(line: str) -> list[str]:
    return re.split("[,;\t]", line)


def _boards(line: str) -> list[str]:
    """Boards in the fields of a line; in a line of single cells, the one that all of them make."""
    found = []
    for field in _fields(line):
        found += [field] if _SPACED.fullmatch(field) else _BOARD.findall(field)
    cells = re.sub(r"[\[\](),;|\s]", "", line)
    return found or ([cells] if _BOARD.fullmatch(cells) else [])


def _row(line: str) -> str | None:
    """Nine cells, in a frame or apart."""
    cells = line.replace("|", "")
    if len(cells) != SIDE:
        cells = re.sub(r"[,;|\s]", "", line)
    return cells if re.fullmatch(f"[0-9 {_BLANKS}]{{9}}", cells) else None


def _is_empty(line: str) -> bool:
    """Whether a line is blank, a comment, or a line of a frame."""
    is_frame = re.fullmatch(r"[-+=|\s]*", line) is not None
    cells = line.replace("|", "").strip()
    return line.lstrip().startswith("#") or is_frame and ("+" in line or len(cells) not in (9, 81))


def _entry(number: int, boards: list[str], line: str) -> Entry:
    found = [board.translate(_ZEROS) for board in boards]
    if len(found) == 2:
        return Entry(number, tuple(sorted(found, key=lambda board: "0" not in board)))
    if len(found) > 2:
        return Entry(number, (), f"a line has a puzzle and its solution: got {len(found)} boards")
    fields = _fields(line)
    long = [(i, f) for i, f in enumerate(fields) if len(f) > CELLS // 2]
    wrong = [i for i, f in long if not _SPACED.fullmatch(f) and not _BOARD.search(f)]
    if found and not wrong:
        return Entry(number, tuple(found), "there is no solution beside the puzzle")
    place = wrong[0] if wrong else 0
    where = f"field {place + 1}: " if len(fields) > 1 else ""
    return Entry(number, tuple(found), where + _complaint(fields[place].strip()))


def _complaint(field: str) -> str:
    if len(field) != CELLS:
        return f"a board has {CELLS} characters: got {len(field)}"
    wrong = re.search(f"[^0-9{_BLANKS}]", field)
    assert wrong is not None, "a field of 81 cells is a board"
    row, column = divmod(wrong.start(), SIDE)
    return (
        f"a board has digits and, for a blank, 0 or a dot: got {wrong[0]!r} in row {row + 1}, "
        f"column {column + 1}"
    )
