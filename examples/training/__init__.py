"""What every training script of the examples shares; knows nothing of any task.

Reading order: `randomness`, `presets`, `files`, `checkpoint`, `ema`, `muon`, `run_state`,
`distributed`, `precision`, `cached_gradients`, `compiling`, `interrupt`, `lock`, `memory`, `pace`,
`progress`, `log`, `options`, `loop`, `command`.
"""
