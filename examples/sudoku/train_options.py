"""The command line of `train`."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.sudoku.data import Boards, Split, generated, load
from examples.sudoku.recipes import Recipe, recipe_for
from examples.training.checks import check_positive
from examples.training.compiling import Compile
from examples.training.options import RunOptions


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunOptions):
    """Train a model to solve Sudoku."""

    preset: str = "sudoku-akorn-tiny"
    """Row of the paper's table: the network and its recipe."""
    out: Path = Path("runs/sudoku")
    """Folder of the checkpoint and the logs; a run that is there goes on."""
    data: Path | None = None
    """SATNet's folder, the RRN archive's, or a csv file; made here if not given."""
    rows: str | None = None
    """Part of these boards, as in Python: ":9000" for the first 9,000."""
    held_out: Path | None = None
    """Boards to be scored on: as --data, whose test boards they are if not given."""
    held_out_rows: str | None = None
    """Part of the held-out boards."""
    num_boards: int = 9_000
    """Boards to make where none are given."""
    givens: tuple[int, int] = (31, 42)
    """Least and most given cells of boards that are made; SATNet's by default."""
    cache: Path = Path("runs/data")
    """Folder where boards that are made are kept."""
    compile: Compile = "off"
    """Compile the oscillators' update; auto tries whether this machine can."""
    evaluate_every: int = 500
    """Steps between scores on held-out boards; a multiple of --log-every."""
    num_held_out: int = 100
    """Held-out boards that these scores take, spread evenly."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "num_boards", "num_held_out", "evaluate_every")
        if self.evaluate_every % self.log_every:
            raise ValueError(
                f"--evaluate-every must be a multiple of --log-every: got {self.evaluate_every} "
                f"and {self.log_every}"
            )
        if self.data is None and self.rows is not None:
            raise ValueError("--rows is a part of --data: got it without")
        if self.data is None and self.held_out is None and self.held_out_rows is not None:
            raise ValueError("--held-out-rows is a part of --held-out or --data: got neither")
        if self.data is not None and self.data.is_file() and self.held_out is None:
            raise ValueError("a single file as --data needs --held-out: got none")

    def recipe(self) -> Recipe:
        """The preset's recipe with what was given on the command line."""
        given = self.given("batch_size", "learning_rate", "epochs")
        return dataclasses.replace(recipe_for(self.preset), **given)

    def training_boards(self) -> Boards:
        """The boards to learn from."""
        return self._boards(self.data, "train", self.rows)

    def held_out_boards(self) -> Boards:
        """The boards to be scored on."""
        boards = self._boards(self.held_out or self.data, "test", self.held_out_rows)
        return boards[:: max(len(boards) // self.num_held_out, 1)][: self.num_held_out]

    def identity(self) -> dict[str, Any]:
        """What decides a run's numbers, as plain values; how long it runs does not."""
        values = dataclasses.asdict(self.recipe())
        del values["epochs"]
        values["stages"] = [list(stage.values()) for stage in values["stages"]]
        data = [None if self.data is None else str(self.data), self.rows]
        made = None if self.data is not None else list(self.givens)
        return {"preset": self.preset, "seed": self.seed, "data": data, "givens": made, **values}

    def _boards(self, source: Path | None, split: Split, rows: str | None) -> Boards:
        if source is not None:
            option = "--rows" if split == "train" else "--held-out-rows"
            return load(source, split, rows=rows, option=option)
        count = self.num_boards if split == "train" else self.num_held_out
        givens = range(self.givens[0], self.givens[1] + 1)
        return generated(self.cache, split, count=count, givens=givens, seed=self.seed)
