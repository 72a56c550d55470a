"""Scores of answers, at every T and K, by number of givens, and over noise seeds."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor

from examples.sudoku.boards import Boards
from examples.sudoku.rules import solves


@dataclass(frozen=True, kw_only=True)
class BoardScores:
    """Scores of one answer per board, in percent.

    Attributes:
        boards: Number of boards.
        solved: Boards with all blank cells right, the published measure; givens are not compared.
        valid: Boards that obey the rules and keep the givens. For puzzles with one solution these
            are the solved ones without those in which a given was changed.
        cells: Blank cells that are right, of the blank cells of all boards.
    """

    boards: int
    solved: float
    valid: float
    cells: float

    @classmethod
    def of(cls, answers: Tensor, boards: Boards) -> Self:
        """Compare answers ``(B, 9, 9)``, digits 1 to 9, with the solutions."""
        right = (answers == boards.solutions)[boards.puzzles == 0]
        return cls(
            boards=len(boards),
            solved=_percent(solved(answers, boards)),
            valid=_percent(solves(answers, boards.puzzles)),
            cells=_percent(right),
        )


def solved(answers: Tensor, boards: Boards) -> Tensor:
    """Whether every blank cell of a board is right, ``(B, 9, 9)`` to booleans ``(B,)``."""
    return ((answers == boards.solutions) | (boards.puzzles > 0)).flatten(1).all(1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Scores at one T, of one vote, from one noise seed.

    Attributes:
        num_steps: T.
        num_samples: K.
        vote: Name of the vote's rule; None for a single answer.
        noise_seed: Seed of the noise.
        scores: Scores of all boards.
        by_givens: Scores of the boards of every number of givens.
    """

    num_steps: int
    num_samples: int
    vote: str | None
    noise_seed: int
    scores: BoardScores
    by_givens: dict[int, BoardScores]

    @property
    def key(self) -> tuple[int, int, int, str | None]:
        """Distinguishes a row from the others of an evaluation."""
        return self.num_steps, self.noise_seed, self.num_samples, self.vote

    @classmethod
    def of(cls, answers: Tensor, boards: Boards, **trial: Any) -> Self:
        """Score answers ``(B, 9, 9)``; `trial` holds the other attributes."""
        parts = {number: boards.givens == number for number in boards.givens.unique().tolist()}
        return cls(
            scores=BoardScores.of(answers, boards),
            by_givens={n: BoardScores.of(answers[part], boards[part]) for n, part in parts.items()},
            **trial,
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read a row that `dataclasses.asdict` and JSON wrote."""
        by_givens = {int(n): BoardScores(**part) for n, part in values["by_givens"].items()}
        scores = BoardScores(**values["scores"])
        return cls(**values | {"scores": scores, "by_givens": by_givens})


def over_seeds(rows: Iterable[Row]) -> list[list[Row]]:
    """Group rows that differ in their noise seed only."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.num_steps, row.num_samples, row.vote), []).append(row)
    return list(groups.values())


HEADER = f"{'':<40}solved   valid   cells"


def line(row: Row, scores: list[BoardScores]) -> str:
    """Format T, K and rule of a row, and scores: its own, or those of several seeds."""
    vote = "" if row.vote is None else f"vote by {row.vote}"
    return f"T {row.num_steps:<4} K {row.num_samples:<5} {vote:<24} {numbers(scores)}"


def numbers(scores: list[BoardScores]) -> str:
    """Format solved, valid and cells in percent; with their deviation, if there are several."""
    columns = []
    for name in ("solved", "valid", "cells"):
        values = [getattr(score, name) for score in scores]
        spread = f" ±{statistics.stdev(values):.1f}" if len(values) > 1 else ""
        columns.append(f"{statistics.fmean(values):6.1f}{spread}")
    return "  ".join(columns)


def _percent(flags: Tensor) -> float:
    return 100 * flags.double().mean().item() if flags.numel() else 100.0
