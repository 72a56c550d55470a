"""How well puzzles were filled in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from examples.sudoku.data import Boards
from examples.sudoku.rules import solves
from kuramoto_nn.inference import energy_votes, seeded_noise
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku

WRONG = 1e9
"""Energy on top of that of an answer that a checked vote must not take: more than any has."""

Progress = Callable[[int, int], None]
"""Is told how many samples have run, and how many there are."""


def _silent(done: int, total: int) -> None:
    """No news."""


@dataclass(frozen=True, kw_only=True)
class BoardScores:
    """Share of what is right, in percent; means over boards.

    Attributes:
        boards: Number of boards.
        solved: Boards that are the solution.
        valid: Boards that obey the rules and keep the givens: the solution, if there is only one.
        blanks: Blank cells that are right.
    """

    boards: int
    solved: float
    valid: float
    blanks: float

    @classmethod
    def of(cls, answers: Tensor, boards: Boards) -> Self:
        """Compare answers with the solutions.

        Args:
            answers: ``(B, 9, 9)``, digits 1 to 9, on the boards' device.
            boards: The puzzles and their solutions.

        Returns:
            The scores.
        """
        right, blank = answers == boards.solutions, boards.puzzles == 0
        return cls(
            boards=len(boards),
            solved=_percent(right.flatten(1).all(1)),
            valid=_percent(solves(answers, boards.puzzles)),
            blanks=_percent(right[blank]),
        )


@torch.no_grad()
def single_answers(
    model: AKOrNSudoku | ItrSASudoku,
    puzzles: Tensor,
    *,
    num_steps: int | None = None,
    seed: int = 0,
    first: int = 0,
    batch_size: int = 100,
    progress: Progress = _silent,
) -> Tensor:
    """Fill puzzles in once each, from the noise that a vote takes as its first sample.

    Args:
        model: The network.
        puzzles: ``(B, 9, 9)``.
        num_steps: T; the configured one if None.
        seed: Seed of the noise.
        first: Number of the first puzzle, where these are a part: their noise is that of the whole.
        batch_size: Puzzles at a time.
        progress: Hears of every batch.

    Returns:
        Digits 1 to 9, ``(B, 9, 9)``.
    """
    noise = seeded_noise((model.config.channels, 9, 9), seed=seed, device=puzzles.device)
    answers = []
    for part in torch.arange(len(puzzles), device=puzzles.device).split(batch_size):
        start = noise(first + part, torch.zeros_like(part))
        logits = model(puzzles[part], num_steps=num_steps, noise=start)
        answers.append(logits.argmax(-1) + 1)
        progress(sum(map(len, answers)), len(puzzles))
    return torch.cat(answers)


def voted_answers(
    model: AKOrNSudoku | ItrSASudoku,
    puzzles: Tensor,
    *,
    num_samples: Sequence[int],
    rules: Sequence[Callable[[Tensor], Tensor]],
    num_steps: int,
    seed: int = 0,
    first: int = 0,
    batch_size: int = 100,
    checked: bool = False,
    progress: Progress = _silent,
) -> Iterator[tuple[int, list[Tensor]]]:
    """Fill puzzles in by energy votes of several sizes and rules, of one pass over the largest.

    Args:
        model: The network; one that is not random answers once.
        puzzles: ``(B, 9, 9)``.
        num_samples: Numbers of samples K.
        rules: What the winner has least of, from energies ``(T + 1, M)`` to ``(M,)``.
        num_steps: T.
        seed: As in `single_answers`.
        first: Likewise.
        batch_size: Samples, of any puzzles, at a time.
        checked: Whether answers that break the rules or change a given lose to all that do not.
        progress: Hears of every batch.

    Yields:
        Every K, and the answers ``(B, 9, 9)`` by every rule; of a single sample there is one.
    """
    if tuple(num_samples) == (1,) or not isinstance(model, AKOrNSudoku):
        single = single_answers(
            model,
            puzzles,
            num_steps=num_steps,
            seed=seed,
            first=first,
            batch_size=batch_size,
            progress=progress,
        )
        yield 1, [single]
        return
    noise = seeded_noise((model.config.channels, 9, 9), seed=seed, device=puzzles.device)

    done, total = 0, len(puzzles) * max(num_samples)

    def run(puzzles: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal done
        logits, energies = model.rollout(puzzles, num_steps=num_steps, noise=noise)
        answers = logits.argmax(-1) + 1
        if checked:
            energies = energies.double() + WRONG * ~solves(answers, puzzles)
        done += len(puzzles)
        progress(done, total)
        return answers, energies

    votes = energy_votes(
        run,
        puzzles,
        lambda puzzle, sample: noise(first + puzzle, sample),
        num_samples=num_samples,
        scores=rules,
        batch_size=batch_size,
    )
    for samples, by_rule in votes:
        answers = [vote.outputs for vote in by_rule]
        yield samples, answers if samples > 1 else answers[:1]


def _percent(flags: Tensor) -> float:
    return 100 * flags.double().mean().item() if flags.numel() else 100.0
