"""Train and score rows of the paper's tables, and put measured beside published scores.

    python -m benchmarks.reproduce --rows tetrominoes-attn tetrominoes-conv --minutes 30
    python -m benchmarks.reproduce --rows synthetic --minutes 30 --slice-minutes 9

It can be stopped anywhere; the same command goes on. With `--slice-minutes` it stops by itself, so
that a long reproduction fits into short slots of a machine. Weights, logs and every image's scores
lie in `--out`, the table in `benchmarks/results/reproduce.md`, its numbers in `reproduce.json`;
both keep the rows of earlier calls. Rows whose data are not at hand are listed as such.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.discovery_row import DiscoveryRow
from benchmarks.options import RESULTS, name_machine
from benchmarks.reproduce_table import read_table, update_table
from benchmarks.rows import Row, Settings
from benchmarks.sudoku_row import SudokuRow
from examples.object_discovery.recipes import RECIPES, recipe_for
from examples.sudoku.recipes import RECIPES as SUDOKU_RECIPES
from examples.training.checks import check_positive
from examples.training.command import run_command
from examples.training.distributed import pick_device

LEAST_SECONDS = 10.0
"""No stage starts in a slice that has less left."""

ROWS: dict[str, Callable[[str, Settings], Row]] = {
    **dict.fromkeys(RECIPES, DiscoveryRow),
    **dict.fromkeys(SUDOKU_RECIPES, SudokuRow),
}
"""What makes a row of its name."""


def _of(*data: str) -> tuple[str, ...]:
    """The paper's rows on some data sets."""
    own = ("-tiny", "-demo", "-demo-itrsa")
    return tuple(n for n in RECIPES if recipe_for(n).data in data and not n.endswith(own))


GROUPS = {
    "tetrominoes": _of("tetrominoes"),
    "dsprites": _of("dsprites"),
    "clevr": _of("clevr"),
    "synthetic": _of("tetrominoes", "dsprites", "clevr"),
    "clevrtex": _of("clevrtex-full"),
    "sudoku": tuple(name for name in SUDOKU_RECIPES if not name.endswith("-tiny")),
}
GROUPS["all"] = GROUPS["synthetic"] + GROUPS["clevrtex"] + GROUPS["sudoku"]


@dataclass(frozen=True, kw_only=True)
class ReproduceOptions(Settings):
    """Train and score rows of the paper's tables."""

    rows: tuple[str, ...] = ("tetrominoes",)
    """Presets, or groups: tetrominoes, dsprites, clevr, synthetic (these three), clevrtex, sudoku,
    all."""
    slice_minutes: float | None = None
    """Stop after so many minutes; the same command goes on."""
    results: Path = RESULTS
    """Folder of the table."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "slice_minutes")
        for name in self.rows:
            if name not in ROWS and name not in GROUPS:
                raise ValueError(
                    f"unknown row {name!r}; known are the groups {', '.join(GROUPS)} and the rows "
                    f"{', '.join(ROWS)}"
                )

    def names(self) -> list[str]:
        """The rows, each once."""
        return list(dict.fromkeys(row for name in self.rows for row in GROUPS.get(name, (name,))))


def reproduce(options: ReproduceOptions) -> list[dict[str, Any]]:
    """Bring every row as far as the time allows, and the table up to date.

    Args:
        options: Which rows, and how long.

    Returns:
        What the table now knows of these rows.
    """
    deadline = time.monotonic() + 60 * (options.slice_minutes or math.inf)
    conditions = {
        "machine": name_machine(pick_device(options.device)),
        "settings": dataclasses.asdict(options),
    }
    read_table(options.results)  # what is wrong with it is said before hours of work
    records = []
    for name in options.names():
        print(f"{name}:", flush=True)
        records.append(_bring_on(ROWS[name](name, options), deadline) | conditions)
        update_table(options.results, records[-1:])
        print(f"{name}: {records[-1]['status']}", flush=True)
    unfinished = [r["row"] for r in records if r["status"] in ("not trained", "not scored")]
    if unfinished:
        print(f"the time of this slice is over; the same command goes on with {unfinished[0]}")
    print(f"table: {options.results / 'reproduce.md'}")
    return records


def _bring_on(row: Row, deadline: float) -> dict[str, Any]:
    """Train and score one row until the deadline; say how far it is."""

    def left() -> float:
        return deadline - time.monotonic() - LEAST_SECONDS

    record = {"row": row.name, "published": dict(row.published), "measured": {}}
    if left() <= 0:
        return record | {"status": "not trained"}
    if (problem := row.missing()) is not None:
        return record | {"status": f"not at hand: {problem}"}
    if left() <= 0 or not row.train(left()):
        return record | {"status": "not trained"}
    record["training"] = row.facts()
    scores = row.evaluate(left())
    if scores is None:
        return record | {"status": "not scored"}
    measured = {name: dataclasses.asdict(score) for name, score in scores.items()}
    return record | {"status": "done", "measured": measured}


if __name__ == "__main__":
    run_command(reproduce, ReproduceOptions)
