"""One training step of the recipes, from stored images to updated weights, against the plain one.

    python -m benchmarks.train_step [--quick] [--device cuda] [--threads 2]

On the CPU the CLEVRTex step has 32 images, not 256: the plain step would need 30 GB of memory.
"""

import copy
import random
from functools import partial

import torch

from benchmarks.baseline import PlainAKOrN, by_matrix_products, random_views, to_library
from benchmarks.limits import count_flops, gemm
from benchmarks.report import BASELINE, FASTER, Report, main
from benchmarks.steps import Training, compile_layers, our_step, plain_step
from examples.object_discovery.augment import apply_views, draw_views

EAGER, COMPILED = "eager", "compiled"
OURS = "ours"
CASES = {
    "cpu": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 32)),
    "cuda": (("tetrominoes-attn", 256), ("clevrtex-attn-l1", 256)),
}
QUICK = (("tetrominoes-attn-tiny", 4),)


def run(report: Report) -> None:
    """Measure the step of every recipe, and the share of the augmentation in it."""
    options = report.options
    for preset, batch_size in QUICK if options.quick else CASES[options.device.type]:
        compare(report, Training(preset=preset, batch_size=batch_size))


def compare(report: Report, training: Training) -> None:
    """Measure one recipe."""
    device = report.options.device
    plain = PlainAKOrN.from_preset(training.preset).to(device)
    model = to_library(plain).to(device).train()
    batches = training.batches(model, device)
    candidates = {
        BASELINE: plain_step(plain, training, device),
        FASTER: plain_step(by_matrix_products(plain), training, device),
        EAGER: our_step(model, batches),
    }
    if report.options.compile:
        compiled = copy.deepcopy(model)
        compile_layers(compiled)
        candidates[COMPILED] = our_step(compiled, batches)
    name = f"{training.preset}, {training.batch_size} images"
    flops = count_flops(candidates[BASELINE])
    row = report.compare(f"{name}: training step", candidates, limit=gemm(device), amount=flops)
    best = min(row.times.keys() & {EAGER, COMPILED}, key=lambda name: row.times[name].median)
    report.note(row, f"images/s, {best}", training.batch_size / row.times[best].median)
    report.expect(row, f"{best}: speedup", row.speedup(best), least=3)

    images, rng = training.images().images[: training.batch_size].float() / 255, random.Random(0)
    views = report.compare(
        f"{name}: both views of every image",
        {
            BASELINE: lambda: [random_views(images, rng).to(device) for _ in range(2)],
            OURS: partial(our_views, images.to(device), torch.Generator()),
        },
    )
    share = views.times[OURS].median / row.times[best].median
    report.expect(views, "share of our step", share, most=0.15)


def our_views(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Two views of every image."""
    size = (images.shape[2], images.shape[3])
    params = draw_views(2 * len(images), image_size=size, generator=generator)
    return apply_views(images.repeat(2, 1, 1, 1), params)


if __name__ == "__main__":
    main("train_step", run)
