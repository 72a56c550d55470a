"""Boards for the tests, made here or real ones where they lie, and a network that knows one."""

from functools import cache
from pathlib import Path

import torch

from examples.sudoku.boards import Boards, read_boards
from examples.sudoku.data import BoardOptions
from examples.sudoku.train import cross_entropy
from kuramoto_nn.models import AKOrNSudoku

MADE = Path(__file__).with_name("made.csv")
"""36 boards of 22 to 39 givens, two each: ``generate(36, givens=range(22, 40), seed=11)``."""

REAL = Path("data/sudoku")
"""Folder of the real boards, in that of the fixture `shared`."""

KNOWN, UNKNOWN = 17, 4
"""A board that the network `learned` has learned by heart, and one that it has not."""


def made() -> Boards:
    return read_boards(MADE)


@cache
def learned() -> AKOrNSudoku:
    torch.manual_seed(0)
    board = made()[KNOWN : KNOWN + 1]
    model = AKOrNSudoku.from_preset("sudoku-akorn-tiny", channels=32, num_steps=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = cross_entropy(model(board.puzzles)[None], board.solutions).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def options(**fields) -> BoardOptions:
    """The made boards as a user names them, for training and tests."""
    return BoardOptions(**{"train_file": MADE, "test_file": MADE, **fields})
