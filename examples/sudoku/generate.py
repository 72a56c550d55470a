"""Generate boards with exactly one solution, by number of givens from 20 up or by rating.

A satisfiability solver (PySAT) decides whether a solution exists. A variable is a digit in a cell;
every cell has one digit, and every row, column and box has every digit once.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations

import numpy as np
import torch
from pysat.solvers import Solver
from torch import Tensor

from examples.common.progress import Meter
from examples.sudoku.boards import Boards
from examples.sudoku.rating import rate
from examples.sudoku.rules import CELLS, SIDE, UNITS

# Boards with fewer exist (17 is the minimum), but a random search hardly finds any.
FEWEST_GIVENS = 20
PUT_BACK, ROUNDS = 4, 40  # cells that are filled again if too many givens are left, and how often
# Shares of boards by their least and largest rating, after what is published of Sudoku-Extreme:
# 26 % of its boards are from easy sources, the mean rating is 22, and 10 % are above 51. The shares
# of 1 to 50 are our estimate.
SHARES = {(0, 0): 0.26, (1, 2): 0.04, (3, 10): 0.1, (11, 50): 0.5, (51, 100): 0.1}
CLIMB = 300  # steps towards a rating before a new grid is filled


def generate(count: int, *, givens: range, seed: int) -> Boards:
    """Generate boards with exactly one solution, with each number of givens (20 to 81) in turn.

    A grid is filled at random. Then cells are emptied in random order, as long as the solution
    stays the only one. If too many givens are left, some cells are filled again and others tried.
    """
    assert givens and FEWEST_GIVENS <= min(givens) <= max(givens) <= CELLS
    rng = np.random.default_rng(seed)
    puzzles, solutions = np.zeros((2, count, CELLS), dtype=np.int64)
    with Meter("generate boards") as meter, _new_solver() as solver:
        for row in range(count):
            meter.show(row, count)
            kept: list[int] = []
            while not kept:
                solutions[row] = _filled_grid(solver, rng)
                kept = _empty(solver, solutions[row], givens[row % len(givens)], rng)
            puzzles[row, kept] = solutions[row, kept]
    return Boards(*(torch.from_numpy(side).view(-1, SIDE, SIDE) for side in (puzzles, solutions)))


def generate_rated(count: int, *, seed: int) -> Boards:
    """Generate minimal boards with ratings (`examples.sudoku.rating`) distributed by `SHARES`."""
    rng = np.random.default_rng(seed)
    bounds, shares = [*SHARES], [*SHARES.values()]
    found = []
    with Meter("generate rated boards") as meter, _new_solver() as solver:
        for row in range(count):
            meter.show(row, count)
            least, most = bounds[rng.choice(len(bounds), p=shares)]
            if most > 0:  # spread over the bucket
                least = np.exp(rng.uniform(*np.log((least, most))))
            found.append(_with_rating(solver, least, most, rng))
    puzzles, solutions, ratings = zip(*found, strict=True)
    return Boards(torch.stack(puzzles), torch.stack(solutions), torch.tensor(ratings))


def with_fewer_givens(boards: Boards, *, versions: int, seed: int) -> Boards:
    """Remove givens, a random number from random cells, while the solution stays the only one.

    Returns the first version of every board, then the second, and so on.
    """
    rng = np.random.default_rng(seed)
    sides = (boards.puzzles, boards.solutions)
    puzzles, solutions = (side.flatten(1).repeat(versions, 1) for side in sides)
    with Meter("remove givens") as meter, _new_solver() as solver:
        for row, (puzzle, solution) in enumerate(zip(puzzles, solutions.numpy(), strict=True)):
            meter.show(row, len(puzzles))
            kept = set(puzzle.nonzero().flatten().tolist())
            wanted = int(rng.integers(min(FEWEST_GIVENS, len(kept)), len(kept) + 1))
            kept = _emptied(solver, solution, kept, wanted, rng)
            puzzle[[cell for cell in range(CELLS) if cell not in kept]] = 0
    return Boards(*(side.view(-1, SIDE, SIDE) for side in (puzzles, solutions)))


def _with_rating(
    solver: Solver, least: float, most: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, int]:
    """Puzzle, solution, and its rating in ``least..most``.

    A step fills some cells again and empties others; it is kept unless the rating moves away.
    """
    while True:
        solution = _filled_grid(solver, rng)
        kept, rating = set(range(CELLS)), 0
        for _ in range(CLIMB):
            trial = kept | {int(cell) for cell in rng.choice(CELLS, PUT_BACK, replace=False)}
            trial = _emptied(solver, solution, trial, 0, rng)
            puzzle = torch.zeros(CELLS, dtype=torch.int64)
            puzzle[sorted(trial)] = torch.from_numpy(solution[sorted(trial)])
            found = rate(puzzle)
            if least <= found <= most:
                return puzzle.view(SIDE, SIDE), torch.from_numpy(solution).view(SIDE, SIDE), found
            if len(kept) == CELLS or (found >= rating if rating < least else found <= rating):
                kept, rating = trial, found


def solutions_of(puzzle: Tensor) -> Iterator[Tensor]:
    """All solutions ``(9, 9)`` of a puzzle ``(9, 9)``, one by one."""
    with _new_solver() as solver:
        for model in solver.enum_models(_givens(puzzle)) or ():
            yield torch.from_numpy(_digits(model)).view(SIDE, SIDE)


def has_solution(puzzle: Tensor) -> bool:
    """Whether a puzzle ``(9, 9)`` has a solution; 0.1 ms a puzzle."""
    return _is_solvable(_shared_solver(), _givens(puzzle))


def _new_solver() -> Solver:
    return Solver("minisat22", bootstrap_with=_rules())


_shared_solver = cache(_new_solver)


@cache
def _rules() -> list[list[int]]:
    """Clauses: every cell has one digit, every unit has every digit once."""
    groups = [[_variable(cell, digit) for digit in range(1, 10)] for cell in range(CELLS)]
    for unit in UNITS.tolist():
        groups += [[_variable(cell, digit) for cell in unit] for digit in range(1, 10)]
    return groups + [[-a, -b] for group in groups for a, b in combinations(group, 2)]


def _variable(cell: int, digit: int) -> int:
    return cell * SIDE + digit


def _givens(puzzle: Tensor) -> list[int]:
    return [_variable(cell, digit) for cell, digit in enumerate(puzzle.flatten().tolist()) if digit]


def _digits(model: list[int] | None) -> np.ndarray:
    assert model is not None, "every puzzle that gets here has a solution"
    return (np.reshape(model, (CELLS, SIDE)) > 0).argmax(1) + 1


def _is_solvable(solver: Solver, assumptions: list[int]) -> bool:
    try:
        return bool(solver.solve(assumptions))
    except Exception as error:  # PySAT reports Ctrl-C in its compiled code this way
        if "keyboard interrupt" in str(error):
            raise KeyboardInterrupt from error
        raise


def _filled_grid(solver: Solver, rng: np.random.Generator) -> np.ndarray:
    """A solution ``(81,)``: three boxes on the diagonal at random, the rest by the solver."""
    solver.set_phases([v * int(rng.choice((-1, 1))) for v in range(1, CELLS * SIDE + 1)])
    boxes = UNITS[[18, 22, 26]].tolist()
    digits = (zip(box, rng.permutation(SIDE) + 1, strict=True) for box in boxes)
    _is_solvable(solver, [_variable(cell, int(d)) for pairs in digits for cell, d in pairs])
    return _digits(solver.get_model())


def _empty(
    solver: Solver, solution: np.ndarray, wanted: int, rng: np.random.Generator
) -> list[int]:
    """Givens for which the solution is the only one; an empty list if so few were not found."""
    kept = set(range(CELLS))
    for _ in range(ROUNDS):
        kept = _emptied(solver, solution, kept, wanted, rng)
        if len(kept) == wanted:
            return sorted(kept)
        blanks = sorted(set(range(CELLS)) - kept)
        kept |= set(rng.choice(blanks, PUT_BACK, replace=False).tolist())
    return []


def _emptied(
    solver: Solver, solution: np.ndarray, kept: set[int], wanted: int, rng: np.random.Generator
) -> set[int]:
    """Empty cells in random order, down to a number of givens, while one solution is left."""
    true, kept = [_variable(cell, int(digit)) for cell, digit in enumerate(solution)], set(kept)
    for cell in rng.permutation(sorted(kept)).tolist():
        if len(kept) == wanted:
            break
        # So far the solution is the only one: another one would differ in this cell.
        if not _is_solvable(solver, [*(true[other] for other in kept - {cell}), -true[cell]]):
            kept.remove(cell)
    return kept
