"""Arrays that are built once and memory-mapped afterwards.

One process builds, all others wait for it; if it dies, one of them takes over. The rows go to a
file of another name, which gets its own when it is complete and on the disk. There is one such name
per array, so whatever a dead process has left is overwritten.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from examples.training.lock import one_at_a_time


def load_or_build(
    path: Path,
    blocks: Callable[[], Iterable[np.ndarray]],
    *,
    row: tuple[int, ...],
    count: int | None = None,
) -> np.ndarray:
    """Map the cached uint8 array at `path`, building it first when it is not there.

    Args:
        path: Where the array is or will be; everything that `blocks` depends on belongs in the
            name.
        blocks: Makes the rows, in order, as arrays of some rows each.
        row: Shape of one row.
        count: Number of rows; None takes as many as come. A file that holds anything else is
            rebuilt with a warning.

    Returns:
        `(count, *row)`, mapped copy-on-write: writing to it never reaches the file.

    Raises:
        ValueError: When `blocks` gives no rows, or not `count` uint8 rows of this shape.
        OSError: When the folder cannot be written, or the disk is full.
    """
    found = _read_if_good(path, row, count)
    if found is None:
        with one_at_a_time(path):
            found = _read_if_good(path, row, count)  # another process may have built it
            if found is None:
                _build(path, blocks(), row, count)
                found = _read(path, row, count)
    return found


def _build(
    path: Path, blocks: Iterable[np.ndarray], row: tuple[int, ...], count: int | None
) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with _says_what(path):
            # A new file, because workers of a dead process may still hold the old one.
            partial.unlink(missing_ok=True)
            file = partial.open("xb")
        with file:
            length = 0
            with _says_what(path):
                _write_header(file, length, row)
            for block in blocks:
                if block.dtype != np.uint8 or block.shape[1:] != row:
                    raise ValueError(
                        f"{path.name} needs uint8 rows of shape {row}: got {block.dtype} "
                        f"{block.shape[1:]}"
                    )
                length += len(block)
                with _says_what(path):
                    file.write(np.ascontiguousarray(block).data)
            if length == 0 or count not in (None, length):
                raise ValueError(f"{path.name} needs {count or 'some'} rows: got {length}")
            with _says_what(path):
                file.seek(0)
                _write_header(file, length, row)
                file.flush()
                os.fsync(file.fileno())
        with _says_what(path):
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _says_what(path: Path) -> Iterator[None]:
    """Name the file that could not be written; a full disk alone would not say it."""
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error


def _write_header(file: BinaryIO, length: int, row: tuple[int, ...]) -> None:
    # NumPy leaves room for 21 digits in the first axis, so the header's size is always the same.
    header = {"descr": "|u1", "fortran_order": False, "shape": (length, *row)}
    np.lib.format.write_array_header_1_0(file, header)


def _read_if_good(path: Path, row: tuple[int, ...], count: int | None) -> np.ndarray | None:
    try:
        return _read(path, row, count)
    except (FileNotFoundError, NotADirectoryError):  # of the latter, building says more
        return None
    except (ValueError, EOFError) as error:
        warnings.warn(f"{path} is not the expected cache ({error}): rebuilt", stacklevel=3)
        return None


def _read(path: Path, row: tuple[int, ...], count: int | None) -> np.ndarray:
    if path.stat().st_size == 0:
        raise ValueError("the file is empty")
    # Copy-on-write, because torch warns about arrays that cannot be written.
    array = np.lib.format.open_memmap(path, mode="c")
    fits = array.shape[1:] == row and count in (None, len(array)) and len(array) > 0
    if array.dtype != np.uint8 or not fits or not array.flags.c_contiguous:
        wanted = (count or "n", *row)
        raise ValueError(f"it holds {array.dtype} {array.shape}, not uint8 {wanted}")
    return array
