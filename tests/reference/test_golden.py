"""Every file of ../shared/golden that holds a model: to 1e-9 in float64, through the loader."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from kuramoto_nn import KuramotoLayer, reference
from kuramoto_nn.models import AKOrN, AKOrNClassifier, AKOrNSudoku
from tests import golden
from tests.golden import EXACT
from tests.slow import mostly_slow

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
QUICK_TO_COMPILE = ("layer_attn_gta", "layer_conv_omega", "akorn_attn_L2")
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


def test_lists_of_the_classifier(shared):
    """Equal entries are the golden network; others change that stage alone."""
    data = golden.read(shared, "classifier_conv")
    images, noise = golden.inputs(data.arrays)
    lists = {"T": [2, 2, 2], "J": ["conv"] * 3, "n": [2, 2, 2], "ro_N": [2, 2, 2]}
    model = reference.load(data.weights, "classifier", **(data.meta | lists))
    assert_close(model(images, **noise), data.arrays["logits"], **EXACT)

    weights = data.weights.copy()
    sites, heads, ch = 64, 4, 32  # of the last stage
    old = [name for name in weights if name.startswith("layers.2.2.connectivity.")]
    for name in old:
        del weights[name]
    generator = torch.Generator().manual_seed(0)
    shapes = {f"mat_{x}": (sites, ch // heads // 2, 2, 2) for x in "qkvo"}
    shapes |= {"W_qkv.weight": (3 * ch, ch, 1, 1), "W_qkv.bias": (3 * ch,)}
    shapes |= {"W_o.weight": (ch, ch, 1, 1), "W_o.bias": (ch,)}
    attention = {
        f"connectivity.{name}": torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    weights |= {f"layers.2.2.{name}": value for name, value in attention.items()}
    lists = {"T": [2, 1, 3], "J": ["conv", "conv", "attn"], "heads": heads, "imsize": 32}
    mixed = reference.load(weights, "classifier", **(data.meta | lists))
    own = {"n": 2, "ch": ch, "T": 1, "gamma": 1.0, "J": "attn", "heads": heads, "c_norm": "none"}
    layer = reference.load(attention, "layer", **own, gta=True, hw=(8, 8))
    assert isinstance(model, AKOrNClassifier) and isinstance(layer, KuramotoLayer)
    for block, steps in zip(model.blocks, lists["T"], strict=True):
        block.layer.num_steps = steps
    model.blocks[2].layer.coupling = layer.coupling
    images, noise = torch.rand(2, 3, 32, 32).double(), torch.randn(2, 8, 32, 32).double()
    assert_close(mixed(images, noise=noise), model(images, noise=noise), **EXACT)


def test_lists_of_akorn(shared):
    """The first block of one golden network gets the convolution of another."""
    data = golden.read(shared, "akorn_attn_L2")
    other = golden.read(shared, "akorn_conv_L1")
    images, noise = golden.inputs(data.arrays)
    start = "layers.0.0.connectivity."
    weights = {name: v for name, v in data.weights.items() if not name.startswith(start)}
    weights |= {name: v for name, v in other.weights.items() if name.startswith(start)}
    lists = {"T": [2, 3], "J": ["conv", "attn"], "ksize": [5, 1], "n": [4, 4]}
    mixed = reference.load(weights, "akorn", **(data.meta | lists))
    whole, conv = golden.load(data, "akorn_attn_L2"), golden.load(other, "akorn_conv_L1")
    whole.blocks[0].layer.coupling = conv.blocks[0].layer.coupling
    whole.blocks[0].layer.num_steps = 2
    assert_close(mixed.features(images, **noise), whole.features(images, **noise), **EXACT)

    for name in ("weight", "bias"):  # N = 2 needs half the readout
        weights[f"layers.1.1.invconv.{name}"] = weights[f"layers.1.1.invconv.{name}"][:64]
    mixed = reference.load(weights, "akorn", **(data.meta | lists | {"n": [4, 2]}))
    states = [trajectory.states for trajectory in mixed.trajectories(images, **noise)]
    for state, n in zip(states, (4, 2), strict=True):
        norms = state.unflatten(2, (-1, n)).norm(dim=3)
        assert_close(norms, torch.ones_like(norms))


def test_ema_file(shared):
    data = golden.read(shared, "ema_checkpoint_io")
    meta = {name: value for name, value in data.meta.items() if name != "file"}
    model = reference.load(shared / "golden" / data.meta["file"], "akorn", **meta)
    images, noise = golden.inputs(data.arrays)
    assert_close(model(images, **noise), data.arrays["output"], atol=1e-5, rtol=1e-5)
    assert next(model.parameters()).dtype == torch.float32


@mostly_slow([*LAYERS, *IMAGES, *SUDOKUS, "classifier_conv"], *QUICK_TO_COMPILE)
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
