"""Progress and logs: the display of a job's progress, the clock of a run, and its log."""

import json
import math
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from rich import progress
from rich.console import Console

from examples.common.files import errors_name, write_text

PER_SECOND = "_per_second"
PLAIN_SECONDS = 30.0  # time between the lines where there is no terminal


class Meter:
    """Progress of one job: a bar on a terminal, elsewhere a line every half a minute.

    ``columns`` follow the bar. A meter is on stderr unless its lines are results themselves.
    """

    def __init__(self, title: str, *columns: progress.ProgressColumn, stderr: bool = True):
        self.title, self.console = title, Console(stderr=stderr)
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            *(columns or (progress.MofNCompleteColumn(), progress.TimeRemainingColumn())),
            console=self.console,
            transient=stderr,
            disable=not self.console.is_terminal,
            redirect_stdout=sys.stdout.isatty(),  # else rich would move a file's output to stderr
        )
        self._task = self._bar.add_task(title, total=None, text="")
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, done: float, total: float | None, *, text: str = "", now: bool = False) -> None:
        """Show the progress, of a total if it is known; ``now`` prints the plain line at once."""
        self._bar.update(self._task, completed=done, total=total, text=text)
        due = now or time.monotonic() - self._last_line >= PLAIN_SECONDS
        if due and not self.console.is_terminal:
            self._last_line = time.monotonic()
            self.say(text or f"{self.title}: {done:,}" + (f" of {total:,}" if total else ""))

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


class Pace:
    """Clock of a run: seconds of training over all sessions, and expected time to the end.

    A session starts at ``step`` after ``seconds`` of training. The run ends at the last step or at
    the time limit.
    """

    def __init__(self, *, step: int, seconds: float, last_step: int, time_limit: float | None):
        self.first_step, self.first_seconds, self.last_step = step, seconds, last_step
        self.time_limit = math.inf if time_limit is None else time_limit
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all sessions."""
        return self.first_seconds + time.monotonic() - self.began

    def share_done(self, step: int) -> float:
        """Share of the run that is done, by steps or by time, whichever is further."""
        return max(step / self.last_step, self.seconds / self.time_limit)

    def seconds_left(self, step: int) -> float:
        """Expected time to the end, from the mean time of this session's steps."""
        took = time.monotonic() - self.began
        by_steps = (self.last_step - step) * took / max(step - self.first_step, 1)
        return max(min(by_steps, self.time_limit - self.seconds), 0.0)


def read_jsonl(path: Path) -> list[dict]:
    """Read the records of a log, up to the first damaged line."""
    records = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


class RunLog:
    """Log of a run: ``log.jsonl`` and TensorBoard's files in its folder, and a live line."""

    def __init__(self, folder: Path, *, first_step: int, title: str):
        from torch.utils.tensorboard.writer import SummaryWriter  # imported late: takes a second

        self._path = path = folder / "log.jsonl"
        # Records that an earlier session wrote after its last checkpoint are dropped.
        kept = [record for record in read_jsonl(path) if record["step"] <= first_step]
        write_text(path, "".join(json.dumps(record) + "\n" for record in kept))
        self._file = path.open("a")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step)
        self._meter = Meter(title, progress.TextColumn("{task.fields[text]}"), stderr=False)
        self.say = self._meter.say
        self._is_first = True

    def __enter__(self) -> Self:
        self._meter.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._meter.__exit__()
        for file in (self._file, self._board):
            # An error of the block is more informative than one of closing.
            with suppress(OSError) if kind else errors_name(self._path):
                file.close()

    def record(self, values: dict[str, float], *, done: float, seconds_left: float) -> None:
        """Write one record; ``values`` has ``step``, ``loss`` and one ``…_per_second``."""
        with errors_name(self._path):
            self._file.write(json.dumps(values) + "\n")
            self._file.flush()
            for name, value in values.items():
                if name != "step":
                    self._board.add_scalar(f"train/{name}", value, int(values["step"]))
        done = min(done, 1.0)  # the last step may end after the time
        minutes, seconds = divmod(int(seconds_left), 60)
        (pace,) = (name for name in values if name.endswith(PER_SECOND))
        text = (
            f"{100 * done:5.1f}%  step {values['step']}  loss {values['loss']:.3f}  "
            f"{values[pace]:.0f} {pace.removesuffix(PER_SECOND)}/s  {minutes}:{seconds:02d} left"
        )
        self._meter.show(done, 1.0, text=text, now=self._is_first or done == 1)
        self._is_first = False
