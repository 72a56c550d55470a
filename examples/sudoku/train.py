"""Train a Sudoku model: on one CPU, one GPU, or many under torchrun.

    python -m examples.sudoku.train sudoku-akorn --data.root runs/data --out runs/sudoku
    python -m examples.sudoku.train sudoku-akorn-tiny --time-limit 600

The ``-tiny`` recipes train on generated boards. The same command resumes a run, with the numbers of
an uninterrupted one. ``OUT/model`` is the trained model.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from examples.common.command import recipe_options, run_command
from examples.common.device import Compile, autocast, dtype_of, send
from examples.common.randomness import ShuffledBatches, build_model, generator_for
from examples.common.run import Run, RunOptions, open_run
from examples.sudoku.boards import Boards
from examples.sudoku.data import BoardOptions, load
from examples.sudoku.recipes import RECIPES, Scoring, Training
from examples.sudoku.rules import transform
from examples.sudoku.scores import BoardScores
from examples.sudoku.solver import Solver
from kuramoto_nn.models import SudokuConfig, SudokuModel


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunOptions):
    """Train a model to solve Sudoku."""

    model: SudokuConfig
    """The network."""
    data: BoardOptions
    """The boards; test boards are scored during training."""
    training: Training
    """How the network is trained."""
    scoring: Scoring
    """How the test boards are scored."""
    compile: Compile = "off"
    """Compile the model; auto tries whether this machine can."""


options_for = partial(recipe_options, TrainOptions, RECIPES)
"""Options of a recipe, with changes; see `recipe_options`."""


def train(options: TrainOptions) -> Run:
    """Train until the epochs, the steps or the time are over, or a signal comes; save the run.

    ValueError if an option is wrong, the folder holds another run, or the loss is not finite.
    """
    training, dtype = options.training, dtype_of(options.precision)
    with open_run(options) as run:
        boards, held_out = load(options.data, "train"), load(options.data, "test").to(run.device)
        model = build_model(options.model, seed=options.seed).to(run.device, dtype)
        batches = BoardBatches(
            boards, training, options.model, seed=options.seed, here=run.processes, dtype=dtype
        )
        run.prepare(
            model,
            task="sudoku",
            data={"name": options.data.name, **batches.identity()},
            num_steps=training.epochs * batches.steps_per_epoch,
            network=Answers(model, every=training.read_every, hardest=training.hardest),
        )
        for step in run:
            puzzles, solutions, noise = batches.at(step)
            stage, skip = training.stage_at(step), batches.skip(step)
            with autocast(options.precision, run.device):
                logits, chosen = run.network(
                    puzzles, solutions, num_steps=stage.num_steps, skip=skip, noise=noise
                )
                loss = cross_entropy(logits, solutions[chosen]).mean()
            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), training.clip_norm)
            run.optimizer.step()
            run.average.update(step)
            run.report(loss, boards=len(puzzles) * run.processes.world_size)
            if run.is_due(training.evaluate_every) and run.processes.is_main:
                score(run, held_out, num_steps=options.scoring.num_steps)
    return run


def score(run: Run, held_out: Boards, *, num_steps: int | None) -> None:
    """Score the averaged weights and the live ones, from the same noise every time; log both.

    The average lags behind the live weights in short runs.
    """
    average, live = cast(SudokuModel, run.average.model), cast(SudokuModel, run.model)
    scores, of_live = (
        BoardScores.of(Solver(model, num_steps=num_steps).answers(held_out.puzzles), held_out)
        for model in (average, live)
    )
    for prefix, values in (("held_out", scores), ("held_out_live", of_live)):
        run.log(**{f"{prefix}_{name}": v for name, v in dataclasses.asdict(values).items()})
    run.say(
        f"step {run.step}: {scores.solved:.1f} % of {scores.boards} held-out boards solved, "
        f"{scores.cells:.1f} % of the blanks right; live weights {of_live.solved:.1f} %, "
        f"{of_live.cells:.1f} %"
    )


def cross_entropy(logits: Tensor, solutions: Tensor) -> Tensor:
    """Mean over the cells: logits ``(R, B, 9, 9, 9)`` and solutions ``(B, 9, 9)`` to ``(R, B)``."""
    target = (solutions - 1).expand(logits.shape[:-1])
    losses = F.cross_entropy(logits.flatten(0, -2), target.flatten(), reduction="none")
    return losses.view(target.shape).mean((-2, -1))


class BoardBatches(ShuffledBatches):
    """Boards and starting noise of each step; the other options are those of `ShuffledBatches`."""

    def __init__(self, boards: Boards, training: Training, model: SudokuConfig, **options: Any):
        super().__init__(len(boards), training, name="boards", **options)
        self.boards, self.training = boards, training
        self.channels = model.channels

    def at(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Puzzles and solutions ``(b, 9, 9)`` and noise ``(b, C, 9, 9)`` of this process."""
        device, batch = self.here.device, self.boards[self.indices(step)]
        rows = self.here.rows(len(batch))
        puzzles, solutions = batch.puzzles, batch.solutions
        if self.training.symmetries:
            generator = generator_for(self.seed, "views", step)
            puzzles, solutions = transform(puzzles, solutions, generator=generator)
        noise = torch.randn(
            (len(batch), self.channels, *puzzles.shape[1:]),
            generator=generator_for(self.seed, "noise", step, device=device),
            device=device,
        )[rows]
        return send(puzzles[rows], device), send(solutions[rows], device), noise.to(self.dtype)

    def skip(self, step: int) -> int:
        """Updates that a batch takes without gradients: 0 for half of the batches."""
        most = self.training.stage_at(step).skip
        generator = generator_for(self.seed, "steps", step)
        return max(int(torch.randint(-most, most + 1, (), generator=generator)), 0)

    def identity(self) -> dict[str, Any]:
        """As in the base class, with the content of the boards."""
        return {**super().identity(), "fingerprint": self.boards.fingerprint()}


class Answers(nn.Module):
    """Logits for the loss: a model's last answer, or one after every few updates.

    Shape:
        Puzzles and solutions ``(B, 9, 9)`` to logits ``(R, M, 9, 9, 9)`` of R answers (one if
        ``every`` is None), and the numbers ``(M,)`` of their boards: the share ``hardest`` of B.
    """

    def __init__(self, model: SudokuModel, *, every: int | None, hardest: float):
        super().__init__()
        self.model, self.every, self.hardest = model, every, hardest

    def forward(
        self, puzzles: Tensor, solutions: Tensor, *, num_steps: int | None, skip: int, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        count = max(1, round(self.hardest * len(puzzles)))
        chosen = torch.arange(count, device=puzzles.device)
        if skip == 0:
            puzzles, noise = puzzles[:count], noise[:count]
        if self.every is None:
            assert skip == 0, "recipes that skip updates read several answers"
            return self.model(puzzles, num_steps=num_steps, noise=noise)[None], chosen

        def hardest(logits: Tensor) -> Tensor:
            nonlocal chosen
            chosen = cross_entropy(logits[None], solutions)[0].topk(count).indices
            return chosen

        logits = self.model.answers(
            puzzles,
            every=self.every,
            skip=skip,
            num_steps=num_steps,
            noise=noise,
            select=hardest if count < len(puzzles) else None,
        )
        return logits, chosen


if __name__ == "__main__":
    run_command(train, TrainOptions, recipes=RECIPES)
