"""Files that are written whole or not at all, and locks on folders and files."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place, then move it there; a failure leaves the old file as it was.

    Args:
        path: The file; its folder is made if missing.
        write: Writes the content to the open file.

    Raises:
        OSError: If the disk refuses; the message names the file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(f"cannot write into {path.parent}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's files are private
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise OSError(f"cannot write {path}: {error}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as `write_whole` does.

    Args:
        path: The file.
        text: Its content.
    """
    write_whole(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file as `write_whole` does; what JSON does not know becomes a string.

    Args:
        path: The file.
        value: Its content.
    """
    write_text(path, json.dumps(value, indent=1, default=str) + "\n")


@contextmanager
def exclusive(folder: Path, *, enabled: bool = True) -> Iterator[None]:
    """Hold a folder for the block; the kernel releases it if the process dies.

    Args:
        folder: The folder; made if missing.
        enabled: False does nothing (all processes of a run but the main one).

    Raises:
        ValueError: If another process holds it.
        OSError: If the folder cannot be made or written.
    """
    lock = FileLock(folder / ".lock")
    if enabled:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ValueError(
                f"another run is training in {folder}; wait for it or choose another --out"
            ) from error
        except OSError as error:
            raise OSError(
                f"cannot write into {folder}: {error.strerror}; choose another --out"
            ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Run the block while no other process runs one for the same path; wait as long as it takes.

    The kernel releases the lock of a process that dies, and one of the waiting processes proceeds.
    A killed process leaves an empty file at most, which the next one removes.

    Args:
        path: The file that is made in the block; the lock is a file beside it.

    Raises:
        OSError: If the folder cannot be made or written.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"another process is making {path}; waiting for it", file=sys.stderr)
            lock.acquire()
    except OSError as error:
        raise OSError(f"cannot write into {path.parent}: {error.strerror}") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is still held
        lock.release()


def first_line(error: Exception) -> str:
    """Message of an exception, cut to one line; the exception's class if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
