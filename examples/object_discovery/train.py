"""Train an object-discovery model with SimCLR: on one CPU, one GPU, or many under torchrun.

    python -m examples.object_discovery.train tetrominoes-attn --out runs/attn
    python -m examples.object_discovery.train tetrominoes-attn --model.num-blocks 3 \
        --data.name dsprites --training.batch-size 64 --out runs/three-blocks
    torchrun --nproc-per-node 4 --max-restarts 3 -m examples.object_discovery.train \
        clevrtex-attn-l2 --precision bf16 --training.micro-batch 32

A run that finds its own checkpoint in the folder resumes, in the middle of an epoch too, with the
numbers that an uninterrupted run would have had. ``OUT/model`` is the trained model.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from torch import Tensor
from tyro.conf import Suppress

from examples.common.command import recipe_options, run_command
from examples.common.device import autocast, dtype_of
from examples.common.optimization import backward
from examples.common.randomness import build_model
from examples.common.run import Run, RunOptions, open_run
from examples.object_discovery.batches import ViewBatches
from examples.object_discovery.data import DataOptions, load
from examples.object_discovery.losses import nt_xent
from examples.object_discovery.recipes import RECIPES, Scoring, Training, resized
from kuramoto_nn.models import ObjectDiscoveryConfig


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunOptions):
    """Train an object-discovery model with SimCLR."""

    model: ObjectDiscoveryConfig
    """The network."""
    data: DataOptions
    """The images. Their size is the model's unless --data.image-size is given."""
    training: Training
    """How the network is trained."""
    scoring: Annotated[Scoring, Suppress]
    """How the trained model is scored; training does not need it."""


options_for = partial(recipe_options, TrainOptions, RECIPES)
"""Options of a recipe, with changes; see `recipe_options`."""


def train(options: TrainOptions) -> Run:
    """Train until the epochs, the steps or the time are over, or a signal comes; save the run."""
    training, data = options.training, resized(options.data, options.model)
    with open_run(options) as run:
        images, dtype = load(data, "train"), dtype_of(options.precision)
        model = build_model(options.model, seed=options.seed).to(run.device, dtype)
        batches = ViewBatches(
            images, training, options.model, seed=options.seed, here=run.processes, dtype=dtype
        )
        run.prepare(
            model,
            task="object discovery",
            data={"name": data.name, **batches.identity()},
            num_steps=training.epochs * batches.steps_per_epoch,
        )
        for step in run:
            views, noise = batches.at(step)
            run.optimizer.zero_grad(set_to_none=True)
            loss = contrast(run, options, views, noise)
            run.optimizer.step()
            run.average.update(step)
            run.report(loss, images=views.shape[1] * run.processes.world_size)
    return run


def contrast(run: Run, options: TrainOptions, views: Tensor, noise: Tensor) -> Tensor:
    """Add the gradient of NT-Xent over the global batch to the parameters; return the loss.

    Views ``(2, b, 3, H, W)`` and initial noise ``(2, b, C, h, w)`` are those of this process.
    """
    training, count = options.training, run.processes.world_size

    def embed(views: Tensor, noise: Tensor) -> Tensor:  # (2, m, ...) to (2, m, C)
        with autocast(options.precision, run.device):
            embeddings = run.network(views.flatten(0, 1), noise=noise.flatten(0, 1))
        return embeddings.unflatten(0, (2, -1))

    def loss_of(embeddings: Tensor) -> Tensor:
        every = run.processes.gather(embeddings, dim=1)
        # DDP divides gradients by the number of processes.
        return nt_xent(every, temperature=training.temperature) * count

    loss = backward(
        embed,
        [views, noise],
        loss_of,
        micro_batch=training.micro_batch,
        unsynchronized=run.unsynchronized,
    )
    return loss / count


if __name__ == "__main__":
    run_command(train, TrainOptions, recipes=RECIPES)
