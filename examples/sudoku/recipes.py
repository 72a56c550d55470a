"""How every Sudoku row is trained. The networks themselves are the presets of the library."""

from dataclasses import dataclass, replace

import torch

from examples.training.muon import MuonWithAdam
from examples.training.presets import build_untrained, look_up
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How many steps the oscillators take in a part of the training.

    Attributes:
        start: Step of training that it begins at.
        num_steps: T; None for the network's own.
        skip: Half of the batches first take up to so many steps without gradients, which teaches
            how to go on after many steps in the time of a few.
        rate: Share of the learning rates that the optimisers work with.
    """

    start: int = 0
    num_steps: int | None = None
    skip: int = 0
    rate: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Training of one row: cross-entropy over all 81 cells.

    Attributes:
        batch_size: Boards of a global batch.
        learning_rate: Of Adam, constant after the warm-up.
        muon_rate: Of Muon, which then takes the maps of the blocks from Adam; None for Adam alone.
        warmup_steps: Steps over which the rates rise linearly.
        epochs: Passes over the training boards.
        clip_norm: Largest norm of the gradient.
        stages: Numbers of oscillator steps, in the order of their start.
        read_every: Oscillator steps from one answer that the loss sees to the next; None for the
            last answer alone.
        symmetries: Whether every board is changed by a random symmetry of Sudoku.
        ema_decay: Largest decay of the weight average.
        ema_every: Steps between its updates.
        ema_start: Step it starts at.
    """

    batch_size: int = 100
    learning_rate: float = 1e-3
    muon_rate: float | None = None
    warmup_steps: int = 0
    epochs: int = 100
    clip_norm: float = 1.0
    stages: tuple[Stage, ...] = (Stage(),)
    read_every: int | None = None
    symmetries: bool = False
    ema_decay: float = 0.995
    ema_every: int = 10
    ema_start: int = 100

    def rate_at(self, step: int) -> float:
        """Share of their rates that the optimisers work with at a step, counted from 0."""
        return min(1.0, (step + 1) / (self.warmup_steps + 1)) * self.stage_at(step).rate

    def stage_at(self, step: int) -> Stage:
        """The stage that a step of training belongs to."""
        return next(stage for stage in reversed(self.stages) if step >= stage.start)


_AKORN = Recipe()
_CONTROL = Recipe(learning_rate=5e-4)
# For an hour on one CPU core, by a search (docs/sudoku.md).
_TINY_CONTROL = Recipe(
    batch_size=32,
    learning_rate=2e-3,
    muon_rate=0.02,
    warmup_steps=50,
    epochs=40,
    stages=(
        Stage(),
        Stage(start=2500, rate=0.6),
        Stage(start=5500, rate=0.3),
        Stage(start=9000, rate=0.1),
        Stage(start=10500, rate=0.03),
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

RECIPES = {
    "sudoku-akorn": _AKORN,
    "sudoku-itrsa": _CONTROL,
    "sudoku-transformer": _CONTROL,
    "sudoku-akorn-tiny": _TINY,
    "sudoku-itrsa-tiny": _TINY_CONTROL,
    "sudoku-transformer-tiny": _TINY_CONTROL,
}


def build_optimizer(model: AKOrNSudoku | ItrSASudoku, recipe: Recipe) -> torch.optim.Optimizer:
    """Build the optimiser of a recipe.

    Args:
        model: The network.
        recipe: Its recipe.

    Returns:
        Adam, or Muon and Adam.
    """
    if recipe.muon_rate is None:
        return torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    return MuonWithAdam(
        model, model.blocks, muon_rate=recipe.muon_rate, adam_rate=recipe.learning_rate
    )


def recipe_for(preset: str) -> Recipe:
    """Look a recipe up.

    Args:
        preset: Name of the row.

    Returns:
        Its recipe.

    Raises:
        ValueError: If there is none of that name.
    """
    return look_up(RECIPES, preset)


def build_model(preset: str, *, seed: int = 0) -> AKOrNSudoku | ItrSASudoku:
    """Build the untrained network of a row.

    Args:
        preset: Name of the row.
        seed: Decides its weights, alone; the global generator stays as it is.

    Returns:
        The model.

    Raises:
        ValueError: If there is none of that name.
    """
    recipe_for(preset)
    return build_untrained((AKOrNSudoku, ItrSASudoku), preset, seed=seed)
