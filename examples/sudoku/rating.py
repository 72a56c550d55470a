"""Rate boards by the guesses that a backtracking solver takes back.

The solver fills cells with one candidate, and digits with one place in a row, column or box. Then
it guesses in a cell with the fewest candidates, in rising order of the digits.
"""

from torch import Tensor

from examples.sudoku import rules
from examples.sudoku.rules import CELLS, SIDE

UNITS: list[list[int]] = rules.UNITS.tolist()
PEERS = [{c for unit in UNITS if cell in unit for c in unit} - {cell} for cell in range(CELLS)]
ALL = (1 << SIDE) - 1


def rate(puzzle: Tensor) -> int:
    """Number of guesses that the solver takes back before it finds a solution of ``(9, 9)``."""
    count, digits = 0, puzzle.flatten().tolist()

    def search(candidates: list[int], filled: list[tuple[int, int]]) -> bool:
        nonlocal count
        if not _propagate(candidates, filled):
            return False
        open_cells = [(c.bit_count(), cell) for cell, c in enumerate(candidates) if c & (c - 1)]
        if not open_cells:
            return True
        _, cell = min(open_cells)
        for bit in (1 << digit for digit in range(SIDE)):
            if candidates[cell] & bit:
                if search(candidates.copy(), [(cell, bit)]):
                    return True
                count += 1
        return False

    if not search([ALL] * CELLS, [(cell, 1 << d >> 1) for cell, d in enumerate(digits) if d]):
        raise ValueError("the board has no solution")
    return count


def _propagate(candidates: list[int], filled: list[tuple[int, int]]) -> bool:
    """Fill cells, and all that follow, in place; False at a contradiction. A bit is a digit."""
    while filled:
        while filled:
            cell, bit = filled.pop()
            if not candidates[cell] & bit:
                return False
            candidates[cell] = bit
            for peer in PEERS[cell]:
                if candidates[peer] & bit:
                    rest = candidates[peer] = candidates[peer] ^ bit
                    if rest & (rest - 1) == 0:
                        filled.append((peer, rest))
        for unit in UNITS:
            once = twice = 0
            for cell in unit:
                twice |= once & candidates[cell]
                once |= candidates[cell]
            if once != ALL:
                return False
            for cell in unit:
                single = candidates[cell] & once & ~twice
                if single and single != candidates[cell]:
                    filled.append((cell, single))
    return True
