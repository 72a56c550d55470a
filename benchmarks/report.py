"""What the scripts share: options, rows of timings, targets, a printed table, a JSON file."""

import argparse
import datetime
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.limits import Limit, copy
from benchmarks.measure import Timing, measure
from examples.training.distributed import pick_device
from examples.training.files import write_json

RESULTS = Path(__file__).parent / "results"
BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a script runs.

    Attributes:
        quick: Small sizes, to see whether the script works; targets are not looked at.
        device: Where to compute.
        compile: Whether to measure compiled modules too.
        rounds: Interleaved rounds at the most.
        budget: Seconds per row after which no further round starts.
        out: Folder of the JSON file.
    """

    quick: bool = False
    device: torch.device = torch.device("cpu")
    compile: bool = True
    rounds: int = 9
    budget: float = 30.0
    out: Path = RESULTS


@dataclass
class Row:
    """One piece of work and everybody's time for it.

    Attributes:
        work: What was done, with its sizes.
        times: Timings by candidate.
        limit: Seconds that the machine's limit allows; None if none was stated.
        facts: Further numbers.
        targets: What was to be reached, and whether it was.
    """

    work: str
    times: dict[str, Timing] = field(default_factory=dict)
    limit: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def ratio(self, slow: str, fast: str) -> float:
        """How many times longer ``slow`` takes than ``fast``, by their medians."""
        return self.times[slow].median / self.times[fast].median

    def speedup(self, name: str) -> float:
        """How many times faster than the baseline."""
        return self.ratio(BASELINE, name)

    def share_of_limit(self, name: str) -> float:
        """The limit's time over the candidate's; 1 is as fast as the machine can be."""
        return (self.limit or float("nan")) / self.times[name].median


class Report:
    """Rows of one script, printed as they come and written as JSON.

    Args:
        name: Name of the script.
        options: How it runs.
    """

    def __init__(self, name: str, options: Options):
        self.name, self.options = name, options
        self.rows: list[Row] = []

    def compare(
        self,
        work: str,
        candidates: dict[str, Callable[[], object]],
        *,
        limit: Limit | None = None,
        amount: float = 0.0,
        facts: dict[str, Any] | None = None,
    ) -> Row:
        """Time candidates and add a row.

        Args:
            work: What they do, with its sizes.
            candidates: Callables by name; `BASELINE` is what the others are compared with.
            limit: Timed in the same rounds; the row's limit is its time for ``amount``.
            amount: FLOPs or bytes of the work.
            facts: Further numbers for the row.

        Returns:
            The row.
        """
        every = candidates if limit is None else candidates | {limit.name: limit.work}
        options = self.options
        times = measure(
            every, device=options.device, rounds=options.rounds, budget=options.budget
        )
        row = Row(work, times, facts=facts or {})
        if limit is not None:
            seconds = times.pop(limit.name).median
            row.limit = seconds * amount / limit.amount
            row.facts[f"{limit.name} [G{limit.unit}/s]"] = limit.amount / seconds / 1e9
        return self.add(row)

    def add(self, row: Row) -> Row:
        """Add a row, print its timings and facts, and return it."""
        self.rows.append(row)
        print(f"\n{row.work}")
        for name, timing in row.times.items():
            line = f"  {name:24}{1e3 * timing.median:10.2f} ms"
            line += f"  [{1e3 * timing.low:.2f}, {1e3 * timing.high:.2f}] x{timing.rounds}"
            if BASELINE in row.times and name != BASELINE:
                line += f"  {row.speedup(name):6.2f}x the baseline"
            if row.limit is not None:
                line += f"  {100 * row.share_of_limit(name):5.1f} % of the limit"
            print(line)
        for name, value in row.facts.items():
            self.note(row, name, value)
        return row

    def note(self, row: Row, name: str, value: Any) -> None:
        """Add a number to a row and print it."""
        row.facts[name] = value
        print(f"  {name:48}{value:10.3g}" if isinstance(value, float) else f"  {name}: {value}")

    def expect(self, row: Row, what: str, value: float, *, least=None, most=None) -> None:
        """Hold a number of a row against the target, unless the sizes are not the target's."""
        if self.options.quick:
            return
        met = (least is None or value >= least) and (most is None or value <= most)
        row.targets.append({"what": what, "value": value, "least": least, "most": most, "met": met})
        wanted = f">= {least:g}" if most is None else f"<= {most:g}"
        print(f"  {'met   ' if met else 'MISSED'} {what} {value:.3g}, target {wanted}")

    def write(self) -> Path:
        """Write all rows with the machine they were measured on."""
        path = self.options.out / f"{self.name}.json"
        rows = [asdict(row) for row in self.rows]
        write_json(path, {"environment": self._environment(), "rows": rows})
        return path

    def _environment(self) -> dict[str, Any]:
        device = self.options.device
        memory = copy(device)
        timing = measure({"copy": memory.work}, device=device, rounds=5)["copy"]
        return {
            "date": datetime.date.today().isoformat(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "torch": torch.__version__,
            "python": platform.python_version(),
            "copy_gigabytes_per_second": memory.amount / timing.median / 1e9,
            "quick": self.options.quick,
        }


def main(name: str, run: Callable[[Report], None]) -> None:
    """Read the command line, run a script and write its results."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, …")
    parser.add_argument("--threads", type=int, help="CPU threads (torch's choice if not given)")
    parser.add_argument("--no-compile", action="store_true", help="leave compiled modules out")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds at the most")
    parser.add_argument("--budget", type=float, default=30.0, help="seconds per row, about")
    parser.add_argument("--out", type=Path, help="folder of the JSON file")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    report = Report(
        name,
        Options(
            quick=given.quick,
            device=pick_device(given.device),
            compile=not given.no_compile,
            rounds=given.rounds,
            budget=given.budget,
            out=given.out or (Path("runs/benchmarks") if given.quick else RESULTS),
        ),
    )
    torch.manual_seed(0)
    run(report)
    print(f"\n{report.write()}")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor()
