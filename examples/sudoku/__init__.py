"""Sudoku: the paper's reasoning task, with more steps and an energy vote at test time."""
