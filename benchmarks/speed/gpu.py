"""Targets for one GPU: views/s in training, time of the Sudoku recipe, up-tiled images/s.

    python -m benchmarks.speed.gpu --device cuda
    python -m benchmarks.speed.gpu --quick

Compiled, in bfloat16 where autocast uses it, augmentation on the device. `benchmarks.speed.layer`
measures the layer.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmarks.speed import uptiling
from benchmarks.speed.report import OURS, Report, main
from benchmarks.speed.synthetic import label_maps
from benchmarks.speed.train_step import our_step, sudoku_step
from examples.object_discovery.recipes import recipe_for
from kuramoto_nn import create_model

VIEWS = (("clevrtex-attn-l1", 256, 15_000.0), ("tetrominoes-attn", 256, 150_000.0))
"""Preset, images of a batch, and the views/s to reach."""
CASES = (VIEWS, ("sudoku-akorn", 100), ("clevrtex-attn-l2", 64, 4))
"""Trainings of object discovery; training of Sudoku, and its boards of a batch; up-tiled
evaluation, its images of a batch, and the factor."""
QUICK = (
    (("tetrominoes-attn-tiny", 4, 0.0),),
    ("sudoku-akorn-tiny", 4),
    ("clevrtex-attn-tiny", 1, 2),
)
SUDOKU_STEPS = 9000 // 100 * 100
"""Boards over batch size, times epochs."""


def run(report: Report) -> None:
    """Measure both trainings, and the evaluation of up-tiled images."""
    views, (solver, boards), (preset, batch, factor) = QUICK if report.quick else CASES
    for name, images, least in views:
        training = replace(recipe_for(name).training, batch_size=images)
        step = our_step(build(report, name), training, report.device, half=True)
        row = report.compare(f"{name}, {images} images: training step", {OURS: step})
        report.expect(row, "views/s", 2 * images / row.seconds(), least=least)

    # The Sudoku recipe is extrapolated from its step.
    step = sudoku_step(build(report, solver), boards, report.device)
    row = report.compare(f"{solver}, {boards} boards: training step", {OURS: step})
    minutes = SUDOKU_STEPS * row.seconds() / 60
    report.expect(row, f"minutes of {SUDOKU_STEPS} steps", minutes, most=5)

    model = build(report, preset)
    size = model.config.sides[0]
    images = torch.rand(batch, 3, size, size, device=report.device)
    masks = label_maps(batch, size, 8).to(report.device)
    chain = partial(uptiling.chain, uptiling.stages(model, masks, factor), images)
    work = torch.autocast(report.device.type, torch.bfloat16)(chain)
    name = f"{preset}, up-tiled x{factor}, {batch} images: image to score"
    row = report.compare(name, {OURS: work})
    report.expect(row, "images/s", batch / row.seconds(), least=100)


def build(report: Report, preset: str) -> Any:
    """Build the network of a preset, compiled if the options say so."""
    model = create_model(preset).to(report.device)
    if report.options.compile:
        torch.compiler.reset()
        model.compile()
    return model


if __name__ == "__main__":
    main("gpu", run)
