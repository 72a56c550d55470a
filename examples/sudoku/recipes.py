"""Recipes of Sudoku: network, boards, training and scoring of every experiment."""

from dataclasses import dataclass, field, replace

from examples.common import optimization
from examples.common.command import check_positive
from examples.common.randomness import preset
from examples.sudoku.data import BoardOptions
from kuramoto_nn.models import SudokuConfig


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the training with its number of updates and its learning rate."""

    start: int = 0
    """First step of the stage."""
    num_steps: int | None = None
    """Updates T (those of the network's configuration if none)."""
    skip: int = 0
    """Half of the batches first take up to this many updates without gradients, so that the network
    learns to continue after many updates at the cost of a few."""
    share: float = 1.0
    """Factor of the learning rates."""


@dataclass(frozen=True, kw_only=True)
class Training(optimization.Training):
    """How a network is trained: cross-entropy over all 81 cells."""

    batch_size: int = 100
    """Boards of a global batch."""
    epochs: int = 100
    """Passes over the training boards."""
    ema_decay: float = 0.995
    """Largest decay of the weight average."""
    ema_start: int = 100
    """Step that the weight average starts at."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""
    stages: tuple[Stage, ...] = (Stage(),)
    """Stages, in the order of their start."""
    read_every: int | None = None
    """Updates between the answers in the loss (only the last answer if none)."""
    hardest: float = 1.0
    """Share of a batch that is trained on: the boards with the largest loss after the skipped
    updates, or the first ones if none are skipped."""
    symmetries: bool = False
    """Whether a random symmetry of Sudoku is applied to every board."""
    evaluate_every: int = 500
    """Steps between scores on held-out boards."""

    not_identity = (*optimization.Training.not_identity, "evaluate_every")

    def __post_init__(self):
        super().__post_init__()
        names = ("clip_norm", "read_every", "evaluate_every", "hardest")
        check_positive(self, *names, prefix="training.")
        if self.hardest > 1:
            raise ValueError(f"--training.hardest must be at most 1: got {self.hardest}")

    def stage_at(self, step: int) -> Stage:
        """Stage of a step, counted from 0."""
        return next(stage for stage in reversed(self.stages) if step >= stage.start)

    def share_at(self, step: int, *, done: float = 0.0) -> float:
        """Share of the learning rates at a step, counted from 0; ``done`` of the run is over."""
        return super().share_at(step, done=done) * self.stage_at(step).share


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How held-out boards are scored while the network is trained."""

    num_steps: int | None = None
    """Updates T (those of the network's configuration if none)."""

    def __post_init__(self):
        check_positive(self, "num_steps", prefix="scoring.")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """An experiment.

    Attributes:
        model: Configuration of the network.
        data: Boards to train on, and held-out ones to be scored on.
        training: How the network is trained.
        scoring: How it is scored.
    """

    model: SudokuConfig
    data: BoardOptions
    training: Training
    scoring: Scoring = field(default_factory=Scoring)


# Chosen by a search for an hour on one CPU core (docs/results/small-runs.md).
_TINY_CONTROL = Training(
    batch_size=32,
    learning_rate=2e-3,
    muon_learning_rate=0.02,
    warmup_steps=50,
    epochs=40,
    drop_last=True,
    stages=(
        Stage(),
        Stage(start=2500, share=0.6),
        Stage(start=5500, share=0.3),
        Stage(start=9000, share=0.1),
        Stage(start=10500, share=0.03),
    ),
    symmetries=True,
)
_TINY = replace(
    _TINY_CONTROL,
    stages=(
        Stage(num_steps=8),
        *(replace(stage, num_steps=16, skip=48) for stage in _TINY_CONTROL.stages[1:]),
    ),
    read_every=4,
)
# For two to three hours on one CPU core (--precision bf16 --compile on --max-steps 12000). The
# controls have the same steps; the transformer, whose T is 1, sees as many boards in them.
_SMALL = replace(
    _TINY,
    batch_size=48,
    hardest=0.5,
    epochs=400,
    keep_every=1000,
    cooldown=0.5,
    stages=(Stage(num_steps=8), Stage(start=1500, num_steps=16, skip=48)),
)
# Continues the recipe before with harder boards: --init-from its model folder.
_HARDER = replace(_SMALL, ema_decay=0.97, stages=(Stage(num_steps=16, skip=96),))
_SMALL_TRANSFORMER = replace(_SMALL, batch_size=24, hardest=1.0, stages=(Stage(),), read_every=None)
_SATNET = BoardOptions(name="satnet", num_test_boards=100)
_GENERATED = replace(_SATNET, name="generated")
RECIPES: dict[str, Recipe] = {
    name: Recipe(model=preset(name), data=data, training=training)
    for name, data, training in (
        ("sudoku-akorn", _SATNET, Training()),
        ("sudoku-itrsa", _SATNET, Training(learning_rate=5e-4)),
        ("sudoku-transformer", _SATNET, Training(learning_rate=5e-4)),
        ("sudoku-akorn-small", _SATNET, _SMALL),
        ("sudoku-itrsa-small", _SATNET, _SMALL),
        ("sudoku-transformer-small", _SATNET, _SMALL_TRANSFORMER),
        ("sudoku-akorn-tiny", _GENERATED, _TINY),
        ("sudoku-itrsa-tiny", _GENERATED, _TINY_CONTROL),
        ("sudoku-transformer-tiny", _GENERATED, _TINY_CONTROL),
    )
}
_HARD = replace(_SATNET, name="satnet-harder")
# Sudoku-Extreme's benchmark: 1,000 boards and their symmetries.
_EXTREME = BoardOptions(name="extreme", num_boards=1000, num_test_boards=100)
RECIPES |= {
    name: Recipe(model=preset(network), data=data, training=training)
    for name, network, data, training in (
        ("sudoku-akorn-harder", "sudoku-akorn-small", _HARD, _HARDER),
        ("sudoku-itrsa-harder", "sudoku-itrsa-small", _HARD, _HARDER),
        ("extreme-akorn-small", "sudoku-akorn-small", _EXTREME, replace(_SMALL, epochs=4000)),
    )
}
