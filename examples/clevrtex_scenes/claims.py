"""Who draws which scene, among any number of processes and commands.

Byte i of one file is locked while scene i is drawn. The kernel lets go of the lock when its process
ends, however it ends, so that nothing stale is left behind.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLAIMS = ".claims"


@contextmanager
def claimed(folder: Path, index: int) -> Iterator[bool]:
    """Claim a scene while the block runs.

    Args:
        folder: Of the variant; made if missing.
        index: The scene.

    Yields:
        Whether it is ours; False if another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / CLAIMS).open("ab") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, index)
        except (BlockingIOError, PermissionError):
            yield False
            return
        yield True
