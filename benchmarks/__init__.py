"""Benchmarks: speed and memory, scores of the paper's recipes, and their results.

`speed` compares time and memory with the plain implementation in `baseline`; `reproduce` trains and
scores the recipes of the paper's tables.
"""

import examples  # noqa: F401 (reports a missing package in one line)
