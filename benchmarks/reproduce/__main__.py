"""Train and score recipes of the paper's tables, and compare measured with published scores.

    python -m benchmarks.reproduce --recipes tetrominoes-attn tetrominoes-conv --minutes 30
    python -m benchmarks.reproduce --recipes synthetic --minutes 30 --slice-minutes 9

It can be stopped at any time; the same command resumes. With `--slice-minutes` it stops by itself,
so that a long reproduction fits into short time slots of a machine. Weights, logs and all scores
are in `--out`, the table in `benchmarks/results/reproduce.md`, its numbers in `reproduce.json`;
both keep the recipes of earlier calls. Recipes whose data are missing are listed as such.
"""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reproduce.experiments import EXPERIMENTS, PRESETS, Experiment, Settings
from benchmarks.reproduce.table import read_table, update_table
from benchmarks.tables import RESULTS, name_machine
from examples.common.command import check_positive, run_command
from examples.common.device import pick_device

LEAST_SECONDS = 10.0
"""With less time left in a slice, no further stage starts."""
FOREVER = 1e9
"""Minutes of a slice that does not end."""
UNFINISHED = ("not trained", "not scored")

_published = [name for name in EXPERIMENTS if name in PRESETS and PRESETS[name].published]
GROUPS = {
    group: tuple(name for name in _published if name.startswith(f"{group}-"))
    for group in ("clevrtex", "clevr", "dsprites", "tetrominoes", "sudoku")
}
GROUPS["synthetic"] = GROUPS["tetrominoes"] + GROUPS["dsprites"] + GROUPS["clevr"]
GROUPS["all"] = tuple(_published)


@dataclass(frozen=True, kw_only=True)
class ReproduceOptions(Settings):
    """Train and score recipes of the paper's tables."""

    recipes: tuple[str, ...] = ("tetrominoes",)
    """Recipes, or groups of those with published scores: tetrominoes, dsprites, clevr, synthetic
    (these three), clevrtex, sudoku, all."""
    slice_minutes: float | None = None
    """Stop after this many minutes; the same command resumes."""
    results: Path = RESULTS
    """Folder of the table."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "slice_minutes")
        for name in self.recipes:
            if name not in EXPERIMENTS and name not in GROUPS:
                raise ValueError(
                    f"unknown recipe {name!r}; known are the groups {', '.join(GROUPS)} and the "
                    f"recipes {', '.join(EXPERIMENTS)}"
                )

    def names(self) -> list[str]:
        """The recipes, each once."""
        names = (name for given in self.recipes for name in GROUPS.get(given, (given,)))
        return list(dict.fromkeys(names))


def reproduce(options: ReproduceOptions) -> list[dict[str, Any]]:
    """Continue every recipe as far as the time allows, update the table, and return its records."""
    deadline = time.monotonic() + 60 * (options.slice_minutes or FOREVER)
    machine = name_machine(pick_device(options.device))
    conditions = {"machine": machine, "settings": dataclasses.asdict(options)}
    read_table(options.results)  # a damaged table is reported before hours of work
    records = []
    for name in options.names():
        print(f"{name}:", flush=True)
        records.append(_continue(EXPERIMENTS[name](name, options), deadline) | conditions)
        update_table(options.results, records[-1:])
        print(f"{name}: {records[-1]['status']}", flush=True)
    unfinished = [record["row"] for record in records if record["status"] in UNFINISHED]
    if unfinished:
        print(f"the slice is over; the same command resumes with {unfinished[0]}")
    print(f"table: {options.results / 'reproduce.md'}")
    return records


def _continue(experiment: Experiment, deadline: float) -> dict[str, Any]:
    """Train and score one recipe until the deadline, and return its record."""

    def left() -> float:
        return deadline - time.monotonic() - LEAST_SECONDS

    record = {"row": experiment.name, "published": experiment.published, "measured": {}}
    if left() <= 0:
        return record | {"status": UNFINISHED[0]}
    if (problem := experiment.missing()) is not None:
        return record | {"status": f"data missing: {problem}"}
    if left() <= 0 or not experiment.train(left()):
        return record | {"status": UNFINISHED[0]}
    record["training"] = experiment.facts()
    if (scores := experiment.evaluate(left())) is None:
        return record | {"status": UNFINISHED[1]}
    measured = {name: dataclasses.asdict(score) for name, score in scores.items()}
    return record | {"status": "done", "measured": measured}


if __name__ == "__main__":
    run_command(reproduce, ReproduceOptions)
