"""Train a Sudoku model: on one CPU, one GPU, or many under torchrun.

    python -m examples.sudoku.train --preset sudoku-akorn --data satnet --out runs/sudoku
    python -m examples.sudoku.train --preset sudoku-akorn-tiny --time-limit 600

Without ``--data`` it learns from boards that are made here. A run that finds its own checkpoint in
the folder goes on where it was, with the numbers that an uninterrupted run would have had.
"""

import dataclasses
from functools import partial
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from examples.sudoku.batches import BoardBatches
from examples.sudoku.data import Boards
from examples.sudoku.recipes import build_model, build_optimizer
from examples.sudoku.scores import BoardScores, single_answers
from examples.sudoku.train_options import TrainOptions
from examples.sudoku.weights import TASK
from examples.training.command import run_command
from examples.training.compiling import should_compile
from examples.training.distributed import Processes
from examples.training.ema import WeightAverage
from examples.training.interrupt import Interrupt
from examples.training.log import RunLog
from examples.training.loop import finite, in_processes, mean_loss, run_steps
from examples.training.pace import Pace
from examples.training.run_state import CHECKPOINT, RunState
from kuramoto_nn.models import AKOrNSudoku, ItrSASudoku


def train(options: TrainOptions) -> RunState:
    """Train until the epochs, the steps or the time are over, or a signal comes.

    Args:
        options: What to train, and how long.

    Returns:
        The run as it was saved last.

    Raises:
        ValueError: If an option is wrong, the folder holds another run, or the loss is not finite.
        SystemExit: With code 0, after saving, if a signal came.
    """
    return in_processes(options, partial(_train, options))


def _train(options: TrainOptions, here: Processes, interrupt: Interrupt) -> RunState:
    recipe = options.recipe()
    boards, held_out = options.training_boards(), options.held_out_boards()
    model = build_model(options.preset, seed=options.seed).to(here.device)
    batches = BoardBatches(boards, recipe, model.config.channels, seed=options.seed, here=here)
    state = RunState(
        model,
        WeightAverage(
            model, decay=recipe.ema_decay, every=recipe.ema_every, start=recipe.ema_start
        ),
        build_optimizer(model, recipe),
        identity={"task": TASK, **options.identity(), "num_boards": len(boards)},
    )
    state.restore(options.out / CHECKPOINT)
    if should_compile(options.compile, here.device):
        model.compile()
    answers = Answers(model, every=recipe.read_every)
    parallel = answers if here.world_size == 1 else DistributedDataParallel(answers)

    def record(log: RunLog, losses: list[Tensor], pace: Pace, over: bool) -> None:
        scores = {}
        if here.is_main and (over or state.step % options.evaluate_every == 0):
            scores = _evaluate(state, held_out.to(here.device), log)
        _record(log, losses, scores, state, pace, batches)

    run_steps(
        state,
        options,
        here,
        interrupt,
        num_steps=recipe.epochs * batches.steps_per_epoch,
        step=lambda: _step(parallel, state, batches),
        record=record,
    )
    return state


class Answers(nn.Module):
    """What the loss sees of a model: its answer, or the answers on the way to it as well.

    Args:
        model: The model.
        every: Oscillator steps between answers; None for the last one alone.

    Shape:
        Puzzles ``(B, 9, 9)`` to logits ``(R, B, 9, 9, 9)`` of R answers.
    """

    def __init__(self, model: AKOrNSudoku | ItrSASudoku, *, every: int | None):
        super().__init__()
        self.model, self.every = model, every

    def forward(
        self, puzzles: Tensor, *, num_steps: int | None, skip: int, noise: Tensor
    ) -> Tensor:
        if self.every is None:
            assert skip == 0, "recipes that skip steps read answers on the way"
            return self.model(puzzles, num_steps=num_steps, noise=noise)[None]
        assert isinstance(self.model, AKOrNSudoku), "only its recipes read answers on the way"
        return self.model.answers(
            puzzles, every=self.every, skip=skip, num_steps=num_steps, noise=noise
        )


def _step(model: nn.Module, state: RunState, batches: BoardBatches) -> Tensor:
    """One step on the cross-entropy over all cells of all answers; returns the loss."""
    recipe = batches.recipe
    for group in state.optimizer.param_groups:
        group["lr"] = group.setdefault("full_lr", group["lr"]) * recipe.rate_at(state.step)
    puzzles, solutions, noise = batches.at(state.step)
    logits = model(
        puzzles,
        num_steps=recipe.stage_at(state.step).num_steps,
        skip=batches.skip(state.step),
        noise=noise,
    )
    target = (solutions - 1).expand(logits.shape[:-1])
    loss = F.cross_entropy(logits.flatten(0, -2), target.flatten())
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
    state.optimizer.step()
    state.average.update(state.step)
    return loss.detach()


def _evaluate(state: RunState, held_out: Boards, log: RunLog) -> dict[str, float]:
    """Scores of the averaged weights, from the same noise every time."""
    model = cast(AKOrNSudoku | ItrSASudoku, state.average.model)
    scores = BoardScores.of(single_answers(model, held_out.puzzles), held_out)
    log.say(
        f"step {state.step}: {scores.solved:.1f} % of {scores.boards} held-out boards solved, "
        f"{scores.blanks:.1f} % of the blanks right"
    )
    return {f"held_out_{name}": value for name, value in dataclasses.asdict(scores).items()}


def _record(
    log: RunLog,
    losses: list[Tensor],
    scores: dict[str, float],
    state: RunState,
    pace: Pace,
    batches: BoardBatches,
) -> None:
    """Log the steps since the last record; the one place where the host waits for the device."""
    loss = batches.here.gather(mean_loss(losses)[None], 0).mean().item()
    log.record(
        {
            "step": state.step,
            "seconds": round(state.seconds, 3),
            "loss": finite(loss, state.step),
            "boards_per_second": batches.recipe.batch_size * pace.steps_per_second(state.step),
            **scores,
        },
        done=pace.share_done(state.step),
        seconds_left=pace.seconds_left(state.step),
    )


if __name__ == "__main__":
    run_command(train, TrainOptions)
