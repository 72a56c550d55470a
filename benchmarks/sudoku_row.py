"""Sudoku rows of `reproduce`: boards solved, of the training's kind and harder ones (OOD)."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.rows import Settings, train_until, trained_seconds
from examples.object_discovery.evaluation_identity import fingerprint_weights
from examples.object_discovery.scores import Statistic
from examples.sudoku.data import Boards, generated, load
from examples.sudoku.recipes import recipe_for
from examples.sudoku.train import train
from examples.sudoku.train_options import TrainOptions
from examples.sudoku.weights import TASK, load_model
from examples.training.distributed import pick_device
from examples.training.files import write_json
from examples.training.run_state import CHECKPOINT, read
from kuramoto_nn.models import (
    AKOrNSudoku,
    ItrSASudoku,
    energy_votes,
    seeded_noise,
    total_energy,
)

SATNET, RRN = ("sudoku", "satnet.csv.xz"), ("sudoku-hard", "rrn-test.csv.xz")
"""Where the published boards are looked for in the folder of the data."""
TRAINING_ROWS, TEST_ROWS = ":9000", "9000:"
"""Of SATNet's boards in one file."""
GIVENS, GIVENS_OOD = range(31, 43), range(22, 35)
"""Of boards that are made where those are missing; fewer than 22 take too long."""
TOGETHER = 40
"""Boards that are scored between two looks at the clock."""
BATCH = {"cpu": 100, "cuda": 4000}
"""Samples of boards at a time."""


class SudokuRow:
    """One preset of AKOrNSudoku or a control; see `Row`.

    Without the published boards it takes ones that are made here.

    Args:
        name: Name of the preset.
        settings: How it is trained and scored.
    """

    def __init__(self, name: str, settings: Settings):
        self.name, self.settings, self.recipe = name, settings, recipe_for(name)
        self._is_random = name in AKOrNSudoku.presets()
        family = AKOrNSudoku if self._is_random else ItrSASudoku
        preset = family.presets()[name]
        self.published: Mapping[str, tuple[float, float]] = preset.published
        trained = preset.config.num_steps
        longer = (1, 2, 4, 8) if self._is_random else (1, 2)
        self._steps = (1,) if trained == 1 else tuple(trained * factor for factor in longer)
        self._folder = settings.out / name
        self._satnet, self._rrn = (self._find(names) for names in (SATNET, RRN))

    def missing(self) -> str | None:
        """Why boards that are there cannot be read, or what there is no way to do."""
        if self.settings.precision != "float32":
            return f"Sudoku is trained in float32 alone: got --precision {self.settings.precision}"
        try:
            _ = self._tests
        except (ValueError, OSError) as error:
            return str(error)
        return None

    def train(self, seconds: float) -> bool:
        """Train on; the checkpoint knows how long it has trained."""
        settings, source = self.settings, self._satnet
        is_file = source is not None and source.is_file()
        options = TrainOptions(
            preset=self.name,
            out=self._folder,
            data=source,
            rows=TRAINING_ROWS if is_file else None,
            held_out=source,
            held_out_rows=TEST_ROWS if is_file else None,
            num_boards=settings.num_images or TrainOptions.num_boards,
            cache=settings.data,
            batch_size=settings.batch_size,
            max_steps=settings.max_steps,
            seed=settings.seed,
            device=settings.device,
            compile="off" if settings.compile == "auto" else settings.compile,
        )
        made = {"num_boards": options.num_boards} if source is None else {}
        identity = {"task": TASK, **options.identity(), **made}
        return train_until(
            60 * settings.minutes,
            seconds,
            trained=trained_seconds(self._folder, identity),
            run=lambda limit: train(replace(options, time_limit=limit)),
        )

    def evaluate(self, seconds: float) -> dict[str, Statistic] | None:
        """Score at several T, and by votes at the largest; goes on from board to board."""
        deadline = time.monotonic() + seconds
        model, _ = load_model(self._folder / CHECKPOINT)
        model.to(pick_device(self.settings.device))
        seeds = self.settings.noise_seeds if self._is_random else self.settings.noise_seeds[:1]
        votes = self.settings.votes if self._is_random else ()
        scores: dict[str, Statistic] = {}
        for kind, boards in self._tests.items():
            these = hashlib.sha256(boards.puzzles.numpy().tobytes()).hexdigest()[:8]
            for steps in self._steps:
                samples = (1, *(votes if steps == self._steps[-1] else ()))
                by_seed = []
                for seed in seeds:
                    piece = f"boards {these}, T {steps}, K {samples}, seed {seed}"
                    solved = self._solved(model, boards, piece, steps, samples, seed, deadline)
                    if solved is None:
                        return None
                    by_seed.append(solved)
                for count in samples:
                    name = self._score_name(kind, steps, count)
                    scores[name] = Statistic.of([solved[str(count)] for solved in by_seed])
        return scores

    def facts(self) -> dict[str, Any]:
        """How far the training is."""
        saved = read(self._folder / CHECKPOINT, task=TASK)
        batch_size = saved["identity"]["batch_size"]
        samples = saved["step"] * batch_size
        return {
            "data": "Sudoku made here" if self._satnet is None else "SATNet",
            "data_ood": "Sudoku made here" if self._rrn is None else "RRN",
            "seconds": saved["seconds"],
            "steps": saved["step"],
            "batch_size": batch_size,
            "samples_seen": samples,
            "epochs": samples / saved["identity"]["num_boards"],
            "epochs_of_the_recipe": self.recipe.epochs,
        }

    def _solved(
        self,
        model: AKOrNSudoku | ItrSASudoku,
        boards: Boards,
        piece: str,
        steps: int,
        samples: tuple[int, ...],
        seed: int,
        deadline: float,
    ) -> dict[str, list[float]] | None:
        """100 for a board that is solved, else 0, for every K; None if the time was too short."""
        path = self._folder / f"solved-by-{fingerprint_weights(model)[:8]}.json"
        known = _read(path) if path.exists() else {}
        solved: dict[str, list[float]] = known.get(piece, {str(count): [] for count in samples})
        while (done := len(solved["1"])) < len(boards):
            if time.monotonic() >= deadline:
                return None
            part = boards[done : done + TOGETHER].to(next(model.parameters()).device)
            for count, answers in self._answers(model, part.puzzles, done, steps, samples, seed):
                right = (answers == part.solutions).flatten(1).all(1)
                solved[str(count)] += (100.0 * right).tolist()
            write_json(path, known | {piece: solved})
        return solved

    @torch.no_grad()
    def _answers(
        self,
        model: AKOrNSudoku | ItrSASudoku,
        puzzles: Tensor,
        first: int,
        steps: int,
        samples: tuple[int, ...],
        seed: int,
    ) -> list[tuple[int, Tensor]]:
        """Answers to the boards from number ``first`` on, for every K."""
        if not isinstance(model, AKOrNSudoku):
            return [(1, model(puzzles, num_steps=steps).argmax(-1) + 1)]
        noise = seeded_noise((model.config.channels, 9, 9), seed=seed, device=puzzles.device)

        def run(puzzles: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
            logits, energies = model.rollout(puzzles, num_steps=steps, noise=noise)
            return logits.argmax(-1) + 1, energies

        votes = energy_votes(
            run,
            puzzles,
            lambda board, sample: noise(board + first, sample),
            num_samples=samples,
            scores=[total_energy],
            batch_size=BATCH.get(puzzles.device.type, BATCH["cpu"]),
        )
        return [(count, vote.outputs) for count, (vote,) in votes]

    def _score_name(self, kind: str, steps: int, samples: int) -> str:
        """As the published scores are called."""
        parts = ["boards solved"] + [kind] * bool(kind)
        parts += [f"T = {steps}"] * (len(self._steps) > 1)
        return ", ".join(parts + [f"vote of {samples}"] * (samples > 1))

    def _find(self, names: tuple[str, ...]) -> Path | None:
        places = (self.settings.data / name for name in names)
        return next((place for place in places if place.exists()), None)

    @cached_property
    def _tests(self) -> dict[str, Boards]:
        """Boards of either kind, spread evenly over those there are."""
        rows = TEST_ROWS if self._satnet is not None and self._satnet.is_file() else None
        return {
            "": self._boards(self._satnet, rows, GIVENS),
            "OOD": self._boards(self._rrn, None, GIVENS_OOD),
        }

    def _boards(self, source: Path | None, rows: str | None, givens: range) -> Boards:
        most, settings = self.settings.num_test_images, self.settings
        if source is None:
            return generated(settings.data, "test", count=most, givens=givens, seed=settings.seed)
        boards = load(source, "test", rows=rows)
        return boards[:: max(len(boards) // most, 1)][:most]


def _read(path: Path) -> dict[str, dict[str, list[float]]]:
    """Which boards are known to be solved."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; remove it, it is made anew") from error
