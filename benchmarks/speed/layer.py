"""The Kuramoto layer, forward and with its gradients, against the plain one.

The limit is a large float32 matrix product, timed in the same rounds, at the layer's FLOPs. Beside
attention, T compiled transformer blocks of PyTorch are timed (pre-norm, four times as wide inside).
"""

import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.baseline.models import PlainKuramoto, by_matrix_products
from benchmarks.speed.measure import Work
from benchmarks.speed.report import BASELINE, COMPILED, EAGER, FASTER, HALF, Report, main
from kuramoto_nn.models import AKOrNConfig

BLOCKS = "transformer blocks, compiled"


def sized(channels: int, side: int, num_steps: int = 8, kernel_size: int | None = None) -> Any:
    """Configure a layer on a square grid: a convolution, or attention with GTA without a kernel."""
    config = AKOrNConfig(image_size=side, patch_size=1, channels=channels, num_steps=num_steps)
    if kernel_size is None:
        return config
    return config.replace(coupling="convolution", position=None, kernel_size=kernel_size)


CASES = (
    (sized(256, 16), 16),
    (sized(128, 8), 64),
    (sized(512, 9, num_steps=16), 32),
    (sized(128, 8, kernel_size=5), 64),
    (sized(128, 16, kernel_size=7), 32),
)
"""Layers, and the images of a batch."""
QUICK = tuple((sized(32, 4, num_steps=2, kernel_size=kernel), 2) for kernel in (None, 3))


def run(report: Report) -> None:
    """Measure all sizes."""
    for config, batch in QUICK if report.quick else CASES:
        torch.compiler.reset()  # dynamo limits the graphs of all layers together
        layers = build(config, report)
        tensors = torch.randn(3, batch, config.channels, *config.grid, device=report.device)
        for backward in (False, True):
            work: dict[str, Work] = {
                name: partial(step, layer, *tensors, half=name == HALF, backward=backward)
                for name, layer in layers.items()
            }
            coupling = "attention + GTA"
            if config.coupling == "convolution":
                coupling = f"convolution k {config.kernel_size}"
            elif report.options.compile:
                work[BLOCKS] = transformer_blocks(config, tensors[0], backward=backward)
            sites = "x".join(map(str, config.grid))
            size = f"ch {config.channels}, {sites} sites, T {config.num_steps}, batch {batch}"
            name = f"{coupling}, {size}: forward{' + backward' * backward}"
            report.compare(name, work, with_limit=True)


def build(config: Any, report: Report) -> dict[str, Any]:
    """Build the layer for every candidate, always with the same weights."""
    plain = PlainKuramoto(config).to(report.device)
    eager = plain.to_library().to(report.device)
    layers: dict[str, nn.Module] = {BASELINE: plain, EAGER: eager}
    if config.coupling == "attention":
        layers[FASTER] = by_matrix_products(plain)
    if report.options.compile:
        layers |= {COMPILED: copy.deepcopy(eager), HALF: copy.deepcopy(eager)}
        layers[COMPILED].compile()
        layers[HALF].compile()
    return layers


def step(
    layer: nn.Module, x: Tensor, c: Tensor, gradient: Tensor, *, half: bool, backward: bool
) -> None:
    """Run inference, or forward and backward to the weights and to the stimulus."""
    layer.zero_grad(set_to_none=True)
    c = c.detach().requires_grad_(backward)
    autocast = torch.autocast(x.device.type, torch.bfloat16, enabled=half)
    with torch.set_grad_enabled(backward), autocast:
        y = layer(x, c)
    y = y[0][-1] if isinstance(y, tuple) else y  # the plain layer returns all states
    if backward:
        y.backward(gradient)


def transformer_blocks(config: Any, x: Tensor, *, backward: bool) -> Work:
    """Prepare T times one transformer block on the same tokens."""
    width = config.channels
    block = nn.TransformerEncoderLayer(
        *(width, config.num_heads, 4 * width, 0.0, "gelu"), batch_first=True, norm_first=True
    ).to(x.device)
    tokens, run = x.flatten(2).mT.contiguous(), torch.compile(block)

    def work() -> None:
        block.zero_grad(set_to_none=True)
        y = tokens.detach().requires_grad_(backward)
        with torch.set_grad_enabled(backward):
            for _ in range(config.num_steps):
                y = run(y)
            if backward:
                y.backward(tokens)

    return work


if __name__ == "__main__":
    main("layer", run)
