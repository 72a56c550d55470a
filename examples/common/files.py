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

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Errors of locks on file systems that have none."""


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place, then move it there; a failure leaves the old file as it was.

    Args:
        path: The file; its folder is made if missing.
        write: Writes the content to the open file.

    Raises:
        OSError: If the disk refuses; the message names the file.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(temporary, "xb") as file:  # with the permissions that the umask leaves
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        raise OSError(f"cannot write {path}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder with its parents, unless it is there.

    Args:
        folder: The folder.

    Raises:
        OSError: If the disk refuses; the message names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot write into {folder}: {error.strerror}") from error


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
            make_folder(folder)
            _acquire(lock, folder, timeout=0)
        except Timeout as error:
            raise ValueError(
                f"another run is training in {folder}; wait for it or choose another --out"
            ) from error
        except OSError as error:
            raise OSError(f"{error}; choose another --out") from error
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
    make_folder(path.parent)
    try:
        _acquire(lock, path.parent, timeout=0)
    except Timeout:
        print(f"another process is making {path}; waiting for it", file=sys.stderr)
        _acquire(lock, path.parent)
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is still held
        lock.release()


def _acquire(lock: FileLock, folder: Path, *, timeout: float = -1) -> None:
    """Acquire a lock in a folder; warn and proceed where the file system has none."""
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise OSError(f"cannot write into {folder}: {error.strerror}") from error
        print(
            f"warning: {folder} is on a file system without locks; start no second process there",
            file=sys.stderr,
        )


def first_line(error: Exception) -> str:
    """Message of an exception, cut to one line; the exception's class if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
