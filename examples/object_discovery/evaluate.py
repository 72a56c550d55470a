"""Score a trained model: FG-ARI and MBO over held-out images, with or without up-tiling.

python -m examples.object_discovery.evaluate --checkpoint runs/attn/checkpoint.pt --uptile 4
"""

import dataclasses
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from rich.progress import track

from examples.object_discovery.data import SegmentedImages, load
from examples.object_discovery.recipes import build_model, recipe_for
from examples.object_discovery.run_state import load_model
from examples.object_discovery.segment import Segmentation, gather, segment
from examples.training.command import run_command
from examples.training.distributed import pick_device
from examples.training.files import write_text
from examples.training.randomness import generator_for
from kuramoto_nn.models import AKOrN, ItrSA


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


@dataclass(frozen=True)
class Scores:
    """Mean scores over images, x100.

    Attributes:
        fg_ari: Foreground adjusted Rand index.
        mbo: Mean best overlap.
        num_images: Images that counted: those with objects.
        seconds: Time for all of them.
    """

    fg_ari: float
    mbo: float
    num_images: int
    seconds: float


def score(
    model: AKOrN | ItrSA,
    data: SegmentedImages,
    *,
    num_clusters: int,
    uptile: int = 1,
    seed: int = 0,
    batch_size: int = 64,
    title: str = "evaluate",
) -> tuple[Scores, Segmentation]:
    """Segment a data set under a progress bar and average the scores.

    Args:
        model: Gives the features.
        data: Images and their true masks.
        num_clusters: K.
        uptile: How many times finer than the patch grid the features are.
        seed: Of the noise.
        batch_size: Images at a time.
        title: What the progress bar says.

    Returns:
        Mean scores, and the segmentation of every image.
    """
    began = time.monotonic()
    batches = segment(
        model, data, num_clusters=num_clusters, uptile=uptile, seed=seed, batch_size=batch_size
    )
    parts = list(track(batches, description=title, total=-(-len(data) // batch_size)))
    result = gather(parts)
    scores = Scores(
        fg_ari=result.fg_ari.nanmean().item(),
        mbo=result.mbo.nanmean().item(),
        num_images=int((~result.fg_ari.isnan()).sum()),
        seconds=time.monotonic() - began,
    )
    return scores, result


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
        torch.manual_seed(generator_for(options.seed, "initialisation").initial_seed())
        model = build_model(preset).eval()
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
    scores, result = score(
        model.to(pick_device(options.device)),
        data,
        num_clusters=options.num_clusters or recipe.num_clusters,
        uptile=options.uptile,
        seed=options.seed,
        batch_size=options.batch_size,
    )
    print(
        f"FG-ARI {scores.fg_ari:.2f}  MBO {scores.mbo:.2f}  ({scores.num_images} of {len(data)} "
        f"images counted, {scores.seconds:.0f} s)"
    )
    if options.out is not None:
        record = {
            "options": vars(options),
            "scores": dataclasses.asdict(scores),
            "fg_ari": _plain(result.fg_ari),
            "mbo": _plain(result.mbo),
        }
        write_text(options.out, json.dumps(record, indent=1, default=str) + "\n")
        print(f"scores of every image: {options.out}")
    return scores


def _plain(values: torch.Tensor) -> list[float | None]:
    """A list for JSON, which knows no NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]


if __name__ == "__main__":
    run_command(evaluate, EvaluateOptions)
