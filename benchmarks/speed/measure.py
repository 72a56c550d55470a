"""Times of several callables in one process, and of work whose speed limits theirs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median, quantiles
from typing import Any, NamedTuple

import torch
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.tables import name_machine

Work = Callable[[], object]
LEAST_SECONDS = 0.02
"""Shorter work is repeated within a round."""
LEAST_ROUNDS = 3
GEMM_SIDE = {"cpu": 2048, "cuda": 8192}


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: median and quartiles over the rounds."""

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
    candidates: Mapping[str, Work], *, device: torch.device, rounds: int = 9, budget: float = 30.0
) -> dict[str, Timing]:
    """Time callables in interleaved rounds, so that a change of the machine's speed affects all.

    Every callable runs twice before the first round (compilation, caches, allocator), or once if
    that took a tenth of the budget. No further round starts after ``budget`` seconds, once there
    are `LEAST_ROUNDS`.
    """
    repeats = {}
    for name, work in candidates.items():
        once = seconds(work, device=device)
        if once < budget / 10:
            once = seconds(work, device=device)
        repeats[name] = max(1, ceil(LEAST_SECONDS / once))
    samples = {name: [] for name in candidates}
    names = list(candidates)
    started = time.perf_counter()
    for i in range(rounds):
        if i >= LEAST_ROUNDS and time.perf_counter() - started > budget:
            break
        names.append(names.pop(0))  # no candidate always follows the same one
        for name in names:
            samples[name].append(seconds(candidates[name], repeats[name], device=device))
    return {name: Timing.of(values) for name, values in samples.items()}


def seconds(work: Work, repeats: int = 1, *, device: torch.device) -> float:
    """Measure the mean seconds of a call; a GPU is synchronised before and after."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    wait()
    return (time.perf_counter() - started) / repeats


class Limit(NamedTuple):
    """Work whose rate limits that of other work; ``flops`` are those of one call."""

    name: str
    work: Work
    flops: float


def gemm(device: torch.device, dtype: torch.dtype = torch.float32) -> Limit:
    """Prepare a large square matrix product."""
    side = GEMM_SIDE[device.type]
    left, right = torch.randn(2, side, side, device=device).to(dtype)
    name = f"GEMM {side} {str(dtype).removeprefix('torch.')}"
    return Limit(name, lambda: left @ right, 2.0 * side**3)


def convolution_gemm() -> Limit:
    """Prepare a matrix product as a 1x1 convolution, which oneDNN computes on a CPU."""
    images = torch.randn(32, 512, 16, 16).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(512, 512, 1, 1)
    flops = 2.0 * images.numel() * len(weight)
    return Limit("1x1 convolution 512 float32", lambda: conv2d(images, weight), flops)


def count_flops(work: Work) -> int:
    """Count the FLOPs of matrix products and convolutions in eager work; a multiply-add is two."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return the facts of `name_machine`, and measured rates."""
    limits = [gemm(device), gemm(device, torch.bfloat16)]
    if device.type == "cpu":
        limits.append(convolution_gemm())
    times = measure({limit.name: limit.work for limit in limits}, device=device, rounds=5)
    return name_machine(device) | {
        f"{limit.name} [GFLOP/s]": limit.flops / times[limit.name].median / 1e9 for limit in limits
    }
