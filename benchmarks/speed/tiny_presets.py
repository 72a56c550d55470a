"""Training time of the `-tiny` presets: minutes for a thousand steps of 32 samples.

    python -m benchmarks.speed.tiny_presets

Forward, backward and Adam on random inputs, eager; the shortest of five steps. The table is printed
and written to `benchmarks/results/tiny_presets.json`.
"""

import torch

from benchmarks.speed.measure import seconds
from benchmarks.tables import RESULTS, name_machine
from examples.common.files import write_json
from kuramoto_nn import create_model, list_models

BATCH, STEPS = 32, 5
CPU = torch.device("cpu")


def step_seconds(name: str) -> float:
    """Seconds of the fastest of a few training steps of a preset."""
    model = create_model(name)
    optimizer = torch.optim.Adam(model.parameters())
    example = model.config.example_input()
    shape = (BATCH, *example.shape[1:])
    given = torch.rand(shape) if example.is_floating_point() else torch.randint(0, 10, shape)

    def step() -> None:
        loss = model(given).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return min(seconds(step, device=CPU) for _ in range(STEPS))


if __name__ == "__main__":
    minutes = {}
    for name in list_models("*-tiny"):
        minutes[name] = round(step_seconds(name) * 1000 / 60, 2)
        print(f"{name:<26}{minutes[name]:6.2f} min")
    table = {"minutes for 1000 steps of 32": minutes, **name_machine(CPU)}
    write_json(RESULTS / "tiny_presets.json", table)
