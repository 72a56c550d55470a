"""Every file of ../shared/golden that holds a model: to 1e-9 in float64, through the loader."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from kuramoto_nn import KuramotoLayer, reference
from kuramoto_nn.models import AKOrN, AKOrNSudoku
from tests import golden
from tests.golden import EXACT

LAYERS = [
    "layer_attn",
    "layer_attn_gta",
    "layer_attn_gta_oddhead",
    "layer_attn_gta_resized",
    "layer_conv_global_omega",
    "layer_conv_gn",
    "layer_conv_omega",
    "layer_noproj",
]
IMAGES = [
    "akorn_attn_L1",
    "akorn_attn_L2",
    "akorn_attn_L2_rox_abs",
    "akorn_conv_L1",
    "akorn_conv_L2_omega",
    "itrsa_L1",
    "itrsa_L2_gta",
    "vit_L2",
]
SUDOKUS = ["sudoku_akorn", "sudoku_akorn_L2_nonl", "sudoku_itrsa", "sudoku_transformer"]
OTHER = ["classifier_conv", "ema_checkpoint_io"]
ELSEWHERE = ["cluster_scores", "simclr", "uptile_views"]  # clustering, examples, models


def test_no_golden_file_is_left_out(shared):
    files = {path.stem for path in (shared / "golden").glob("*.npz")}
    assert files == {*LAYERS, *IMAGES, *SUDOKUS, *OTHER, *ELSEWHERE}


def cut(noise: dict[str, Tensor], rows: slice | list[int]) -> dict[str, Tensor]:
    return {name: value[rows] for name, value in noise.items()}


def outputs_of(arrays: dict[str, Tensor]) -> Tensor:
    return arrays["logits"] if "logits" in arrays else arrays["output"]


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, shared):
    data = golden.read(shared, name)
    layer = golden.load(data, name)
    x, c, states = (data.arrays[key] for key in ("x", "c", "states"))
    assert_close(layer.trajectory(x, c).states[1:], states, **EXACT)
    assert_close(layer(x, c), states[-1], **EXACT)
    assert_close(reference.energies(layer, x, c), data.arrays["energies"], **EXACT)
    assert_close(layer(x[1:], c[1:], num_steps=1), states[0, 1:], **EXACT)


@pytest.mark.parametrize("name", IMAGES)
def test_images(name, shared):
    data = golden.read(shared, name)
    model = golden.load(data, name)
    images, noise = golden.inputs(data.arrays)
    features, output = data.arrays["features"], data.arrays["output"]
    assert_close(model.features(images, **noise), features, **EXACT)
    assert_close(model(images, **noise), output, **EXACT)
    for rows in (slice(1, None), [0, 1, 1, 0, 1]):  # other batch sizes
        assert_close(model.features(images[rows], **cut(noise, rows)), features[rows], **EXACT)
        assert_close(model(images[rows], **cut(noise, rows)), output[rows], **EXACT)
    if isinstance(model, AKOrN):
        trajectories = model.trajectories(images, **noise)
        for i, trajectory in enumerate(trajectories):
            assert_close(trajectory.states[1:], data.arrays[f"states_{i}"], **EXACT)
        assert_close(trajectories[-1].states[-1], data.arrays["oscillators"], **EXACT)
        check_energies(model, images, noise, data.arrays)


@pytest.mark.parametrize("name", SUDOKUS)
def test_sudoku(name, shared):
    data = golden.read(shared, name)
    model = golden.load(data, name)
    puzzles, noise = golden.inputs(data.arrays)
    logits = data.arrays["logits"]
    assert_close(model(puzzles, **noise), logits, **EXACT)
    rows = [2, 0, 0, 1]
    assert_close(model(puzzles[rows], **cut(noise, rows)), logits[rows], **EXACT)
    if isinstance(model, AKOrNSudoku):
        assert_close(model.rollout(puzzles, **noise).logits, logits, **EXACT)
        check_energies(model, puzzles, noise, data.arrays)


def test_classifier(shared):
    data = golden.read(shared, "classifier_conv")
    model = golden.load(data, "classifier_conv")
    images, noise = golden.inputs(data.arrays)
    assert_close(model(images, **noise), data.arrays["logits"], **EXACT)
    rows = [1, 0, 1]
    assert_close(model(images[rows], **cut(noise, rows)), data.arrays["logits"][rows], **EXACT)


def test_ema_file(shared):
    data = golden.read(shared, "ema_checkpoint_io")
    meta = {name: value for name, value in data.meta.items() if name != "file"}
    model = reference.load(shared / "golden" / data.meta["file"], "akorn", **meta)
    images, noise = golden.inputs(data.arrays)
    assert_close(model(images, **noise), data.arrays["output"], atol=1e-5, rtol=1e-5)
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.parametrize("name", [*LAYERS, *IMAGES, *SUDOKUS, "classifier_conv"])
def test_compiled(name, shared):
    """The whole forward pass as one graph."""
    data = golden.read(shared, name)
    model = torch.compile(golden.load(data, name), fullgraph=True)
    with torch.no_grad():
        if name in LAYERS:
            out = model(data.arrays["x"], data.arrays["c"])
            assert_close(out, data.arrays["states"][-1], **EXACT)
        else:
            images, noise = golden.inputs(data.arrays)
            assert_close(model(images, **noise), outputs_of(data.arrays), **EXACT)


def calls_of_layers(
    model: nn.Module, inputs: Tensor, noise: dict[str, Tensor]
) -> list[tuple[KuramotoLayer, Tensor, Tensor]]:
    """Every Kuramoto layer of a model with the x and c that it is called with."""
    calls = []

    def note(layer, args, kwargs):
        calls.append((layer, *args))

    layers = [module for module in model.modules() if isinstance(module, KuramotoLayer)]
    handles = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers]
    model(inputs, **noise)
    for handle in handles:
        handle.remove()
    return calls


def check_energies(model, inputs, noise, arrays) -> None:
    calls = calls_of_layers(model, inputs, noise)
    assert len(calls) == len(model.blocks)
    for i, (layer, x, c) in enumerate(calls):
        assert_close(reference.energies(layer, x, c), arrays[f"energies_{i}"], **EXACT)
