"""Recipes of every task, trained for a given time and scored; each stage can be resumed."""

import dataclasses
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from examples.common.command import check_noise_seeds, check_positive, check_seed
from examples.common.device import Compile, Precision, pick_device
from examples.common.run import CHECKPOINT, Run, read_checkpoint
from examples.object_discovery import evaluate as discovery_evaluation
from examples.object_discovery import train as discovery_training
from examples.object_discovery.data import load as load_images
from examples.object_discovery.recipes import RECIPES as DISCOVERY
from examples.object_discovery.recipes import resized
from examples.object_discovery.scores import SCORES, Statistic
from examples.sudoku import evaluate as sudoku_evaluation
from examples.sudoku import train as sudoku_training
from examples.sudoku.data import SETS as BOARD_SETS
from examples.sudoku.data import BoardOptions
from examples.sudoku.data import load as load_boards
from examples.sudoku.recipes import RECIPES as SUDOKU
from examples.sudoku.scores import Row, over_seeds
from kuramoto_nn.models import OscillatorConfig, all_presets

PRESETS = all_presets()
CPU_MICRO_BATCH = 64
"""A batch of 256 images can need more memory than a machine has, and is no faster on a CPU."""
KEPT = ("max_steps", "seed", "device", "precision", "compile")
"""Settings that are options of the training under the same name."""
Scores = dict[str, Statistic]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Training and scoring of every recipe."""

    minutes: float = 30.0
    """Minutes of training per recipe."""
    max_steps: int | None = None
    """Largest number of training steps per recipe, the same for fast and slow networks."""
    batch_size: int | None = None
    """Samples of a batch (the recipes' if not given); many small steps suit a CPU."""
    out: Path = Path("runs/reproduce")
    """Folder of weights, logs and scores, with a folder for every recipe."""
    data_root: Path = Path("runs/data")
    """Folder of the data, originals and caches."""
    data_name: str | None = None
    """Data set in place of the recipes' own."""
    num_images: int | None = None
    """Training images, or boards (the recipes' if not given)."""
    num_test_images: int = 320
    """Largest number of test images, or boards, of every kind."""
    uptile: int = 4
    """Up-tiling of the second evaluation."""
    votes: tuple[int, ...] = (10, 100)
    """Sudoku: numbers K of samples per board that vote, at the largest T."""
    noise_seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the oscillators' noise at evaluation; deviations are over them."""
    seed: int = 0
    """Seed of the training and of generated data."""
    micro_batch: int | None = None
    """Images that a graph is kept for at a time (64 on a CPU, else the whole batch)."""
    precision: Precision = "float32"
    """Precision of the training; bf16 is autocast."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    compile: Compile | None = None
    """Compile the oscillators' update (the task's default if not given)."""

    def __post_init__(self):
        check_positive(self, "minutes", "max_steps", "batch_size", "num_images", "num_test_images")
        check_positive(self, "uptile", "micro_batch")
        if min(self.votes, default=2) < 2:
            raise ValueError(f"--votes must be at least 2: got {self.votes}")
        check_seed(self.seed)
        check_noise_seeds(self.noise_seeds)


class Experiment(ABC):
    """A recipe, trained and scored with some settings; a killed process can be started again."""

    options_for: Callable[..., Any]
    run_training: Callable[[Any], Run]
    load: Callable[..., Any]
    samples: ClassVar[str]
    """Fields of the data that count samples: ``num_<samples>`` and ``num_test_<samples>``."""
    other_tests: ClassVar[Mapping[str, Mapping[str, dict[str, Any]]]]
    """By the name of the training data: kinds of further test data, and their options."""

    def __init__(self, name: str, settings: Settings, **training: Any):
        self.name, self.settings, self.folder = name, settings, settings.out / name
        own = self.options_for(name)
        given = {field: getattr(settings, field) for field in KEPT}
        available = getattr(own.data, f"num_test_{self.samples}") or math.inf
        counts = {
            f"num_{self.samples}": settings.num_images,
            f"num_test_{self.samples}": min(settings.num_test_images, available),
        }
        place = {"name": settings.data_name, "root": settings.data_root, "seed": settings.seed}
        training |= {"batch_size": settings.batch_size}
        self.options = self.options_for(
            name,
            out=self.folder,
            data=_given(place | counts),
            training=_given(training),
            **_given(given),
        )
        self.data = self.options.data
        self.is_random = isinstance(self.options.model, OscillatorConfig)
        self.noise_seeds = settings.noise_seeds[: None if self.is_random else 1]
        preset = PRESETS.get(name)
        unchanged = preset is not None and preset.config == self.options.model
        of_paper = unchanged and own.data.name == self.data.name
        self.published = dict(preset.published) if preset and of_paper else {}

    def missing(self) -> str | None:
        """Reason why the data cannot be loaded; None if they can."""
        try:
            self.load(self.data, "train")
            _ = self.tests
        except (ValueError, OSError) as error:
            return str(error)
        return None

    def train(self, seconds: float) -> bool:
        """Train for at most so many more seconds, and return whether the training is finished."""
        total, trained, step = 60 * self.settings.minutes, 0.0, 0
        if (self.folder / CHECKPOINT).exists():
            saved = self.checkpoint()
            trained, step = saved["seconds"], saved["step"]
        limit, started = min(total, trained + seconds), time.monotonic()
        run = self.run_training(replace(self.options, time_limit=limit))
        # Preparations may take all of the time; such a call takes no step.
        in_time = run.step > step or time.monotonic() - started < limit - trained
        return run.seconds >= total or (run.seconds < limit and in_time)

    @abstractmethod
    def evaluate(self, seconds: float) -> Scores | None:
        """Return scores, named as the published ones; None if the seconds were too few."""

    def facts(self) -> dict[str, Any]:
        """Return the amount of training so far, such as ``seconds`` and ``steps``."""
        saved = self.checkpoint()
        data, training = saved["identity"]["data"], saved["identity"]["training"]
        return {
            "data": data["name"],
            "seconds": saved["seconds"],
            "steps": saved["step"],
            "batch_size": training["batch_size"],
            "samples_seen": saved["step"] * training["batch_size"],
        }

    @cached_property
    def tests(self) -> dict[str, Any]:
        """Options of the test data by kind: ``""`` for the recipe's own, and those available."""
        tests = {}
        for kind, other in {"": {}, **self.other_tests.get(self.data.name, {})}.items():
            data = replace(self.data, **other)
            try:
                self.load(data, self.split(kind))
            except ValueError:  # probably too few samples
                data = replace(data, **{f"num_test_{self.samples}": None})
                self.load(data, self.split(kind))
            except OSError:
                if not kind:
                    raise
                continue
            tests[kind] = data
        return tests

    def split(self, kind: str) -> Any:
        """Split of a kind of test data."""
        return "test"

    def checkpoint(self) -> dict[str, Any]:
        """Read the state of the training."""
        return read_checkpoint(self.folder / CHECKPOINT)


class DiscoveryExperiment(Experiment):
    """Object discovery: every score on all test sets, with and without up-tiling."""

    options_for = staticmethod(discovery_training.options_for)
    run_training, load = staticmethod(discovery_training.train), staticmethod(load_images)
    samples = "images"
    other_tests = {
        f"{kind}-full": {"OOD ": {"name": f"{kind}-outd"}, "CAMO ": {"name": f"{kind}-camo"}}
        for kind in ("clevrtex", "textures")
    }

    def __init__(self, name: str, settings: Settings):
        micro_batch = settings.micro_batch
        if micro_batch is None and pick_device(settings.device).type == "cpu":
            micro_batch = CPU_MICRO_BATCH
        super().__init__(name, settings, micro_batch=micro_batch)
        self.data = resized(self.options.data, self.options.model)

    def split(self, kind: str) -> Any:
        """Split of a kind of test data; sets that are not trained on are taken whole."""
        return "all" if kind else "test"

    def evaluate(self, seconds: float) -> Scores | None:
        """See `Experiment.evaluate`."""
        deadline = time.monotonic() + seconds
        scores: Scores = {}
        for kind, data in self.tests.items():
            for uptile in (1, self.settings.uptile):
                if (left := deadline - time.monotonic()) <= 0:
                    return None
                options = discovery_evaluation.EvaluateOptions(
                    **dataclasses.asdict(replace(self.options.scoring, uptile=uptile)),
                    model=str(self.folder),
                    data=data,
                    split=self.split(kind),
                    noise_seeds=self.noise_seeds,
                    time_limit=left,
                    device=self.settings.device,
                )
                if (result := discovery_evaluation.evaluate(options)) is None:
                    return None
                suffix = f", up-tiled x{uptile}" * (uptile > 1)
                for name, score in result.scores.items():
                    scores[f"{kind}{SCORES[name].title}{suffix}"] = score
        return scores


class SudokuExperiment(Experiment):
    """Sudoku: solved boards of the training's kind and harder ones (OOD), at several T, by votes.

    Boards are scored in parts, so that a short call makes progress, too.
    """

    options_for = staticmethod(sudoku_training.options_for)
    run_training, load = staticmethod(sudoku_training.train), staticmethod(load_boards)
    samples = "boards"
    other_tests = {
        "satnet": {"OOD": {"name": "rrn"}},
        "generated": {"OOD": {"givens": (22, 34)}},  # with fewer, making them takes too long
    }
    part_size = 100
    batch_size = {"cpu": 100, "cuda": 4000}
    votes = {None: "", "total": "vote of", "confidence": "confidence vote of"}
    """Rules of the vote, by their words in the names of the scores."""

    @property
    def num_steps(self) -> tuple[int, ...]:
        """T at test time, in rising order."""
        trained = self.options.model.num_steps
        if trained == 1:
            return (1,)
        return tuple(trained * factor for factor in ((1, 2, 4, 8) if self.is_random else (1, 2)))

    def evaluate(self, seconds: float) -> Scores | None:
        """See `Experiment.evaluate`."""
        deadline = time.monotonic() + seconds
        votes = self.settings.votes if self.is_random else ()
        trials = [(t, (1,)) for t in self.num_steps[:-1]] + [(self.num_steps[-1], (1, *votes))]
        scores: Scores = {}
        for kind, data in self.tests.items():
            rows: list[Row] = []
            for part in self.parts(data):
                for num_steps, samples in trials:
                    if (left := deadline - time.monotonic()) > 0:
                        rows += self.score(part, num_steps, samples, left)
                    if time.monotonic() >= deadline:
                        return None
            for group in over_seeds(row for row in rows if row.vote in self.votes):
                first = group[0]
                name = self.score_name(kind, first.num_steps, first.num_samples, first.vote)
                scores[name] = _solved(group)
        return scores

    def facts(self) -> dict[str, Any]:
        """See `Experiment.facts`; ``data_ood`` names the harder test boards."""
        return super().facts() | {f"data_{k.lower()}": d.name for k, d in self.tests.items() if k}

    def score_name(
        self, kind: str, num_steps: int, num_samples: int, rule: str | None = None
    ) -> str:
        """Name of a score, as the published ones are called."""
        at = f"T = {num_steps}" if len(self.num_steps) > 1 else ""
        vote = f"{self.votes[rule]} {num_samples}" if num_samples > 1 else ""
        return ", ".join(filter(None, ["boards solved", kind, at, vote]))

    def parts(self, data: BoardOptions) -> list[BoardOptions]:
        """Test boards, spread evenly over all, in parts."""
        available = len(BOARD_SETS[data.name](data, "test"))
        count = min(data.num_test_boards or available, available)
        step, starts = available // count, range(0, count, self.part_size)
        return [
            replace(data, rows=f"{i * step}:{min(i + self.part_size, count) * step}:{step}")
            for i in starts
        ]

    def score(
        self, data: BoardOptions, num_steps: int, samples: tuple[int, ...], seconds: float
    ) -> list[Row]:
        """Score boards at one T."""
        device = self.settings.device
        boards = load_boards(data, "test").fingerprint()[:8]
        name = f"step-{self.checkpoint()['step']:06d}-boards-{boards}"
        options = sudoku_evaluation.EvaluateOptions(
            model=str(self.folder),
            data=data,
            num_steps=(num_steps,),
            samples=samples,
            noise_seeds=self.noise_seeds,
            batch_size=self.batch_size[pick_device(device).type],
            device=device,
            time_limit=seconds,
            out=self.folder / "evaluation" / name,
        )
        return sudoku_evaluation.evaluate(options)


def _solved(rows: list[Row]) -> Statistic:
    """Share of solved boards, over the parts and noise seeds of some rows."""
    columns: dict[int, list[float]] = {}
    for row in rows:
        solved = round(row.scores.solved * row.scores.boards / 100)
        column = columns.setdefault(row.noise_seed, [])
        column += [100.0] * solved + [0.0] * (row.scores.boards - solved)
    return Statistic.of(list(columns.values()))


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


EXPERIMENTS: dict[str, type[Experiment]] = {
    **dict.fromkeys(DISCOVERY, DiscoveryExperiment),
    **dict.fromkeys(SUDOKU, SudokuExperiment),
}
"""Class of the experiment of every recipe, by the recipe's name."""
