"""Scores of answers, at every T and K, by number of givens, and over noise seeds."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor

from examples.sudoku.boards import Boards
from examples.sudoku.rules import solves

RATINGS = {"0": 0, "1-2": 2, "3-10": 10, "11-50": 50, "51+": 2**31 - 1}  # largest of each bucket


@dataclass(frozen=True, kw_only=True)
class BoardScores:
    """Scores of one answer per board, in percent.

    ``solved`` is the published measure; givens are not compared. For puzzles with one solution the
    valid boards are the solved ones without those in which a given was changed.
    """

    boards: int  # number of boards
    solved: float  # boards with all blank cells right
    valid: float  # boards that obey the rules and keep the givens
    cells: float  # blank cells that are right, of the blank cells of all boards
    givens: float  # given cells that were kept, of the given cells of all boards

    @classmethod
    def of(cls, answers: Tensor, boards: Boards) -> Self:
        """Compare answers ``(B, 9, 9)``, digits 1 to 9, with the solutions."""
        right, is_blank = answers == boards.solutions, boards.puzzles == 0
        return cls(
            boards=len(boards),
            solved=_percent(solved(answers, boards)),
            valid=_percent(solves(answers, boards.puzzles)),
            cells=_percent(right[is_blank]),
            givens=_percent(right[~is_blank]),
        )


def solved(answers: Tensor, boards: Boards) -> Tensor:
    """Whether every blank cell of a board is right, ``(B, 9, 9)`` to booleans ``(B,)``."""
    return ((answers == boards.solutions) | (boards.puzzles > 0)).flatten(1).all(1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Scores at one T, of one vote, from one noise seed."""

    num_steps: int  # T
    num_samples: int  # K
    vote: str | None  # name of the vote's rule; None for a single answer
    noise_seed: int
    updates: float  # that a board took on average, over its samples
    boards_per_second: float = field(compare=False)  # of the network's time
    scores: BoardScores
    by_givens: dict[int, BoardScores]
    by_rating: dict[str, BoardScores]  # by the buckets of `RATINGS`, if there are ratings

    @property
    def key(self) -> tuple[int, int, int, str | None]:
        """Distinguishes a row from the others of an evaluation."""
        return self.num_steps, self.noise_seed, self.num_samples, self.vote

    @classmethod
    def of(cls, answers: Tensor, boards: Boards, **trial: Any) -> Self:
        """Score answers ``(B, 9, 9)``; `trial` holds the other attributes."""

        def of_groups(groups: Tensor) -> dict[int, BoardScores]:
            parts = {group: groups == group for group in groups.unique().tolist()}
            return {g: BoardScores.of(answers[part], boards[part]) for g, part in parts.items()}

        by_rating = {}
        if boards.ratings is not None:
            largest = torch.tensor([*RATINGS.values()], device=boards.ratings.device)
            names, buckets = [*RATINGS], of_groups(torch.bucketize(boards.ratings, largest))
            by_rating = {names[bucket]: scores for bucket, scores in buckets.items()}
        return cls(
            scores=BoardScores.of(answers, boards),
            by_givens=of_groups(boards.givens),
            by_rating=by_rating,
            **trial,
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read a row that `dataclasses.asdict` and JSON wrote."""
        parts: dict[str, Any] = {"scores": BoardScores(**values["scores"])}
        for name, key in (("by_givens", int), ("by_rating", str)):
            parts[name] = {key(group): BoardScores(**part) for group, part in values[name].items()}
        return cls(**values | parts)


def over_seeds(rows: Iterable[Row]) -> list[list[Row]]:
    """Group rows that differ in their noise seed only."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.num_steps, row.num_samples, row.vote), []).append(row)
    return list(groups.values())


HEADER = f"{'':<40}solved   valid   cells  givens   updates  boards/s"


def line(rows: list[Row]) -> str:
    """Format T, K, rule, scores and costs of a row, or of rows that differ in their noise seed."""
    row = rows[0]
    vote = "" if row.vote is None else f"vote by {row.vote}"
    updates = statistics.fmean(row.updates for row in rows)
    speed = statistics.fmean(row.boards_per_second for row in rows)
    return (
        f"T {row.num_steps:<4} K {row.num_samples:<5} {vote:<24} "
        f"{numbers([row.scores for row in rows])} {updates:9.1f} {speed:9.1f}"
    )


def numbers(scores: list[BoardScores]) -> str:
    """Format the scores in percent; with their deviation, if there are several."""
    columns = []
    for name in ("solved", "valid", "cells", "givens"):
        values = [getattr(score, name) for score in scores]
        spread = f" ±{statistics.stdev(values):.1f}" if len(values) > 1 else ""
        columns.append(f"{statistics.fmean(values):6.1f}{spread}")
    return "  ".join(columns)


def _percent(flags: Tensor) -> float:
    return 100 * flags.double().mean().item() if flags.numel() else 100.0
