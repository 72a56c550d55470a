"""Answers of a network: one per board, or the winners of votes over many noise samples."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from examples.common.device import Precision, autocast
from examples.sudoku.rules import solves
from kuramoto_nn import functional, reference
from kuramoto_nn.inference import Noise, energy_votes, last_energy, seeded_noise, total_energy
from kuramoto_nn.models import AKOrNSudoku, SudokuModel

Rule = Callable[[Tensor], Tensor]
"""From energies ``(T + 1, M, 2)``, see `both_energies`, to one number ``(M,)``; the least wins."""

RULES: dict[str, Rule] = {
    "total": lambda energies: total_energy(energies[..., 0]),
    "last": lambda energies: last_energy(energies[..., 0]),
    "authors-total": lambda energies: total_energy(energies[..., 1]),
    "authors-last": lambda energies: energies[-2, :, 1],
}
"""Rules of the vote: the least energy of the states that an update was applied to, summed, or of
the last state. The authors' energy counts pairs twice, and their last state is the one before the
last update (`kuramoto_nn.reference.energies`)."""


def votes_of(num_samples: int) -> list[str | None]:
    """Names of the votes that K samples hold: one of each rule; None for a single answer."""
    return [None] if num_samples == 1 else [*RULES]


INVALID = 1e9
"""Added to the energy of answers that a checked vote must not choose: more than any energy."""

Progress = Callable[[int, int], None]
"""Called with the number of samples that have run, and of all."""


def both_energies(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    """Energies of one state in our convention and in the authors', ``(B, 2)``."""
    ours, theirs = functional.energy, reference.energy
    return torch.stack([ours(x, coupled, stimulus), theirs(x, coupled, stimulus)], -1)


@dataclass(frozen=True)
class Solver:
    """A network with what decides its answers.

    The noise of a sample follows from the seed, the board's number and the sample's, whatever the
    batches are.

    Attributes:
        model: The network, in evaluation mode.
        num_steps: T; the configured one if None.
        noise_seed: Seed of the noise.
        batch_size: Samples, of any boards, that run at once.
        precision: Precision of the forward pass.
    """

    model: SudokuModel
    num_steps: int | None = None
    noise_seed: int = 0
    batch_size: int = 100
    precision: Precision = "float32"

    @torch.no_grad()
    def answers(
        self, puzzles: Tensor, *, first: int = 0, progress: Progress | None = None
    ) -> Tensor:
        """Answer every puzzle once, from the noise that a vote takes as its first sample.

        Args:
            puzzles: ``(B, 9, 9)``, on the model's device.
            first: Number of the first puzzle, if these are a part of more.
            progress: Called after every batch.

        Returns:
            Digits 1 to 9, ``(B, 9, 9)``.
        """
        noise, answers = self._noise(puzzles.device), []
        for part in torch.arange(len(puzzles), device=puzzles.device).split(self.batch_size):
            start = noise(first + part, torch.zeros_like(part))
            with autocast(self.precision, puzzles.device):
                logits = self.model(puzzles[part], num_steps=self.num_steps, noise=start)
            answers.append(logits.argmax(-1) + 1)
            if progress is not None:
                progress(sum(map(len, answers)), len(puzzles))
        return torch.cat(answers)

    def votes(
        self,
        puzzles: Tensor,
        *,
        num_samples: Sequence[int],
        rules: Mapping[str, Rule] = RULES,
        checked: bool = False,
        first: int = 0,
        progress: Progress | None = None,
    ) -> Iterator[tuple[int, dict[str | None, Tensor]]]:
        """Answer by votes of several sizes and rules, in one pass over the largest.

        Args:
            puzzles: ``(B, 9, 9)``, on the model's device.
            num_samples: Numbers of samples K.
            rules: The rules, by name.
            checked: Whether answers that break Sudoku's rules or change a given lose to all others.
            first: As in `answers`.
            progress: Likewise.

        Yields:
            Every K in rising order, and the answers ``(B, 9, 9)`` by every rule; a single sample
            has one answer, under None.

        Raises:
            ValueError: If K is not positive, or the model has no energy to vote by.
        """
        if tuple(num_samples) == (1,):
            yield 1, {None: self.answers(puzzles, first=first, progress=progress)}
            return
        model = self.model
        if not isinstance(model, AKOrNSudoku):
            raise ValueError(f"{type(model).__name__} has no energy to vote by: use one sample")
        done, total = 0, len(puzzles) * max(num_samples)
        noise = self._noise(puzzles.device)

        def run(puzzles: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal done
            with autocast(self.precision, puzzles.device):
                logits, energies = model.rollout(
                    puzzles, num_steps=self.num_steps, noise=start, energy=both_energies
                )
            answers = logits.argmax(-1) + 1
            if checked:
                energies = energies.double() + INVALID * ~solves(answers, puzzles)[:, None]
            done += len(puzzles)
            if progress is not None:
                progress(done, total)
            return answers, energies

        votes = energy_votes(
            run,
            puzzles,
            lambda puzzle, sample: noise(first + puzzle, sample),
            num_samples=num_samples,
            scores=list(rules.values()),
            batch_size=self.batch_size,
        )
        for count, by_rule in votes:
            answers = [vote.outputs for vote in by_rule]
            yield count, dict(zip(rules, answers, strict=True)) if count > 1 else {None: answers[0]}

    def _noise(self, device: torch.device) -> Noise:
        return seeded_noise((self.model.config.channels, 9, 9), seed=self.noise_seed, device=device)
