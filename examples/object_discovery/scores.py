"""Masks, their scores, and what is said of the scores of many images and noise seeds."""

import math
from dataclasses import dataclass
from statistics import fmean, stdev

from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """Mean scores over images, x100.

    Attributes:
        fg_ari: Foreground adjusted Rand index.
        mbo: Mean best overlap.
        num_images: Images that counted: those with objects.
    """

    fg_ari: float
    mbo: float
    num_images: int

    def named(self, suffix: str = "") -> dict[str, float]:
        """Both means, ``fg_ari<suffix>`` and ``mbo<suffix>``."""
        return {f"fg_ari{suffix}": self.fg_ari, f"mbo{suffix}": self.mbo}


@dataclass(frozen=True)
class Segmentation:
    """Predicted masks of some images and how well they fit.

    Attributes:
        labels: ``(n, H, W)`` int64, the cluster of every pixel.
        fg_ari: ``(n,)`` adjusted Rand index over the foreground, x100; NaN without foreground.
        mbo: ``(n,)`` mean best overlap, x100; NaN without objects.
    """

    labels: Tensor
    fg_ari: Tensor
    mbo: Tensor

    @property
    def scores(self) -> Scores:
        """Means over the images that have objects."""
        return Scores(
            fg_ari=self.fg_ari.nanmean().item(),
            mbo=self.mbo.nanmean().item(),
            num_images=int((~self.fg_ari.isnan()).sum()),
        )


@dataclass(frozen=True)
class Statistic:
    """One score over noise seeds and images, x100.

    Attributes:
        mean: Mean over seeds of the means over images.
        std_over_seeds: Standard deviation of those means (n - 1); None of a single seed.
        std_over_images: Standard deviation over the images of one seed, mean over seeds.
        per_seed: The means over images.
    """

    mean: float
    std_over_seeds: float | None
    std_over_images: float | None
    per_seed: list[float]

    @classmethod
    def of(cls, columns: list[list[float]]) -> "Statistic":
        """Sum up the scores of every image, one list a seed; NaN does not count."""
        counted = [[x for x in column if not math.isnan(x)] for column in columns]
        means = [fmean(column) if column else math.nan for column in counted]
        spreads = [stdev(column) for column in counted if len(column) > 1]
        return cls(
            mean=fmean(means),
            std_over_seeds=stdev(means) if len(means) > 1 else None,
            std_over_images=fmean(spreads) if spreads else None,
            per_seed=means,
        )

    def __str__(self) -> str:
        over_seeds = "" if self.std_over_seeds is None else f" ± {self.std_over_seeds:.2f}"
        return f"{self.mean:.2f}{over_seeds}"
