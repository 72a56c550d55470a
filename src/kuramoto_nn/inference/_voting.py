"""Votes: run every input several times, and keep the output of the best score."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer

Noise = Callable[[Tensor, Tensor], Tensor]
"""Maps indices of inputs and numbers of their samples, ``(M,)`` each, to noise ``(M, *)``."""
Run = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps inputs ``(M, *)`` and noise to outputs ``(M, *)`` and energies ``(T + 1, M, ...)``."""
Score = Callable[[Tensor], Tensor]
"""Maps the energies ``(T + 1, M, ...)`` of samples to one number each, ``(M,)``."""

NOBODY = -1


class Vote(NamedTuple):
    """The winning sample of every input.

    Attributes:
        outputs: Outputs of the model, ``(B, *)``.
        scores: Scores, ``(B,)``.
        samples: Numbers of the samples from 0, ``(B,)``; of equal scores the first wins.
    """

    outputs: Tensor
    scores: Tensor
    samples: Tensor


def confidence(logits: Tensor) -> Tensor:
    r"""Mean over the sites of the largest class probability, ``(M, *S, classes)`` to ``(M,)``.

    $$\frac{1}{|S|} \sum_i \max_k \mathrm{softmax}(z_i)_k$$

    As a score of `votes`, in which the lowest wins: ``lambda logits, _: -confidence(logits)``.

    Examples:
        >>> confidence(torch.tensor([[[0.0, 0.0], [9.0, -9.0]]])).tolist()
        [0.75]
    """
    return logits.softmax(-1).amax(-1, keepdim=True).flatten(1).mean(1)


def total_energy(energies: Tensor) -> Tensor:
    """Sum of the energies before each update, ``(T + 1, M)`` to ``(M,)``.

    In the authors' convention (see `energy_vote`) this is their vote energy.
    """
    return energies[:-1].sum(0)


def last_energy(energies: Tensor) -> Tensor:
    """Energy of the last state, ``(T + 1, M)`` to ``(M,)``."""
    return energies[-1]


def energy_before_last_update(energies: Tensor) -> Tensor:
    """Energy of the state before the last update, ``(T + 1, M)`` with T > 0 to ``(M,)``.

    In the authors' convention (see `energy_vote`) this is their variant "last".
    """
    return energies[-2]


def seeded_noise(shape: Sequence[int], *, seed: int, device: torch.device | str = "cpu") -> Noise:
    """Standard normal noise that depends only on the seed, the input and the sample.

    The noise of a sample is the same however inputs and samples are batched.

    Args:
        shape: Shape of one sample's noise, such as ``(C, 9, 9)``.
        seed: An integer of at least 0.
        device: Where the noise is drawn. A CPU and a GPU draw different numbers.

    Returns:
        A function from the indices of inputs and the numbers of their samples, ``(M,)`` each, to
        their noise ``(M, *shape)``.

    Raises:
        ValueError: If the seed is not an integer of at least 0.

    Examples:
        >>> noise = seeded_noise((4, 9, 9), seed=0)
        >>> both = noise(torch.tensor([0, 7]), torch.tensor([0, 3]))
        >>> torch.equal(both[1:], noise(torch.tensor([7]), torch.tensor([3])))
        True
    """
    seed = as_integer("seed", seed, least=0)
    generator = torch.Generator(device)

    def draw(inputs: Tensor, samples: Tensor) -> Tensor:
        noise = torch.empty(len(inputs), *shape, device=device)
        for own, i, k in zip(noise, inputs.tolist(), samples.tolist(), strict=True):
            own.normal_(generator=generator.manual_seed(_mixed(seed, i, k)))
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
    """Run every input from K starting noises and keep the answer with the lowest score.

    Energies are those of `KuramotoLayer` by default. The authors' code votes by their convention,
    ``-sum_i x_i . ((J x)_i + c_i)`` without the 1/2: run
    ``solver.rollout(puzzles, noise=noise, energy=kuramoto_nn.reference.energy)`` with the score
    `total_energy`, or `energy_before_last_update` for their variant "last".

    Args:
        run: The model, such as ``lambda puzzles, noise: solver.rollout(puzzles, noise=noise)``.
        inputs: ``(B, *)``.
        noise: Start of the samples: `seeded_noise`, or a table ``lambda b, k: table[b, k]``.
        num_samples: K.
        score: Maps the energies of a sample to one number; the sample with the lowest wins.
        batch_size: Samples, of any inputs, that run at once. Memory grows with it, not with K.

    Returns:
        The winners.

    Raises:
        ValueError: If K or the batch size is not a positive integer, there is no input, or the
            score does not return one number per sample.

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
    rounds = energy_votes(
        run, inputs, noise, num_samples=[num_samples], scores=[score], batch_size=batch_size
    )
    _, (vote,) = next(rounds)
    return vote


def energy_votes(
    run: Run,
    inputs: Tensor,
    noise: Noise,
    *,
    num_samples: Sequence[int],
    scores: Sequence[Score],
    batch_size: int = 128,
) -> Iterator[tuple[int, list[Vote]]]:
    """Vote with several numbers of samples and several scores; every sample runs once.

    `votes` by scores that see the energies alone. ``run`` may return several energies per state,
    ``(T + 1, M, ...)``, of which a score picks one: ``lambda e: total_energy(e[..., 1])``.
    """
    of_both = [lambda _, energies, score=score: score(energies) for score in scores]
    return votes(run, inputs, noise, num_samples=num_samples, scores=of_both, batch_size=batch_size)


@torch.no_grad()
def votes(
    run: Callable[[Tensor, Any], tuple[Tensor, Any]],
    inputs: Tensor,
    noise: Callable[[Tensor, Tensor], Any],
    *,
    num_samples: Sequence[int],
    scores: Sequence[Callable[[Tensor, Any], Tensor]],
    batch_size: int = 128,
    is_final: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Iterator[tuple[int, list[Vote]]]:
    """Vote with several numbers of samples and several scores; every sample runs once.

    The scores see the outputs and whatever ``run`` returns beside them, so that models without an
    energy can vote too, for example by their `confidence`. What makes their samples differ is
    ``noise``: a noisy start, or a symmetry of the input that ``run`` applies and undoes.

    Args:
        run: The model: maps inputs and their noise to outputs ``(M, *)`` and the energies, or
            anything else that the scores need.
        inputs: ``(B, *)``.
        noise: Maps the indices of inputs and the numbers of their samples, ``(M,)`` each, to what
            ``run`` takes, such as `seeded_noise`.
        num_samples: Numbers of samples K.
        scores: Each maps the two results of ``run`` to one number per sample, ``(M,)``. There is a
            vote for each; the sample with the lowest score wins.
        batch_size: Samples, of any inputs, that run at once. Memory grows with it, not with K.
        is_final: Maps inputs ``(M, *)`` and outputs to booleans ``(M,)``. The first final output of
            an input wins every vote, with the score ``-inf``, and its input takes no more samples.

    Yields:
        Every K in ascending order, with the vote of the first K samples by each score. It does not
        depend on the batch size.

    Raises:
        ValueError: If a K or the batch size is not a positive integer, there is no K or no input,
            or a score does not return one number per sample.

    Examples:
        >>> logits = torch.tensor([[0.0, 1.0], [3.0, 0.0]])  # of two samples
        >>> _, (vote,) = next(
        ...     votes(
        ...         lambda inputs, samples: (logits[samples, None], None),
        ...         torch.zeros(1),
        ...         lambda inputs, samples: samples,
        ...         num_samples=[2],
        ...         scores=[lambda logits, _: -confidence(logits)],
        ...     )
        ... )
        >>> vote.samples.tolist()
        [1]
    """
    sizes = sorted({as_integer("num_samples", size, least=1) for size in num_samples})
    batch_size = as_integer("batch_size", batch_size, least=1)
    if not sizes:
        raise ValueError("`num_samples` must hold at least one number: got none")
    if len(inputs) == 0:
        raise ValueError(f"`inputs` must not be empty: got shape {tuple(inputs.shape)}")
    best: list[Vote | None] = [None] * len(scores)
    count, done = len(inputs), 0
    is_open = torch.ones(count, dtype=torch.bool, device=inputs.device)
    for size in sizes:
        for pairs in _batches(done * count, size * count, is_open, batch_size):
            sample, index = pairs // count, pairs % count
            outputs, seen = run(inputs[index], noise(index, sample))
            final = None if is_final is None else is_final(inputs[index], outputs)
            for number, score in enumerate(scores):
                found = _checked(score(outputs, seen), index)
                found = found if final is None else found.masked_fill(final, -torch.inf)
                best[number] = _take_in(best[number], Vote(outputs, found, sample), index, count)
            if final is not None:
                is_open[index[final]] = False
        done = size
        yield size, [Vote(*(part.clone() for part in vote)) for vote in best if vote is not None]


def _batches(first: int, last: int, is_open: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Numbers ``sample * B + input`` in ascending order, of inputs that are open at that time.

    Sample after sample of all inputs, so that every input has K samples at the end.
    """
    waiting = torch.arange(0, device=is_open.device)
    for start in range(first, last, batch_size):
        end = min(start + batch_size, last)
        waiting = torch.cat([waiting, torch.arange(start, end, device=is_open.device)])
        waiting = waiting[is_open[waiting % len(is_open)]]
        if len(waiting) >= batch_size:
            yield waiting[:batch_size]
            waiting = waiting[batch_size:]
    waiting = waiting[is_open[waiting % len(is_open)]]
    if len(waiting):
        yield waiting


def _checked(scores: Tensor, index: Tensor) -> Tensor:
    if scores.shape != index.shape:
        raise ValueError(
            f"a score must return one number per sample: got shape {tuple(scores.shape)}"
            f", expected {tuple(index.shape)}; try one that picks an energy, as "
            "total_energy(energies[..., 0])"
        )
    return scores.to(torch.promote_types(scores.dtype, torch.float32))  # numbers of errors, too


def _take_in(best: Vote | None, candidates: Vote, index: Tensor, count: int) -> Vote:
    """Update the best samples in place by more candidates; several may be of one input."""
    outputs, scores, samples = candidates
    scores = scores.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    if best is None:
        best = Vote(
            outputs.new_zeros(count, *outputs.shape[1:]),
            scores.new_full((count,), torch.inf),
            samples.new_full((count,), NOBODY),
        )
    least = best.scores.scatter_reduce(0, index, scores, "amin")
    improves = (scores < best.scores[index]) | (best.samples[index] == NOBODY)
    # Of equal scores the first wins: candidates come in the order of their samples.
    position = torch.arange(len(index), device=index.device)
    position = position.masked_fill(~(improves & (scores == least[index])), len(index))
    first = torch.full_like(best.samples, len(index)).scatter_reduce(0, index, position, "amin")
    (won,) = (first < len(index)).nonzero(as_tuple=True)
    for kept, candidate in zip(best, (outputs, scores, samples), strict=True):
        kept[won] = candidate[first[won]]
    return best


def _mixed(*numbers: int) -> int:
    """Combine several numbers into a seed of 63 bits."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))
