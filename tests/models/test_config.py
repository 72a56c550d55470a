"""Configurations: values per block, foreign numbers, weights for another image size."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling
from kuramoto_nn.models import (
    AKOrN,
    AKOrNClassifierConfig,
    AKOrNConfig,
    ItrSAConfig,
    create_model,
    load_model,
)
from tests.models import small

MIXED = {
    "num_blocks": 3,
    "num_steps": [3, 1, 2],
    "coupling": ["convolution", "attention", "convolution"],
    "kernel_size": [5, 7, 3],
    "oscillator_dim": [2, 4, 8],
}


def test_blocks_have_their_own_values(tmp_path):
    model: Any = create_model("tetrominoes-attn-tiny", **MIXED).eval()
    layers = [block.layer for block in model.blocks]
    assert [layer.num_steps for layer in layers] == [3, 1, 2]
    assert [layer.oscillator_dim for layer in layers] == [2, 4, 8]
    assert [type(layer.coupling) for layer in layers] == [
        ConvCoupling,
        AttentionCoupling,
        ConvCoupling,
    ]
    assert [layers[i].coupling.weight.shape[-1] for i in (0, 2)] == [5, 3]
    assert layers[1].coupling.position is not None  # GTA is for the attention only
    images, noise = small.inputs(model)
    states = [trajectory.states for trajectory in model.trajectories(images, **noise)]
    assert [len(state) for state in states] == [4, 2, 3]
    for state, dim in zip(states, (2, 4, 8), strict=True):
        norms = state.unflatten(2, (-1, dim)).norm(dim=3)
        assert_close(norms, torch.ones_like(norms))
    model.save_pretrained(tmp_path)
    again = load_model(tmp_path)
    assert again.config == model.config
    assert torch.equal(again(images, **noise), model(images, **noise))


def test_a_list_of_equal_values_is_one_value():
    overrides = {"num_blocks": 2, "coupling": ("attention",) * 2, "oscillator_dim": (4, 4)}
    models = []
    for fields in (overrides, {"num_blocks": 2}):
        torch.manual_seed(0)
        models.append(create_model("tetrominoes-attn-tiny", **fields))
    images, noise = small.inputs(models[0])
    assert torch.equal(*(model(images, **noise) for model in models))


def test_the_configuration_of_a_block_is_that_of_a_network_of_this_block():
    config = AKOrNConfig(**MIXED)
    block = config.block(1)
    assert (block.num_blocks, block.num_steps, block.coupling) == (1, 1, "attention")
    assert (block.kernel_size, block.oscillator_dim, block.position) == (7, 4, "gta")
    assert config.block(0).position is None and block.block(0) == block
    stages = AKOrNClassifierConfig(image_size=(33, 20))
    sizes = [(s.channels, s.grid, s.kernel_size) for s in map(stages.block, range(3))]
    assert sizes == [(64, (33, 20), 9), (128, (17, 10), 7), (256, (9, 5), 5)]
    with pytest.raises(IndexError, match="must be a block, 0 to 2: got 3"):
        stages.block(3)


def test_absurd_numbers_cost_nothing_or_are_named():
    config = AKOrNConfig(num_blocks=10**12)
    assert config.block(10**11) == AKOrNConfig()
    for number in (10**400, float("inf"), -float("inf")):
        with pytest.raises(ValueError, match="`step_size` must be a finite number: got"):
            AKOrNConfig(step_size=number)


@pytest.mark.parametrize("field", ["num_steps", "coupling", "kernel_size", "oscillator_dim"])
def test_lists_need_an_entry_per_block(field):
    for value in (MIXED[field][:2], MIXED[field] * 2, ()):
        message = f"`{field}` must .*num_blocks = 3: got {len(value)} entries"
        with pytest.raises(ValueError, match=message):
            AKOrNConfig(**{**MIXED, field: value})
    with pytest.raises(ValueError, match=f"`{field}` must be "):
        AKOrNConfig(**{**MIXED, field: [MIXED[field][0], None, MIXED[field][0]]})


def test_gta_needs_an_attention_block():
    with pytest.raises(ValueError, match='"gta" lies inside the attention: .*or None'):
        AKOrNConfig(num_blocks=2, coupling=("convolution", "convolution"))


@pytest.mark.parametrize("number", [np.int64, np.int16, np.array, torch.tensor])
def test_numbers_of_numpy_and_pytorch_become_plain(number):
    real = np.float32 if number in (np.int64, np.int16) else number
    config = ItrSAConfig(channels=number(32), image_size=(number(16), number(8)), num_heads=4)
    assert config == ItrSAConfig(channels=32, image_size=(16, 8), num_heads=4)
    assert type(config.channels) is int and type(config.sides[0]) is int
    config = AKOrNConfig(step_size=real(0.25), num_blocks=number(2), num_steps=[number(3), 4])
    assert type(config.step_size) is float and config.step_size == 0.25
    assert config.num_steps == (3, 4) and type(config.num_steps[0]) is int
    for several in (np.array, torch.tensor):
        assert config.replace(num_steps=several([3, 4])) == config
    with pytest.raises(ValueError, match="`channels` must be a positive integer: got 32.0"):
        ItrSAConfig(channels=real(32.0))


@pytest.mark.parametrize("name", ["attention", "convolution", "deep", "itrsa", "mixed"])
def test_weights_move_to_another_image_size(name):
    model = small.build(name)
    size = model.config.sides[0]
    other = create_model(model.config, image_size=(2 * size, 3 * size), num_steps=9).eval()
    other.load_weights(model)
    images = torch.rand(2, 3, 2 * size, 3 * size)
    noise = {} if name == "itrsa" else {"noise": torch.randn(2, 64, *other.config.grid)}
    assert_close(other(images, num_steps=2, **noise), model(images, num_steps=2, **noise))
    for own, theirs in zip(other.parameters(), model.parameters(), strict=True):
        assert own.requires_grad and own.data_ptr() != theirs.data_ptr()
    twin = small.build(name, seed=1)
    twin.load_weights(model)
    for key, value in model.state_dict().items():
        assert torch.equal(value, twin.state_dict()[key])


def test_weights_of_another_network_are_refused():
    model = small.build("attention")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for other, message in (
        (small.build("itrsa"), "`other` does not fit this AKOrN: `model` is 'ItrSA', expected 'AK"),
        (
            create_model(model.config, channels=32, step_size=1.0, num_heads=2),
            "`channels` is 32, expected 64; `num_heads` is 2, expected 4",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            model.load_weights(other)
    other = AKOrN(model.config)
    other.extra = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="`extra.bias` is unknown; `extra.weight` is unknown"):
        model.load_weights(other)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
