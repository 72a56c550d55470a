"""Solving within a budget: more samples of the noise and more steps, until the rules hold."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from examples.sudoku.rules import solves
from kuramoto_nn.inference import Noise, seeded_noise
from kuramoto_nn.models import AKOrNSudoku

MOST_STEPS, MOST_SAMPLES = 128, 64
"""Where doubling the steps, and quadrupling the samples, of a round ends."""


@dataclass(frozen=True)
class Attempt:
    """How a board was solved, or was not.

    Attributes:
        answer: ``(9, 9)``; None if nothing that was tried obeys the rules.
        steps: T of the answer, or of the last try.
        sample: Number of its sample of the noise, from 0.
        energy: Energy of its last state.
    """

    answer: Tensor | None = None
    steps: int = 0
    sample: int = -1
    energy: float = math.nan


def attempt(
    model: AKOrNSudoku, puzzles: Tensor, *, seconds: float, seed: int = 0, batch_size: int = 64
) -> list[Attempt]:
    """Try until every board is filled in by the rules, or its time is over.

    All boards start with one sample at the network's own T. Those that are unsolved then get twice
    the steps and four times the samples, and so on. Of a board's answers that obey the rules and
    keep the givens, the first in this order is taken: time decides whether there is one, but not
    which; neither do the other boards, as all of them start from the same samples.

    Args:
        model: The network.
        puzzles: ``(B, 9, 9)``, on the network's device.
        seconds: Time per board, which takes its share of that of a batch; something is tried even
            if it is too short.
        seed: Seed of the noise.
        batch_size: Samples, of any boards, at a time.

    Returns:
        What was found, board by board.
    """
    noise = seeded_noise((model.config.channels, 9, 9), seed=seed, device=puzzles.device)
    found = [Attempt() for _ in puzzles]
    left = [seconds] * len(puzzles)

    def is_open(board: int) -> bool:
        return found[board].answer is None and left[board] > 0

    for steps, samples in _rounds(model.config.num_steps):
        unsolved = [board for board in range(len(puzzles)) if is_open(board)]
        if not unsolved:
            break
        pairs = [(board, sample) for sample in samples for board in unsolved]
        for start in range(0, len(pairs), batch_size):
            part = [pair for pair in pairs[start : start + batch_size] if is_open(pair[0])]
            if not part:
                continue
            began = time.monotonic()
            _try(model, puzzles, noise, part, steps, found)
            spent = time.monotonic() - began
            for board, _ in part:
                left[board] -= spent / len(part)
    return found


@torch.no_grad()
def _try(
    model: AKOrNSudoku,
    puzzles: Tensor,
    noise: Noise,
    pairs: list[tuple[int, int]],
    steps: int,
    found: list[Attempt],
) -> None:
    """Run some samples and note the answers that obey the rules."""
    boards, samples = torch.tensor(pairs, device=puzzles.device).unbind(1)
    given = puzzles[boards]
    start = noise(torch.zeros_like(boards), samples)
    logits, energies = model.rollout(given, num_steps=steps, noise=start)
    answers = logits.argmax(-1) + 1
    good = solves(answers, given)
    columns = zip(pairs, answers, good.tolist(), energies[-1].tolist(), strict=True)
    for (board, sample), answer, is_good, energy in columns:
        if found[board].answer is None:
            found[board] = Attempt(answer if is_good else None, steps, sample, energy)


def _rounds(num_steps: int) -> Iterator[tuple[int, range]]:
    """T and the numbers of the samples of every round, without end."""
    first, samples = 0, 1
    while True:
        yield num_steps, range(first, first + samples)
        first += samples
        num_steps = max(num_steps, min(2 * num_steps, MOST_STEPS))
        samples = min(4 * samples, MOST_SAMPLES)
