"""Options of the scripts, and their report: timings and JSON."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.measure import Timing, Work, count_flops, describe_machine, gemm, measure
from benchmarks.tables import RESULTS
from examples.common.command import check_positive, run_command
from examples.common.device import pick_device
from examples.common.files import write_json

QUICK_RESULTS = Path("runs/benchmarks")
BASELINE, OURS = "baseline", "ours"
EAGER, COMPILED, HALF = "eager", "compiled", "compiled, bfloat16"
FASTER = "baseline, 2x2 by @"
"""The baseline with matrix products instead of multiplying and adding up."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure time or memory, and write the result as JSON."""

    quick: bool = False
    """Small sizes, to try the script."""
    device: str = "cpu"
    """auto (CUDA if there is any), cpu, cuda, …"""
    threads: int | None = None
    """CPU threads (torch's choice if not given)."""
    compile: bool = True
    """Whether compiled modules are measured too."""
    rounds: int = 9
    """Interleaved rounds at most."""
    budget: float = 30.0
    """Seconds per comparison after which no further round starts."""
    out: Path | None = None
    """Folder of the results (benchmarks/results, or runs/benchmarks for --quick)."""

    def __post_init__(self):
        check_positive(self, "threads", "rounds", "budget")

    @property
    def folder(self) -> Path:
        """Folder of the results."""
        return self.out or (QUICK_RESULTS if self.quick else RESULTS)


@dataclass
class Row:
    """One piece of work and the time of every candidate for it."""

    work: str
    """Description of the work, with its sizes."""
    times: dict[str, Timing] = field(default_factory=dict)
    limit: float | None = None
    """Seconds of the baseline's FLOPs at the rate of a large matrix product."""
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    """Load average (1 min) after the work; if above the number of threads, other processes ran."""
    facts: dict[str, Any] = field(default_factory=dict)

    def seconds(self, name: str = OURS) -> float:
        """Median seconds of a candidate."""
        return self.times[name].median

    def note(self, name: str, value: Any) -> None:
        """Add a fact and print it."""
        self.facts[name] = value
        print(f"  {name:48}" + (f"{value:10.4g}" if isinstance(value, float) else str(value)))

    def __str__(self) -> str:
        lines = [f"\n{self.work}"]
        for name, timing in self.times.items():
            line = f"  {name:24}{1e3 * timing.median:10.2f} ms"
            line += f"  [{1e3 * timing.low:.2f}, {1e3 * timing.high:.2f}] x{timing.rounds}"
            for other in (BASELINE, FASTER):
                if other in self.times and name not in (BASELINE, other):
                    line += f"  {self.seconds(other) / timing.median:6.2f}x {other}"
            if self.limit is not None:
                line += f"  {100 * self.limit / timing.median:5.1f} % of the limit's rate"
            lines.append(line)
        return "\n".join(lines)


class Report:
    """Rows of one script, and the device to compute on."""

    def __init__(self, name: str, options: Options):
        self.name, self.options, self.device = name, options, pick_device(options.device)
        self.quick, self.rows = options.quick, []

    def add(self, work: str, *measured: Any) -> Row:
        """Add a row and print it."""
        self.rows.append(Row(work, *measured))
        print(self.rows[-1])
        return self.rows[-1]

    def compare(
        self, work: str, candidates: Mapping[str, Work], *, with_limit: bool = False
    ) -> Row:
        """Time candidates, and, for the limit, a matrix product in the same rounds."""
        options, limit = self.options, gemm(self.device) if with_limit else None
        every = candidates if limit is None else {**candidates, limit.name: limit.work}
        times = measure(every, device=self.device, rounds=options.rounds, budget=options.budget)
        if limit is None:
            return self.add(work, times)
        flops = count_flops(candidates[BASELINE])
        return self.add(work, times, times.pop(limit.name).median * flops / limit.flops)

    def write(self, machine: dict[str, Any]) -> Path:
        """Write all rows and the machine as JSON."""
        path = self.options.folder / f"{self.name}.json"
        rows = [asdict(row) for row in self.rows]
        write_json(path, {"machine": machine, "quick": self.quick, "rows": rows})
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
