"""Randomness without state, untrained networks, and the batches of every step.

The seed, the stream and the index of a draw decide its result. A run that resumes at step t draws
the same as an uninterrupted run, and a global batch does not depend on the number of processes.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from examples.common.optimization import Training
from examples.common.processes import Processes
from kuramoto_nn.models import Config, all_presets, create_model

STREAMS = ("initialisation", "order", "views", "noise", "evaluation", "steps")


def generator_for(
    seed: int, stream: str, index: int = 0, *, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Generator of a run's seed, one of `STREAMS`, and an index (the epoch or the step)."""
    entropy = np.random.SeedSequence((seed, STREAMS.index(stream), index))
    state = int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator(device).manual_seed(state)


def preset(name: str, **overrides: Any) -> Any:
    """Configuration of a network by the name of its preset, with fields to change."""
    presets = all_presets()
    if name not in presets:
        raise ValueError(f"unknown preset {name!r}; `python -m kuramoto_nn.models` lists them")
    return presets[name].config.replace(**overrides)


def build_model(config: Config | str, *, seed: int) -> Any:
    """Untrained network of a configuration or a preset's name; its weights depend on the seed only.

    The state of the global generator does not change.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator_for(seed, "initialisation").initial_seed())
        return create_model(config)


class ShuffledBatches:
    """Samples of every step: each epoch is a new order of all samples, cut into batches.

    The last batch of an epoch may be smaller. It is cut to a multiple of the number of processes,
    and dropped if it has less than two samples or less than one for each process.

    Subclasses draw everything for the global batch and then cut it to this process's rows, so that
    any number of processes sees the same batch. Noise is drawn in float32 and converted to
    ``dtype``. ``name`` is what messages call the samples.
    """

    def __init__(
        self,
        count: int,
        training: Training,
        *,
        seed: int,
        here: Processes,
        name: str,
        dtype: torch.dtype = torch.float32,
    ):
        self.count, self.batch_size = count, training.batch_size
        self.seed, self.here, self.dtype = seed, here, dtype
        here.rows(self.batch_size)  # raises if it cannot be shared equally
        full, rest = divmod(count, self.batch_size)
        rest -= rest % here.world_size
        uses_rest = not training.drop_last and rest >= 2
        self.steps_per_epoch = full + uses_rest
        self.last_batch = rest if uses_rest else self.batch_size
        if self.steps_per_epoch == 0:
            least = self.batch_size if training.drop_last else max(2, here.world_size)
            raise ValueError(
                f"a batch needs {least} {name}: got {count}; lower --training.batch-size or use "
                f"more {name}"
            )

    def indices(self, step: int) -> Tensor:
        """Indices ``(b,)`` of the samples in the global batch of a step."""
        epoch, position = divmod(step, self.steps_per_epoch)
        size = self.last_batch if position == self.steps_per_epoch - 1 else self.batch_size
        order = torch.randperm(self.count, generator=generator_for(self.seed, "order", epoch))
        return order[position * self.batch_size :][:size]

    def identity(self) -> dict[str, Any]:
        """Values that determine the samples of a step, besides the training and the seed."""
        return {"count": self.count, "last_batch": self.last_batch}
