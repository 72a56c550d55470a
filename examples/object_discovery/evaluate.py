"""Score a trained model: FG-ARI and MBO over held-out images, with or without up-tiling.

python -m examples.object_discovery.evaluate --checkpoint runs/attn/checkpoint.pt --uptile 4
"""

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from examples.object_discovery.data import load
from examples.object_discovery.recipes import build_model, recipe_for
from examples.object_discovery.segment import Scores, segment
from examples.object_discovery.weights import load_model
from examples.training.command import run_command
from examples.training.distributed import pick_device
from examples.training.files import write_json
from examples.training.options import check_positive, check_seed


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score a trained object-discovery model on held-out images."""

    checkpoint: Path | None = None
    """What `train` saved; without it the untrained network is scored."""
    preset: str | None = None
    """Row of the paper's tables; needed without a checkpoint."""
    data: Path = Path("runs/data")
    """Folder where generated images are kept."""
    source: Path | None = None
    """Original TFRecord file, or its folder, instead of generated images."""
    num_images: int = 320
    """Held-out images."""
    uptile: int = 1
    """How many times finer than the patch grid the features are, per axis."""
    num_clusters: int | None = None
    """K of the clustering (the recipe's if not given)."""
    weights: Literal["averaged", "last"] = "averaged"
    """Which of the saved weights."""
    seed: int = 0
    """Seed of the generated images and of the oscillators' noise."""
    batch_size: int = 64
    """Images at a time."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    out: Path | None = None
    """JSON file for the scores, each image's included."""

    def __post_init__(self):
        if self.checkpoint is None and self.preset is None:
            raise ValueError("--checkpoint or --preset is needed: got neither")
        check_positive(self, "num_images", "uptile", "num_clusters", "batch_size")
        check_seed(self.seed)
        if self.out is not None and (self.out.suffix != ".json" or self.out.is_dir()):
            raise ValueError(f"--out must be a .json file: got {self.out}")


def evaluate(options: EvaluateOptions) -> Scores:
    """Score a checkpoint, or an untrained network, and print the result.

    Args:
        options: What to score, and on what.

    Returns:
        The mean scores.

    Raises:
        ValueError: If an option or the checkpoint is wrong.
    """
    if options.checkpoint is None:
        preset = options.preset or ""
        model = build_model(preset, seed=options.seed).eval()
    else:
        averaged = options.weights == "averaged"
        model, preset = load_model(options.checkpoint, preset=options.preset, averaged=averaged)
    recipe = recipe_for(preset)
    data = load(
        recipe.data,
        "test",
        root=options.data,
        count=options.num_images,
        seed=options.seed,
        source=options.source,
    )
    began = time.monotonic()
    result = segment(
        model.to(pick_device(options.device)),
        data,
        num_clusters=options.num_clusters or recipe.num_clusters,
        uptile=options.uptile,
        seed=options.seed,
        batch_size=options.batch_size,
    )
    scores = result.scores
    print(
        f"FG-ARI {scores.fg_ari:.2f}  MBO {scores.mbo:.2f}  ({scores.num_images} of {len(data)} "
        f"images counted, {time.monotonic() - began:.0f} s)"
    )
    if options.out is not None:
        record = {
            "options": vars(options),
            "scores": dataclasses.asdict(scores),
            "fg_ari": _plain(result.fg_ari),
            "mbo": _plain(result.mbo),
        }
        write_json(options.out, record)
        print(f"scores of every image: {options.out}")
    return scores


def _plain(values: torch.Tensor) -> list[float | None]:
    """A list for JSON, which knows no NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]


if __name__ == "__main__":
    run_command(evaluate, EvaluateOptions)
