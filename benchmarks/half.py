"""What bfloat16 does to a trained model's scores: the same images and noise in both types.

    python -m benchmarks.half --model runs/demo/model

Autocast computes couplings and readouts in bfloat16; norms and energies stay float32. Where it
saves time is in the rows of `benchmarks.layer`.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.options import RESULTS, describe_machine
from examples.object_discovery.data import load
from examples.object_discovery.segment import segment
from examples.training.command import run_command
from examples.training.files import write_json
from examples.training.precision import Precision
from kuramoto_nn.models import AKOrN

DATA, NUM_CLUSTERS = "tetrominoes", 4
PRECISIONS: tuple[Precision, ...] = ("float32", "bf16")
MOST_CHANGE = 0.5
"""Points of FG-ARI that bfloat16 may cost or give."""


@dataclass(frozen=True, kw_only=True)
class HalfOptions:
    """Score a trained Tetrominoes model in float32 and in bfloat16."""

    model: Path
    """Folder that `save_pretrained` wrote."""
    data: Path = Path("runs/data")
    """Folder where generated images are kept."""
    num_images: int = 320
    """Held-out images."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the noise."""
    out: Path = RESULTS
    """Folder of the result."""


def compare(options: HalfOptions) -> None:
    """Print and write the mean scores of both types for every seed."""
    model = AKOrN.from_pretrained(options.model).eval()
    data = load(DATA, "test", root=options.data, count=options.num_images, seed=0)
    rows = []
    for seed in options.seeds:
        wide, half = (
            segment(model, data, num_clusters=NUM_CLUSTERS, seed=seed, precision=precision).scores
            for precision in PRECISIONS
        )
        change = half.fg_ari - wide.fg_ari
        target = {
            "what": "change of FG-ARI in bfloat16, points",
            "value": abs(change),
            "least": None,
            "most": MOST_CHANGE,
            "met": abs(change) <= MOST_CHANGE,
        }
        rows.append(
            {
                "work": f"{options.model.name}, noise seed {seed}",
                "float32": dataclasses.asdict(wide),
                "bfloat16": dataclasses.asdict(half),
                "targets": [target],
            }
        )
        print(
            f"seed {seed}: FG-ARI {wide.fg_ari:.2f} -> {half.fg_ari:.2f} ({change:+.2f}, target "
            f"below {MOST_CHANGE}), MBO {wide.mbo:.2f} -> {half.mbo:.2f}"
        )
    path = options.out / "half.json"
    machine = describe_machine(torch.device("cpu"))
    write_json(path, {"machine": machine, "model": str(options.model), "rows": rows})
    print(path)


if __name__ == "__main__":
    run_command(compare, HalfOptions)
