"""What every training script of the examples shares; knows nothing of any task.

Reading order: `randomness`, `files`, `checkpoint`, `ema`, `distributed`, `compiling`, `interrupt`,
`lock`, `pace`, `log`, `options`, `command`.
"""
