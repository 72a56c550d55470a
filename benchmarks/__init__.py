"""Scripts that measure; their results lie in `benchmarks/results`.

`baseline` is what the library is measured against. Reading order: `measure` (time side by side),
`limits` (what the machine can do), `report` (options, table, JSON), then the scripts `layer`,
`train_step` (on `steps`), `memory` (on `memory_job`), `metrics`, `linkage`, `uptiling`, `vote`,
`scaling` and `gpu`. Each is run as ``python -m benchmarks.<name>``; ``--quick`` takes small sizes.
`gpu.sh` runs all of them. `demo_curve` and `reproduce` (on `rows`,
`discovery_row` and `reproduce_table`) are about scores, not speed.
"""
