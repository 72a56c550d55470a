"""Scripts that measure time and memory; each is run as ``python -m benchmarks.speed.<name>``.

Reading order: `measure` (timings side by side, limits of the machine), `report` (options, targets,
JSON), `synthetic` (inputs), then the scripts: `layer`, `train_step`, `memory`, `metrics`,
`linkage`, `uptiling`, `vote`, `scaling` and `gpu`, which ``benchmarks/gpu.sh`` runs; `half`,
`tiny_presets`, and `summary`, which writes the page of all results. ``--quick`` takes small sizes.
"""
