"""Files that are written whole or not at all, and locks on folders and files."""

import errno
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

# Errors of locks on file systems that have none.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


@contextmanager
def errors_name(path: Path, action: str = "write") -> Iterator[None]:
    """Name the path in errors of the disk; the error of a full disk names no file."""
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot {action} {path}: {error.strerror or error}") from error


def make_folder(folder: Path) -> None:
    """Make a folder with its parents, unless it exists; an error names it."""
    with errors_name(folder, "write into"):
        folder.mkdir(parents=True, exist_ok=True)


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place, then move it there; a failure leaves the old file as it was.

    ``write`` gets the open file, and an OSError names the path.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with errors_name(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:  # with the permissions that the umask leaves
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as `write_whole` does."""
    write_whole(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file as `write_whole` does; other types than JSON's become strings."""
    write_text(path, json.dumps(value, indent=1, default=str) + "\n")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock a folder for the block or raise ValueError; the lock ends with the process."""
    lock = FileLock(folder / ".lock")
    try:
        _acquire(lock, timeout=0)
    except Timeout as error:
        message = f"another run is training in {folder}; wait for it or choose another --out"
        raise ValueError(message) from error
    except OSError as error:
        raise OSError(f"{error}; choose another --out") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Run the block while no other process runs one for the same path; wait for the others.

    The lock is a file beside the path and ends with the process. A killed process may leave the
    file, empty; the next process removes it.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        _acquire(lock, timeout=0)
    except Timeout:
        print(f"another process is making {path}; waiting for it", file=sys.stderr)
        _acquire(lock)
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is still held
        lock.release()


def _acquire(lock: FileLock, *, timeout: float = -1) -> None:
    """Acquire a lock; warn and continue where the file system has none."""
    folder = Path(lock.lock_file).parent
    make_folder(folder)
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise OSError(f"cannot write into {folder}: {error.strerror}") from error
        advice = "is on a file system without locks; start no second process there"
        print(f"warning: {folder} {advice}", file=sys.stderr)


def first_line(error: Exception) -> str:
    """First line of an error's message, or the name of its class if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
