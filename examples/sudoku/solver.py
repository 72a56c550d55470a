"""Answers of a network: one per board, or the winners of votes over many samples."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from examples.common.device import Precision, autocast
from examples.sudoku.rules import SIDE, SYMMETRY_DRAWS, Symmetry, solves
from kuramoto_nn import functional, reference
from kuramoto_nn.inference import (
    Noise,
    confidence,
    energy_before_last_update,
    last_energy,
    seeded_noise,
    total_energy,
    votes,
)
from kuramoto_nn.models import AKOrNSudoku, SudokuModel


class Samples(NamedTuple):
    """Results of M runs of a network.

    Attributes:
        logits: ``(M, 9, 9, 9)``.
        num_steps: Updates that each run took, ``(M,)``.
        energies: In our convention and in the authors', ``(T + 1, M, 2)``; the last one is repeated
            after the updates that a run took. None for networks without oscillators.
    """

    logits: Tensor
    num_steps: Tensor
    energies: Tensor | None = None

    @property
    def answers(self) -> Tensor:
        """Most likely digits, ``(M, 9, 9)``."""
        return self.logits.argmax(-1) + 1


def _by_energy(score: Callable[[Tensor], Tensor], convention: int) -> Callable[[Samples], Tensor]:
    def rule(samples: Samples) -> Tensor:
        assert samples.energies is not None
        return score(samples.energies[..., convention])

    return rule


RULES: dict[str, Callable[[Samples], Tensor]] = {
    "total": _by_energy(total_energy, 0),
    "last": _by_energy(last_energy, 0),
    "authors-total": _by_energy(total_energy, 1),
    "authors-last": _by_energy(energy_before_last_update, 1),
    "confidence": lambda samples: -confidence(samples.logits),
}
"""Rules of the vote: each maps M samples to one number each, and the lowest wins. It is the sum of
the energies of the states that an update was applied to, the energy of the last state, or minus the
mean probability of the most likely digits. The authors' energy counts pairs twice, and their last
state is the one before the last update (`kuramoto_nn.reference.energies`)."""
CONFIDENCE = {"confidence": RULES["confidence"]}
"""The rules for networks without oscillators."""

Progress = Callable[[int, int], None]
"""Called with the number of samples that have run, and of all."""
SYMMETRY_SEED = 2**32
"""Added to the noise seed for the symmetries, so that they do not depend on the noise."""


def both_energies(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    """Energies of one state in our convention and in the authors', ``(B, 2)``."""
    ours, theirs = functional.energy, reference.energy
    return torch.stack([ours(x, coupled, stimulus), theirs(x, coupled, stimulus)], -1)


def board_noise(model: SudokuModel, seed: int, device: torch.device) -> Noise:
    """Noise of the oscillators; depends on the seed and the numbers of the board and the sample."""
    return seeded_noise((model.config.channels, SIDE, SIDE), seed=seed, device=device)


def board_symmetries(seed: int, device: torch.device) -> Callable[[Tensor, Tensor], Symmetry]:
    """Random symmetries; the first sample of a board is the board itself."""
    noise = seeded_noise((sum(SYMMETRY_DRAWS),), seed=seed + SYMMETRY_SEED, device=device)
    unchanged = torch.linspace(0.5, 1, sum(SYMMETRY_DRAWS), device=device)

    def draw(boards: Tensor, samples: Tensor) -> Symmetry:
        draws = torch.special.ndtr(noise(boards, samples))
        return Symmetry.of(torch.where(samples[:, None] == 0, unchanged, draws))

    return draw


class Votes(NamedTuple):
    """Answers of the votes of K samples.

    Attributes:
        num_samples: K.
        answers: Answers ``(B, 9, 9)`` by rule; under None if K = 1.
        updates: Updates that a board took on average, over its samples.
        seconds: Time of the network so far.
    """

    num_samples: int
    answers: dict[str | None, Tensor]
    updates: float
    seconds: float


@dataclass(frozen=True)
class Solver:
    """A network in evaluation mode with the options that determine its answers.

    Attributes:
        model: The network.
        num_steps: T; the configured one if None.
        noise_seed: Seed of the noise.
        batch_size: Samples, of any boards, that run at once; the answers do not depend on it.
        precision: Precision of the forward pass.
        checked: Whether a valid answer, which obeys the rules and keeps the givens, is final: its
            board takes no more updates and no more samples. Oscillators are checked every T
            updates of the network's own T; a sample whose answer did not change in them ends too.
        symmetries: Whether the samples after the first also differ in a random symmetry of the
            board. Those of networks without oscillators always do.
    """

    model: SudokuModel
    num_steps: int | None = None
    noise_seed: int = 0
    batch_size: int = 100
    precision: Precision = "float32"
    checked: bool = False
    symmetries: bool = False

    def answers(self, puzzles: Tensor) -> Tensor:
        """Answer every puzzle ``(B, 9, 9)`` once, with the first sample of a vote."""
        return next(self.votes(puzzles, num_samples=[1])).answers[None]

    def votes(
        self, puzzles: Tensor, *, num_samples: Sequence[int], progress: Progress | None = None
    ) -> Iterator[Votes]:
        """Answer puzzles ``(B, 9, 9)`` by votes of several sizes, in one pass over the largest.

        Args:
            puzzles: Puzzles on the model's device.
            num_samples: Numbers K of samples.
            progress: Called after every batch.

        Yields:
            Every K in rising order, with the answers by every rule.
        """
        done = updates = 0
        seconds, total = 0.0, len(puzzles) * max(num_samples)
        has_energy = isinstance(self.model, AKOrNSudoku) and max(num_samples) > 1
        rules = RULES if has_energy else CONFIDENCE

        def run(puzzles: Tensor, start: tuple[Tensor | None, Symmetry | None]) -> tuple:
            nonlocal done, updates, seconds
            began = time.monotonic()
            samples = self.run(puzzles, start, with_energies=has_energy)
            done, updates = done + len(puzzles), updates + int(samples.num_steps.sum())
            seconds += time.monotonic() - began
            if progress is not None:
                progress(done, total)
            return samples.answers, samples

        for count, by_rule in votes(
            run,
            puzzles,
            self.starts(puzzles.device),
            num_samples=num_samples,
            scores=[lambda _, samples, rule=rule: rule(samples) for rule in rules.values()],
            batch_size=self.batch_size,
            is_final=(lambda puzzles, answers: solves(answers, puzzles)) if self.checked else None,
        ):
            names = rules if count > 1 else [None]
            answers = {name: vote.outputs for name, vote in zip(names, by_rule, strict=False)}
            yield Votes(count, answers, updates / len(puzzles), seconds)

    def starts(
        self, device: torch.device
    ) -> Callable[[Tensor, Tensor], tuple[Tensor | None, Symmetry | None]]:
        """Noise and symmetries of samples, from the numbers of boards and samples."""
        is_random = isinstance(self.model, AKOrNSudoku)
        noise = board_noise(self.model, self.noise_seed, device)
        symmetry = board_symmetries(self.noise_seed, device)

        def draw(boards: Tensor, samples: Tensor) -> tuple[Tensor | None, Symmetry | None]:
            changes = (self.symmetries or not is_random) and bool((samples > 0).any())
            return (
                noise(boards, samples) if is_random else None,
                symmetry(boards, samples) if changes else None,
            )

        return draw

    @torch.no_grad()
    def run(
        self,
        puzzles: Tensor,
        start: tuple[Tensor | None, Symmetry | None],
        *,
        with_energies: bool = True,
    ) -> Samples:
        """Run puzzles ``(M, 9, 9)`` from noise, with a symmetry that is undone in the logits."""
        noise, symmetry = start
        given = puzzles if symmetry is None else symmetry(puzzles)
        with autocast(self.precision, puzzles.device):
            if isinstance(self.model, AKOrNSudoku):
                samples = self._oscillate(self.model, given, noise, with_energies)
            else:
                steps = self.num_steps or self.model.config.num_steps
                taken = torch.full((len(given),), steps, device=given.device)
                samples = Samples(self.model(given, num_steps=steps), taken)
        if symmetry is None:
            return samples
        return samples._replace(logits=symmetry.undo(samples.logits))

    def _oscillate(
        self, model: AKOrNSudoku, puzzles: Tensor, noise: Tensor | None, with_energies: bool
    ) -> Samples:
        """Logits after T updates, or after fewer where an answer is final."""
        steps, count = self.num_steps or model.layer.num_steps, len(puzzles)
        every = model.layer.num_steps if self.checked else steps
        x, c = model.start(puzzles, num_steps=self.num_steps, noise=noise)
        logits, taken = x.new_zeros(*puzzles.shape, SIDE), puzzles.new_zeros(count)
        energies = x.new_zeros(steps + 1, count, 2) if with_energies else None
        going = torch.arange(count, device=x.device)
        for done in range(0, steps, every):
            end = min(done + every, steps)
            if energies is None:
                x = model.layer(x, c, num_steps=end - done)
            else:
                x, found = model.layer.rollout(x, c, num_steps=end - done, energy=both_energies)
                energies[done : end + 1, going], energies[end + 1 :, going] = found, found[-1]
            before = logits[going].argmax(-1)
            logits[going], taken[going] = model.read(x).to(x.dtype), end
            if self.checked:
                digits = logits[going].argmax(-1)
                changed = (digits != before).flatten(1).any(1) | (done == 0)
                is_open = changed & ~solves(digits + 1, puzzles[going])
                x, c, going = x[is_open], c[is_open], going[is_open]
                if len(going) == 0:
                    break
        return Samples(logits, taken, energies)
