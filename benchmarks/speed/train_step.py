"""One training step of a recipe, from stored images to updated weights, against the plain one.

    python -m benchmarks.speed.train_step [--quick] [--device cuda] [--threads 2]

On the CPU the CLEVRTex step has 32 images, not 256: the plain step would need 30 GB of memory.
"""

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.baseline import PlainAKOrN, by_matrix_products, random_views, to_library
from benchmarks.speed.measure import count_flops, gemm
from benchmarks.speed.report import BASELINE, COMPILED, EAGER, FASTER, OURS, Report, main
from examples.common.processes import Processes
from examples.object_discovery.augment import apply_views, draw_views
from examples.object_discovery.batches import ViewBatches
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import Training, recipe_for
from examples.sudoku.recipes import Training as SudokuTraining
from examples.sudoku.recipes import build_optimizer
from kuramoto_nn.models import AKOrN, AKOrNConfig, AKOrNSudoku

CASES = {
    "cpu": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 32)),
    "cuda": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 256)),
}
QUICK = (("tetrominoes-attn-tiny", 4),)


def run(report: Report) -> None:
    """Measure the step of every recipe, and the share of the augmentation in it."""
    options = report.options
    for preset, batch_size in QUICK if options.quick else CASES[report.device.type]:
        compare(report, preset, batch_size)


def compare(report: Report, preset: str, batch_size: int) -> None:
    """Measure one recipe."""
    device = report.device
    plain = PlainAKOrN.from_preset(preset).to(device)
    model = to_library(plain).to(device).train()
    training = replace(recipe_for(preset).training, batch_size=batch_size)
    candidates = {
        BASELINE: plain_step(plain, training),
        FASTER: plain_step(by_matrix_products(plain), training),
        EAGER: our_step(model, training),
    }
    if report.options.compile:
        compiled = copy.deepcopy(model)
        compiled.compile()
        candidates[COMPILED] = our_step(compiled, training)
    name = f"{preset}, {batch_size} images"
    flops = count_flops(candidates[BASELINE])
    row = report.compare(f"{name}: training step", candidates, limit=gemm(device), amount=flops)
    best = min(row.times.keys() & {EAGER, COMPILED}, key=lambda name: row.times[name].median)
    report.note(row, f"images/s, {best}", batch_size / row.times[best].median)
    report.expect(row, f"{best}: speedup", row.speedup(best), least=3)

    images, rng = random_images(plain.config, batch_size).float() / 255, random.Random(0)
    views = report.compare(
        f"{name}: both views of every image",
        {
            BASELINE: lambda: [random_views(images, rng).to(device) for _ in range(2)],
            OURS: partial(our_views, images.to(device), torch.Generator()),
        },
    )
    share = views.times[OURS].median / row.times[best].median
    report.expect(views, "share of our step", share, most=0.15)


def our_views(images: Tensor, generator: torch.Generator) -> Tensor:
    """Two views of every image."""
    size = (images.shape[2], images.shape[3])
    params = draw_views(2 * len(images), image_size=size, generator=generator)
    return apply_views(images.repeat(2, 1, 1, 1), params)


def random_images(config: AKOrNConfig, count: int) -> Tensor:
    """Random images of a network's size, uint8."""
    return torch.randint(0, 256, (count, 3, *config.sides), dtype=torch.uint8)


def our_step(model: AKOrN, training: Training, *, half: bool = False) -> Callable[[], object]:
    """Training step of `examples.object_discovery.train`, with autocast to bfloat16 if `half`."""
    device, images = _device(model), random_images(model.config, 2 * training.batch_size)
    batches = ViewBatches(
        SegmentedImages(images, torch.zeros_like(images[:, 0])),
        training,
        model.config,
        seed=0,
        here=Processes(0, 1, device),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=training.learning_rate)
    average, steps = training.average(model), count(training.ema_start)

    def step() -> None:
        number = next(steps)
        views, noise = batches.at(number)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            embeddings = model(views.flatten(0, 1), noise=noise.flatten(0, 1))
        loss = nt_xent(embeddings.unflatten(0, (2, -1)), temperature=training.temperature)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update(number)

    return step


def plain_step(model: PlainAKOrN, training: Training) -> Callable[[], object]:
    """The same step in research code, without the weight average, whose time is negligible."""
    device, rng = _device(model), random.Random(0)
    images = random_images(model.config, training.batch_size).float() / 255
    optimizer = torch.optim.Adam(model.parameters(), lr=training.learning_rate)

    def step() -> None:
        views = torch.cat([random_views(images, rng), random_views(images, rng)]).to(device)
        loss = nt_xent(model(views).unflatten(0, (2, -1)), temperature=training.temperature)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def sudoku_step(
    solver: AKOrNSudoku, *, batch_size: int, half: bool = False
) -> Callable[[], object]:
    """Training step of the paper's Sudoku recipe on random boards."""
    device, training = _device(solver), SudokuTraining()
    puzzles = torch.randint(0, 10, (batch_size, 9, 9), device=device)
    digits = torch.randint(0, 9, (batch_size, 9, 9), device=device)
    optimizer = build_optimizer(solver, training)
    average, steps = training.average(solver), count(training.ema_start)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            logits = solver(puzzles)
        loss = F.cross_entropy(logits.float().flatten(0, -2), digits.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(solver.parameters(), training.clip_norm)
        optimizer.step()
        average.update(next(steps))

    return step


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


if __name__ == "__main__":
    main("train_step", run)
