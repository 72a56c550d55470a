"""Options of the scripts, and their report: timings, targets, and JSON."""

import datetime
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.measure import Limit, Timing, convolution_gemm, copy, gemm, measure
from examples.common.command import check_positive, run_command
from examples.common.device import pick_device
from examples.common.files import write_json

RESULTS = Path(__file__).parents[1] / "results"
QUICK_RESULTS = Path("runs/benchmarks")
BASELINE, OURS = "baseline", "ours"
EAGER, COMPILED = "eager", "compiled"
FASTER = "baseline, 2x2 by @"
"""The baseline with matrix products instead of multiplying and adding up."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure time or memory, and write the result as JSON."""

    quick: bool = False
    """Small sizes, to try the script; targets are ignored."""
    device: str = "cpu"
    """auto (CUDA if there is any), cpu, cuda, …"""
    threads: int | None = None
    """CPU threads (torch's choice if not given)."""
    compile: bool = True
    """Whether compiled modules are measured too."""
    rounds: int = 9
    """Interleaved rounds at most."""
    budget: float = 30.0
    """Seconds per row after which no further round starts."""
    out: Path | None = None
    """Folder of the results (benchmarks/results, or runs/benchmarks for --quick)."""

    def __post_init__(self):
        check_positive(self, "threads", "rounds", "budget")

    @property
    def folder(self) -> Path:
        """Folder of the results."""
        return self.out or (QUICK_RESULTS if self.quick else RESULTS)


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return the facts of `name_machine`, and measured throughputs in 10^9 per second."""
    limits = [gemm(device), gemm(device, torch.bfloat16), copy(device)]
    if device.type == "cpu":
        limits.append(convolution_gemm())
    times = measure({limit.name: limit.work for limit in limits}, device=device, rounds=5)
    rates = {
        f"{limit.name} [G{limit.unit}/s]": limit.amount / times[limit.name].median / 1e9
        for limit in limits
    }
    return name_machine(device) | rates


def name_machine(device: torch.device) -> dict[str, Any]:
    """Return date, processor, threads, device and versions of a measurement."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor()


def target(
    what: str, value: float, *, least: float | None = None, most: float | None = None
) -> dict[str, Any]:
    """Return a measured value with its target, as in the files of results."""
    met = (least is None or value >= least) and (most is None or value <= most)
    return {"what": what, "value": value, "least": least, "most": most, "met": met}


@dataclass
class Row:
    """One piece of work and the time of every candidate for it."""

    work: str
    """Description of the work, with its sizes."""
    times: dict[str, Timing] = field(default_factory=dict)
    limit: float | None = None
    """Seconds at the rate of the machine's limit."""
    load: float = 0.0
    """Load average (1 min) after the work; above the number of threads other processes ran."""
    facts: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)
    """Values with their targets, made by `target`."""

    def ratio(self, slow: str, fast: str) -> float:
        """Median of ``slow`` over the median of ``fast``."""
        return self.times[slow].median / self.times[fast].median

    def speedup(self, name: str) -> float:
        """How many times faster than the baseline."""
        return self.ratio(BASELINE, name)

    def share_of_limit(self, name: str) -> float:
        """The limit's time over the candidate's."""
        return (self.limit or float("nan")) / self.times[name].median


class Report:
    """Rows of one script, and the device to compute on."""

    def __init__(self, name: str, options: Options):
        self.name, self.options, self.device = name, options, pick_device(options.device)
        self.rows: list[Row] = []

    def compare(
        self,
        work: str,
        candidates: Mapping[str, Callable[[], object]],
        *,
        limit: Limit | None = None,
        amount: float = 0.0,
    ) -> Row:
        """Time candidates, add a row and print it.

        Args:
            work: Description of the work, with its sizes.
            candidates: Callables by name; the others are compared with `BASELINE`.
            limit: Timed in the same rounds; the row's limit is its time for ``amount``.
            amount: FLOPs or bytes of the work.

        Returns:
            The row.
        """
        every = candidates if limit is None else {**candidates, limit.name: limit.work}
        options = self.options
        times = measure(every, device=self.device, rounds=options.rounds, budget=options.budget)
        row = Row(work, times, load=os.getloadavg()[0])
        if limit is not None:
            row.limit = times.pop(limit.name).median * amount / limit.amount
        self.add(row)
        if row.limit is not None:
            self.note(row, "the limit [ms]", 1e3 * row.limit)
        if FASTER in times:
            for name in times.keys() - {BASELINE, FASTER}:
                self.note(row, f"{name}: speedup over {FASTER}", row.ratio(FASTER, name))
        return row

    def add(self, row: Row) -> None:
        """Add a row and print its timings."""
        self.rows.append(row)
        print(f"\n{row.work}")
        for name, timing in row.times.items():
            line = f"  {name:24}{1e3 * timing.median:10.2f} ms"
            line += f"  [{1e3 * timing.low:.2f}, {1e3 * timing.high:.2f}] x{timing.rounds}"
            if BASELINE in row.times and name != BASELINE:
                line += f"  {row.speedup(name):6.2f}x the baseline"
            if row.limit is not None:
                line += f"  {100 * row.share_of_limit(name):5.1f} % of the limit's rate"
            print(line)

    def note(self, row: Row, name: str, value: Any) -> None:
        """Add a fact to a row and print it."""
        row.facts[name] = value
        print(f"  {name:48}" + (f"{value:10.4g}" if isinstance(value, float) else str(value)))

    def expect(self, row: Row, what: str, value: float, **goal: float | None) -> None:
        """Compare a value with its target, see `target`; with ``--quick`` it is only noted."""
        if self.options.quick:
            self.note(row, what, value)
            return
        wanted = target(what, value, **goal)
        row.targets.append(wanted)
        bound = f">= {wanted['least']:g}" if wanted["most"] is None else f"<= {wanted['most']:g}"
        print(f"  {'met   ' if wanted['met'] else 'MISSED'} {what}: {value:.3g}, target {bound}")

    def write(self, machine: dict[str, Any]) -> Path:
        """Write all rows and the machine as JSON."""
        path = self.options.folder / f"{self.name}.json"
        rows = [asdict(row) for row in self.rows]
        write_json(path, {"machine": machine, "quick": self.options.quick, "rows": rows})
        return path


def main(name: str, run: Callable[[Report], object]) -> None:
    """Run a script with the options of the command line, and write its results."""

    def measure_all(options: Options) -> None:
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        report = Report(name, options)
        torch.manual_seed(0)
        try:
            run(report)
        finally:  # rows measured before an interrupt or an error are kept
            print(f"\n{report.write(describe_machine(report.device))}")

    run_command(measure_all, Options)
