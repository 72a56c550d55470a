"""Scripts that measure time and memory.

    python -m benchmarks.speed.layer [--quick] [--device cuda] [--threads 2]

`measure`, `report` and `synthetic` are shared; every other module is a script, and
``benchmarks/README.md`` lists them. ``--quick`` takes small sizes.
"""
