"""Progress and logs: a meter for long jobs, the clock of a run, and its log."""

import json
import math
import sys
import time
from pathlib import Path
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

from examples.common.files import write_text

PER_SECOND = "_per_second"
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
        """Show how much is done, of how much if that is known."""
        self._bar.update(self._task, completed=done, total=total)
        if self._plain and time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            of = "" if total is None else f" of {total:,}"
            print(f"{self.title}: {done:,}{of}", file=sys.stderr)


class Pace:
    """Clock of a run: seconds of training over all sessions, and what is left.

    Args:
        step: Step that this session starts at.
        seconds: Seconds that earlier sessions trained.
        last_step: Step that the run ends at.
        time_limit: Seconds that it ends after, over all sessions; None for no limit.
    """

    def __init__(self, *, step: int, seconds: float, last_step: int, time_limit: float | None):
        self.first_step, self.first_seconds, self.last_step = step, seconds, last_step
        self.time_limit = math.inf if time_limit is None else time_limit
        self.began = self._last_due = self._last_lap = time.monotonic()
        self._lap_step = step

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all sessions."""
        return self.first_seconds + time.monotonic() - self.began

    def is_over(self, step: int) -> bool:
        """Whether the steps or the time are used up."""
        return step >= self.last_step or self.seconds >= self.time_limit

    def steps_per_second(self, step: int) -> float:
        """Mean of this session."""
        return (step - self.first_step) / max(time.monotonic() - self.began, 1e-9)

    def lap(self, step: int) -> float:
        """Seconds per step since this was last asked."""
        now = time.monotonic()
        seconds, steps = now - self._last_lap, step - self._lap_step
        self._last_lap, self._lap_step = now, step
        return seconds / max(steps, 1)

    def share_done(self, step: int) -> float:
        """Share of the run that is done, by steps or by time, whichever is further."""
        return max(step / self.last_step, self.seconds / self.time_limit)

    def seconds_left(self, step: int) -> float:
        """Expected time to the end."""
        by_steps = (self.last_step - step) / max(self.steps_per_second(step), 1e-9)
        return max(min(by_steps, self.time_limit - self.seconds), 0.0)

    def is_due(self, every: float) -> bool:
        """Whether ``every`` seconds have passed since this was last true."""
        due = time.monotonic() - self._last_due >= every
        if due:
            self._last_due = time.monotonic()
        return due


def read_jsonl(path: Path) -> list[dict]:
    """Read the records of a log; what follows a damaged line is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            break
        if not isinstance(record, dict) or "step" not in record:
            break
        records.append(record)
    return records


class RunLog:
    """Log of one run: a JSONL file, TensorBoard, and a live line in the terminal.

    Args:
        folder: Where ``log.jsonl`` and TensorBoard's files go.
        first_step: Step that the run starts at; later records of an earlier session are dropped.
        title: What the terminal calls the run.
        enabled: False makes every call do nothing (all processes but the main one).
    """

    def __init__(self, folder: Path, *, first_step: int, title: str, enabled: bool = True):
        self.enabled = enabled
        if not enabled:
            return
        from torch.utils.tensorboard.writer import SummaryWriter  # imported late: takes a second

        folder.mkdir(parents=True, exist_ok=True)
        self._path = path = folder / "log.jsonl"
        kept = [record for record in read_jsonl(path) if record["step"] <= first_step]
        write_text(path, "".join(json.dumps(record) + "\n" for record in kept))
        self._file = path.open("a")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step)
        self._console = Console()
        self._last_line = -PLAIN_SECONDS
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
        self._progress = Progress(*columns, console=self._console)
        self._task = self._progress.add_task(title, total=1.0, text="")

    def __enter__(self) -> Self:
        if self.enabled and self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.enabled:
            if self._console.is_terminal:  # else it would print an empty line
                self._progress.stop()
            for close in (self._file.close, self._board.close):
                try:
                    close()
                except OSError as error:
                    if kind is None:  # else the first error has been raised
                        raise self._refused(error) from error

    def record(self, values: dict[str, float], *, done: float, seconds_left: float) -> None:
        """Write one record; ``values`` has ``step``, ``loss`` and one ``…_per_second``."""
        if not self.enabled:
            return
        try:
            self._file.write(json.dumps(values) + "\n")
            self._file.flush()
            for name, value in values.items():
                if name != "step":
                    self._board.add_scalar(f"train/{name}", value, int(values["step"]))
        except OSError as error:
            raise self._refused(error) from error
        done = min(done, 1.0)  # the last step may end after the time
        minutes, seconds = divmod(int(seconds_left), 60)
        (pace,) = (name for name in values if name.endswith(PER_SECOND))
        text = (
            f"step {values['step']}  loss {values['loss']:.3f}  "
            f"{values[pace]:.0f} {pace.removesuffix(PER_SECOND)}/s  {minutes}:{seconds:02d} left"
        )
        if self._console.is_terminal:
            self._progress.update(self._task, completed=done, text=text)
        elif time.monotonic() - self._last_line >= PLAIN_SECONDS or done >= 1:
            self._last_line = time.monotonic()
            self._console.print(f"{100 * done:5.1f}%  {text}", highlight=False)

    def _refused(self, error: OSError) -> OSError:
        return OSError(f"cannot write {self._path} or the files beside it: {error.strerror}")

    def say(self, text: str) -> None:
        """Print one line."""
        if self.enabled:
            self._console.print(text, highlight=False)
