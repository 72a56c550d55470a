"""Exponential moving average of the weights, with the authors' warm-up."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

WARMUP_POWER = 2 / 3


class WeightAverage:
    """Average of a model's weights, updated now and then.

    Up to step ``start`` it is a copy. An update at step t after that keeps
    ``min(decay, 1 - (1 + t - start)^(-2/3))`` of the average, which is young at first.

    Args:
        model: The model in training.
        decay: Largest share of the average that an update keeps.
        every: Steps between updates.
        start: Step of the first update that averages.
    """

    def __init__(self, model: nn.Module, *, decay: float, every: int, start: int):
        self.decay, self.every, self.start = decay, every, start
        self._source, self._keep = model, 0.0
        self._averaged = AveragedModel(
            model, avg_fn=lambda average, new, _: torch.lerp(new, average, self._keep)
        )
        # It starts as a copy; torch would copy once more at the first update after a restart.
        self._averaged.n_averaged.fill_(1)

    @property
    def model(self) -> nn.Module:
        """The averaged model, ready for evaluation."""
        return self._averaged.module

    def keep(self, step: int) -> float:
        """Share of the average that an update at ``step`` keeps."""
        if step <= self.start:
            return 0.0
        return min(self.decay, 1 - (1 + step - self.start) ** -WARMUP_POWER)

    def update(self, step: int) -> None:
        """Take in the weights after the optimiser's step number ``step``, counted from 0."""
        if step % self.every == 0 or step < self.start:
            self._keep = self.keep(step)
            self._averaged.update_parameters(self._source)
