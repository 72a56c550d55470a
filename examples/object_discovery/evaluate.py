"""Score a trained model: FG-ARI and MBO over held-out images, with or without up-tiling.

    python -m examples.object_discovery.evaluate --checkpoint runs/attn/checkpoint.pt --uptile 4
    torchrun --nproc-per-node 4 -m examples.object_discovery.evaluate \
        --checkpoint runs/clevrtex/checkpoint.pt --test-data clevrtex-outd --noise-seeds 0 1 2

Every image's scores, a summary and a picture of the best, median and worst images lie in a folder
whose name tells what was scored. The same command again goes on where it was stopped.
"""

import dataclasses
import math
import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from examples.object_discovery.contact_sheet import write_sheet
from examples.object_discovery.data import SegmentedImages, load
from examples.object_discovery.evaluate_options import EvaluateOptions
from examples.object_discovery.evaluation_identity import folder_name, identify
from examples.object_discovery.recipes import Recipe, build_model, recipe_for
from examples.object_discovery.score_table import Rows, ScoreTable
from examples.object_discovery.scores import Statistic
from examples.object_discovery.segment import Segmenter
from examples.object_discovery.weights import load_model
from examples.training.command import run_command
from examples.training.compiling import should_compile
from examples.training.distributed import Processes, processes
from examples.training.files import write_json
from examples.training.progress import Meter
from kuramoto_nn.models import AKOrN, ItrSA


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        fg_ari: Foreground adjusted Rand index, x100.
        mbo: Mean best overlap, x100.
        num_images: Images of the data set.
        num_counted: Those with objects, over which the means go.
        folder: Where its files are.
    """

    fg_ari: Statistic
    mbo: Statistic
    num_images: int
    num_counted: int
    folder: Path


def evaluate(options: EvaluateOptions) -> Evaluation | None:
    """Score a checkpoint, or an untrained network, and print the result.

    Args:
        options: What to score, and on what.

    Returns:
        The scores; None if the time limit came first, and in all processes but the main one.

    Raises:
        ValueError: If an option or the checkpoint is wrong, or memory does not suffice.
    """
    began = time.monotonic()
    with processes(options.device) as here:
        model, preset = _load_network(options)
        model.to(here.device)
        if should_compile(options.compile, here.device):
            model.compile()
        recipe = recipe_for(preset)
        data = _load_images(options, recipe)
        identity = identify(options, preset, recipe, model, data)
        folder = options.folder / folder_name(identity)
        segmenters = [
            Segmenter(
                model=model,
                num_clusters=identity["num_clusters"],
                uptile=options.uptile,
                seed=seed,
                precision=options.precision,
            )
            for seed in options.noise_seeds
        ]
        tables = [ScoreTable(folder / f"seed-{s.seed}.csv", len(data)) for s in segmenters]
        deadline = began + (options.time_limit or math.inf)
        _score(segmenters, tables, data, here, options.batch_size, deadline)
        if not here.is_main:
            return None
        rows = [done for table in tables if (done := table.complete()) is not None]
        if len(rows) < len(tables):
            left = sum(len(table.missing()) for table in tables)
            print(f"{left} of {len(tables) * len(data)} images are left; the same command goes on")
            return None
        result = _summarize(rows, folder)
        _write_summary(result, identity, options)
        if not (sheet := folder / "sheet.png").exists():
            write_sheet(sheet, data, rows[0], segmenters[0])
    seeds = " ".join(map(str, options.noise_seeds))
    print(
        f"FG-ARI {result.fg_ari}  MBO {result.mbo}  ({result.num_counted} of {len(data)} images "
        f"counted, noise seeds {seeds}, {time.monotonic() - began:.0f} s)\n"
        f"scores of every image, summary and pictures: {folder}"
    )
    return result


def _score(
    segmenters: list[Segmenter],
    tables: list[ScoreTable],
    data: SegmentedImages,
    here: Processes,
    batch_size: int | None,
    deadline: float,
) -> None:
    """Score this process's share of what is missing, until the deadline."""
    shares = [table.missing()[here.rank :: here.world_size] for table in tables]
    here.wait()  # nobody adds rows while another still looks what is missing
    done, total = 0, sum(map(len, shares))
    with Meter("evaluate") if here.is_main else nullcontext() as meter:
        for segmenter, table, share in zip(segmenters, tables, shares, strict=True):
            images = iter(share)
            size = batch_size or segmenter.batch_size(data)
            while time.monotonic() < deadline and (batch := list(islice(images, size))):
                found = segmenter(data, batch)
                table.add(batch, found.fg_ari, found.mbo)
                done += len(batch)
                if meter is not None:
                    meter.show(done, total)
    here.wait()


def _load_network(options: EvaluateOptions) -> tuple[AKOrN | ItrSA, str]:
    if options.checkpoint is None:
        preset = options.preset or ""
        return build_model(preset, seed=options.seed).eval(), preset
    averaged = options.weights == "averaged"
    return load_model(options.checkpoint, preset=options.preset, averaged=averaged)


def _load_images(options: EvaluateOptions, recipe: Recipe) -> SegmentedImages:
    name = options.test_data or recipe.data
    usual = recipe.num_test_images if name == recipe.data else None
    return load(
        name,
        options.split,
        root=options.data,
        count=options.num_images or usual,
        seed=options.seed,
        source=options.source,
        size=options.image_size,
        bad=options.bad,
    )


def _summarize(tables: list[Rows], folder: Path) -> Evaluation:
    columns = [list(zip(*rows.values(), strict=True)) for rows in tables]
    fg_ari, mbo = (Statistic.of([list(column[i]) for column in columns]) for i in range(2))
    counted = sum(not math.isnan(score) for score in columns[0][0])
    return Evaluation(
        fg_ari=fg_ari, mbo=mbo, num_images=len(tables[0]), num_counted=counted, folder=folder
    )


def _write_summary(result: Evaluation, identity: dict, options: EvaluateOptions) -> None:
    summary = {
        **identity,
        "noise_seeds": options.noise_seeds,
        "num_samples": len(options.noise_seeds),
        "num_counted": result.num_counted,
        "num_not_counted": result.num_images - result.num_counted,
        "fg_ari": dataclasses.asdict(result.fg_ari),
        "mbo": dataclasses.asdict(result.mbo),
        "options": vars(options),
        "torch": torch.__version__,
    }
    write_json(result.folder / "summary.json", summary)


if __name__ == "__main__":
    run_command(evaluate, EvaluateOptions)
