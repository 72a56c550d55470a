"""Scores of the demo, or another small preset, as its time grows: one run, scored at every limit.

    python -m benchmarks.demo_curve --minutes 10 20 60
    python -m benchmarks.demo_curve --preset tetrominoes-attn-tiny --minutes 3

It goes on where it was stopped. The table is printed and written to
`benchmarks/results/demo_curve.json`, with the machine and the versions.
"""

import datetime
import json
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from examples.object_discovery.data import load
from examples.object_discovery.demo import UPTILE
from examples.object_discovery.recipes import recipe_for
from examples.object_discovery.segment import segment
from examples.object_discovery.train import TrainOptions, train
from examples.object_discovery.weights import TASK, load_model
from examples.training.command import run_command
from examples.training.files import write_json
from examples.training.run_state import CHECKPOINT, read

RESULTS = Path(__file__).parent / "results" / "demo_curve.json"


@dataclass(frozen=True, kw_only=True)
class CurveOptions:
    """Train the model of a Tetrominoes preset and score it after so many minutes."""

    minutes: tuple[float, ...] = (10.0, 20.0, 60.0)
    """When to score, in minutes of training."""
    preset: str = "tetrominoes-demo"
    """What to train."""
    out: Path = Path("runs/demo_curve")
    """Folder of the run; the checkpoint of every point is kept in it."""
    data: Path = Path("runs/data")
    """Folder where generated images are kept."""
    num_test_images: int = 320
    """Held-out images."""
    seed: int = 0
    """Seed of everything random."""
    results: Path = RESULTS
    """Where the table goes; rows of other presets and seeds in it stay."""


def curve(options: CurveOptions) -> None:
    """Train, score at every time limit, and write the rows."""
    preset = options.preset
    recipe = recipe_for(preset)
    out = options.out / f"{preset}-seed{options.seed}"
    test = load(
        recipe.data, "test", root=options.data, count=options.num_test_images, seed=options.seed
    )
    for minutes in sorted(options.minutes):
        kept = out / f"after-{minutes:g}-minutes.pt"
        if not kept.exists():
            train(
                TrainOptions(
                    preset=preset,
                    out=out,
                    data=options.data,
                    time_limit=60 * minutes,
                    seed=options.seed,
                )
            )
            shutil.copyfile(out / CHECKPOINT, kept)
        model, _ = load_model(kept)
        steps = read(kept, task=TASK)["step"]
        row = {
            "preset": preset,
            "seed": options.seed,
            "minutes": minutes,
            "steps": steps,
            "images_seen": steps * recipe.batch_size,
        }
        for suffix, uptile in (("", 1), ("_uptiled", UPTILE)):
            result = segment(
                model,
                test,
                num_clusters=recipe.num_clusters,
                uptile=uptile,
                seed=options.seed,
                title=f"{minutes:g} min{suffix}",
            )
            row |= result.scores.named(suffix)
        _add(options.results, row | _environment())
        print(json.dumps(row))


def _environment() -> dict:
    return {
        "date": datetime.date.today().isoformat(),
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _add(path: Path, row: dict) -> None:
    """Write a row, in place of an older one of the same preset, seed and time."""
    key = ("preset", "seed", "minutes")
    rows = json.loads(path.read_text()) if path.exists() else []
    rows = [old for old in rows if any(old[name] != row[name] for name in key)]
    rows = sorted([*rows, row], key=lambda r: tuple(r[name] for name in key))
    write_json(path, rows)


if __name__ == "__main__":
    run_command(curve, CurveOptions)
