"""Answers of a network: one per board, or the winners of votes over many noise samples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from examples.common.device import Precision, autocast
from examples.sudoku.rules import SIDE, solves
from kuramoto_nn import functional, reference
from kuramoto_nn.inference import Noise, energy_votes, last_energy, seeded_noise, total_energy
from kuramoto_nn.models import AKOrNSudoku, SudokuModel

RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "total": lambda energies: total_energy(energies[..., 0]),
    "last": lambda energies: last_energy(energies[..., 0]),
    "authors-total": lambda energies: total_energy(energies[..., 1]),
    "authors-last": lambda energies: energies[-2, :, 1],
}
"""Rules of the vote: each maps the energies ``(T + 1, M, 2)`` of M samples, see `both_energies`, to
one number ``(M,)``, and the lowest wins. It is the sum over the states that an update was applied
to, or the energy of the last state. The authors' energy counts pairs twice, and their last state is
the one before the last update (`kuramoto_nn.reference.energies`)."""

INVALID = 1e9
"""Added to the energy of answers that a checked vote must not choose; larger than any energy."""

Progress = Callable[[int, int], None]
"""Called with the number of samples that have run, and of all."""


def both_energies(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    """Energies of one state in our convention and in the authors', ``(B, 2)``."""
    ours, theirs = functional.energy, reference.energy
    return torch.stack([ours(x, coupled, stimulus), theirs(x, coupled, stimulus)], -1)


def board_noise(model: SudokuModel, seed: int, device: torch.device) -> Noise:
    """Noise of the oscillators; depends on the seed and the numbers of the board and the sample."""
    return seeded_noise((model.config.channels, SIDE, SIDE), seed=seed, device=device)


@dataclass(frozen=True)
class Solver:
    """A network in evaluation mode with the options that determine its answers.

    Attributes:
        model: The network.
        num_steps: T; the configured one if None.
        noise_seed: Seed of the noise.
        batch_size: Samples, of any boards, that run at once; the answers do not depend on it.
        precision: Precision of the forward pass.
    """

    model: SudokuModel
    num_steps: int | None = None
    noise_seed: int = 0
    batch_size: int = 100
    precision: Precision = "float32"

    @torch.no_grad()
    def answers(self, puzzles: Tensor, *, progress: Progress | None = None) -> Tensor:
        """Answer every puzzle ``(B, 9, 9)`` once, from the noise of a vote's first sample."""
        noise = board_noise(self.model, self.noise_seed, puzzles.device)
        answers = torch.empty_like(puzzles)
        for part in torch.arange(len(puzzles), device=puzzles.device).split(self.batch_size):
            start = noise(part, torch.zeros_like(part))
            with autocast(self.precision, puzzles.device):
                logits = self.model(puzzles[part], num_steps=self.num_steps, noise=start)
            answers[part] = logits.argmax(-1) + 1
            if progress is not None:
                progress(int(part[-1]) + 1, len(puzzles))
        return answers

    def votes(
        self,
        puzzles: Tensor,
        *,
        num_samples: Sequence[int],
        checked: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[tuple[int, dict[str | None, Tensor]]]:
        """Answer puzzles ``(B, 9, 9)`` by votes of several sizes, in one pass over the largest.

        Args:
            puzzles: Puzzles on the model's device.
            num_samples: Numbers K of samples.
            checked: Whether answers that break Sudoku's rules or change a given lose to all others.
            progress: Called after every batch.

        Yields:
            Every K in rising order, and the answers by every rule; a single sample has one answer,
            under None.
        """
        if tuple(num_samples) == (1,):
            yield 1, {None: self.answers(puzzles, progress=progress)}
            return
        model, done, total = self.model, 0, len(puzzles) * max(num_samples)
        assert isinstance(model, AKOrNSudoku), "only its samples have an energy"

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

        noise = board_noise(model, self.noise_seed, puzzles.device)
        scores, size = list(RULES.values()), self.batch_size
        for count, by_rule in energy_votes(
            run, puzzles, noise, num_samples=num_samples, scores=scores, batch_size=size
        ):
            answers = [vote.outputs for vote in by_rule]
            yield count, dict(zip(RULES, answers, strict=True)) if count > 1 else {None: answers[0]}
