"""How far a long job is, on standard error: a bar in a terminal, elsewhere a line now and then."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

PLAIN_SECONDS = 30.0
"""Time between the lines where there is no terminal."""


class Meter:
    """Progress of one job.

    Args:
        title: What the job is called.
        in_bytes: Whether the numbers are bytes, shown with their rate.
    """

    def __init__(self, title: str, *, in_bytes: bool = False):
        self.title = title
        console = Console(stderr=True)
        numbers = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
        columns = (TextColumn("{task.description}"), BarColumn(), *numbers, TimeRemainingColumn())
        self._bar = Progress(
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal,
            redirect_stdout=sys.stdout.isatty(),  # else results would leave their file for the bar
        )
        self._task = self._bar.add_task(title, total=None)
        self._plain = not console.is_terminal
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, done: int, total: int | None) -> None:
        """Say how much is done, of how much if that is known."""
        self._bar.update(self._task, completed=done, total=total)
        if self._plain and time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            of = "" if total is None else f" of {total:,}"
            print(f"{self.title}: {done:,}{of}", file=sys.stderr)
