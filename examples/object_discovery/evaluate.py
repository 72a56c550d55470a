"""Score a trained model on held-out images, with or without up-tiling.

    python -m examples.object_discovery.evaluate runs/attn --data.name tetrominoes --uptile 4
    torchrun --nproc-per-node 4 -m examples.object_discovery.evaluate runs/clevrtex \
        --data.name clevrtex-outd --noise-seeds 0 1 2

The scores of every image, a summary and a picture of the best, median and worst images are written
to a folder that is named after the evaluation. The same command resumes a stopped evaluation.
"""

import dataclasses
import hashlib
import json
import math
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import torch
from tyro.conf import Positional, arg

from examples.common.command import check_noise_seeds, check_positive, run_command
from examples.common.device import Compile, Precision, should_compile
from examples.common.files import make_folder, write_json
from examples.common.processes import Processes, processes
from examples.common.progress import Meter
from examples.common.run import CHECKPOINT, MODEL, weights_hash
from examples.object_discovery.data import SETS, DataOptions, SegmentedImages, load
from examples.object_discovery.pictures import write_sheet
from examples.object_discovery.recipes import Scoring, resized
from examples.object_discovery.scores import SCORES, ScoreTable, Statistic, scores_of
from examples.object_discovery.segmenter import Segmenter, load_network
from kuramoto_nn.models import ObjectDiscoveryModel


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(Scoring):
    """Score a trained object-discovery model on held-out images."""

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """A saved model's folder, a run's folder, or the name of a repository on the Hub."""
    data: DataOptions
    """Test images; their size is the model's if not given."""
    split: str = "test"
    """Split of the data set: test, val, train or all, as far as it has them."""
    noise_seeds: tuple[int, ...] = (0,)
    """Seeds of the oscillators' noise; scores are given as mean ± deviation over them."""
    batch_size: int | None = None
    """Images at a time (chosen by memory if not given); changes no score."""
    time_limit: float | None = None
    """Stop after this many seconds; the same command resumes."""
    precision: Precision = "float32"
    """Precision of the features; bf16 is autocast."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    compile: Compile = "off"
    """Compile the oscillators' update, which pays for many or large images."""
    out: Path | None = None
    """Folder of the scores (`evaluation` in a run's folder, and `runs/evaluation` for any other
    model, if not given)."""

    def __post_init__(self):
        check_positive(self, "num_clusters", "pca", "uptile", "batch_size", "time_limit")
        check_noise_seeds(self.noise_seeds)
        if self.out is not None and self.out.is_file():
            raise ValueError(f"--out must be a folder: got the file {self.out}")

    @property
    def folder(self) -> Path:
        """Folder of all evaluations of this model."""
        if self.out is not None:
            return self.out
        model = Path(self.model)
        run = model.parent if model.name == MODEL else model
        is_run = (run / CHECKPOINT).is_file() and os.access(run, os.W_OK)
        return (run if is_run else Path("runs")) / "evaluation"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Statistics of every score by its name in `SCORES`, number of images, folder of the files."""

    scores: dict[str, Statistic]
    num_images: int
    folder: Path


def evaluate(options: EvaluateOptions) -> Evaluation | None:
    """Score a model and print the result.

    Returns None if the time limit came first, and in all processes but the main one.
    """
    began = time.monotonic()
    num_clusters = options.num_clusters or SETS[options.data.name].num_clusters
    options = dataclasses.replace(options, num_clusters=num_clusters)
    with processes(options.device) as here:
        model = load_network(options.model, device=here.device, precision=options.precision)
        if should_compile(options.compile, here.device):
            model.compile()
        data = load(resized(options.data, model.config), options.split)
        identity = _identify(options, model, data)
        names, folder = identity["scores"], options.folder / _folder_name(identity)
        segmenters = [
            Segmenter(model=model, scoring=options, seed=seed, precision=options.precision)
            for seed in options.noise_seeds
        ]
        tables = [ScoreTable(folder / f"seed-{s.seed}.csv", len(data), names) for s in segmenters]
        _score(segmenters, tables, data, here, options, began)
        if not here.is_main:
            return None
        rows = [done for table in tables if (done := table.complete()) is not None]
        if len(rows) < len(tables):
            left = sum(len(table.missing()) for table in tables)
            print(f"{left} of {len(tables) * len(data)} images are left; repeat the command")
            return None
        columns = {n: [[row[n] for row in seed.values()] for seed in rows] for n in names}
        scores = {name: Statistic.of(values) for name, values in columns.items()}
        result = Evaluation(scores=scores, num_images=len(data), folder=folder)
        _write_summary(result, identity, options)
        if not (sheet := folder / "sheet.png").exists():
            write_sheet(sheet, data, rows[0], segmenters[0])
    _print(result, options, seconds=time.monotonic() - began)
    return result


def _score(
    segmenters: list[Segmenter],
    tables: list[ScoreTable],
    data: SegmentedImages,
    here: Processes,
    options: EvaluateOptions,
    began: float,
) -> None:
    """Score this process's share of the missing images, until the time limit."""
    deadline = began + (options.time_limit or math.inf)
    shares = [table.missing()[here.rank :: here.world_size] for table in tables]
    here.wait()  # no process adds rows while another still reads which are missing
    largest = segmenters[0].batch_size(*data.images.shape[2:])  # also checks K and the memory
    size = options.batch_size or largest
    make_folder(tables[0].path.parent)  # fails before the work, not after it
    done, total = 0, sum(map(len, shares))
    with Meter("evaluate") if here.is_main else nullcontext() as meter:
        for segmenter, table, share in zip(segmenters, tables, shares, strict=True):
            images = iter(share)
            while time.monotonic() < deadline and (batch := list(islice(images, size))):
                table.add(batch, segmenter(data, batch).scores)
                done += len(batch)
                if meter is not None:
                    meter.show(done, total)
    here.wait()


def _identify(
    options: EvaluateOptions, model: ObjectDiscoveryModel, data: SegmentedImages
) -> dict[str, Any]:
    """Everything that determines the scores except the noise seeds; contents, no paths."""
    return {
        "network": model.describe(),
        "weights": weights_hash(model),
        "data": options.data.name,
        "split": options.split,
        "num_images": len(data),
        "image_size": list(data.images.shape[2:]),
        "images": data.fingerprint(),
        **{field.name: getattr(options, field.name) for field in dataclasses.fields(Scoring)},
        "scores": list(scores_of(data)),
        "precision": options.precision,
    }


def _folder_name(identity: dict[str, Any]) -> str:
    """Name an evaluation's folder: its main options, and a hash of its identity."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    words = "{network[model]}-{data}-{split}-k{num_clusters}-x{uptile}".format(**identity)
    return f"{words.lower()}-{digest[:8]}"


def _write_summary(result: Evaluation, identity: dict[str, Any], options: EvaluateOptions) -> None:
    scores = {name: dataclasses.asdict(score) for name, score in result.scores.items()}
    summary = {
        "identity": identity,
        "num_images": result.num_images,
        "noise_seeds": options.noise_seeds,
        "scores": {name: {"title": SCORES[name].title, **scores[name]} for name in scores},
        "options": dataclasses.asdict(options),
        "torch": torch.__version__,
    }
    write_json(result.folder / "summary.json", summary)


def _print(result: Evaluation, options: EvaluateOptions, *, seconds: float) -> None:
    scores = "  ".join(f"{SCORES[name].title} {score}" for name, score in result.scores.items())
    counted = next(iter(result.scores.values())).num_images
    seeds = " ".join(map(str, options.noise_seeds))
    print(
        f"{scores}  ({counted} of {result.num_images} images counted, noise seeds {seeds}, "
        f"{seconds:.0f} s)\nscores of every image, summary and pictures: {result.folder}"
    )


if __name__ == "__main__":
    run_command(evaluate, EvaluateOptions)
