"""What every training script of the examples shares; knows nothing of any task.

Reading order: `randomness`, `files`, `checkpoint`, `ema`, `muon`, `run_state`, `distributed`,
`compiling`, `interrupt`, `lock`, `pace`, `progress`, `log`, `options`, `command`.
"""
