"""Scripts that measure; their results lie in `benchmarks/results`.

`baseline` is the plain implementation that the library is compared with, `speed` measures time and
memory, `reproduce` trains and scores the recipes of the paper's tables.
"""
