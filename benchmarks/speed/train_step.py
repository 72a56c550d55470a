"""One training step of a recipe, from stored images to updated weights, against the plain one.

On the CPU the CLEVRTex step has 32 images, not 256: the plain step would need 30 GB of memory.
"""

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.baseline.models import PlainAKOrN, by_matrix_products
from benchmarks.baseline.views import random_views
from benchmarks.speed.measure import Work
from benchmarks.speed.report import BASELINE, COMPILED, EAGER, FASTER, HALF, Report, main
from examples.common.optimization import WeightAverage
from examples.common.processes import Processes
from examples.object_discovery.batches import ViewBatches
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import Training, recipe_for
from kuramoto_nn.models import AKOrN, AKOrNConfig

CASES = {
    "cpu": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 32)),
    "cuda": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 256)),
}
QUICK = (("tetrominoes-attn-tiny", 4),)


def run(report: Report) -> None:
    """Measure the step of every recipe."""
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
            for name in (COMPILED, HALF):
                compiled = copy.deepcopy(model)
                compiled.compile()
                candidates[name] = our_step(compiled, training, device, half=name == HALF)
        name = f"{preset}, {batch_size} images: training step"
        report.compare(name, candidates, with_limit=True)


def random_images(config: AKOrNConfig, count: int) -> Tensor:
    """Random images of a network's size, uint8."""
    return torch.randint(0, 256, (count, 3, *config.sides), dtype=torch.uint8)


def training_step(
    model: nn.Module, training: Any, loss: Callable[[int], Tensor], average: Any = None
) -> Work:
    """Build a training step from the loss, a function of the step's number."""
    optimizer = torch.optim.Adam(model.parameters(), lr=training.learning_rate)
    numbers = count(training.ema_start)

    def step() -> None:
        number = next(numbers)
        value = loss(number)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        if average is not None:
            average.update(number)

    return step


def our_step(model: AKOrN, training: Training, device: torch.device, *, half: bool = False) -> Work:
    """Training step of `examples.object_discovery.train`, under autocast with ``half``."""
    images = random_images(model.config, 2 * training.batch_size)
    stored = SegmentedImages(images, torch.zeros_like(images[:, 0]))
    here = Processes(0, 1, device)
    batches = ViewBatches(stored, training, model.config, seed=0, here=here)

    def loss(number: int) -> Tensor:
        views, noise = batches.at(number)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            embeddings = model(views.flatten(0, 1), noise=noise.flatten(0, 1)).float()
        return nt_xent(embeddings.unflatten(0, (2, -1)), temperature=training.temperature)

    return training_step(model, training, loss, WeightAverage(model, training))


def plain_step(model: PlainAKOrN, training: Training, device: torch.device) -> Work:
    """The same step in research code, without the weight average, whose time is negligible."""
    images, rng = random_images(model.config, training.batch_size).float() / 255, random.Random(0)

    def loss(_: int) -> Tensor:
        views = torch.cat([random_views(images, rng), random_views(images, rng)]).to(device)
        return nt_xent(model(views).unflatten(0, (2, -1)), temperature=training.temperature)

    return training_step(model, training, loss)


if __name__ == "__main__":
    main("train_step", run)
