"""Recipes of the paper's tables, trained and scored: ``python -m benchmarks.reproduce``.

`experiments` trains and scores the recipe of any task; `table` puts published and measured scores
side by side.
"""
