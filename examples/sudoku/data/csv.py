"""Boards from text: a line ``puzzle,solution`` each, plain, gzip- or xz-compressed."""

import gzip
import lzma
import zlib
from pathlib import Path

import torch

from examples.sudoku.data.boards import Boards, checked, parse_cells
from examples.sudoku.rules import SIDE

_OPENERS = {".xz": lzma.open, ".gz": gzip.open}


def read_csv(path: Path) -> Boards:
    """Read a file of boards, such as those of the RRN archive.

    Args:
        path: The file; ``.xz`` and ``.gz`` are decompressed. A first line of words is a header.

    Returns:
        The boards, in the file's order.

    Raises:
        ValueError: If a line is wrong; the message names file and line.
        OSError: If the file cannot be read.
    """
    try:
        with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (lzma.LZMAError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged, or no text: {error}") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if numbered and is_header(numbered[0][1]):
        numbered = numbered[1:]
    boards = _parse_quickly([line for _, line in numbered])
    if boards is None:
        boards = _parse_carefully(path, numbered)
    return checked(boards, lambda row: f"{path}:{numbered[row][0]}" if numbered else f"{path}")


def is_header(line: str) -> bool:
    """Whether a first line names the columns: it has letters, and no digit."""
    return any(c.isalpha() for c in line) and not any(c.isdigit() for c in line)


def _parse_quickly(lines: list[str]) -> Boards | None:
    """All lines at once, as bytes; None unless every line has the usual form."""
    cells = SIDE * SIDE
    text = "".join(lines).replace(".", "0")
    usual = text.isascii() and all(len(line) == 2 * cells + 1 for line in lines)
    if not lines or not usual:
        return None
    table = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).view(len(lines), -1)
    digits = (table.long() - ord("0"))[:, [*range(cells), *range(cells + 1, 2 * cells + 1)]]
    if (table[:, cells] != ord(",")).any() or (digits < 0).any() or (digits > SIDE).any():
        return None
    puzzles, solutions = digits.view(-1, 2, SIDE, SIDE).unbind(1)
    return Boards(puzzles, solutions)


def _parse_carefully(path: Path, numbered: list[tuple[int, str]]) -> Boards:
    """Line by line, to say what is wrong where."""
    puzzles, solutions = [], []
    for number, line in numbered:
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 2:
            raise ValueError(
                f"{path}:{number}: a line is `puzzle,solution`: got {len(fields)} fields"
            )
        for name, field, into in zip(
            ("puzzle", "solution"), fields, (puzzles, solutions), strict=True
        ):
            try:
                into.append(parse_cells(field))
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {name}: {error}") from error
    empty = torch.empty(0, SIDE, SIDE, dtype=torch.long)
    return Boards(*(torch.stack(side) if side else empty for side in (puzzles, solutions)))
