"""Training time of the `-tiny` presets: minutes for a thousand steps of 32 samples.

    python -m benchmarks.speed.tiny_presets

Forward, backward and Adam on random inputs, eager; the shortest of a few steps. The table is
printed and written to `benchmarks/results/tiny_presets.json`.
"""

import time

import torch

from benchmarks.speed.report import RESULTS, name_machine
from examples.common.files import write_json
from kuramoto_nn import create_model, list_models

BATCH, STEPS = 32, 5


def measure_all() -> None:
    rows = {}
    for name in list_models("*-tiny"):
        rows[name] = round(step_seconds(name) * 1000 / 60, 2)
        print(f"{name:<26}{rows[name]:6.2f} min")
    machine = name_machine(torch.device("cpu"))
    write_json(RESULTS / "tiny_presets.json", {"minutes for 1000 steps of 32": rows, **machine})


def step_seconds(name: str) -> float:
    """Seconds of the fastest of a few training steps of a preset."""
    model = create_model(name)
    optimizer = torch.optim.Adam(model.parameters())
    example = model.config.example_input()
    shape = (BATCH, *example.shape[1:])
    given = torch.rand(shape) if example.is_floating_point() else torch.randint(0, 10, shape)
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        loss = model(given).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    measure_all()
