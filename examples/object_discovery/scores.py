"""The scores of segmentations: one table, which every file, line, page and picture goes by."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean, stdev
from typing import Literal

from torch import Tensor

from examples.object_discovery.data import VOID, SegmentedImages
from kuramoto_nn.metrics import foreground_ari, mean_best_overlap


@dataclass(frozen=True)
class Score:
    """How well predicted labels fit the true ones, image by image.

    Attributes:
        title: Its name in tables.
        note: What it measures, as a phrase.
        function: Maps predicted and true labels, both ``(B, H, W)``, to ``(B,)`` float64 scores, 1
            for a perfect match, NaN for an image that does not count. True labels are 0 on the
            background and `VOID` where they are to be ignored.
        truth: The label map it compares with. Data sets without that map do not have the score.
        empty_is_one: Whether ``--empty one`` counts an image without a score as 1, as the authors'
            evaluation does.
    """

    title: str
    note: str
    function: Callable[[Tensor, Tensor], Tensor]
    truth: Literal["instances", "classes"] = "instances"
    empty_is_one: bool = False


_ari = partial(foreground_ari, ignore_index=VOID)
_overlap = partial(mean_best_overlap, ignore_index=VOID)
_ARI = "adjusted Rand index over the pixels of objects: 100 if every object is one segment"
_MBO = "mean best overlap: how well the best segment covers each"

SCORES: dict[str, Score] = {
    "fg_ari": Score("FG-ARI", f"{_ARI}, 0 by chance", _ari, empty_is_one=True),
    "mbo": Score("MBO", f"{_MBO} object, its border included", _overlap),
    "mbo_c": Score("MBO class-level", f"{_MBO} class", _overlap, truth="classes"),
}
"""Every score by the name of its column; the first one ranks images."""


def scores_of(data: SegmentedImages) -> dict[str, Score]:
    """Look up the scores that a data set has the true labels for."""
    return {name: s for name, s in SCORES.items() if getattr(data, s.truth) is not None}


def true_labels(labels: Tensor) -> Tensor:
    """Convert labels of a data set to int64 with -1 where they are `VOID`, as plots expect them."""
    return labels.long().masked_fill(labels == VOID, -1)


@dataclass(frozen=True)
class Statistic:
    """One score over noise seeds and images, x100.

    Attributes:
        mean: Mean over seeds of the means over images.
        std_over_seeds: Standard deviation of those means (n - 1); None for a single seed.
        std_over_images: Standard deviation over the images of one seed, mean over seeds.
        per_seed: The means over images.
        num_images: Images that count.
    """

    mean: float
    std_over_seeds: float | None
    std_over_images: float | None
    per_seed: list[float]
    num_images: int

    @classmethod
    def of(cls, columns: list[list[float]]) -> "Statistic":
        """Summarise the scores of every image, one list per seed; NaN does not count."""
        counted = [[x for x in column if not math.isnan(x)] for column in columns]
        means = [fmean(column) if column else math.nan for column in counted]
        spreads = [stdev(column) for column in counted if len(column) > 1]
        return cls(
            mean=fmean(means),
            std_over_seeds=stdev(means) if len(means) > 1 else None,
            std_over_images=fmean(spreads) if spreads else None,
            per_seed=means,
            num_images=len(counted[0]),
        )

    def __str__(self) -> str:
        over_seeds = "" if self.std_over_seeds is None else f" ± {self.std_over_seeds:.2f}"
        return f"{self.mean:.2f}{over_seeds}"
