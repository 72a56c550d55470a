"""The Kuramoto layer, forward and with its gradients, against the plain one.

    python -m benchmarks.layer [--quick] [--device cuda] [--threads 2]

The limit is a large float32 matrix product, timed in the same rounds, at the layer's FLOPs. For
convolutions the T bare convolutions (site-major memory) are timed too.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.baseline import PlainAttention, PlainKuramoto, to_library
from benchmarks.limits import count_flops, gemm
from benchmarks.report import BASELINE, Report, Row, main

EAGER, COMPILED, BARE = "eager", "compiled", "bare convolutions"
NUM_HEADS = 8
Least = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One size of the layer, and how many times faster than the baseline it should be.

    Attributes:
        channels: Channels C.
        side: Height and width in sites.
        batch: Batch size.
        num_steps: T.
        kernel_size: Side of the convolution; None for attention with GTA.
        forward: Least speedup by candidate, and least share of the limit under ``"limit"``.
        backward: The same for forward and backward together.
    """

    channels: int
    side: int
    batch: int
    num_steps: int = 8
    kernel_size: int | None = None
    forward: Least
    backward: Least

    @property
    def name(self) -> str:
        """What the row is called."""
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
    Case(
        channels=256,
        side=16,
        batch=16,
        forward={COMPILED: 4.5, EAGER: 3, "limit": 0.7},
        backward={COMPILED: 3.2, EAGER: 2, "limit": 0.65},
    ),
    Case(
        channels=128,
        side=8,
        batch=64,
        forward={COMPILED: 5, EAGER: 3.5},
        backward={COMPILED: 4, EAGER: 2.5},
    ),
    Case(
        channels=512,
        side=9,
        batch=32,
        num_steps=16,
        forward={COMPILED: 3},
        backward={COMPILED: 2.5},
    ),
    Case(
        channels=128,
        side=8,
        batch=64,
        kernel_size=5,
        forward={COMPILED: 1.5},
        backward={COMPILED: 1.2},
    ),
    Case(
        channels=128,
        side=16,
        batch=32,
        kernel_size=7,
        forward={COMPILED: 1},
        backward={COMPILED: 1},
    ),
)
QUICK = tuple(
    Case(channels=32, side=4, batch=2, num_steps=2, kernel_size=k, forward={}, backward={})
    for k in (None, 3)
)


def run(report: Report) -> None:
    """Measure all sizes."""
    for case in QUICK if report.options.quick else CASES:
        layers, x, c = build(case, report)
        forward = compare_forward(report, case, layers, x, c)
        backward = compare_backward(report, case, layers, x, c)
        for row, least in ((forward, case.forward), (backward, case.backward)):
            for name, wanted in least.items():
                if name in row.times:
                    report.expect(row, f"{name}: speedup", row.speedup(name), least=wanted)
                elif name == "limit" and COMPILED in row.times:
                    share = row.share_of_limit(COMPILED)
                    report.expect(row, f"{COMPILED}: share of the GEMM rate", share, least=wanted)
        if BARE in forward.times and COMPILED in forward.times:
            ratio = forward.ratio(COMPILED, BARE)
            report.expect(forward, f"{COMPILED}: times the bare convolutions", ratio, most=1.15)


def build(case: Case, report: Report) -> tuple[dict[str, Callable], Tensor, Tensor]:
    """Layers by candidate, all with the same weights, as functions of x and c; and x and c."""
    device = report.options.device
    plain = case.plain().to(device)
    ours = to_library(plain, grid=(case.side, case.side)).to(device)
    layers: dict[str, Callable] = {BASELINE: Last(plain), EAGER: ours}
    if report.options.compile:
        layers[COMPILED] = copy.deepcopy(ours)
        layers[COMPILED].compile()
    x, c = torch.randn(2, case.batch, case.channels, case.side, case.side, device=device)
    return layers, x, c


class Last(nn.Module):
    """The last state of a plain layer."""

    def __init__(self, plain: PlainKuramoto):
        super().__init__()
        self.plain = plain

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.plain(x, c)[0][-1]


def compare_forward(report: Report, case: Case, layers: dict, x: Tensor, c: Tensor) -> Row:
    """Time inference."""
    candidates = {name: torch.no_grad()(partial(layer, x, c)) for name, layer in layers.items()}
    flops = count_flops(candidates[BASELINE])
    if case.kernel_size is not None:
        candidates[BARE] = bare_convolutions(case, x)
    limit = gemm(report.options.device)
    return report.compare(f"{case.name}: forward", candidates, limit=limit, amount=flops)


def compare_backward(report: Report, case: Case, layers: dict, x: Tensor, c: Tensor) -> Row:
    """Time forward and backward, to the weights and to the stimulus."""
    stimulus, gradient = c.clone().requires_grad_(), torch.randn_like(c)

    def step(layer) -> None:
        layer.zero_grad(set_to_none=True)
        stimulus.grad = None
        layer(x, stimulus).backward(gradient)

    candidates = {name: partial(step, layer) for name, layer in layers.items()}
    flops = count_flops(candidates[BASELINE])
    limit = gemm(report.options.device)
    return report.compare(f"{case.name}: forward + backward", candidates, limit=limit, amount=flops)


def bare_convolutions(case: Case, x: Tensor) -> Callable[[], object]:
    """T convolutions and nothing else, in the layout that they are fastest in."""
    assert case.kernel_size is not None
    site_major = x.contiguous(memory_format=torch.channels_last)
    size = (case.channels, case.channels, case.kernel_size, case.kernel_size)
    weight = 0.01 * torch.randn(size, device=x.device)
    weight = weight.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def work() -> None:
        y = site_major
        for _ in range(case.num_steps):
            y = F.conv2d(y, weight, padding="same")

    return work


if __name__ == "__main__":
    main("layer", run)
