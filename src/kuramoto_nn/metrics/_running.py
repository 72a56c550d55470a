"""Scores of a data set as `torchmetrics.Metric` classes: means over images."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from kuramoto_nn._checks import as_integer, with_float64
from kuramoto_nn.metrics._scores import Empty, check_empty, foreground_ari, mean_best_overlap


class ImageMean(Metric):
    """Mean of a score over images; those whose score is NaN are left out.

    Sums are float64; ``compute()`` adds them up over the processes of a distributed run.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    total: Tensor
    count: Tensor
    _counted: Tensor
    _score: Callable[..., Tensor]

    def __init__(self, *, ignore_index: int | None, kwargs: dict[str, Any], **options: Any):
        super().__init__(**kwargs)
        if ignore_index is not None:
            ignore_index = as_integer("ignore_index", ignore_index)
        self.options = {"ignore_index": ignore_index, **options}
        self.add_state("total", with_float64(torch.zeros(())).double(), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        # A MetricCollection would merge metrics with equal states, so a unique state is added.
        name = re.sub(r"\W", "_", f"{type(self).__name__} {self.options}")
        self.add_state(name, torch.zeros(()), dist_reduce_fx="sum")

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Add a batch of label maps, both ``(B, H, W)``."""
        scores = self._score(pred, target, **self.options)
        self.total = self.total + scores.nansum()
        self.count = self.count + scores.isfinite().sum()

    def compute(self) -> Tensor:
        """Mean over the images that count, float64; NaN if none does."""
        self._counted = self.count.clone()
        return self.total / self.count

    @property
    def num_images(self) -> int:
        """Number of images that the mean is over.

        It covers all processes after ``compute()``; before it, and after a further ``update()``,
        this process only.
        """
        return int(self.count if self._computed is None else self._counted)


class ForegroundARI(ImageMean):
    """Mean of `foreground_ari` over the images that have a foreground.

    Args:
        empty: Score of an image without foreground: ``"nan"`` leaves it out, ``"one"`` counts 1.
        ignore_index: A further label of ignored pixels, such as 255; None for none.
        **kwargs: Passed to `torchmetrics.Metric`.

    Examples:
        >>> metric = ForegroundARI()
        >>> target = torch.tensor([[[0, 1, 1, 2]], [[0, 0, 0, 0]]])
        >>> metric.update(torch.tensor([[[5, 5, 5, 8]], [[1, 2, 3, 4]]]), target)
        >>> metric.compute(), metric.num_images
        (tensor(1., dtype=torch.float64), 1)
    """

    _score = staticmethod(foreground_ari)

    def __init__(self, *, empty: Empty = "nan", ignore_index: int | None = None, **kwargs: Any):
        check_empty(empty)
        super().__init__(ignore_index=ignore_index, kwargs=kwargs, empty=empty)


class MeanBestOverlap(ImageMean):
    """Mean of `mean_best_overlap` over the images that have an object.

    Args:
        ignore_index: A further label of ignored pixels, such as 255; None for none.
        **kwargs: Passed to `torchmetrics.Metric`.

    Examples:
        >>> metric = MeanBestOverlap()
        >>> target = torch.tensor([[[0, 1, 2, 2]], [[0, 0, 0, 0]]])
        >>> metric.update(torch.tensor([[[3, 3, 5, 5]], [[1, 2, 3, 4]]]), target)
        >>> metric.compute(), metric.num_images
        (tensor(0.7500, dtype=torch.float64), 1)
    """

    _score = staticmethod(mean_best_overlap)

    def __init__(self, *, ignore_index: int | None = None, **kwargs: Any):
        super().__init__(ignore_index=ignore_index, kwargs=kwargs)
