"""What is trained, how and for how long: the options of `train`."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.object_discovery.data.parallel import OnBad
from examples.object_discovery.recipes import Recipe, recipe_for
from examples.training.checks import check_positive
from examples.training.options import RunOptions
from examples.training.precision import Precision


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunOptions):
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
    micro_batch: int | None = None
    """Images that a process keeps a graph for at a time; fewer take less memory and one more
    forward pass, and give the gradient of the whole batch all the same."""
    precision: Precision = "float32"
    """bf16: autocast to bfloat16, weights and norms stay float32; float64: to compare machines."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "num_images", "micro_batch")

    def recipe(self) -> Recipe:
        """The preset's recipe with what was given on the command line."""
        given = self.given("num_images", "batch_size", "learning_rate", "epochs")
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
