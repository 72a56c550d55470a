"""One training step of a recipe, from stored images to updated weights, against the plain one.

On the CPU the CLEVRTex step has 32 images, not 256: the plain step would need 30 GB of memory.
"""

import copy
import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.baseline.models import PlainAKOrN, by_matrix_products
from benchmarks.baseline.views import random_views
from benchmarks.speed.measure import Work, count_flops, gemm
from benchmarks.speed.report import BASELINE, COMPILED, EAGER, FASTER, OURS, Report, main
from examples.common.optimization import build_optimizer
from examples.common.processes import Processes
from examples.object_discovery.augment import apply_views, draw_views
from examples.object_discovery.batches import ViewBatches
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import Training, recipe_for
from examples.sudoku.recipes import Training as SudokuTraining
from kuramoto_nn.models import AKOrN, AKOrNConfig, AKOrNSudoku

CASES = {
    "cpu": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 32)),
    "cuda": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 256)),
}
QUICK = (("tetrominoes-attn-tiny", 4),)


def run(report: Report) -> None:
    """Measure the step of every recipe, and the share of the augmentation in it."""
    device = report.device
    for preset, batch_size in QUICK if report.quick else CASES[device.type]:
        plain = PlainAKOrN(preset).to(device)
        model = plain.to_library().to(device).train()
        training = replace(recipe_for(preset).training, batch_size=batch_size)
        candidates = {
            BASELINE: plain_step(plain, training, device),
            FASTER: plain_step(by_matrix_products(plain), training, device),
            EAGER: our_step(model, training, device),
        }
        if report.options.compile:
            compiled = copy.deepcopy(model)
            compiled.compile()
            candidates[COMPILED] = our_step(compiled, training, device)
        name, flops = f"{preset}, {batch_size} images", count_flops(candidates[BASELINE])
        row = report.compare(f"{name}: training step", candidates, limit=gemm(device), amount=flops)
        best = min(row.times.keys() & {EAGER, COMPILED}, key=row.seconds)
        row.note(f"images/s, {best}", batch_size / row.seconds(best))
        report.expect(row, f"{best}: speedup", row.speedup(best), least=3)
        images = random_images(plain.config, batch_size).float() / 255
        views = report.compare(f"{name}: both views of every image", augmentations(images, device))
        share = views.seconds() / row.seconds(best)
        report.expect(views, "share of our step", share, most=0.15)


def augmentations(images: Tensor, device: torch.device) -> dict[str, Work]:
    """Augmentation of images to two views each."""
    rng, generator, stored = random.Random(0), torch.Generator(), images.to(device)
    size, count = (images.shape[2], images.shape[3]), 2 * len(images)
    return {
        BASELINE: lambda: [random_views(images, rng).to(device) for _ in range(2)],
        OURS: lambda: apply_views(
            stored.repeat(2, 1, 1, 1), draw_views(count, image_size=size, generator=generator)
        ),
    }


def random_images(config: AKOrNConfig, count: int) -> Tensor:
    """Random images of a network's size, uint8."""
    return torch.randint(0, 256, (count, 3, *config.sides), dtype=torch.uint8)


def training_step(
    model: nn.Module,
    training: Any,
    loss: Callable[[int], Tensor],
    *,
    optimizer: torch.optim.Optimizer | None = None,
    averaged: bool = True,
    clip_norm: float = math.inf,
) -> Work:
    """Build a training step from the loss, a function of the step's number."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=training.learning_rate)
    average = training.average(model) if averaged else None
    numbers = count(training.ema_start)

    def step() -> None:
        number = next(numbers)
        value = loss(number)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        if clip_norm < math.inf:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        if average is not None:
            average.update(number)

    return step


def our_step(model: AKOrN, training: Training, device: torch.device, *, half: bool = False) -> Work:
    """Training step of `examples.object_discovery.train`, with autocast to bfloat16 if `half`."""
    images = random_images(model.config, 2 * training.batch_size)
    stored = SegmentedImages(images, torch.zeros_like(images[:, 0]))
    here = Processes(0, 1, device)
    batches = ViewBatches(stored, training, model.config, seed=0, here=here)

    def loss(number: int) -> Tensor:
        views, noise = batches.at(number)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            embeddings = model(views.flatten(0, 1), noise=noise.flatten(0, 1))
        return nt_xent(embeddings.unflatten(0, (2, -1)), temperature=training.temperature)

    return training_step(model, training, loss)


def plain_step(model: PlainAKOrN, training: Training, device: torch.device) -> Work:
    """The same step in research code, without the weight average, whose time is negligible."""
    images, rng = random_images(model.config, training.batch_size).float() / 255, random.Random(0)

    def loss(_: int) -> Tensor:
        views = torch.cat([random_views(images, rng), random_views(images, rng)]).to(device)
        return nt_xent(model(views).unflatten(0, (2, -1)), temperature=training.temperature)

    return training_step(model, training, loss, averaged=False)


def sudoku_step(solver: AKOrNSudoku, batch_size: int, device: torch.device) -> Work:
    """Training step of the paper's Sudoku recipe on random boards, in bfloat16."""
    training = SudokuTraining()
    puzzles = torch.randint(0, 10, (batch_size, 9, 9), device=device)
    digits = torch.randint(0, 9, (batch_size, 9, 9), device=device)

    def loss(_: int) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            logits = solver(puzzles)
        return F.cross_entropy(logits.float().flatten(0, -2), digits.flatten())

    optimizer, clip_norm = build_optimizer(solver, training), training.clip_norm
    return training_step(solver, training, loss, optimizer=optimizer, clip_norm=clip_norm)


if __name__ == "__main__":
    main("train_step", run)
