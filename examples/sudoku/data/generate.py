"""Boards with exactly one solution, made here, with any number of givens from 20 up.

A satisfiability solver (PySAT) tells whether a solution exists. A digit in a cell is a variable;
every cell has one digit, and every row, column and box has every digit once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from pysat.solvers import Solver

from examples.common.files import one_at_a_time, write_text
from examples.common.progress import Meter
from examples.sudoku.data.boards import CELLS, Boards, format_csv, read_boards
from examples.sudoku.rules import SIDE, units

if TYPE_CHECKING:
    from examples.sudoku.data import BoardOptions, Split

FEWEST_GIVENS = 20
"""Boards with fewer exist (17 is the minimum), but a random search hardly finds any."""

NUM_BOARDS = {"train": 9_000, "test": 1_000}
PUT_BACK, ROUNDS = 4, 40


def generated(options: BoardOptions, split: Split) -> Boards:
    """Load boards that are made here, once, and kept as a csv file in `cache` or `root`.

    Args:
        options: How many, with how many givens, by which seed.
        split: Training and test boards differ.

    Returns:
        The boards.

    Raises:
        ValueError: If the file is damaged.
        OSError: If the disk is full or cannot be written.
    """
    wanted = options.num_boards if split == "train" else options.num_test_boards
    count, (fewest, most) = wanted or NUM_BOARDS[split], options.givens
    name = f"sudoku-{split}-{count}-givens{fewest}to{most}-seed{options.seed}.csv"
    path = (options.cache or options.root) / name
    if not path.exists():
        with one_at_a_time(path):
            if not path.exists():  # another process may have made it meanwhile
                seed = 2 * options.seed + (split == "test")
                boards = generate(count, givens=range(fewest, most + 1), seed=seed)
                write_text(path, format_csv(boards))
    return read_boards(path)


def generate(count: int, *, givens: range, seed: int) -> Boards:
    """Make boards with exactly one solution.

    A grid is filled at random. Then cells are emptied in random order, as long as the solution
    stays the only one. If too many givens are left, some cells are filled again and others tried.

    Args:
        count: Number of boards.
        givens: Numbers of given cells, taken in turns.
        seed: Seed of the boards.

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
    with Meter("make boards") as meter, Solver("minisat22", bootstrap_with=_rules()) as solver:
        for row in range(count):
            meter.show(row, count)
            kept: list[int] = []
            while not kept:
                solutions[row] = _filled_grid(solver, rng)
                kept = _empty(solver, solutions[row], givens[row % len(givens)], rng)
            puzzles[row, kept] = solutions[row, kept]
    return Boards(*(torch.from_numpy(side).view(-1, SIDE, SIDE) for side in (puzzles, solutions)))


def solutions_of(puzzle: torch.Tensor) -> Iterator[torch.Tensor]:
    """All solutions of a puzzle, one by one.

    Args:
        puzzle: ``(9, 9)``, integers; 0 is a blank.

    Yields:
        Boards ``(9, 9)``.
    """
    with Solver("minisat22", bootstrap_with=_rules()) as solver:
        for model in solver.enum_models(_givens(puzzle)) or ():
            yield torch.from_numpy(_digits(model)).view(SIDE, SIDE)


def has_solution(puzzle: torch.Tensor) -> bool:
    """Whether a puzzle ``(9, 9)`` has a solution; 0.1 ms a puzzle."""
    return _shared_solver().solve(_givens(puzzle)) is True


@cache
def _shared_solver() -> Solver:
    return Solver("minisat22", bootstrap_with=_rules())


def _givens(puzzle: torch.Tensor) -> list[int]:
    cells = puzzle.flatten().tolist()
    return [_variable(cell, digit) for cell, digit in enumerate(cells) if digit]


def _variable(cell: int, digit: int) -> int:
    return cell * SIDE + digit


def _digits(model: list[int] | None) -> np.ndarray:
    assert model is not None, "every puzzle that gets here has a solution"
    return (np.reshape(model, (CELLS, SIDE)) > 0).argmax(1) + 1


@cache
def _rules() -> list[list[int]]:
    """Clauses: every cell has one digit, every unit has every digit once."""
    groups = [[_variable(cell, digit) for digit in range(1, 10)] for cell in range(CELLS)]
    for unit in units(torch.arange(CELLS).view(SIDE, SIDE)).tolist():
        groups += [[_variable(cell, digit) for cell in unit] for digit in range(1, 10)]
    return groups + [[-a, -b] for group in groups for a, b in combinations(group, 2)]


def _filled_grid(solver: Solver, rng: np.random.Generator) -> np.ndarray:
    """A solution ``(81,)``: three boxes on the diagonal at random, the rest by the solver."""
    solver.set_phases([v * int(rng.choice((-1, 1))) for v in range(1, CELLS * SIDE + 1)])
    boxes = units(torch.arange(CELLS).view(SIDE, SIDE))[[18, 22, 26]].tolist()
    digits = (zip(box, rng.permutation(SIDE) + 1, strict=True) for box in boxes)
    _solve(solver, [_variable(cell, int(digit)) for pairs in digits for cell, digit in pairs])
    return _digits(solver.get_model())


def _solve(solver: Solver, assumptions: list[int]) -> bool:
    """Tell whether a solution exists."""
    try:
        return bool(solver.solve(assumptions))
    except Exception as error:  # how PySAT reports Ctrl-C from its compiled code
        if "keyboard interrupt" in str(error):
            raise KeyboardInterrupt from error
        raise


def _empty(
    solver: Solver, solution: np.ndarray, wanted: int, rng: np.random.Generator
) -> list[int]:
    """Givens for which the solution is the only one; none if so few were not found."""
    true = [_variable(cell, int(digit)) for cell, digit in enumerate(solution)]
    kept = set(range(CELLS))
    for _ in range(ROUNDS):
        for cell in rng.permutation(sorted(kept)).tolist():
            if len(kept) == wanted:
                return sorted(kept)
            # So far the solution is the only one: another one would differ in this very cell.
            if not _solve(solver, [true[other] for other in kept - {cell}] + [-true[cell]]):
                kept.remove(cell)
        if len(kept) == wanted:
            return sorted(kept)
        blanks = sorted(set(range(CELLS)) - kept)
        kept |= set(rng.choice(blanks, PUT_BACK, replace=False).tolist())
    return []
