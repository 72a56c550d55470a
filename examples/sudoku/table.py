"""The rows of an evaluation: scores at every T and K, by number of givens, over seeds."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor

from examples.sudoku.data import Boards
from examples.sudoku.scores import BoardScores


@dataclass(frozen=True, kw_only=True)
class Row:
    """Scores at one T, of one vote, from one seed.

    Attributes:
        steps: T.
        samples: K.
        vote: Name of the vote's rule; None for a single answer.
        seed: Seed of the noise.
        scores: Over all boards.
        by_givens: Over the boards of every number of givens.
    """

    steps: int
    samples: int
    vote: str | None
    seed: int
    scores: BoardScores
    by_givens: dict[int, BoardScores]

    @classmethod
    def of(cls, answers: Tensor, boards: Boards, **found: Any) -> Self:
        """The scores of answers ``(B, 9, 9)`` that were found in the way that the rest says."""
        numbers = sorted(set(boards.givens.tolist()))
        parts = {number: boards.givens == number for number in numbers}
        return cls(
            scores=BoardScores.of(answers, boards),
            by_givens={n: BoardScores.of(answers[part], boards[part]) for n, part in parts.items()},
            **found,
        )


def without_seed(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that differ by their seed alone."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.steps, row.samples, row.vote), []).append(row)
    return list(groups.values())


def line(row: Row, scores: list[BoardScores]) -> str:
    """T, K and rule of a row, and scores: its own, or those of several seeds."""
    vote = "" if row.vote is None else f"least energy, {row.vote}"
    return f"T {row.steps:<4} K {row.samples:<5} {vote:<19} {numbers(scores)}"


def numbers(scores: list[BoardScores]) -> str:
    """Solved, valid and blanks in percent; with their spread, if there are several."""
    columns = []
    for name in ("solved", "valid", "blanks"):
        values = [getattr(score, name) for score in scores]
        spread = f" ±{statistics.stdev(values):.1f}" if len(values) > 1 else ""
        columns.append(f"{statistics.fmean(values):6.1f}{spread}")
    return "  ".join(columns)
