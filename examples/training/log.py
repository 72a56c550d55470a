"""What a run reports: a JSONL file, TensorBoard, and a live line in the terminal."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from torch.utils.tensorboard.writer import SummaryWriter

from examples.training.files import write_text

PER_SECOND = "_per_second"
PLAIN_SECONDS = 30.0
"""How often a run that is not in a terminal prints a line."""


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
    """Log of one run, in ``folder``; goes on where a resumed run starts.

    Args:
        folder: Where ``log.jsonl`` and TensorBoard's files go.
        first_step: Step that the run starts at; later records of an earlier try are dropped.
        title: What the terminal calls the run.
        enabled: False makes every call do nothing (all processes but the main one).
    """

    def __init__(self, folder: Path, *, first_step: int, title: str, enabled: bool = True):
        self.enabled = enabled
        if not enabled:
            return
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
            self._progress.stop()
            for close in (self._file.close, self._board.close):
                try:
                    close()
                except OSError as error:
                    if kind is None:  # else it has been said
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
        """Print one line for the person who watches."""
        if self.enabled:
            self._console.print(text, highlight=False)
