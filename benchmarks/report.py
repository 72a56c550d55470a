"""Rows of timings side by side: printed as they come, held against targets, written as JSON."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.limits import Limit
from benchmarks.measure import Timing, measure
from benchmarks.options import Options, describe_machine, parse_options
from examples.training.files import write_json

BASELINE = "baseline"
FASTER = "baseline, 2x2 by @"
"""The baseline with matrix products in place of multiplying and adding up."""


@dataclass
class Row:
    """One piece of work and everybody's time for it.

    Attributes:
        work: What was done, with its sizes.
        times: Timings by candidate.
        limit: Seconds that the machine's limit allows; None if none was stated.
        load: The machine's load average (1 min) after it; beyond the threads, others were at work.
        facts: Further numbers.
        targets: What was to be reached, and whether it was.
    """

    work: str
    times: dict[str, Timing] = field(default_factory=dict)
    limit: float | None = None
    load: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def ratio(self, slow: str, fast: str) -> float:
        """How many times longer ``slow`` takes than ``fast``, by their medians."""
        return self.times[slow].median / self.times[fast].median

    def speedup(self, name: str) -> float:
        """How many times faster than the baseline."""
        return self.ratio(BASELINE, name)

    def share_of_limit(self, name: str) -> float:
        """The limit's time over the candidate's."""
        return (self.limit or float("nan")) / self.times[name].median


class Report:
    """Rows of one script.

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
        candidates: Mapping[str, Callable[[], object]],
        *,
        limit: Limit | None = None,
        amount: float = 0.0,
    ) -> Row:
        """Time candidates, add a row and print it.

        Args:
            work: What they do, with its sizes.
            candidates: Callables by name; `BASELINE` is what the others are compared with.
            limit: Timed in the same rounds; the row's limit is its time for ``amount``.
            amount: FLOPs or bytes of the work.

        Returns:
            The row.
        """
        every = candidates if limit is None else {**candidates, limit.name: limit.work}
        options = self.options
        times = measure(every, device=options.device, rounds=options.rounds, budget=options.budget)
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

    def expect(
        self,
        row: Row,
        what: str,
        value: float,
        *,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        """Hold a number against its target; with ``--quick`` the sizes are not the target's."""
        if self.options.quick:
            self.note(row, what, value)
            return
        met = (least is None or value >= least) and (most is None or value <= most)
        row.targets.append({"what": what, "value": value, "least": least, "most": most, "met": met})
        wanted = f"<= {most:g}" if least is None else f">= {least:g}"
        print(f"  {'met   ' if met else 'MISSED'} {what}: {value:.3g}, target {wanted}")

    def write(self, machine: dict[str, Any]) -> Path:
        """Write all rows with the machine they were measured on."""
        path = self.options.out / f"{self.name}.json"
        rows = [asdict(row) for row in self.rows]
        write_json(path, {"machine": machine, "quick": self.options.quick, "rows": rows})
        return path


def main(name: str, run: Callable[[Report], object]) -> None:
    """Run a script as its command line says, and write its results."""
    report = Report(name, parse_options(name))
    torch.manual_seed(0)
    try:
        run(report)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:  # what was measured before an interrupt or an error is worth keeping
        print(f"\n{report.write(describe_machine(report.options.device))}")
