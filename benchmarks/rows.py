"""What `reproduce` knows of a row of the paper's tables, whatever its task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.object_discovery.scores import Statistic
from examples.training.checks import check_positive, check_seed
from examples.training.compiling import Compile
from examples.training.precision import Precision
from examples.training.run_state import CHECKPOINT, RunState, check_same, read


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How every row is trained and scored."""

    minutes: float = 30.0
    """Minutes of training per row."""
    max_steps: int | None = None
    """Steps of training per row at most: the same for networks of different speed."""
    batch_size: int | None = None
    """Samples of a batch (the recipes' if not given); few and many steps get a CPU further."""
    out: Path = Path("runs/reproduce")
    """Folder of weights, logs and scores, one folder a row."""
    data: Path = Path("runs/data")
    """Folder of the data sets: downloaded ones, generated ones, and what is made of them."""
    num_images: int | None = None
    """Training images, or Sudoku boards where they are made (the recipes' if not given)."""
    num_test_images: int = 320
    """Held-out images, or Sudoku boards of either kind, at most."""
    uptile: int = 4
    """Up-tiling of the second evaluation."""
    votes: tuple[int, ...] = (10, 100)
    """Sudoku: numbers K of samples per board whose energies vote, at the largest T."""
    noise_seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the noise at evaluation, for networks that have any; deviations are over them."""
    seed: int = 0
    """Seed of the training and of generated images."""
    micro_batch: int | None = None
    """Images that a graph is kept for at a time (64 on a CPU, else the whole batch)."""
    precision: Precision = "float32"
    """bf16: autocast to bfloat16 in training."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, …"""
    compile: Compile = "auto"
    """Compile the oscillators' update; auto tries whether this machine can."""

    def __post_init__(self):
        check_positive(self, "minutes", "max_steps", "batch_size", "num_images", "num_test_images")
        check_positive(self, "uptile", "micro_batch")
        if min(self.votes, default=2) < 2:
            raise ValueError(f"--votes must be of 2 samples and more: got {self.votes}")
        for seed in (self.seed, *self.noise_seeds):
            check_seed(seed)
        if not self.noise_seeds:
            raise ValueError("--noise-seeds needs at least one seed: got none")


class Row(ABC):
    """One network, trained for so long and scored.

    Every method can be called again after a process died in it, and goes on.

    Attributes:
        name: Name of the row: its preset.
        settings: How it is trained and scored.
        published: Published scores (x100) by name, mean and deviation.
        folder: Where its checkpoint and its scores lie.
    """

    task: str
    """The module that trains it."""
    training_set: str
    """What its checkpoint calls the size of the training set."""
    published: Mapping[str, tuple[float, float]]

    def __init__(self, name: str, settings: Settings):
        self.name, self.settings, self.folder = name, settings, settings.out / name

    @property
    def checkpoint(self) -> Path:
        """The network as far as it is trained."""
        return self.folder / CHECKPOINT

    @abstractmethod
    def missing(self) -> str | None:
        """Why the row cannot run here (its data, most likely); None if it can."""

    def train(self, seconds: float) -> bool:
        """Train on, for at most so many seconds now.

        Args:
            seconds: Seconds it gets now; the checkpoint knows how many it has had.

        Returns:
            Whether it is through: with its seconds, its steps or its epochs.

        Raises:
            ValueError: If its checkpoint is of other options, whose scores these would not be.
        """
        total, trained = 60 * self.settings.minutes, self._trained_seconds()
        if trained >= total:
            return True
        limit = min(total, trained + seconds)
        state = self._train_up_to(limit)
        return state.seconds >= total or state.seconds < limit

    @abstractmethod
    def evaluate(self, seconds: float) -> dict[str, Statistic] | None:
        """Score by the names of the published scores and more; None if the seconds were too few."""

    def facts(self) -> dict[str, Any]:
        """Say what was done: ``seconds`` and ``steps`` of training, ``samples_seen`` and more."""
        saved = self._saved()
        batch_size = saved["identity"]["batch_size"]
        samples = saved["step"] * batch_size
        return {
            "seconds": saved["seconds"],
            "steps": saved["step"],
            "batch_size": batch_size,
            "samples_seen": samples,
            "epochs": samples / saved["identity"][self.training_set],
        }

    @abstractmethod
    def _train_up_to(self, seconds: float) -> RunState:
        """Train up to so many seconds in all."""

    @abstractmethod
    def _identity(self) -> dict[str, Any]:
        """What its checkpoint must say of it; None for what is known once the data are loaded."""

    def _trained_seconds(self) -> float:
        if not self.checkpoint.exists():
            return 0.0
        saved = self._saved()
        known = {name: value for name, value in self._identity().items() if value is not None}
        check_same(self.checkpoint, saved["identity"], known)
        return saved["seconds"]

    def _saved(self) -> dict[str, Any]:
        return read(self.checkpoint, task=self.task)
