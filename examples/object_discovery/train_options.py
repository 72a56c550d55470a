"""What is trained, how and for how long: the options of `train`."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.object_discovery.data.parallel import OnBad
from examples.object_discovery.recipes import Recipe, recipe_for
from examples.training.compiling import Compile
from examples.training.options import check_positive, check_seed
from examples.training.precision import Precision


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Train an object-discovery model with SimCLR."""

    preset: str = "tetrominoes-attn"
    """Row of the paper's tables: the network and its recipe."""
    out: Path = Path("runs/train")
    """Folder of the checkpoint and the logs; a run that is there goes on."""
    data: Path = Path("runs/data")
    """Folder of the data sets: downloaded ones, generated ones, and what is made of them."""
    source: Path | None = None
    """The original data (a file or a folder) where they lie elsewhere."""
    bad: OnBad = "error"
    """At a damaged image or a missing mask: stop, or skip that scene."""
    num_images: int | None = None
    """Training images (the recipe's if not given)."""
    batch_size: int | None = None
    """Images of a global batch (the recipe's if not given)."""
    micro_batch: int | None = None
    """Images that a process keeps a graph for at a time; fewer take less memory and one more
    forward pass, and give the gradient of the whole batch all the same."""
    learning_rate: float | None = None
    """Rate of Adam (the recipe's if not given)."""
    epochs: int | None = None
    """Passes over the images (the recipe's if not given)."""
    max_steps: int | None = None
    """Stop after this many steps in all."""
    time_limit: float | None = None
    """Stop after this many seconds of training in all, earlier sessions counted in."""
    seed: int = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto (CUDA if there is any), cpu, cuda, cuda:1, …"""
    precision: Precision = "float32"
    """bf16: autocast to bfloat16, weights and norms stay float32; float64: to compare machines."""
    compile: Compile = "auto"
    """Compile the oscillators' update; auto tries whether this machine can."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints."""
    log_every: int = 10
    """Steps between records of the log."""

    def __post_init__(self):
        check_positive(self, "num_images", "batch_size", "micro_batch", "learning_rate", "epochs")
        check_positive(self, "max_steps", "time_limit", "checkpoint_seconds", "log_every")
        check_seed(self.seed)

    def recipe(self) -> Recipe:
        """The preset's recipe with what was given on the command line."""
        names = ("num_images", "batch_size", "learning_rate", "epochs")
        given = {name: getattr(self, name) for name in names}
        given = {name: value for name, value in given.items() if value is not None}
        return dataclasses.replace(recipe_for(self.preset), **given)

    def identity(self) -> dict[str, Any]:
        """What decides a run's numbers, as plain values; how long it runs does not."""
        values = dataclasses.asdict(self.recipe())
        for name in ("epochs", "num_clusters", "num_test_images"):
            del values[name]
        given = self.plain()
        kept = ("preset", "seed", "source", "bad", "precision")
        return {name: given[name] for name in kept} | values

    def plain(self) -> dict[str, Any]:
        """All options as a checkpoint can hold them."""
        values = dataclasses.asdict(self)
        return {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}
