"""Scores of a data set as `torchmetrics.Metric` classes: means over images, batch by batch."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from kuramoto_nn.metrics._ari import foreground_ari
from kuramoto_nn.metrics._overlap import mean_best_overlap


class ImageMean(Metric, ABC):
    """Mean of a score over images; those whose score is NaN are left out.

    Sums are float64, and added up over the processes of a distributed run by ``compute()``.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    total: Tensor
    count: Tensor
    _counted: Tensor

    def __init__(self, **kwargs: Any) -> None:
        """Start at no image.

        Args:
            **kwargs: Passed to `torchmetrics.Metric`.
        """
        super().__init__(**kwargs)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        # A MetricCollection computes metrics with equal states once; this state tells them apart.
        self.add_state(type(self).__name__, torch.zeros(()), dist_reduce_fx="sum")

    @abstractmethod
    def score(self, pred: Tensor, target: Tensor) -> Tensor:
        """Score every image of a batch, shape ``(B,)``; NaN where it has no score."""

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of label maps, both ``(B, H, W)``."""
        scores = self.score(pred, target)
        self.total = self.total + scores.nansum()
        self.count = self.count + scores.isfinite().sum()

    def compute(self) -> Tensor:
        """Mean over the images that count, float64; NaN if none does."""
        self._counted = self.count.clone()
        return self.total / self.count

    @property
    def num_images(self) -> int:
        """How many images the mean is over.

        After ``compute()`` those of all processes; until then, or once more images came, those
        that this process has seen.
        """
        return int(self.count if self._computed is None else self._counted)


class ForegroundARI(ImageMean):
    """Mean of `foreground_ari` over the images that have a foreground.

    Examples:
        >>> metric = ForegroundARI()
        >>> target = torch.tensor([[[0, 1, 1, 2]], [[0, 0, 0, 0]]])
        >>> metric.update(torch.tensor([[[5, 5, 5, 8]], [[1, 2, 3, 4]]]), target)
        >>> metric.compute(), metric.num_images
        (tensor(1., dtype=torch.float64), 1)
    """

    def score(self, pred: Tensor, target: Tensor) -> Tensor:
        """Score every image of a batch; see `foreground_ari`."""
        return foreground_ari(pred, target)


class MeanBestOverlap(ImageMean):
    """Mean of `mean_best_overlap` over the images that have an object.

    Examples:
        >>> metric = MeanBestOverlap()
        >>> target = torch.tensor([[[0, 1, 2, 2]], [[0, 0, 0, 0]]])
        >>> metric.update(torch.tensor([[[3, 3, 5, 5]], [[1, 2, 3, 4]]]), target)
        >>> metric.compute(), metric.num_images
        (tensor(0.7500, dtype=torch.float64), 1)
    """

    def score(self, pred: Tensor, target: Tensor) -> Tensor:
        """Score every image of a batch; see `mean_best_overlap`."""
        return mean_best_overlap(pred, target)
