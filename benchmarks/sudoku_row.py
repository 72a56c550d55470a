"""Sudoku rows of `reproduce`: boards solved, of the training's kind and harder ones (OOD)."""

import hashlib
import json
import time
from dataclasses import replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.rows import Row, Settings
from examples.object_discovery.evaluation_identity import fingerprint_weights
from examples.object_discovery.scores import Statistic
from examples.sudoku.data import Boards, generated, load
from examples.sudoku.recipes import recipe_for
from examples.sudoku.scores import voted_answers
from examples.sudoku.train import train
from examples.sudoku.train_options import TrainOptions
from examples.sudoku.weights import TASK, load_model
from examples.training.distributed import pick_device
from examples.training.files import write_json
from examples.training.run_state import RunState
from kuramoto_nn.inference import total_energy
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku

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


class Trial(NamedTuple):
    """How boards of one kind are filled in: T, numbers of samples that vote, seed of the noise."""

    kind: str
    steps: int
    samples: tuple[int, ...]
    seed: int


class SudokuRow(Row):
    """One preset of AKOrNSudoku or a control; see `Row`.

    Without the published boards it takes ones that are made here.

    Args:
        name: Name of the preset.
        settings: How it is trained and scored.
    """

    task, training_set = TASK, "num_boards"

    def __init__(self, name: str, settings: Settings):
        super().__init__(name, settings)
        is_random = name in AKOrNSudoku.presets()
        preset = (AKOrNSudoku if is_random else ItrSASudoku).presets()[name]
        self.recipe, self.published = recipe_for(name), preset.published
        trained = preset.config.num_steps
        longer = (1, 2, 4, 8) if is_random else (1, 2)
        self._steps = (1,) if trained == 1 else tuple(trained * factor for factor in longer)
        self._seeds = settings.noise_seeds if is_random else settings.noise_seeds[:1]
        self._votes = settings.votes if is_random else ()
        self._satnet, self._rrn = _find(settings.data, SATNET), _find(settings.data, RRN)

    def missing(self) -> str | None:
        """Why boards that are there cannot be read, or what there is no way to do."""
        if self.settings.precision != "float32":
            return f"Sudoku is trained in float32 alone: got --precision {self.settings.precision}"
        try:
            _ = self._tests
        except (ValueError, OSError) as error:
            return str(error)
        return None

    def evaluate(self, seconds: float) -> dict[str, Statistic] | None:
        """Score at several T, and by votes at the largest; goes on from board to board."""
        deadline = time.monotonic() + seconds
        model, _ = load_model(self.checkpoint)
        model.to(pick_device(self.settings.device))
        scores: dict[str, Statistic] = {}
        for kind, steps in product(self._tests, self._steps):
            samples = (1, *(self._votes if steps == self._steps[-1] else ()))
            by_seed = []
            for seed in self._seeds:
                solved = self._solved(model, Trial(kind, steps, samples, seed), deadline)
                if solved is None:
                    return None
                by_seed.append(solved)
            for count in samples:
                name = self._score_name(kind, steps, count)
                scores[name] = Statistic.of([solved[str(count)] for solved in by_seed])
        return scores

    def facts(self) -> dict[str, Any]:
        """How far the training is."""
        return super().facts() | {
            "data": "Sudoku made here" if self._satnet is None else "SATNet",
            "data_ood": "Sudoku made here" if self._rrn is None else "RRN",
            "epochs_of_the_recipe": self.recipe.epochs,
        }

    def _train_up_to(self, seconds: float) -> RunState:
        return train(replace(self._options(), time_limit=seconds))

    def _identity(self) -> dict[str, Any]:
        options = self._options()
        made = {"num_boards": options.num_boards} if self._satnet is None else {}
        return {"task": TASK, **options.identity(), **made}

    def _options(self) -> TrainOptions:
        settings = self.settings
        return TrainOptions(
            preset=self.name,
            out=self.folder,
            data=self._satnet,
            rows=_if_one_file(self._satnet, TRAINING_ROWS),
            held_out=self._satnet,
            held_out_rows=_if_one_file(self._satnet, TEST_ROWS),
            num_boards=settings.num_images or TrainOptions.num_boards,
            cache=settings.data,
            batch_size=settings.batch_size,
            max_steps=settings.max_steps,
            seed=settings.seed,
            device=settings.device,
            compile="off" if settings.compile == "auto" else settings.compile,
        )

    def _solved(
        self, model: AKOrNSudoku | ItrSASudoku, trial: Trial, deadline: float
    ) -> dict[str, list[float]] | None:
        """100 for a board that is solved, else 0, for every K; None if the time was too short."""
        boards, device = self._tests[trial.kind], next(model.parameters()).device
        path = self.folder / f"solved-by-{fingerprint_weights(model)[:8]}.json"
        known = _read(path) if path.exists() else {}
        these = hashlib.sha256(boards.puzzles.numpy().tobytes()).hexdigest()[:8]
        key = f"boards {these}, {trial}"
        solved = known.setdefault(key, {str(count): [] for count in trial.samples})
        while (done := len(solved["1"])) < len(boards):
            if time.monotonic() >= deadline:
                return None
            part = boards[done : done + TOGETHER].to(device)
            votes = voted_answers(
                model,
                part.puzzles,
                num_samples=trial.samples,
                rules=[total_energy],
                num_steps=trial.steps,
                seed=trial.seed,
                first=done,
                batch_size=BATCH.get(device.type, BATCH["cpu"]),
            )
            for count, (answers,) in votes:
                right = (answers == part.solutions).flatten(1).all(1)
                solved[str(count)] += (100.0 * right).tolist()
            write_json(path, known)
        return solved

    def _score_name(self, kind: str, steps: int, samples: int) -> str:
        """As the published scores are called."""
        at = f"T = {steps}" if len(self._steps) > 1 else ""
        vote = f"vote of {samples}" if samples > 1 else ""
        return ", ".join(filter(None, ["boards solved", kind, at, vote]))

    @cached_property
    def _tests(self) -> dict[str, Boards]:
        """Boards of either kind, spread evenly over those there are."""
        rows = _if_one_file(self._satnet, TEST_ROWS)
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


def _find(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).exists()), None)


def _read(path: Path) -> dict[str, dict[str, list[float]]]:
    """Which boards are known to be solved."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}; remove it, it is made anew") from error


def _if_one_file(source: Path | None, rows: str) -> str | None:
    """A folder has its own split."""
    return rows if source is not None and source.is_file() else None
