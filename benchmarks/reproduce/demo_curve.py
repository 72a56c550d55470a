"""Scores of the demo, or of another small recipe, as the training time grows.

    python -m benchmarks.reproduce.demo_curve --minutes 10 20 60
    python -m benchmarks.reproduce.demo_curve --recipe tetrominoes-attn-tiny --minutes 3

Every time limit continues the training of the one before. A stopped command resumes. The table is
printed and written to `benchmarks/results/demo_curve.json`, with the machine and the versions.
"""

import dataclasses
import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reproduce.experiments import DiscoveryExperiment, Settings
from benchmarks.speed.measure import name_machine
from benchmarks.speed.report import RESULTS
from examples.common.command import run_command
from examples.common.device import pick_device
from examples.common.files import write_json
from examples.common.run import CHECKPOINT


@dataclass(frozen=True, kw_only=True)
class CurveOptions:
    """Train a small recipe of object discovery and score it after so many minutes."""

    minutes: tuple[float, ...] = (10.0, 20.0, 60.0)
    """When to score, in minutes of training."""
    recipe: str = "tetrominoes-demo"
    """Recipe to train."""
    out: Path = Path("runs/demo_curve")
    """Folder of the runs, one for every time limit."""
    data_root: Path = Path("runs/data")
    """Folder of the data."""
    num_images: int | None = None
    """Number of training images (the recipe's if not given)."""
    num_test_images: int = 320
    """Number of test images."""
    seed: int = 0
    """Seed of the training, of the noise at evaluation, and of data that are made."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    results: Path = RESULTS / "demo_curve.json"
    """File of the table; its rows of other recipes and seeds stay."""


def curve(options: CurveOptions) -> None:
    """Train, score at every time limit, and write the rows."""
    given = dataclasses.asdict(options)
    names = ("data_root", "num_images", "num_test_images", "seed", "device")
    settings = Settings(noise_seeds=(options.seed,), **{name: given[name] for name in names})
    machine, previous = name_machine(pick_device(options.device)), None
    for minutes in sorted(options.minutes):
        out = options.out / f"seed{options.seed}-{minutes:g}-minutes"
        own = dataclasses.replace(settings, minutes=minutes, out=out)
        experiment = DiscoveryExperiment(options.recipe, own)
        checkpoint = experiment.folder / CHECKPOINT
        if previous is not None and not checkpoint.exists():
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(previous, checkpoint)
        experiment.train(math.inf)
        scores, facts = experiment.evaluate(math.inf) or {}, experiment.facts()
        row = {
            "preset": options.recipe,
            "seed": options.seed,
            "minutes": minutes,
            "steps": facts["steps"],
            "images_seen": facts["samples_seen"],
            **{name: score.mean for name, score in scores.items()},
        }
        add(options.results, row | machine)
        print(json.dumps(row))
        previous = checkpoint


def add(path: Path, row: dict[str, Any]) -> None:
    """Write a row; it replaces an older one of the same recipe, seed and time."""

    def key(row: dict[str, Any]) -> tuple:
        return row["preset"], row["seed"], row["minutes"]

    rows = json.loads(path.read_text()) if path.exists() else []
    write_json(path, sorted([row, *(old for old in rows if key(old) != key(row))], key=key))


if __name__ == "__main__":
    run_command(curve, CurveOptions)
