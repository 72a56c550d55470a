"""The options that every training run has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.training.checks import check_positive, check_seed
from examples.training.compiling import Compile


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a training run goes, whatever it trains."""

    preset: str
    """Row of the paper's tables: the network and its recipe."""
    out: Path
    """Folder of the checkpoint and the logs; a run that is there goes on."""
    batch_size: int | None = None
    """Samples of a global batch (the recipe's if not given)."""
    learning_rate: float | None = None
    """Rate of Adam (the recipe's if not given)."""
    epochs: int | None = None
    """Passes over the data (the recipe's if not given)."""
    max_steps: int | None = None
    """Stop after this many steps in all."""
    time_limit: float | None = None
    """Stop after this many seconds of training in all, earlier sessions counted in."""
    seed: int = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, cuda:1, …"""
    compile: Compile = "auto"
    """Compile the oscillators' update; auto tries whether this machine can."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints."""
    log_every: int = 10
    """Steps between records of the log."""

    def __post_init__(self):
        check_positive(self, "batch_size", "learning_rate", "epochs", "max_steps", "time_limit")
        check_positive(self, "checkpoint_seconds", "log_every")
        check_seed(self.seed)

    def given(self, *names: str) -> dict[str, Any]:
        """Those of these options that are given, to take the place of the recipe's values."""
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}
