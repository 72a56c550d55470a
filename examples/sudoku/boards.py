"""Puzzles with their solutions, and reading and writing them as text."""

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

from examples.sudoku.rules import CELLS, SIDE, is_valid, keeps_givens, repeated_digits

_CELL = r"[0-9._?*\-]"
_BOARD = re.compile(rf"(?<![\w.?*\-]){_CELL}{{{CELLS}}}(?![\w.?*\-])")
_SPACED_BOARD = re.compile(f"[0-9 ]{{{CELLS}}}")
_SEPARATORS = re.compile(r"[\[\](){},;|\s]|\b[A-Za-z]+:")
_FRAME = re.compile(r"[-+=*|\[\](){},\s]*")
_ZEROS = str.maketrans("._?*- ", "000000")
_PLAIN = str.maketrans("０１２３４５６７８９．", "0123456789.", "\"'")
_PLAIN |= dict.fromkeys(range(0x2500, 0x2580), "|")  # lines of frames in Unicode
_OPENERS = {".xz": lzma.open, ".gz": gzip.open}
_UNREADABLE = (lzma.LZMAError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError)
_NO_SOLUTION = "there is no solution beside the puzzle"
_INCOMPLETE = "a board has nine lines of nine cells: got {}"


@dataclass(frozen=True)
class Boards:
    """Puzzles and their solutions, ``(B, 9, 9)`` int64 each; 0 is a blank.

    ``ratings`` ``(B,)``, if known: how many guesses a backtracking solver takes back.
    """

    puzzles: Tensor
    solutions: Tensor
    ratings: Tensor | None = None

    def __len__(self) -> int:
        return len(self.puzzles)

    def __getitem__(self, rows: slice | Tensor) -> Self:
        """Select boards."""
        ratings = None if self.ratings is None else self.ratings[rows]
        return type(self)(self.puzzles[rows], self.solutions[rows], ratings)

    def to(self, device: torch.device) -> Self:
        """Move the boards to a device."""
        ratings = None if self.ratings is None else self.ratings.to(device)
        return type(self)(self.puzzles.to(device), self.solutions.to(device), ratings)

    @property
    def givens(self) -> Tensor:
        """Number of given cells of every puzzle, ``(B,)``."""
        return (self.puzzles > 0).flatten(1).sum(1)

    def fingerprint(self) -> str:
        """SHA-256 of the boards in their order, in hexadecimal digits."""
        cells = torch.stack([self.puzzles, self.solutions], 1).to("cpu", torch.uint8)
        return hashlib.sha256(cells.contiguous().numpy().tobytes()).hexdigest()


def checked(boards: Boards, place: Callable[[int], str]) -> Boards:
    """Return boards whose solutions obey the rules and belong to their puzzles.

    Otherwise a ValueError has the ``place`` of the first wrong board, by its number, in a file.
    """
    puzzles, solutions = boards.puzzles, boards.solutions
    reasons = {
        "the puzzle holds a digit twice in a row, column or box": repeated_digits(puzzles).any(-1),
        "the solution does not have every digit in every row, column and box": ~is_valid(solutions),
        "the solution does not keep the puzzle's digits": ~keeps_givens(solutions, puzzles),
    }
    for reason, wrong in reasons.items():
        if wrong.any():
            raise ValueError(f"{place(int(wrong.nonzero()[0]))}: {reason}")
    return boards


class Entry(NamedTuple):
    """A puzzle in a text, its solution, and the reason if one of them is missing."""

    line: int  # number of its (last) line, from 1
    puzzle: str = ""  # 81 digits, 0 for a blank; empty if the line holds no puzzle
    solution: str = ""  # 81 digits, or empty
    error: str = ""  # why the puzzle or the solution is missing
    rating: str = ""  # field of its line in the column `rating`, if there is one


def parse_lines(lines: Iterable[str]) -> Iterator[Entry]:
    """Recognise the boards of a text by their form, each as soon as its line is complete.

    A board is a field of 81 cells, 81 cells in shorter fields of one line, or nine lines of nine
    cells, with or without a frame. A cell is a digit; ``.``, ``0``, ``_``, ``?``, ``*``, ``-`` or a
    space is a blank. Of a puzzle and its solution in one line, the one without blanks is the
    solution. Empty lines, comments (``#``), names of columns, titles of boards of nine lines, and
    ``.sdk`` sections other than ``[Puzzle]`` are left out.
    """
    rows: list[str] = []
    may_be_title, is_puzzle, number, rated = True, True, 0, None
    for number, line in enumerate(lines, 1):
        line = line.strip("\ufeff\r\n").translate(_PLAIN)
        if section := re.fullmatch(r"\s*\[([A-Za-z]+)\]\s*", line):
            is_puzzle = section[1].lower() == "puzzle"
        if section or not is_puzzle or not line.strip() or line.lstrip().startswith("#"):
            continue
        if row := _row(line):
            rows.append(row)
            if len(rows) == SIDE:
                yield Entry(number, "".join(rows).translate(_ZEROS), error=_NO_SOLUTION)
                rows, may_be_title = [], True
            continue
        if _FRAME.fullmatch(line) and not _boards(line):
            continue
        if rows:
            yield Entry(number - 1, error=_INCOMPLETE.format(len(rows)))
            rows = []
        if may_be_title and _is_title(line):
            names = [name.strip(' "').lower() for name in _fields(line)]
            rated = names.index("rating") if "rating" in names else None
        else:
            rating = "" if rated is None else "".join(_fields(line)[rated : rated + 1]).strip()
            yield from (entry._replace(rating=rating) for entry in _entries(number, line))
        may_be_title = False
    if rows:
        yield Entry(number, error=_INCOMPLETE.format(len(rows)))


def digits(cells: str) -> Tensor:
    """Convert boards of 81 digits each into a tensor ``(B, 9, 9)``, int64."""
    codes = np.frombuffer(cells.encode(), dtype=np.uint8)
    return torch.from_numpy(codes.astype(np.int64) - ord("0")).view(-1, SIDE, SIDE)


def format_cells(board: Tensor) -> str:
    """Write one board ``(9, 9)`` as 81 digits, row by row."""
    return "".join(map(str, board.flatten().tolist()))


def format_csv(boards: Boards) -> str:
    """Write boards as `read_boards` reads them."""
    columns = [map(format_cells, boards.puzzles), map(format_cells, boards.solutions)]
    head = ""
    if boards.ratings is not None:
        head, columns = "puzzle,solution,rating\n", [*columns, map(str, boards.ratings.tolist())]
    return head + "".join(",".join(fields) + "\n" for fields in zip(*columns, strict=True))


def open_text(path: Path) -> TextIO:
    """Open a text file; ``.xz`` and ``.gz`` are decompressed."""
    opener = _OPENERS.get(path.suffix, open)
    return cast(TextIO, opener(path, "rt", encoding="utf-8"))


def read_entries(file: TextIO, name: str, every: int = 1) -> Iterator[Entry]:
    """Parse an open text file and close it; ``name`` stands for it in messages.

    Of the lines after the first, only each ``every``-th is read.
    """
    try:
        with file:
            lines = ("" if row and (row - 1) % every else line for row, line in enumerate(file))
            yield from parse_lines(lines)
    except _UNREADABLE as error:
        raise ValueError(f"{name} is damaged, or not UTF-8 text: {error}") from error


def read_boards(path: Path, *, every: int = 1) -> Boards:
    """Read puzzles with their solutions; see `open_text`, `parse_lines` and `read_entries`.

    ValueError names the file and its first wrong line.
    """
    entries = list(read_entries(open_text(path), str(path), every))
    if not entries:
        raise ValueError(f"{path}: there is no board")
    for entry in entries:
        if entry.error:
            raise ValueError(f"{path}:{entry.line}: {entry.error}")
    cells = digits("".join(entry.puzzle + entry.solution for entry in entries))
    ratings = [int(entry.rating) for entry in entries if entry.rating.isdecimal()]
    known = torch.tensor(ratings) if len(ratings) == len(entries) else None
    boards = Boards(cells[::2], cells[1::2], known)
    return checked(boards, lambda row: f"{path}:{entries[row].line}")


def _row(line: str) -> str | None:
    """Nine cells, in a frame or apart; the cells of a table may be empty."""
    columns = re.split(r"[,;|\t]", line.strip("[]| "))
    if len(columns) == SIDE:
        cells = "".join(column.strip() or "0" for column in columns)
    elif len(cells := line.replace("|", "")) != SIDE:
        cells = _SEPARATORS.sub("", line)
    return cells if re.fullmatch(rf"(?:{_CELL}| ){{{SIDE}}}", cells) else None


def _is_title(line: str) -> bool:
    """Whether a line is short and has too many letters for a mistyped board."""
    longest = max(map(len, _fields(line)))
    return longest < CELLS // 2 and 3 * sum(map(str.isalpha, line)) > len(line.strip())


def _fields(line: str) -> list[str]:
    return re.split("[,;\t]", line)


def _entries(number: int, line: str) -> list[Entry]:
    """Puzzles of a line, each with its solution or without, or the mistake in the line."""
    fields = _fields(line)
    boards = [board for field in fields for board in _boards(field)]
    wrong = [i for i, field in enumerate(fields) if len(field) > CELLS // 2 and not _boards(field)]
    if not boards and (boards := _joined(line)):
        wrong = []
    pairs = list(zip(boards[::2], boards[1::2], strict=False))
    if boards and len(boards) == 2 * len(pairs) and all(_belong(*pair) for pair in pairs):
        return [Entry(number, *sorted(pair, key=_is_full)) for pair in pairs]
    has_solution = any(map(_is_full, boards))
    if wrong or not boards:
        place = wrong[0] if wrong else fields.index(max(fields, key=len))
        where = f"field {place + 1}: " if len(fields) > 1 else ""
        puzzle = boards[0] if boards and not has_solution else ""
        return [Entry(number, puzzle, error=where + _complaint(fields[place].strip()))]
    if len(boards) > 1 and has_solution:
        reason = f"a line has a puzzle and its solution: got {len(boards)} boards"
        return [Entry(number, error=reason)]
    return [Entry(number, board, error=_NO_SOLUTION) for board in boards]


def _boards(field: str) -> list[str]:
    """Boards whose cells are side by side."""
    found = [field] if _SPACED_BOARD.fullmatch(field) else _BOARD.findall(field)
    return [board.translate(_ZEROS) for board in found]


def _joined(line: str) -> list[str]:
    """Boards whose cells, or groups of up to nine cells, are apart."""
    parts = _SEPARATORS.split(line)
    cells = "".join(parts).translate(_ZEROS)
    if len(max(parts, key=len)) > SIDE or not re.fullmatch(f"([0-9]{{{CELLS}}})+", cells):
        return []
    return [cells[start : start + CELLS] for start in range(0, len(cells), CELLS)]


def _is_full(board: str) -> bool:
    return "0" not in board


def _belong(first: str, second: str) -> bool:
    """Whether two boards are meant as a puzzle and its solution."""
    if _is_full(first) or _is_full(second):
        return True
    return all(a in ("0", b) for a, b in zip(first, second, strict=True))


def _complaint(field: str) -> str:
    if len(field) != CELLS:
        return f"a board has {CELLS} characters: got {len(field)}"
    wrong = re.search(f"(?!{_CELL}).", field)
    assert wrong is not None, "a field of 81 cells is a board"
    row, column = divmod(wrong.start(), SIDE)
    return (
        f"a board has digits and, for a blank, 0 or a dot: got {wrong[0]!r} in row {row + 1}, "
        f"column {column + 1}"
    )
