"""Targets for one GPU: views/s in training, time of the Sudoku recipe, up-tiled images/s.

    python -m benchmarks.speed.gpu --device cuda
    python -m benchmarks.speed.gpu --quick

Compiled, in bfloat16 where autocast uses it, augmentation on the device. The layer's rows are in
`benchmarks.speed.layer`.
"""

from dataclasses import replace
from functools import partial

import torch

from benchmarks.speed import uptiling
from benchmarks.speed.report import OURS, Report, main
from benchmarks.speed.synthetic import label_maps
from benchmarks.speed.train_step import our_step, sudoku_step
from examples.object_discovery.recipes import recipe_for
from kuramoto_nn.models import AKOrN, AKOrNSudoku, Model

RATES = (("clevrtex-attn-l1", 256, 15_000.0), ("tetrominoes-attn", 256, 150_000.0))
"""Preset, images of a batch, and the views/s to reach."""
SUDOKU_STEPS = 9000 // 100 * 100
"""Boards over batch size, times epochs."""


def run(report: Report) -> None:
    """Measure all rows."""
    quick = report.options.quick
    for preset, batch_size, least in (("tetrominoes-attn-tiny", 4, 0.0),) if quick else RATES:
        train_views(report, preset, batch_size, least)
    train_sudoku(report, *(("sudoku-akorn-tiny", 4) if quick else ("sudoku-akorn", 100)))
    evaluate(report, *(("clevrtex-attn-tiny", 1, 2) if quick else ("clevrtex-attn-l2", 64, 4)))


def train_views(report: Report, preset: str, batch_size: int, least: float) -> None:
    """Train object discovery."""
    model = AKOrN.from_preset(preset).to(report.device)
    _compile(report, model)
    training = replace(recipe_for(preset).training, batch_size=batch_size)
    row = report.compare(
        f"{preset}, {batch_size} images: training step",
        {OURS: our_step(model, training, half=True)},
    )
    report.expect(row, "views/s", 2 * batch_size / row.times[OURS].median, least=least)


def train_sudoku(report: Report, preset: str, batch_size: int) -> None:
    """Extrapolate the Sudoku recipe from its step."""
    solver = AKOrNSudoku.from_preset(preset).to(report.device)
    _compile(report, solver)
    step = sudoku_step(solver, batch_size=batch_size, half=True)
    row = report.compare(f"{preset}, {batch_size} boards: training step", {OURS: step})
    minutes = SUDOKU_STEPS * row.times[OURS].median / 60
    report.expect(row, f"minutes of {SUDOKU_STEPS} steps", minutes, most=5)


def evaluate(report: Report, preset: str, batch: int, factor: int) -> None:
    """Score up-tiled images."""
    device = report.device
    model = AKOrN.from_preset(preset).to(device)
    _compile(report, model)
    size = model.config.sides[0]
    images = torch.rand(batch, 3, size, size, device=device)
    path = uptiling.stages(model, label_maps(batch, size, 8).to(device), factor)
    work = torch.autocast(device.type, torch.bfloat16)(partial(uptiling.chain, path, images))
    name = f"{preset}, up-tiled x{factor}, {batch} images: image to score"
    row = report.compare(name, {OURS: work})
    report.expect(row, "images/s", batch / row.times[OURS].median, least=100)


def _compile(report: Report, model: Model) -> None:
    if report.options.compile:
        torch.compiler.reset()
        model.compile()


if __name__ == "__main__":
    main("gpu", run)
