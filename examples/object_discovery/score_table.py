"""The scores of every image of one evaluation on disk, so that a stopped evaluation resumes.

Images are scored some at a time. Every such chunk is a file of its own, written whole or not at
all, in a folder that several processes fill. The complete table is one CSV file.
"""

import csv
import io
import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from examples.common.files import write_text

Rows = dict[int, dict[str, float]]
"""The scores of an image by name (x100, NaN where it does not count), by the image's number."""


class ScoreTable:
    """Scores of one data set with one noise seed.

    Args:
        path: The CSV file; its chunks lie in a folder beside it until it is complete.
        num_images: Images of the data set.
        names: Names of the scores.
    """

    def __init__(self, path: Path, num_images: int, names: Iterable[str]):
        self.path, self.num_images, self.names = path, num_images, list(names)
        self._chunks = path.with_suffix(".chunks")

    def rows(self) -> Rows:
        """All scores so far, by increasing number.

        Raises:
            ValueError: If a file is damaged.
        """
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
        """Keep the scores of some images."""
        values = zip(*(scores[name].tolist() for name in self.names), strict=True)
        rows = [dict(zip(self.names, row, strict=True)) for row in values]
        self._write(self._chunks / f"{indices[0]:06d}.csv", dict(zip(indices, rows, strict=True)))

    def complete(self) -> Rows | None:
        """Make one file of the chunks once nothing is missing.

        Returns:
            All scores, or None if images are missing.
        """
        rows = self.rows()
        if len(rows) < self.num_images:
            return None
        if self._chunks.exists():
            self._write(self.path, rows)
            shutil.rmtree(self._chunks)
        return rows

    def _write(self, path: Path, rows: Rows) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["index", *self.names])
        for index, row in rows.items():
            scores = (row[name] for name in self.names)
            writer.writerow([index, *("" if math.isnan(x) else repr(x) for x in scores)])
        write_text(path, text.getvalue())

    def _read(self, path: Path) -> Rows:
        try:
            header, *lines = csv.reader(path.read_text().splitlines())
            if header != ["index", *self.names]:
                raise ValueError(f"columns {header}")
            return {
                int(index): {n: float(x or "nan") for n, x in zip(self.names, scores, strict=True)}
                for index, *scores in lines
            }
        except ValueError as error:
            raise ValueError(f"{path} is not a table of scores ({error}); remove it") from error
