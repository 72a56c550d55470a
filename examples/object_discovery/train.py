"""Train an object-discovery model with SimCLR: on one CPU, one GPU, or many under torchrun.

    python -m examples.object_discovery.train --preset tetrominoes-attn --out runs/attn
    torchrun --nproc-per-node 4 --max-restarts 3 -m examples.object_discovery.train \
        --preset clevrtex-attn-l2 --data clevrtex --precision bf16 --micro-batch 32

A run that finds its own checkpoint in the folder goes on where it was, in the middle of an epoch
too, with the numbers that an uninterrupted run would have had.
"""

from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from examples.object_discovery.batches import ViewBatches
from examples.object_discovery.data import load
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import build_model
from examples.object_discovery.train_options import TrainOptions
from examples.object_discovery.weights import TASK
from examples.training.cached_gradients import backward
from examples.training.command import run_command
from examples.training.compiling import should_compile
from examples.training.distributed import Processes
from examples.training.ema import WeightAverage
from examples.training.interrupt import Interrupt
from examples.training.log import RunLog
from examples.training.loop import finite, in_processes, mean_loss, run_steps
from examples.training.memory import GIB, peak_memory
from examples.training.pace import Pace
from examples.training.precision import autocast, dtype_of
from examples.training.run_state import CHECKPOINT, RunState


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
    """Train in this process; what it wraps is gone before the processes part."""
    recipe = options.recipe()
    images = load(
        recipe.data,
        "train",
        root=options.data,
        count=recipe.num_images,
        seed=options.seed,
        source=options.source,
        bad=options.bad,
    )
    dtype = dtype_of(options.precision)
    model = build_model(options.preset, seed=options.seed).to(here.device, dtype)
    noise_shape = (model.config.channels, *model.config.grid)
    batches = ViewBatches(images, recipe, noise_shape, seed=options.seed, here=here, dtype=dtype)
    state = RunState(
        model,
        WeightAverage(
            model, decay=recipe.ema_decay, every=recipe.ema_every, start=recipe.ema_start
        ),
        torch.optim.Adam(model.parameters(), lr=recipe.learning_rate),
        identity={"task": TASK, **options.identity(), "num_images": len(images)},
        options=options.plain() | {"world_size": here.world_size},
    )
    state.restore(options.out / CHECKPOINT)
    if should_compile(options.compile, here.device):
        model.compile()
    parallel = model if here.world_size == 1 else DistributedDataParallel(model)

    run_steps(
        state,
        options,
        here,
        interrupt,
        num_steps=recipe.epochs * batches.steps_per_epoch,
        step=lambda: _step(parallel, state, batches, options),
        record=lambda log, losses, pace, over: _record(log, losses, state, pace, batches),
    )
    return state


def _step(model: nn.Module, state: RunState, batches: ViewBatches, options: TrainOptions) -> Tensor:
    """One step of SimCLR; returns the loss."""
    recipe, here = batches.recipe, batches.here
    for group in state.optimizer.param_groups:
        group["lr"] = recipe.learning_rate_at(state.step)

    def embed(views: Tensor, noise: Tensor) -> Tensor:  # (2, m, ...) to (2, m, C)
        with autocast(options.precision, here.device):
            return model(views.flatten(0, 1), noise=noise.flatten(0, 1)).unflatten(0, (2, -1))

    def loss_of(embeddings: Tensor) -> Tensor:  # DDP divides by the number of processes
        every = here.gather(embeddings, dim=1)
        return nt_xent(every, temperature=recipe.temperature) * here.world_size

    state.optimizer.zero_grad(set_to_none=True)
    loss = backward(
        embed,
        [tensor.unflatten(0, (2, -1)) for tensor in batches.at(state.step)],
        loss_of,
        micro_batch=options.micro_batch,
        unsynchronized=getattr(model, "no_sync", nullcontext),
    )
    state.optimizer.step()
    state.average.update(state.step)
    return loss / here.world_size


def _record(
    log: RunLog, losses: list[Tensor], state: RunState, pace: Pace, batches: ViewBatches
) -> None:
    """Log the steps since the last record; the one place where the host waits for the device."""
    seconds = pace.lap(state.step)
    log.record(
        {
            "step": state.step,
            "seconds": round(state.seconds, 3),
            "loss": finite(mean_loss(losses).item(), state.step),
            "learning_rate": state.optimizer.param_groups[0]["lr"],
            "step_seconds": seconds,
            "images_per_second": batches.recipe.batch_size / seconds,
            "peak_memory_gib": peak_memory(batches.here.device) / GIB,
        },
        done=pace.share_done(state.step),
        seconds_left=pace.seconds_left(state.step),
    )


if __name__ == "__main__":
    run_command(train, TrainOptions)
