"""The layer against the numbers of the authors' code, to 1e-9."""

import pytest
import torch
from torch.testing import assert_close

from kuramoto_nn import KuramotoLayer, NaturalFrequency
from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling, GeometricTransform
from kuramoto_nn.layers import OscillatorNorm, ScaleBias
from tests import golden

CASES = [
    "layer_attn",
    "layer_attn_gta",
    "layer_attn_gta_oddhead",
    "layer_attn_gta_resized",
    "layer_conv_global_omega",
    "layer_conv_gn",
    "layer_conv_omega",
    "layer_noproj",
]


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def build(meta, weights) -> KuramotoLayer:
    channels, dim = meta["ch"], meta["n"]
    if meta["J"] == "conv":
        coupling = ConvCoupling(channels, meta["ksize"])
        golden.load_convolution(coupling, weights, "connectivity.")
    else:
        head_dim = channels // meta["heads"]
        position = GeometricTransform(tuple(meta["hw"]), head_dim=head_dim) if meta["gta"] else None
        coupling = AttentionCoupling(channels, meta["heads"], position=position)
        golden.load_attention(coupling, weights, "connectivity.")
    norm, frequency, step_size = None, None, meta["gamma"]
    if meta["c_norm"] == "gn":
        norm = OscillatorNorm(channels, dim)
        golden.load(norm, {n: weights[f"c_norm.{n}"] for n in ("weight", "bias")})
    elif meta["c_norm"] == "sandb":
        norm = ScaleBias(channels)
        golden.load(norm, {"weight": weights["c_norm.scale"], "bias": weights["c_norm.bias"]})
    if meta.get("use_omega"):
        frequency = NaturalFrequency(channels, dim, shared=meta.get("global_omg", False))
        golden.load(frequency, {"weight": weights["omg.omg_param"]})
    else:
        step_size = step_size / (1 + step_size)  # their update adds x itself: facts/akorn.md, 1
    return KuramotoLayer(
        coupling,
        channels=channels,
        oscillator_dim=dim,
        frequency=frequency,
        stimulus_norm=norm,
        step_size=step_size,
        num_steps=meta["T"],
        project=meta.get("apply_proj", True),
    )


@pytest.mark.parametrize("name", CASES)
def test_states_and_energies(name, shared, float64):
    meta, weights, arrays = golden.read(shared, name)
    layer = build(meta, weights)
    x, c = arrays["x"], arrays["c"]
    exact = {"atol": 1e-9, "rtol": 1e-9}

    trajectory = layer.trajectory(x, c)
    assert_close(trajectory.states[1:], arrays["states"], **exact)
    assert_close(layer(x, c), arrays["states"][-1], **exact)
    single = layer(x[1:], c[1:], num_steps=1)
    assert_close(single, arrays["states"][0, 1:], **exact)

    # Theirs counts every pair twice and describes the state before each update.
    normed = c if layer.stimulus_norm is None else layer.stimulus_norm(c)
    stimulus = torch.stack([(state * normed).flatten(1).sum(1) for state in trajectory.states])
    theirs = 2 * trajectory.energies + stimulus
    assert_close(theirs[:-1], arrays["energies"][1:], **exact)


@pytest.mark.parametrize("grid", [(5, 6), (7, 3)])
@pytest.mark.parametrize("head_dim", [8, 6])
def test_gta_starts_as_the_rotations_of_the_facts(grid, head_dim):
    position = GeometricTransform(grid, head_dim=head_dim)
    frequencies = -(-head_dim // 4)
    for row in range(grid[0]):
        for col in range(grid[1]):
            for pair in range(head_dim // 2):
                speed = 10000 ** (-(pair // 2) / frequencies)
                angle = torch.tensor(speed * (row, col)[pair % 2])
                diagonal, rest = position.weight[:, row, col, :, :, pair]
                assert_close(diagonal, angle.cos().expand(4, 2))
                turn = torch.stack((-angle.sin(), angle.sin()))
                assert_close(rest, torch.stack((turn, turn, turn, -turn)))
