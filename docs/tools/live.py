"""Files of the live page: the shipped models as ONNX graphs, and the runtime of the browser.

A network becomes two graphs, the start of its last block and one step of it, so that the page can
run any number of steps. The graphs are kept in build/live until a model or this file changes.
"""

import hashlib
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from torch import Tensor, nn

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # mkdocs does not run as a module of the repository

from examples.binding import MODEL as OBJECTS  # noqa: E402
from examples.object_discovery.data import tetrominoes  # noqa: E402
from examples.sudoku.solve import SHIPPED as SUDOKU  # noqa: E402
from kuramoto_nn import load_model  # noqa: E402
from kuramoto_nn.inference import uptile_views  # noqa: E402
from kuramoto_nn.models import AKOrNSudoku  # noqa: E402

CACHE = ROOT / "build" / "live"
RUNTIME = ROOT / "docs/node_modules/onnxruntime-web/dist"
RUNTIME_FILES = {  # the name in the site: not every web server knows .mjs
    "ort.js": "ort.wasm.bundle.min.mjs",
    "ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}


class Start(nn.Module):
    """Normalised oscillators and stimulus at the entry of the last block."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, given: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        layer, inputs = self.model.blocks[-1].layer, []
        hook = layer.register_forward_pre_hook(lambda _, given: inputs.extend(given))
        self.model(given, noise=noise)
        hook.remove()
        x, c = inputs
        return layer(x, c, num_steps=0), c


class Step(nn.Module):
    """The state after one step of the last block, and `outputs` of the state before it.

    The output is the logits ``(B, 9, 9, 9)`` of a solver, or the features ``(B, C, h, w)``. A
    solver also has the agreement of two cells, the mean cosine of their oscillators
    ``(B, 81, 81)``.
    """

    def __init__(self, model: Any):
        super().__init__()
        self.model, self.solves = model, isinstance(model, AKOrNSudoku)
        self.outputs = ["following", "energy", "output", *["agreement"] * self.solves]

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        block = self.model.blocks[-1]
        following, energy = block.layer.step(x, c), block.layer.energy(x, c)
        if not self.solves:
            return following, energy, block.read(x)[1]
        cells = x.flatten(2)
        agreement = cells.mT @ cells * (block.layer.oscillator_dim / block.layer.channels)
        return following, energy, self.model.read(x), agreement


class Views(nn.Module):
    """Shifted views of an image ``(1, 3, H, W)``, one per pixel of a patch: ``(p p, 3, H, W)``."""

    def __init__(self, patch_size: int):
        super().__init__()
        self.patch_size = patch_size

    def forward(self, image: Tensor) -> Tensor:
        return uptile_views(image, patch_size=self.patch_size, factor=self.patch_size).flatten(0, 1)


def export(module: nn.Module, path: Path, inputs: dict[str, Tensor], outputs: list[str]) -> None:
    """Write a module as ONNX; inputs of two samples stand for any number of them."""
    shapes = tuple({0: "batch"} if len(value) > 1 else {} for value in inputs.values())
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself, as the log below
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(path)


def export_network(folder: Path, name: str, source: Path, given: Tensor) -> dict[str, Any]:
    """Write both graphs of a network, and return what the page must know of it."""
    model: Any = load_model(source)
    config = model.config
    state = torch.randn(2, config.channels, *config.grid)
    inputs = {"x": state, "c": state.clone()}  # one tensor would become one input
    step = Step(model)
    export(step, folder / f"{name}-step.onnx", inputs, step.outputs)
    model.blocks[-1].layer.num_steps = 0  # the start needs no step of it
    inputs = {"given": given.expand(2, *given.shape[1:]), "noise": state}
    export(Start(model), folder / f"{name}-start.onnx", inputs, ["x", "c"])
    return {"channels": config.channels, "grid": config.grid, "steps": config.num_steps}


def build(folder: Path, sudoku: Path = SUDOKU, objects: Path = OBJECTS) -> None:
    """Write all graphs, and ``live.json``, which describes them and the pieces of Tetrominoes."""
    folder.mkdir(parents=True, exist_ok=True)
    solver = export_network(folder, "sudoku", sudoku, torch.zeros(1, 9, 9, dtype=torch.long))
    config: Any = load_model(objects).config
    image = config.example_input()
    finder = export_network(folder, "objects", objects, image)
    export(Views(config.patch_size), folder / "objects-views.onnx", {"image": image}, ["views"])
    finder |= {
        "patch": config.patch_size,
        "pieces": tetrominoes.BLOCK_OFFSETS.tolist(),
        "colors": tetrominoes.COLORS.tolist(),
        "shading": tetrominoes.SHADING.tolist(),
    }
    text = json.dumps({"sudoku": solver, "objects": finder})
    (folder / "live.json").write_text(text, encoding="utf-8")  # last: complete if it exists


def cached() -> Path:
    """Folder of the graphs of the shipped models, which are built if they are not there yet."""
    digest = hashlib.sha256(torch.__version__.encode())
    for source in (SUDOKU, OBJECTS):
        for path in sorted(source.glob("[cm]*.*")):  # config.json, model.safetensors
            digest.update(path.read_bytes())
    digest.update(Path(__file__).read_bytes())
    folder = CACHE / digest.hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "lock"):  # several workers of the tests build the page
        if not (folder / "live.json").exists():
            build(folder)
    return folder


def on_files(files, config):
    """Add the graphs and the runtime to the site."""
    if not RUNTIME.exists():
        raise PluginError(
            "docs/node_modules has no onnxruntime-web: run `make docs`, or npm ci in docs/"
        )
    paths = {path.name: path for path in sorted(cached().iterdir())}
    paths |= {name: RUNTIME / source for name, source in RUNTIME_FILES.items()}
    for name, path in paths.items():
        files.append(File.generated(config, f"live/{name}", abs_src_path=str(path)))
    return files
