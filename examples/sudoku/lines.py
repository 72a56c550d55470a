"""Lines of a file or a pipe as they come: one if only one is there, many if many are."""

import queue
import threading
from collections.abc import Iterator
from typing import Any, TextIO

NOTHING_YET = "nothing yet"
BYTE_ORDER_MARK = "\ufeff"
"""What Windows' editors put before the first line."""


def ready_lines(file: TextIO, *, most: int) -> Iterator[list[tuple[int, str]]]:
    """Read lines in groups, waiting for the first of each group only.

    So a person who types gets an answer after every line, and a long file is taken in batches.

    Args:
        file: An open text file.
        most: Largest group.

    Yields:
        Numbers, from 1, and lines; empty ones are left out.

    Raises:
        ValueError: If the file is no text.
    """
    waiting: queue.Queue[Any] = queue.Queue(maxsize=most)

    def read() -> None:
        try:
            for number, line in enumerate(file, 1):
                if line := line.removeprefix(BYTE_ORDER_MARK).strip():
                    waiting.put((number, line))
            waiting.put(None)
        except UnicodeDecodeError as error:
            waiting.put(ValueError(f"{file.name} is no text in UTF-8: {error.reason}"))
        except Exception as error:  # whatever it is, it belongs to the thread that waits
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    at_end = False
    while not at_end:
        group, item = [], waiting.get()
        while isinstance(item, tuple):
            group.append(item)
            item = _next(waiting) if len(group) < most else NOTHING_YET
        if group:
            yield group
        if isinstance(item, Exception):
            raise item
        at_end = item is None


def _next(waiting: queue.Queue[Any]) -> Any:
    """What waits, or that nothing does."""
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return NOTHING_YET
