"""The Kuramoto layer, forward and with its gradients, against the plain one.

    python -m benchmarks.speed.layer [--quick] [--device cuda] [--threads 2]

The limit is a large float32 matrix product, timed in the same rounds, at the layer's FLOPs. For
convolutions, T bare ones in site-major memory are timed too.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.baseline import PlainAttention, PlainKuramoto, by_matrix_products, to_library
from benchmarks.speed.measure import count_flops, gemm
from benchmarks.speed.report import BASELINE, COMPILED, EAGER, FASTER, Report, Row, main

HALF = "compiled, bfloat16"
BARE, GEMM = "bare convolutions", "GEMM"
NUM_HEADS = 8
LEAST_ON_GPU = 10.0
"""Target of the layer in bfloat16 on a GPU: times faster than the float32 baseline."""


@dataclass(frozen=True)
class Case:
    """One size of the layer on a square grid, with its targets on two CPU cores."""

    channels: int
    side: int
    batch: int
    forward: dict[str, float]
    """Least speedup by candidate, and least share of the rate of the matrix product as `GEMM`."""
    backward: dict[str, float]
    """The same for forward and backward together."""
    num_steps: int = 8
    kernel_size: int | None = None
    """Side of the convolution; None for attention with GTA."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of x and c."""
        return self.batch, self.channels, self.side, self.side

    @property
    def name(self) -> str:
        """Name of the rows."""
        kernel = self.kernel_size
        coupling = "attention + GTA" if kernel is None else f"convolution k {kernel}"
        size = f"ch {self.channels}, {self.side}x{self.side} sites, T {self.num_steps}"
        return f"{coupling}, {size}, batch {self.batch}"

    def plain(self) -> PlainKuramoto:
        """Build the baseline."""
        channels, kernel = self.channels, self.kernel_size
        coupling = (
            PlainAttention(channels, NUM_HEADS, (self.side, self.side))
            if kernel is None
            else nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        )
        return PlainKuramoto(coupling, channels=channels, num_steps=self.num_steps)


CASES = (
    Case(256, 16, 16, {COMPILED: 4.5, EAGER: 3, GEMM: 0.7}, {COMPILED: 3.2, EAGER: 2, GEMM: 0.65}),
    Case(128, 8, 64, {COMPILED: 5, EAGER: 3.5}, {COMPILED: 4, EAGER: 2.5}),
    Case(512, 9, 32, {COMPILED: 3}, {COMPILED: 2.5}, num_steps=16),
    Case(128, 8, 64, {COMPILED: 1.5, EAGER: 1}, {COMPILED: 1.2, EAGER: 1}, kernel_size=5),
    Case(128, 16, 32, {COMPILED: 1, EAGER: 1}, {COMPILED: 1, EAGER: 1}, kernel_size=7),
)
QUICK = tuple(Case(32, 4, 2, {}, {}, num_steps=2, kernel_size=k) for k in (None, 3))


def run(report: Report) -> None:
    """Measure all sizes."""
    for case in QUICK if report.options.quick else CASES:
        torch.compiler.reset()  # dynamo has one small cache for the graphs of all layers
        layers = build(case, report)
        forward = compare(report, case, layers, backward=False)
        hold(report, forward, case.forward)
        if BARE in forward.times:
            best = min(forward.times[name].median for name in (EAGER, COMPILED) if name in layers)
            ratio = best / forward.times[BARE].median
            report.expect(forward, "ours: times the bare convolutions", ratio, most=1.15)
        hold(report, compare(report, case, layers, backward=True), case.backward)


def build(case: Case, report: Report) -> dict[str, nn.Module]:
    """Build the layer for every candidate, always with the same weights."""
    plain = case.plain().to(report.device)
    eager = to_library(plain, grid=(case.side, case.side)).to(report.device)
    layers = {BASELINE: plain, EAGER: eager}
    if case.kernel_size is None:
        layers[FASTER] = by_matrix_products(plain)
    if report.options.compile:
        layers |= {COMPILED: copy.deepcopy(eager), HALF: copy.deepcopy(eager)}
        layers[COMPILED].compile()
        layers[HALF].compile()
    return layers


def compare(report: Report, case: Case, layers: dict[str, nn.Module], *, backward: bool) -> Row:
    """Time inference, or forward and backward to the weights and to the stimulus."""
    x, c, gradient = torch.randn(3, *case.shape, device=report.device)
    c.requires_grad_(backward)

    def step(layer: nn.Module, half: bool) -> None:
        layer.zero_grad(set_to_none=True)
        c.grad = None
        autocast = torch.autocast(x.device.type, torch.bfloat16, enabled=half)
        with torch.set_grad_enabled(backward), autocast:
            y = layer(x, c)
        y = y[0][-1] if isinstance(y, tuple) else y  # the plain layer returns all states
        if backward:
            y.backward(gradient)

    work: dict[str, Callable[[], object]]
    work = {name: partial(step, layer, name == HALF) for name, layer in layers.items()}
    flops = count_flops(work[BASELINE])
    if case.kernel_size is not None and not backward:
        work[BARE] = bare_convolutions(x, case.kernel_size, case.num_steps)
    name = f"{case.name}: forward{' + backward' * backward}"
    return report.compare(name, work, limit=gemm(report.device), amount=flops)


def bare_convolutions(x: Tensor, kernel_size: int, count: int) -> Callable[[], object]:
    """Prepare ``count`` convolutions and nothing else, in the fastest memory layout."""
    channels = x.shape[1]
    weight = 0.01 * torch.randn(channels, channels, kernel_size, kernel_size, device=x.device)
    site_major, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))

    @torch.no_grad()
    def work() -> None:
        y = site_major
        for _ in range(count):
            y = F.conv2d(y, weight, padding="same")

    return work


def hold(report: Report, row: Row, least: dict[str, float]) -> None:
    """Compare speedups with their targets, which depend on the device."""
    if report.device.type == "cuda":
        least = {HALF: LEAST_ON_GPU}
    for name, wanted in least.items():
        if name in row.times:
            report.expect(row, f"{name}: speedup", row.speedup(name), least=wanted)
        elif name == GEMM and COMPILED in row.times:
            share = row.share_of_limit(COMPILED)
            report.expect(row, f"{COMPILED}: share of the GEMM rate", share, least=wanted)


if __name__ == "__main__":
    main("layer", run)
