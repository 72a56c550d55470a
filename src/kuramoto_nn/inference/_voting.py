"""The energy vote: many starts of the same input, and the answer with the least energy wins."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

Noise = Callable[[Tensor, Tensor], Tensor]
"""From the numbers of inputs and of their samples, ``(M,)`` each, to noise ``(M, *)``."""

Run = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From inputs ``(M, *)`` and noise to outputs ``(M, *)`` and energies ``(T + 1, M)``."""

Score = Callable[[Tensor], Tensor]
"""From energies ``(T + 1, M)`` to what the winner has least of, ``(M,)``."""

NOBODY = -1


class Vote(NamedTuple):
    """What won, for every input.

    Attributes:
        outputs: Answer of the winning sample, ``(B, *)``.
        scores: Its score, ``(B,)``.
        samples: Its number, ``(B,)``, from 0; of equal samples the first.
    """

    outputs: Tensor
    scores: Tensor
    samples: Tensor


def total_energy(energies: Tensor) -> Tensor:
    """Energy summed over the states that a step was taken from, ``(T + 1, M)`` to ``(M,)``."""
    return energies[:-1].sum(0)


def last_energy(energies: Tensor) -> Tensor:
    """Energy of the last state, ``(T + 1, M)`` to ``(M,)``."""
    return energies[-1]


def seeded_noise(shape: Sequence[int], *, seed: int, device: torch.device | str = "cpu") -> Noise:
    """Standard normal noise that depends on nothing but the seed and whose it is.

    However inputs and samples are batched, the same sample of the same input starts alike.

    Args:
        shape: Shape of one sample's noise, such as ``(C, 9, 9)``.
        seed: An integer in 0..2^63 - 1.
        device: Where it is drawn. CPU and GPU draw other numbers.

    Returns:
        The noise of given inputs and samples, ``(M, *shape)``.

    Examples:
        >>> noise = seeded_noise((4, 9, 9), seed=0)
        >>> both = noise(torch.tensor([0, 7]), torch.tensor([0, 3]))
        >>> torch.equal(both[1:], noise(torch.tensor([7]), torch.tensor([3])))
        True
    """
    generator = torch.Generator(device)

    def draw(inputs: Tensor, samples: Tensor) -> Tensor:
        noise = torch.empty(len(inputs), *shape, device=device)
        for row, pair in zip(
            noise, zip(inputs.tolist(), samples.tolist(), strict=True), strict=True
        ):
            row.normal_(generator=generator.manual_seed(_mixed(seed, *pair)))
        return noise

    return draw


def energy_vote(
    run: Run,
    inputs: Tensor,
    noise: Noise,
    *,
    num_samples: int,
    score: Score = total_energy,
    batch_size: int = 128,
) -> Vote:
    """Run every input from K starts and keep the answer with the least score.

    Args:
        run: The model, such as ``lambda puzzles, noise: solver.rollout(puzzles, noise=noise)``.
        inputs: ``(B, *)``.
        noise: Where the samples start: `seeded_noise`, or a table ``lambda b, k: table[b, k]``.
        num_samples: K.
        score: What the winner has least of.
        batch_size: Samples, of any inputs, that run at once: memory grows with it, not with K.

    Returns:
        The winners.

    Raises:
        ValueError: If K or the batch size is not positive, or there is no input.

    Reference:
        Miyato et al., *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025).

    Examples:
        >>> table = torch.tensor([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]])  # (B, K)
        >>> energy_vote(
        ...     lambda x, start: (10 * x + start, start.expand(3, -1)),
        ...     torch.tensor([1, 2]),
        ...     lambda inputs, samples: table[inputs, samples],
        ...     num_samples=3,
        ... ).outputs
        tensor([11., 24.])
    """
    votes = energy_votes(
        run, inputs, noise, num_samples=[num_samples], scores=[score], batch_size=batch_size
    )
    return next(votes)[1][0]


@torch.no_grad()
def energy_votes(
    run: Run,
    inputs: Tensor,
    noise: Noise,
    *,
    num_samples: Sequence[int],
    scores: Sequence[Score],
    batch_size: int = 128,
) -> Iterator[tuple[int, list[Vote]]]:
    """Votes of several sizes by several scores, of one pass over the largest.

    Args:
        run: As in `energy_vote`; every sample runs once.
        inputs: Likewise.
        noise: Likewise.
        num_samples: Numbers of samples K.
        scores: Scores, each of which holds a vote of its own.
        batch_size: As in `energy_vote`.

    Yields:
        Every K, in rising order, and the vote of the first K samples for each score.

    Raises:
        ValueError: If a K or the batch size is not positive, or there is no input.
    """
    sizes = sorted(set(num_samples))
    if not sizes or sizes[0] < 1:
        raise ValueError(f"`num_samples` must be at least 1: got {list(num_samples)}")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1: got {batch_size}")
    if len(inputs) == 0:
        raise ValueError(f"`inputs` must hold at least one: got shape {tuple(inputs.shape)}")
    best: list[Vote | None] = [None] * len(scores)
    count, done = len(inputs), 0
    for size in sizes:
        # Sample after sample of all inputs, so that all of them have had K once the batch ends.
        for start in range(done, size * count, batch_size):
            end = min(start + batch_size, size * count)
            pairs = torch.arange(start, end, device=inputs.device)
            sample, row = pairs // count, pairs % count
            outputs, energies = run(inputs[row], noise(row, sample))
            for number, score in enumerate(scores):
                candidates = Vote(outputs, score(energies), sample)
                best[number] = _take_in(best[number], candidates, row, count)
        done = size * count
        yield size, [Vote(*(part.clone() for part in vote)) for vote in best if vote is not None]


def _take_in(best: Vote | None, candidates: Vote, row: Tensor, count: int) -> Vote:
    """The best so far, in place, after more candidates, of which several may be of one input."""
    outputs, scores, samples = candidates
    scores = scores.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    if best is None:
        best = Vote(
            outputs.new_zeros(count, *outputs.shape[1:]),
            scores.new_full((count,), torch.inf),
            samples.new_full((count,), NOBODY),
        )
    least = best.scores.scatter_reduce(0, row, scores, "amin")
    improves = (scores < best.scores[row]) | (best.samples[row] == NOBODY)
    # Of equal ones the first: candidates come in the order of their samples.
    position = torch.arange(len(row), device=row.device)
    position = position.masked_fill(~(improves & (scores == least[row])), len(row))
    first = torch.full_like(best.samples, len(row)).scatter_reduce(0, row, position, "amin")
    (won,) = (first < len(row)).nonzero(as_tuple=True)
    for kept, candidate in zip(best, (outputs, scores, samples), strict=True):
        kept[won] = candidate[first[won]]
    return best


def _mixed(*numbers: int) -> int:
    """One seed of 63 bits from several numbers."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))
