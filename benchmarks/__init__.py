"""Benchmarks: speed and memory, scores of the paper's recipes, and their results.

`speed` compares time and memory with the plain implementation in `baseline`; `reproduce` trains and
scores the recipes of the paper's tables.
"""
