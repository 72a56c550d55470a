"""Answers of a network: one per board, or the winners of votes over many samples."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from examples.common.device import Precision, autocast
from examples.sudoku.rules import SIDE, SYMMETRY_DRAWS, Symmetry, solves
from kuramoto_nn import functional, inference, load_model, reference
from kuramoto_nn.models import AKOrNSudoku, SudokuModel


class Samples(NamedTuple):
    """Results of M runs of a network.

    Energies are in our convention and in the authors'; the last one is repeated after the updates
    that a run took. Networks without oscillators have none.
    """

    logits: Tensor  # (M, 9, 9, 9)
    num_steps: Tensor  # (M,), updates that each run took
    energies: Tensor | None = None  # (T + 1, M, 2)

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
    "total": _by_energy(inference.total_energy, 0),
    "last": _by_energy(inference.last_energy, 0),
    "authors-total": _by_energy(inference.total_energy, 1),
    "authors-last": _by_energy(inference.energy_before_last_update, 1),
    "confidence": lambda samples: -inference.confidence(samples.logits),
}
"""Rules of the vote: each maps M samples to one number each, and the lowest wins. It is the sum of
the energies of the states that an update was applied to, the energy of the last state, or minus the
mean probability of the most likely digits. The authors' energy counts pairs twice, and their last
state is the one before the last update (`kuramoto_nn.reference.energies`)."""
CONFIDENCE = {"confidence": RULES["confidence"]}  # for networks without oscillators
SYMMETRY_SEED = 2**32  # added to the noise seed, so that symmetries do not depend on the noise

Start = tuple[Tensor | None, Symmetry | None]
"""Noise of the oscillators and symmetries of some samples, if the network has any."""


def load_network(source: str | Path) -> SudokuModel:
    """Load a trained model in evaluation mode; ValueError if it is one of another task."""
    model = load_model(source)
    if not isinstance(model, SudokuModel):
        raise ValueError(f"{source} is not a model for Sudoku: got {type(model).__name__}")
    return model


def both_energies(x: Tensor, coupled: Tensor, stimulus: Tensor) -> Tensor:
    """Energies of one state in our convention and in the authors', ``(B, 2)``."""
    ours, theirs = functional.energy, reference.energy
    return torch.stack([ours(x, coupled, stimulus), theirs(x, coupled, stimulus)], -1)


def board_noise(model: SudokuModel, seed: int, device: torch.device) -> inference.Noise:
    """Noise of the oscillators; depends on the seed and the numbers of the board and the sample."""
    return inference.seeded_noise((model.config.channels, SIDE, SIDE), seed=seed, device=device)


def board_symmetries(seed: int, device: torch.device) -> Callable[[Tensor, Tensor], Symmetry]:
    """Random symmetries; the first sample of a board is the board itself."""
    count = sum(SYMMETRY_DRAWS)
    noise = inference.seeded_noise((count,), seed=seed + SYMMETRY_SEED, device=device)
    unchanged = torch.linspace(0.5, 1, count, device=device)

    def draw(boards: Tensor, samples: Tensor) -> Symmetry:
        draws = torch.special.ndtr(noise(boards, samples))
        return Symmetry.of(torch.where(samples[:, None] == 0, unchanged, draws))

    return draw


class Votes(NamedTuple):
    """Answers of the votes of K samples."""

    num_samples: int  # K
    answers: dict[str | None, Tensor]  # (B, 9, 9) by rule; under None if K = 1
    updates: float  # that a board took on average, over its samples
    seconds: float  # of the network so far


@dataclass(frozen=True)
class Solver:
    """A network in evaluation mode with the options that determine its answers.

    With ``checked`` a valid answer, which obeys the rules and keeps the givens, is final: its board
    takes no more updates and no more samples. Oscillators are checked every T updates of the
    network's own T; a sample whose answer did not change in them ends too.

    With ``symmetries`` the samples after the first also differ in a random symmetry of the board.
    Those of networks without oscillators always do.
    """

    model: SudokuModel
    num_steps: int | None = None  # T; the configured one if None
    noise_seed: int = 0
    batch_size: int = 100  # samples, of any boards, that run at once; changes no answer
    precision: Precision = "float32"
    checked: bool = False
    symmetries: bool = False

    def answers(self, puzzles: Tensor) -> Tensor:
        """Answer every puzzle ``(B, 9, 9)`` once, with the first sample of a vote."""
        return next(self.votes(puzzles, num_samples=[1])).answers[None]

    def votes(
        self,
        puzzles: Tensor,
        *,
        num_samples: Sequence[int],
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> Iterator[Votes]:
        """Answer puzzles ``(B, 9, 9)`` by votes of several sizes, in one pass over the largest.

        Yields the answers by every rule for every number K of samples, in rising order.
        ``progress`` is called after every batch: samples that have run, and all.
        """
        done = updates = 0
        seconds, total = 0.0, len(puzzles) * max(num_samples)
        has_energy = isinstance(self.model, AKOrNSudoku) and max(num_samples) > 1
        rules = RULES if has_energy else CONFIDENCE

        def run(puzzles: Tensor, start: Start) -> tuple:
            nonlocal done, updates, seconds
            began = time.monotonic()
            samples = self.run(puzzles, start, with_energies=has_energy)
            done, updates = done + len(puzzles), updates + int(samples.num_steps.sum())
            seconds += time.monotonic() - began
            progress(done, total)
            return samples.answers, samples

        for count, by_rule in inference.votes(
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

    def starts(self, device: torch.device) -> Callable[[Tensor, Tensor], Start]:
        """Noise and symmetries of samples, from the numbers of boards and samples."""
        is_random = isinstance(self.model, AKOrNSudoku)
        noise = board_noise(self.model, self.noise_seed, device)
        symmetry = board_symmetries(self.noise_seed, device)

        def draw(boards: Tensor, samples: Tensor) -> Start:
            changes = (self.symmetries or not is_random) and bool((samples > 0).any())
            return (
                noise(boards, samples) if is_random else None,
                symmetry(boards, samples) if changes else None,
            )

        return draw

    @torch.no_grad()
    def run(self, puzzles: Tensor, start: Start, *, with_energies: bool = True) -> Samples:
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
