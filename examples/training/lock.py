"""One run per folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
