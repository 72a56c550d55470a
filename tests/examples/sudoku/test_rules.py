"""The rules, and the changes of a board that keep them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.sudoku.rules import (
    Symmetry,
    contradiction,
    is_valid,
    keeps_givens,
    repeated_digits,
    transform,
    units,
)
from tests.examples.sudoku.boards import made

seeds = st.integers(0, 2**31)


def test_units_are_rows_columns_and_boxes():
    cells = units(torch.arange(81).view(9, 9)).tolist()
    plain = [[9 * r + c for c in range(9)] for r in range(9)]
    plain += [[9 * r + c for r in range(9)] for c in range(9)]
    plain += [
        [9 * r + c for r in range(top, top + 3) for c in range(left, left + 3)]
        for top in (0, 3, 6)
        for left in (0, 3, 6)
    ]
    assert cells == plain
    assert torch.equal(units(torch.arange(162).view(2, 9, 9))[1] - 81, torch.tensor(plain))


@given(seeds)
def test_a_solution_with_two_cells_exchanged_is_none(seed):
    boards = made()
    generator = torch.Generator().manual_seed(seed)
    board = boards.solutions[torch.randint(len(boards), (), generator=generator)].flatten()
    first, second = torch.randperm(81, generator=generator)[:2].tolist()
    changed = board.clone()
    changed[[first, second]] = board[[second, first]]
    assert is_valid(board.view(9, 9))
    assert is_valid(changed.view(9, 9)) == (board[first] == board[second])


@settings(max_examples=20)
@given(seeds)
def test_symmetries_keep_what_makes_a_board(seed):
    boards = made()
    puzzles, solutions = transform(
        boards.puzzles, boards.solutions, generator=torch.Generator().manual_seed(seed)
    )
    assert is_valid(solutions).all() and keeps_givens(solutions, puzzles).all()
    assert torch.equal((puzzles > 0).flatten(1).sum(1), boards.givens)
    assert not (solutions == boards.solutions).flatten(1).all(1).any()


def test_symmetries_are_all_of_them_and_equally_likely():
    """A mark in a corner gets everywhere; bands stay together; half of the boards are flipped."""
    count = 20_000
    mark = torch.zeros(count, 9, 9, dtype=torch.long)
    mark[:, 0, 0], mark[:, 0, 1], mark[:, 1, 8] = 1, 2, 3
    moved, _ = transform(mark, mark, generator=torch.Generator().manual_seed(0))
    places = (moved > 0).long()
    names = moved.flatten(1).max(1).values
    assert set(names.tolist()) <= set(range(1, 10))
    shares = places.sum(0) / count
    assert (shares - 3 / 81).abs().max() < 0.01
    kept = places.flatten(1).nonzero()[:, 1].view(count, 3)
    rows, columns = kept // 9, kept % 9
    same_row, same_column = (
        sum((lines[:, i] == lines[:, j]).long() for i, j in ((0, 1), (0, 2), (1, 2)))
        for lines in (rows, columns)
    )
    assert ((same_row + same_column) == 1).all()
    assert abs(same_row.float().mean() - 0.5) < 0.02
    bands = [rows // 3, columns // 3]
    together = [(part == part[:, :1]).all(1) for part in bands]
    assert (together[0] | together[1]).all()  # two lines of one band never part


def test_contradictions_are_named():
    puzzles = torch.zeros(4, 9, 9, dtype=torch.long)
    puzzles[1, 4, 2] = puzzles[1, 4, 7] = 5
    puzzles[2, 0, 8] = puzzles[2, 6, 8] = 9
    puzzles[3, 3, 3] = puzzles[3, 4, 5] = 1
    assert repeated_digits(puzzles).any(-1).tolist() == [False, True, True, True]
    told = [contradiction(puzzle) for puzzle in puzzles]
    places = ["5 stands twice in row 5", "9 stands twice in column 9", "1 stands twice in box 5"]
    assert told == [None, *places]


@pytest.mark.parametrize("digit", [0, 10])
def test_other_numbers_are_not_valid(digit):
    board = made().solutions[0].clone()
    board[board == 4] = digit
    assert not is_valid(board)


def test_a_symmetry_is_undone_in_the_logits():
    boards = made().solutions[:20]
    symmetry = Symmetry.of(torch.rand(20, 34, generator=torch.Generator().manual_seed(0)))
    moved = symmetry(boards)
    assert is_valid(moved).all() and not (moved == boards).flatten(1).all(1).any()
    logits = torch.nn.functional.one_hot(moved - 1, 9).float()
    assert torch.equal(symmetry.undo(logits).argmax(-1) + 1, boards)
    assert torch.equal(Symmetry.of(torch.linspace(0.5, 1, 34).expand(20, -1))(boards), boards)
