"""Boards for the tests: a few dozen that were made here, and the real ones where they lie."""

from pathlib import Path

from examples.sudoku.data import Boards, load

MADE = Path(__file__).with_name("made.csv")
"""36 boards of 22 to 39 givens, two each: ``generate(36, givens=range(22, 40), seed=11)``."""

SATNET, RRN = Path("data/sudoku/satnet.csv.xz"), Path("data/sudoku/rrn-test.csv.xz")
"""The real boards, in the folder that the fixture `shared` names."""


def made() -> Boards:
    return load(MADE, "test")
