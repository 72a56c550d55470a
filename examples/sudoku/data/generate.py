"""Boards with one solution, made here: no download, any number of givens from 20 up.

Satisfiability (PySAT) decides. A digit in a cell is a variable; a cell has a digit, and a digit
stands once in every row, column and box.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import torch
from pysat.solvers import Solver

from examples.sudoku.data.boards import Boards
from examples.sudoku.rules import SIDE, units

FEWEST_GIVENS = 20
"""Below, boards exist (17 is the least), but a search that starts at random hardly meets them."""

CELLS = SIDE * SIDE
PUT_BACK, ROUNDS = 4, 40


def generate(count: int, *, givens: range, seed: int) -> Boards:
    """Make boards with exactly one solution.

    A grid is filled at random. Then cells are emptied in random order, wherever no other digit
    could stand there; where that stops short of the wish, some cells are filled again and others
    tried.

    Args:
        count: Number of boards.
        givens: Numbers of given cells, taken in turns.
        seed: Decides all of it.

    Returns:
        The boards, on the CPU.

    Raises:
        ValueError: If a number of givens is below 20 or above 81, or there is none.
    """
    if not givens or min(givens) < FEWEST_GIVENS or max(givens) > CELLS:
        raise ValueError(
            f"`givens` must lie in {FEWEST_GIVENS}..{CELLS}: got {givens}; boards with fewer "
            f"are in the RRN archive and in Royle's list"
        )
    rng = np.random.default_rng(seed)
    puzzles, solutions = np.zeros((2, count, CELLS), dtype=np.int64)
    with Solver("minisat22", bootstrap_with=_rules()) as solver:
        for row in range(count):
            kept: list[int] = []
            while not kept:
                solutions[row] = _filled_grid(solver, rng)
                kept = _empty(solver, solutions[row], givens[row % len(givens)], rng)
            puzzles[row, kept] = solutions[row, kept]
    return Boards(*(torch.from_numpy(side).view(-1, SIDE, SIDE) for side in (puzzles, solutions)))


def solutions_of(puzzle: torch.Tensor) -> Iterator[torch.Tensor]:
    """All ways of filling a puzzle in, one by one.

    Args:
        puzzle: ``(9, 9)``, integers; 0 is a blank.

    Yields:
        Boards ``(9, 9)``.
    """
    cells = puzzle.flatten().tolist()
    given = [_variable(cell, digit) for cell, digit in enumerate(cells) if digit]
    with Solver("minisat22", bootstrap_with=_rules() + [[v] for v in given]) as solver:
        for model in solver.enum_models() or ():
            yield torch.from_numpy(_digits(model)).view(SIDE, SIDE)


def _variable(cell: int, digit: int) -> int:
    return cell * SIDE + digit


def _digits(model: list[int] | None) -> np.ndarray:
    assert model is not None, "every puzzle that gets here has a solution"
    return (np.reshape(model, (CELLS, SIDE)) > 0).argmax(1) + 1


def _rules() -> list[list[int]]:
    """Clauses: every cell has one digit, every unit every digit once."""
    groups = [[_variable(cell, digit) for digit in range(1, 10)] for cell in range(CELLS)]
    for unit in units(torch.arange(CELLS).view(SIDE, SIDE)).tolist():
        groups += [[_variable(cell, digit) for cell in unit] for digit in range(1, 10)]
    return groups + [[-a, -b] for group in groups for a, b in combinations(group, 2)]


def _filled_grid(solver: Solver, rng: np.random.Generator) -> np.ndarray:
    """A solution ``(81,)``: three boxes on the diagonal at random, the rest as the solver likes."""
    solver.set_phases([v * int(rng.choice((-1, 1))) for v in range(1, CELLS * SIDE + 1)])
    boxes = units(torch.arange(CELLS).view(SIDE, SIDE))[[18, 22, 26]].tolist()
    digits = (zip(box, rng.permutation(SIDE) + 1, strict=True) for box in boxes)
    solver.solve([_variable(cell, int(digit)) for pairs in digits for cell, digit in pairs])
    return _digits(solver.get_model())


def _empty(
    solver: Solver, solution: np.ndarray, wanted: int, rng: np.random.Generator
) -> list[int]:
    """Cells that stay given such that the solution is the only one; none if too many must."""
    true = [_variable(cell, int(digit)) for cell, digit in enumerate(solution)]
    kept = set(range(CELLS))
    for _ in range(ROUNDS):
        for cell in rng.permutation(sorted(kept)).tolist():
            if len(kept) == wanted:
                return sorted(kept)
            # So far the solution is the only one: another one would differ in this very cell.
            if not solver.solve([true[other] for other in kept - {cell}] + [-true[cell]]):
                kept.remove(cell)
        if len(kept) == wanted:
            return sorted(kept)
        blanks = sorted(set(range(CELLS)) - kept)
        kept |= set(rng.choice(blanks, PUT_BACK, replace=False).tolist())
    return []
