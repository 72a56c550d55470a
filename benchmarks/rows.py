"""What `reproduce` knows of a row of the paper's tables, whatever its task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from examples.object_discovery.scores import Statistic
from examples.training.checks import check_positive, check_seed
from examples.training.compiling import Compile
from examples.training.precision import Precision
from examples.training.run_state import CHECKPOINT, RunState, check_same, read


class Row(Protocol):
    """One network, trained for so long and scored.

    Every method can be called again after a process died in it, and goes on.

    Attributes:
        name: Name of the row: its preset.
        published: Published scores (x100) by name, mean and deviation.
    """

    name: str
    published: Mapping[str, tuple[float, float]]

    def missing(self) -> str | None:
        """Why the row cannot run here (its data, most likely); None if it can."""
        ...

    def train(self, seconds: float) -> bool:
        """Train on, for at most so many seconds now; whether its whole time is used up."""
        ...

    def evaluate(self, seconds: float) -> dict[str, Statistic] | None:
        """Score by the names of the published scores and more; None if the seconds were too few."""
        ...

    def facts(self) -> dict[str, Any]:
        """Say what was done: ``seconds`` and ``steps`` of training, ``samples_seen`` and more."""
        ...


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


def train_until(
    total: float, seconds: float, *, trained: float, run: Callable[[float], RunState]
) -> bool:
    """Train a row on.

    Args:
        total: Seconds of training it gets in all.
        seconds: Seconds it gets now.
        trained: Seconds it has had.
        run: Trains up to so many seconds in all.

    Returns:
        Whether it is through: with its seconds, its steps or its epochs.
    """
    if trained >= total:
        return True
    limit = min(total, trained + seconds)
    state = run(limit)
    return state.seconds >= total or state.seconds < limit


def trained_seconds(folder: Path, identity: Mapping[str, Any]) -> float:
    """Seconds of training that the checkpoint of a row has seen; 0 without one.

    Raises:
        ValueError: If it is of a run with other options: its scores would go under wrong ones.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return 0.0
    saved = read(path, task=identity["task"])
    # None: known once the data are loaded.
    known = {name: value for name, value in identity.items() if value is not None}
    check_same(path, saved["identity"], known)
    return saved["seconds"]
