"""How long the `-tiny` presets take to train: minutes for a thousand steps of 32 samples.

    python -m benchmarks.tiny_presets

Forward, backward and Adam on random inputs, eager; the shortest of a few steps. The table is
printed and written to `benchmarks/results/tiny_presets.json`.
"""

import datetime
import time
from pathlib import Path

import torch

from examples.training.files import write_json
from kuramoto_nn.models import AKOrN, AKOrNClassifier, AKOrNSudoku, ItrSA, ItrSASudoku, Preset

RESULTS = Path(__file__).parent / "results" / "tiny_presets.json"
BATCH, STEPS = 32, 5


def measure_all() -> None:
    families = (AKOrN, ItrSA, AKOrNSudoku, ItrSASudoku, AKOrNClassifier)
    presets = [preset for family in families for preset in family.presets().values()]
    rows = {}
    for preset in presets:
        if preset.name.endswith("-tiny"):
            rows[preset.name] = round(step_seconds(preset) * 1000 / 60, 2)
            print(f"{preset.name:<26}{rows[preset.name]:6.2f} min")
    environment = {
        "date": datetime.date.today().isoformat(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    write_json(RESULTS, {"minutes for 1000 steps of 32": rows, **environment})


def step_seconds(preset: Preset) -> float:
    """Seconds of the fastest of a few training steps."""
    model = preset.model_class.from_preset(preset.name)
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
