"""The scores of every image of one evaluation, on the disk, so that it can go on.

Images are scored some at a time. Every such chunk is a file of its own, written whole or not at
all, in a folder that several processes fill; what is missing can be read off. The complete table is
one CSV file.
"""

import csv
import io
import math
import shutil
from pathlib import Path

from torch import Tensor

from examples.training.files import write_text

COLUMNS = ("index", "fg_ari", "mbo")
Rows = dict[int, tuple[float, float]]
"""FG-ARI and MBO (x100, NaN without objects) by the image's number."""


class ScoreTable:
    """Scores of one data set with one noise seed.

    Args:
        path: The CSV file; its chunks lie in a folder beside it until it is complete.
        num_images: Images of the data set.
    """

    def __init__(self, path: Path, num_images: int):
        self.path, self.num_images = path, num_images
        self._chunks = path.with_suffix(".chunks")

    def rows(self) -> Rows:
        """All scores there are, by increasing number.

        Raises:
            ValueError: If a file is damaged.
        """
        rows: Rows = {}
        for path in [self.path, *sorted(self._chunks.glob("*.csv"))]:
            if path.exists():
                rows |= _read(path)
        return dict(sorted(rows.items()))

    def missing(self) -> list[int]:
        """Numbers of the images without scores."""
        rows = self.rows()
        return [index for index in range(self.num_images) if index not in rows]

    def add(self, indices: list[int], fg_ari: Tensor, mbo: Tensor) -> None:
        """Keep the scores of some images."""
        scores = zip(fg_ari.tolist(), mbo.tolist(), strict=True)
        rows = dict(zip(indices, scores, strict=True))
        write_text(self._chunks / f"{indices[0]:06d}.csv", _text(rows))

    def complete(self) -> Rows | None:
        """Make one file of the chunks once nothing is missing.

        Returns:
            All scores, or None if there are images without.
        """
        rows = self.rows()
        if len(rows) < self.num_images:
            return None
        if self._chunks.exists():
            write_text(self.path, _text(rows))
            shutil.rmtree(self._chunks)
        return rows


def _text(rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index, scores in rows.items():
        writer.writerow([index, *("" if math.isnan(score) else repr(score) for score in scores)])
    return text.getvalue()


def _read(path: Path) -> Rows:
    try:
        header, *lines = csv.reader(path.read_text().splitlines())
        if tuple(header) != COLUMNS:
            raise ValueError(f"columns {header}")
        return {
            int(index): (float(fg_ari or "nan"), float(mbo or "nan"))
            for index, fg_ari, mbo in lines
        }
    except ValueError as error:
        raise ValueError(f"{path} is no table of scores ({error}); remove it") from error
