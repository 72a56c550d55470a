"""Times of several callables side by side, and the limits of the machine that bound them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median, quantiles

import torch
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

LEAST_SECONDS = 0.02
"""Shorter work is repeated within a round."""
LEAST_ROUNDS = 3
GEMM_SIDE = {"cpu": 2048, "cuda": 8192}
COPY_BYTES = {"cpu": 2**28, "cuda": 2**31}


@dataclass(frozen=True)
class Timing:
    """Seconds of one call.

    Attributes:
        median: Median over the rounds.
        low: First quartile.
        high: Third quartile.
        rounds: Number of rounds.
    """

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, samples: list[float]) -> "Timing":
        """Summarise the seconds of every round."""
        low, _, high = quantiles(samples, method="inclusive") if len(samples) > 1 else samples * 3
        return cls(median(samples), low, high, len(samples))


def measure(
    candidates: Mapping[str, Callable[[], object]],
    *,
    device: torch.device,
    rounds: int = 9,
    budget: float = 30.0,
) -> dict[str, Timing]:
    """Time callables in interleaved rounds, so that a change of the machine's speed affects all.

    Every callable runs twice before the first round (compilation, caches, allocator), or once if
    that took a tenth of the budget.

    Args:
        candidates: Callables by name.
        device: Device of the work; it is synchronised around every timing.
        rounds: Largest number of rounds.
        budget: Seconds after which no further round starts, once there are `LEAST_ROUNDS`.

    Returns:
        The timing of every candidate.
    """
    repeats = {}
    for name, work in candidates.items():
        seconds = _seconds(work, 1, device)
        if seconds < budget / 10:
            seconds = _seconds(work, 1, device)
        repeats[name] = max(1, ceil(LEAST_SECONDS / seconds))
    samples = {name: [] for name in candidates}
    names = list(candidates)
    started = time.perf_counter()
    for i in range(rounds):
        if i >= LEAST_ROUNDS and time.perf_counter() - started > budget:
            break
        names.append(names.pop(0))  # no candidate always follows the same one
        for name in names:
            samples[name].append(_seconds(candidates[name], repeats[name], device))
    return {name: Timing.of(values) for name, values in samples.items()}


def synchronize(device: torch.device) -> None:
    """Wait until all work of a device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    synchronize(device)
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    synchronize(device)
    return (time.perf_counter() - started) / repeats


@dataclass(frozen=True)
class Limit:
    """Work whose throughput is an upper bound for other work.

    Attributes:
        name: Name of the work.
        work: Callable that does it once.
        amount: Floating-point operations or bytes of one call.
        unit: Unit of `amount`.
    """

    name: str
    work: Callable[[], object]
    amount: float
    unit: str


def gemm(device: torch.device, dtype: torch.dtype = torch.float32) -> Limit:
    """A large square matrix product."""
    side = GEMM_SIDE[device.type]
    left, right = torch.randn(2, side, side, device=device).to(dtype)
    name = f"GEMM {side} {str(dtype).removeprefix('torch.')}"
    return Limit(name, lambda: left @ right, 2.0 * side**3, "FLOP")


def convolution_gemm() -> Limit:
    """A matrix product on the CPU as a 1x1 convolution, which another library (oneDNN) computes."""
    images = torch.randn(32, 512, 16, 16).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(512, 512, 1, 1)
    amount = 2.0 * images.numel() * len(weight)
    return Limit("1x1 convolution 512 float32", lambda: conv2d(images, weight), amount, "FLOP")


def copy(device: torch.device) -> Limit:
    """A copy of memory larger than all caches; bytes read and bytes written both count."""
    size = COPY_BYTES[device.type]
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return Limit("copy", lambda: target.copy_(source), 2.0 * size, "byte")


def count_flops(work: Callable[[], object]) -> int:
    """FLOPs of the matrix products and convolutions of one call; a multiply-add counts as two.

    ``work`` must not be compiled.
    """
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
