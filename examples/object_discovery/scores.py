"""Scores of segmentations: the table of all scores, their statistics, and their files."""

import math
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal, Self

from torch import Tensor

from examples.common.files import write_text
from examples.object_discovery.data import VOID, SegmentedImages
from kuramoto_nn.metrics import foreground_ari, mean_best_overlap


@dataclass(frozen=True)
class Score:
    """A score of predicted labels against the true ones, image by image.

    ``function`` maps predicted and true labels, both ``(B, H, W)``, to ``(B,)`` float64 scores, 1
    for a perfect match, NaN for an image that does not count. True labels are 0 on the background
    and `VOID` where they are to be ignored. Data sets without the map ``truth`` lack the score.
    """

    title: str  # its name in tables
    note: str  # the measured quantity, as a phrase
    function: Callable[[Tensor, Tensor], Tensor]
    truth: Literal["instances", "classes"] = "instances"  # the label map it compares with
    empty_is_one: bool = False  # for `--empty one`, as in the authors' evaluation


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
    """The scores that a data set has the true labels for."""
    return {name: s for name, s in SCORES.items() if getattr(data, s.truth) is not None}


@dataclass(frozen=True)
class Statistic:
    """One score over noise seeds and images, x100; deviations (n - 1) are None for one number."""

    mean: float  # over seeds, of the means over images
    std_over_seeds: float | None  # of the means over images
    std_over_images: float | None  # of one seed, mean over seeds
    per_seed: list[float]  # means over images
    num_images: int  # that count

    @classmethod
    def of(cls, columns: list[list[float]]) -> Self:
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


Rows = dict[int, dict[str, float]]
"""Scores of images by name (x100, NaN where an image does not count), by the image's number."""


class ScoreTable:
    """Scores of every image of a data set with one noise seed, on disk.

    Images are scored in chunks. Every chunk is a file of its own in a folder beside the CSV file of
    the whole table, so that a stopped evaluation resumes and several processes write at once.
    """

    def __init__(self, path: Path, num_images: int, names: Iterable[str]):
        self.path, self.num_images, self.names = path, num_images, list(names)
        self._chunks = path.with_suffix(".chunks")

    def rows(self) -> Rows:
        """All scores so far, by increasing number; ValueError if a file is damaged."""
        rows: Rows = {}
        for path in [self.path, *sorted(self._chunks.glob("*.csv"))]:
            if path.exists():
                rows |= self._read(path)
        return dict(sorted(rows.items()))

    def missing(self) -> list[int]:
        """Numbers of the images without scores."""
        rows = self.rows()
        return [index for index in range(self.num_images) if index not in rows]

    def add(self, indices: list[int], scores: Mapping[str, Tensor]) -> None:
        """Write the scores of some images, tensors ``(n,)`` by name."""
        columns = (scores[name].tolist() for name in self.names)
        values = zip(indices, *columns, strict=True)
        rows = {index: dict(zip(self.names, row, strict=True)) for index, *row in values}
        self._write(self._chunks / f"{indices[0]:06d}.csv", rows)

    def complete(self) -> Rows | None:
        """Merge the chunks into one file and return all scores; None if images are missing."""
        rows = self.rows()
        if len(rows) < self.num_images:
            return None
        if self._chunks.exists():
            self._write(self.path, rows)
            shutil.rmtree(self._chunks)
        return rows

    def _write(self, path: Path, rows: Rows) -> None:
        lines = [["index", *self.names]]
        for index, row in rows.items():
            lines.append([str(index), *("" if math.isnan(x) else repr(x) for x in row.values())])
        write_text(path, "".join(f"{','.join(line)}\n" for line in lines))

    def _read(self, path: Path) -> Rows:
        try:
            header, *lines = (line.split(",") for line in path.read_text().splitlines())
            if header != ["index", *self.names]:
                raise ValueError(f"columns {header}")
            return {
                int(index): {n: float(x or "nan") for n, x in zip(self.names, scores, strict=True)}
                for index, *scores in lines
            }
        except ValueError as error:
            raise ValueError(f"{path} is not a table of scores ({error}); remove it") from error
