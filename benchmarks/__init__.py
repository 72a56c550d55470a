"""Scripts that measure; their results lie in `benchmarks/results`."""
