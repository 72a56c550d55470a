"""One run per folder, and one process at a time for a file that several want to make."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def exclusive(folder: Path, *, enabled: bool = True) -> Iterator[None]:
    """Hold a folder as long as the block runs; the kernel lets go of it if the process dies.

    Args:
        folder: The folder; made if missing.
        enabled: False does nothing (all processes of a run but the main one).

    Raises:
        ValueError: If another process holds it.
        OSError: If the folder cannot be made or written.
    """
    if not enabled:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise OSError(
            f"cannot write into {folder}: {error.strerror}; name another --out"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"another run is training in {folder}; wait for it or choose another --out"
            ) from error
        yield


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Run the block while no other process runs one for the same path; wait as long as it takes.

    The kernel frees the lock of a process that dies, and one of those who wait goes on. What a
    process leaves behind is an empty file at most, which the next one removes.

    Args:
        path: The file that is made in the block; the lock is a file beside it.

    Raises:
        OSError: If the folder cannot be made or written.
    """
    lock = path.with_name(f".{path.name}.lock")
    file = _acquire(lock, path)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # while it is still held
        file.close()


def _acquire(lock: Path, path: Path) -> IO[str]:
    while True:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("w")
        except OSError as error:
            raise OSError(f"cannot write into {lock.parent}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another process is making {path}; waiting for it", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        # Whoever held it may have removed the file that we opened: then nobody else sees our lock.
        try:
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                return file
        except FileNotFoundError:
            pass
        file.close()
