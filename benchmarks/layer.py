"""The Kuramoto layer, forward and with its gradients, against the plain one.

    python -m benchmarks.layer [--quick] [--device cuda] [--threads 2]

The limit is a large float32 matrix product, timed in the same rounds, at the layer's FLOPs. For
convolutions, T bare ones in site-major memory are timed too.
"""

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.baseline import PlainKuramoto, by_matrix_products, to_library
from benchmarks.layer_cases import CASES, COMPILED, EAGER, HALF, QUICK, Case
from benchmarks.limits import count_flops, gemm
from benchmarks.report import BASELINE, FASTER, Report, Row, main

BARE = "bare convolutions"
LEAST_ON_GPU = 10.0
"""How many times faster than the float32 baseline the layer should be in bfloat16."""


def run(report: Report) -> None:
    """Measure all sizes."""
    for case in QUICK if report.options.quick else CASES:
        torch.compiler.reset()  # dynamo keeps the graphs of all layers together, and few of them
        layers = build(case, report)
        x, c = torch.randn(2, *case.shape, device=report.options.device)
        forward = compare_forward(report, case, layers, x, c)
        hold(report, forward, case.forward)
        if BARE in forward.times:
            best = min(forward.times[name].median for name in (EAGER, COMPILED) if name in layers)
            ratio = best / forward.times[BARE].median
            report.expect(forward, "ours: times the bare convolutions", ratio, most=1.15)
        hold(report, compare_backward(report, case, layers, x, c), case.backward)


def build(case: Case, report: Report) -> dict[str, nn.Module]:
    """Build the layer for every candidate, always with the same weights."""
    plain = case.plain().to(report.options.device)
    eager = to_library(plain, grid=(case.side, case.side)).to(report.options.device)
    layers = {BASELINE: LastState(plain), EAGER: eager}
    if case.kernel_size is None:
        layers[FASTER] = LastState(by_matrix_products(plain))
    if report.options.compile:
        compiled, half = copy.deepcopy(eager), copy.deepcopy(eager)
        compiled.compile()
        half.compile()
        layers |= {COMPILED: compiled, HALF: Half(half)}
    return layers


class LastState(nn.Module):
    """The last state of a plain layer."""

    def __init__(self, plain: PlainKuramoto):
        super().__init__()
        self.plain = plain

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.plain(x, c)[0][-1]


class Half(nn.Module):
    """A layer under autocast to bfloat16."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.layer(x, c)


def compare_forward(
    report: Report, case: Case, layers: dict[str, nn.Module], x: Tensor, c: Tensor
) -> Row:
    """Time inference."""

    @torch.no_grad()
    def infer(layer: nn.Module) -> None:
        layer(x, c)

    work: dict[str, Callable[[], object]] = {n: partial(infer, m) for n, m in layers.items()}
    flops = count_flops(work[BASELINE])
    if case.kernel_size is not None:
        work[BARE] = bare_convolutions(x, case.kernel_size, case.num_steps)
    limit = gemm(report.options.device)
    return report.compare(f"{case.name}: forward", work, limit=limit, amount=flops)


def compare_backward(
    report: Report, case: Case, layers: dict[str, nn.Module], x: Tensor, c: Tensor
) -> Row:
    """Time forward and backward, to the weights and to the stimulus."""
    stimulus, gradient = c.clone().requires_grad_(), torch.randn_like(c)

    def train(layer: nn.Module) -> None:
        layer.zero_grad(set_to_none=True)
        stimulus.grad = None
        layer(x, stimulus).backward(gradient)

    work = {name: partial(train, layer) for name, layer in layers.items()}
    flops = count_flops(work[BASELINE])
    limit = gemm(report.options.device)
    return report.compare(f"{case.name}: forward + backward", work, limit=limit, amount=flops)


def bare_convolutions(x: Tensor, kernel_size: int, count: int) -> Callable[[], object]:
    """Prepare ``count`` convolutions and nothing else, in the layout that they are fastest in."""
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
    """Hold speedups against their targets, which differ by device."""
    if report.options.device.type == "cuda":
        least = {HALF: LEAST_ON_GPU}
    for name, wanted in least.items():
        if name in row.times:
            report.expect(row, f"{name}: speedup", row.speedup(name), least=wanted)
        elif name == "limit" and COMPILED in row.times:
            share = row.share_of_limit(COMPILED)
            report.expect(row, f"{COMPILED}: share of the GEMM rate", share, least=wanted)


if __name__ == "__main__":
    main("layer", run)
