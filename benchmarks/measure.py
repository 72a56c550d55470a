"""Run several callables side by side and time them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median, quantiles

import torch

LEAST_SECONDS = 0.02
"""Work that is shorter is repeated within a round."""
LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Timing:
    """Seconds of one call.

    Attributes:
        median: Median over the rounds.
        low: First quartile.
        high: Third quartile.
        rounds: How many.
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
    """Time callables in interleaved rounds, so that a change of the machine's pace hits all alike.

    Every callable runs twice before the first round (compilation, caches, allocator), or once if
    that took a tenth of the budget.

    Args:
        candidates: Callables by name.
        device: Where they compute; its queue is drained around every timing.
        rounds: Rounds at the most.
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
        names.append(names.pop(0))  # nobody always follows the same one
        for name in names:
            samples[name].append(_seconds(candidates[name], repeats[name], device))
    return {name: Timing.of(values) for name, values in samples.items()}


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    synchronize(device)
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    synchronize(device)
    return (time.perf_counter() - started) / repeats
