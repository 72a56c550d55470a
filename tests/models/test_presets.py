"""Presets and the registry: sizes equal to the authors', creation by name, the listing."""

import dataclasses
import json
import subprocess
import sys

import pytest
import torch

import kuramoto_nn
from kuramoto_nn.models import (
    AKOrN,
    AKOrNClassifier,
    AKOrNConfig,
    AKOrNSudoku,
    Config,
    ItrSA,
    ItrSASudoku,
    Model,
    SudokuConfig,
    create_model,
    list_models,
)

FAMILIES = [AKOrN, ItrSA, AKOrNSudoku, ItrSASudoku, AKOrNClassifier]
ROWS = {  # of the recipes table in facts/akorn.md
    AKOrN: "clevrtex-attn-l1 clevrtex-attn-l2 clevrtex-large-l2 tetrominoes-attn dsprites-attn "
    "tetrominoes-conv dsprites-conv clevr-attn clevr-conv",
    ItrSA: "clevrtex-itrsa-l1 clevrtex-itrsa-l2 clevrtex-vit tetrominoes-itrsa dsprites-itrsa "
    "clevr-itrsa tetrominoes-itrconv dsprites-itrconv clevr-itrconv",
    AKOrNSudoku: "sudoku-akorn",
    ItrSASudoku: "sudoku-itrsa sudoku-transformer",
    AKOrNClassifier: "cifar10-akorn",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_of_the_recipes_and_a_tiny_one_exist(family):
    names = list(family.presets())
    assert set(ROWS[family].split()) <= set(names)
    assert any(name.endswith("-tiny") for name in names)
    for name, preset in family.presets().items():
        published = set(ROWS[family].split()) if family is not AKOrNClassifier else set()
        assert bool(preset.published) == (name in published), name
        if name.endswith("-tiny"):
            assert preset.parameters < 400_000 and preset.flops < 0.25e9


@pytest.mark.parametrize(
    ("preset", "overrides", "count"),
    [
        ("clevrtex-attn-l1", {}, 1_167_617),
        ("clevrtex-attn-l1", {"position": "sincos"}, 1_233_153),
        ("tetrominoes-attn", {}, 278_401),
        ("tetrominoes-conv", {}, 613_889),
        ("dsprites-conv", {}, 1_007_105),
    ],
)
def test_parameter_counts_are_the_authors(preset, overrides, count):
    model = AKOrN.from_preset(preset, **overrides)
    # They count the fixed step size as a parameter, and so does the listing.
    assert sum(p.numel() for p in model.parameters()) + 1 == count
    if not overrides:
        assert AKOrN.presets()[preset].parameters == count


def test_flops_are_those_of_the_formula():
    """Convolutions: patches, T couplings, readout and head, two operations per multiply-add."""
    preset = AKOrN.presets()["tetrominoes-conv"]
    ch, sites, steps = 128, 64, 8
    patches = sites * ch * 3 * 4 * 4
    couplings = steps * sites * ch * ch * 25
    readout, head = sites * ch * 4 * ch, 2 * ch * 4 * ch
    # The convolution never looks beyond the border, but a padded zero is multiplied as well.
    assert preset.flops == 2 * (patches + couplings + readout + head)


def test_flops_of_attention_count_both_of_its_products():
    sites, ch, steps = 64, 128, 8
    attention = 4 * sites * ch * ch + 2 * sites * sites * ch
    ends = sites * ch * 48 + 4 * sites * ch * ch + 8 * ch * ch
    assert AKOrN.presets()["tetrominoes-attn"].flops == 2 * (steps * attention + ends)


@pytest.mark.parametrize("family", FAMILIES)
def test_configurations_are_json_and_build(family):
    for name, preset in family.presets().items():
        config = preset.config
        text = json.dumps(dataclasses.asdict(config))
        assert family.config_class.from_dict(json.loads(text)) == config
        with torch.device("meta"):
            assert family.from_preset(name).config == config


def test_a_rectangle_survives_json():
    config = dataclasses.replace(AKOrN.presets()["clevr-attn"].config, image_size=[64, 128])
    assert config.grid == (8, 16)
    assert type(config).from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


@pytest.mark.slow
def test_the_listing_has_a_line_per_preset():
    result = subprocess.run(
        [sys.executable, "-m", "kuramoto_nn.models"], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    for family in FAMILIES:
        for name in family.presets():
            assert f"\n{name} " in result.stdout
    assert "1,167,617" in result.stdout and "FG-ARI: 75.6 ± 0.2" in result.stdout


@pytest.mark.parametrize(
    ("rest", "shown"), [("| head -1", "preset "), ("--help", "usage: python -m kuramoto_nn.models")]
)
def test_the_listing_may_be_cut_and_explains_itself(rest, shown):
    command = f"{sys.executable} -m kuramoto_nn.models {rest}"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=300)
    assert result.stdout.startswith(shown) and result.stderr == ""


def test_models_are_created_and_listed_by_name():
    assert kuramoto_nn.create_model is create_model and kuramoto_nn.list_models is list_models
    for family in FAMILIES:
        for name, preset in family.presets().items():
            with torch.device("meta"):
                model = create_model(name)
            assert type(model) is family and model.config == preset.config
    assert list_models("clevrtex-attn-*") == [f"clevrtex-attn-{x}" for x in ("l1", "l2", "tiny")]
    assert list_models("*nothing*") == []
    torch.manual_seed(0)
    model = create_model("tetrominoes-attn-tiny", num_blocks=3)
    assert isinstance(model, AKOrN) and model.config.num_blocks == 3 and model.training
    torch.manual_seed(0)
    twin = create_model(AKOrN.presets()["tetrominoes-attn-tiny"].config, num_blocks=3)
    for key, value in model.state_dict().items():
        assert torch.equal(value, twin.state_dict()[key])
    described = model.describe()
    assert described.pop("model") == "AKOrN" and AKOrNConfig(**described) == model.config


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: create_model("clevrtex-atn-l2"), "got 'clevrtex-atn-l2'; did you mean clevrtex-a"),
        (lambda: create_model("?"), r"got '\?'; `list_models\(\)` lists all presets"),
        (lambda: create_model({"model": "AKOrN"}), "must be a preset or a configuration: got {'mo"),
        (lambda: create_model(None), "must be a preset or a configuration: got None"),
        (lambda: create_model("clevr-attn", chanels=8), "AKOrNConfig has no field 'chanels'"),
        (lambda: create_model(AKOrNConfig(), chanels=8), "AKOrNConfig has no field 'chanels'"),
        (lambda: create_model(SudokuConfig()), "no network takes a SudokuConfig"),
    ],
)
def test_wrong_names_are_reported(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@dataclasses.dataclass(frozen=True, kw_only=True)
class MineConfig(Config):
    channels: int = 3


class Mine(Model):
    """A user's own network."""

    config: MineConfig
    config_class = MineConfig
    preset_configs = {"mine-small": MineConfig()}

    def __init__(self, config: MineConfig):
        super().__init__(config)
        self.map = torch.nn.Linear(config.channels, config.channels)


def test_networks_of_users_are_found(tmp_path):
    model = create_model("mine-small", channels=4)
    assert type(model) is Mine and "mine-small" in list_models()
    model.save_pretrained(tmp_path)
    again = kuramoto_nn.load_model(tmp_path)
    assert type(again) is Mine and again.config == MineConfig(channels=4)
    with pytest.raises(ValueError, match="AKOrN is a network of the library: choose another name"):
        type("AKOrN", (Mine,), {})
