"""Train an object-discovery model with SimCLR: on one CPU, one GPU, or many under torchrun.

    python -m examples.object_discovery.train --preset tetrominoes-attn --out runs/attn
    torchrun --nproc-per-node 4 -m examples.object_discovery.train --preset tetrominoes-attn

A run that finds its own checkpoint in the folder goes on where it was, in the middle of an epoch
too, with the numbers that an uninterrupted run would have had.
"""

import dataclasses
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from examples.object_discovery.batches import ViewBatches
from examples.object_discovery.data import load
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import Recipe, build_model, recipe_for
from examples.object_discovery.weights import TASK
from examples.training.command import run_command
from examples.training.compiling import Compile, should_compile
from examples.training.distributed import Processes, processes
from examples.training.ema import WeightAverage
from examples.training.interrupt import deferred_interrupts
from examples.training.lock import exclusive
from examples.training.log import RunLog
from examples.training.options import check_positive, check_seed
from examples.training.pace import Pace
from examples.training.run_state import CHECKPOINT, RunState
from kuramoto_nn.models import AKOrN, ItrSA


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Train an object-discovery model with SimCLR."""

    preset: str = "tetrominoes-attn"
    """Row of the paper's tables: the network and its recipe."""
    out: Path = Path("runs/train")
    """Folder of the checkpoint and the logs; a run that is there goes on."""
    data: Path = Path("runs/data")
    """Folder where generated images are kept."""
    source: Path | None = None
    """Original TFRecord file, or its folder, instead of generated images."""
    num_images: int = 60_000
    """Training images."""
    batch_size: int | None = None
    """Images of a global batch (the recipe's if not given)."""
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
    compile: Compile = "auto"
    """Compile the oscillators' update; auto tries whether this machine can."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints."""
    log_every: int = 10
    """Steps between records of the log."""

    def __post_init__(self):
        check_positive(self, "num_images", "batch_size", "learning_rate", "epochs")
        check_positive(self, "max_steps", "time_limit", "checkpoint_seconds", "log_every")
        check_seed(self.seed)

    def recipe(self) -> Recipe:
        """The preset's recipe with what was given on the command line."""
        given = {name: getattr(self, name) for name in ("batch_size", "learning_rate", "epochs")}
        given = {name: value for name, value in given.items() if value is not None}
        return dataclasses.replace(recipe_for(self.preset), **given)


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
    recipe, path = options.recipe(), options.out / CHECKPOINT
    with (
        processes(options.device) as here,
        exclusive(options.out, enabled=here.is_main),
        deferred_interrupts() as interrupt,
    ):
        model = build_model(options.preset, seed=options.seed).to(here.device)
        state = RunState(
            model,
            WeightAverage(
                model, decay=recipe.ema_decay, every=recipe.ema_every, start=recipe.ema_start
            ),
            torch.optim.Adam(model.parameters(), lr=recipe.learning_rate),
            identity=_identity(options, recipe),
        )
        state.restore(path)
        batches = _load_batches(options, recipe, here, model)
        last_step = min(recipe.epochs * batches.steps_per_epoch, options.max_steps or sys.maxsize)
        if should_compile(options.compile, here.device):
            model.compile()
        parallel = model if here.world_size == 1 else DistributedDataParallel(model)

        pace = Pace(
            step=state.step,
            seconds=state.seconds,
            last_step=last_step,
            time_limit=options.time_limit,
        )
        with RunLog(
            options.out, first_step=state.step, title=options.preset, enabled=here.is_main
        ) as log:
            while not here.agree(pace.is_over(state.step) or bool(interrupt)):
                losses = [
                    _step(parallel, state, batches, state.step + i)
                    for i in range(min(options.log_every, last_step - state.step))
                ]
                state.step += len(losses)
                state.seconds = pace.seconds
                log.record(
                    {
                        "step": state.step,
                        "seconds": round(state.seconds, 3),
                        "loss": _finite(torch.stack(losses).mean().item(), state.step),
                        "images_per_second": recipe.batch_size * pace.steps_per_second(state.step),
                    },
                    done=pace.share_done(state.step),
                    seconds_left=pace.seconds_left(state.step),
                )
                if here.is_main and pace.is_due(options.checkpoint_seconds):
                    state.save(path)
            if here.is_main:
                state.save(path)
            log.say(f"{interrupt.signal_name or 'done'}: {state.step} steps are in {path}")
        if interrupt:
            sys.exit(0)  # the caller must not go on as if the time were over
    return state


def _step(model: nn.Module, state: RunState, batches: ViewBatches, step: int) -> Tensor:
    """One step of SimCLR; returns the loss."""
    recipe, here = batches.recipe, batches.here
    for group in state.optimizer.param_groups:
        group["lr"] = recipe.learning_rate * min(1.0, (step + 1) / (recipe.warmup_steps + 1))
    views, noise = batches.at(step)
    embeddings = model(views, noise=noise).unflatten(0, (2, -1))
    loss = nt_xent(here.gather(embeddings, dim=1), temperature=recipe.temperature)
    state.optimizer.zero_grad(set_to_none=True)
    (loss * here.world_size).backward()  # DDP divides by the number of processes
    state.optimizer.step()
    state.average.update(step)
    return loss.detach()


def _load_batches(
    options: TrainOptions, recipe: Recipe, here: Processes, model: AKOrN | ItrSA
) -> ViewBatches:
    images = load(
        recipe.data,
        "train",
        root=options.data,
        count=options.num_images,
        seed=options.seed,
        source=options.source,
    )
    noise_shape = (model.config.channels, *model.config.grid)
    return ViewBatches(images, recipe, noise_shape, seed=options.seed, here=here)


def _identity(options: TrainOptions, recipe: Recipe) -> dict[str, Any]:
    """What decides a run's numbers, as plain values; how long it runs does not."""
    values = dataclasses.asdict(recipe)
    del values["epochs"], values["num_clusters"]
    source = None if options.source is None else str(options.source)
    return {
        "task": TASK,
        "preset": options.preset,
        "seed": options.seed,
        "num_images": options.num_images,
        "source": source,
        **values,
    }


def _finite(loss: float, step: int) -> float:
    if not math.isfinite(loss):
        raise ValueError(
            f"the loss is {loss} at step {step}; lower --learning-rate and start in another --out"
        )
    return loss


if __name__ == "__main__":
    run_command(train, TrainOptions)
