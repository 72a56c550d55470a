"""Scores of a trained model in bfloat16 and in float32, on the same images from the same noise.

    python -m benchmarks.speed.half runs/demo

Autocast computes couplings and readouts in bfloat16; norms and energies stay float32. For the time
see `benchmarks.speed.layer`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tyro.conf import Positional

from benchmarks.speed.measure import describe_machine
from benchmarks.speed.report import RESULTS, target
from examples.common.command import run_command
from examples.common.device import Precision
from examples.common.files import write_json
from examples.object_discovery.data import DataOptions
from examples.object_discovery.evaluate import EvaluateOptions, evaluate

PRECISIONS: dict[str, Precision] = {"float32": "float32", "bfloat16": "bf16"}
MOST_CHANGE = 0.5
"""Points of FG-ARI by which bfloat16 may change the score."""


@dataclass(frozen=True, kw_only=True)
class HalfOptions:
    """Score a trained Tetrominoes model in float32 and in bfloat16."""

    model: Positional[str]
    """A saved model's folder, a run's folder, or the name of a repository on the Hub."""
    data_root: Path = Path("runs/data")
    """Folder of the data."""
    num_test_images: int = 320
    """Number of test images."""
    noise_seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the oscillators' noise."""
    device: str = "cpu"
    """cpu, cuda, …"""
    out: Path = RESULTS
    """Folder of the result."""


def compare(options: HalfOptions) -> None:
    """Print and write the mean scores of both types for every noise seed."""
    count = options.num_test_images
    data = DataOptions(name="tetrominoes", root=options.data_root, num_test_images=count)
    kept = {key: getattr(options, key) for key in ("model", "noise_seeds", "device")}
    rows: list[dict[str, Any]]
    rows = [{"work": f"{Path(options.model).name}, noise seed {s}"} for s in options.noise_seeds]
    for name, precision in PRECISIONS.items():
        result = evaluate(EvaluateOptions(data=data, precision=precision, **kept))
        assert result is not None, "there is no time limit, and one process"
        for i, row in enumerate(rows):
            row[name] = {score: value.per_seed[i] for score, value in result.scores.items()}
    for row in rows:
        change = abs(row["bfloat16"]["fg_ari"] - row["float32"]["fg_ari"])
        goal = target("change of FG-ARI in bfloat16, points", change, most=MOST_CHANGE)
        row["targets"] = [goal]
        print(f"{row['work']}: FG-ARI changes by {change:.2f} (target: at most {MOST_CHANGE})")
    path = options.out / "half.json"
    machine = describe_machine(torch.device(options.device))
    write_json(path, {"machine": machine, "model": options.model, "rows": rows})
    print(path)


if __name__ == "__main__":
    run_command(compare, HalfOptions)
