"""Models as folders: bit-exact round trips, and files that are damaged or do not fit."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi, RepoUrl, constants
from safetensors.torch import load_file, save_file

from kuramoto_nn.models import AKOrN, ItrSA, Model, load_model
from tests.models import small

WEIGHTS = "model.safetensors"
HUB = f"{constants.ENDPOINT}/"


@pytest.mark.parametrize("name", small.ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_round_trips_are_bit_exact(name, dtype, tmp_path):
    model = small.build(name).to(dtype)
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert again.config == model.config and not again.training
    own, loaded = model.state_dict(), again.state_dict()
    assert own.keys() == loaded.keys()
    for key, value in own.items():
        assert value.dtype == loaded[key].dtype and torch.equal(value, loaded[key]), key
    given, noise = small.inputs(model)
    given = given.to(dtype) if given.is_floating_point() else given
    assert torch.equal(model(given, **noise), again(given, **noise))
    for ours, theirs in zip(model.parameters(), again.parameters(), strict=True):
        assert ours.requires_grad == theirs.requires_grad


def test_a_frozen_frequency_stays_frozen(tmp_path):
    model = AKOrN.from_preset(
        "tetrominoes-attn-tiny", frequency="shared", trainable_frequency=False
    )
    model.save_pretrained(tmp_path)
    frequency = AKOrN.from_pretrained(tmp_path).blocks[0].layer.frequency
    assert not frequency.weight.requires_grad


def test_compiled_and_channels_last_models_save_the_same(tmp_path):
    model = small.build("convolution")
    compiled: Any = torch.compile(model, backend="eager")
    compiled.save_pretrained(tmp_path / "compiled")
    model.save_pretrained(tmp_path / "plain")
    model.to(memory_format=torch.channels_last).save_pretrained(tmp_path / "last")
    plain = load_file(tmp_path / "plain" / WEIGHTS)
    for folder in ("compiled", "last"):
        saved = load_file(tmp_path / folder / WEIGHTS)
        assert saved.keys() == plain.keys()
        assert all(torch.equal(saved[key], plain[key]) for key in plain)


def test_the_folder_has_a_card_and_a_configuration(tmp_path):
    model = small.build("sudoku")
    told = {"data": "SATNet", "command": "train me", "seed": 0, "score": "ID 12.3"}
    model.save_pretrained(tmp_path / "a" / "b", model_card_kwargs=told)
    folder = tmp_path / "a" / "b"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", WEIGHTS]
    card = (folder / "README.md").read_text(encoding="utf-8")
    for text in ("# AKOrNSudoku", "library_name: kuramoto_nn", "**Data.** SATNet", "**Seed.** 0"):
        assert text in card
    config = json.loads((folder / "config.json").read_text())
    assert config == model.describe() and config.pop("model") == "AKOrNSudoku"
    assert model.config_class(**config) == model.config
    model.save_pretrained(folder, model_card_kwargs={"score": "ID 45.6"})
    assert "**Score.** ID 45.6" in (folder / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_bytes("mes mots à moi".encode("latin-1"))
    model.save_pretrained(folder, model_card_kwargs={"score": "ID 78.9"})
    assert (folder / "README.md").read_text(encoding="latin-1") == "mes mots à moi"


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    small.build("itrsa").save_pretrained("~/runs/model")
    for source in ("~/runs", Path("~/runs/model")):
        assert isinstance(load_model(source), ItrSA)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_files_are_as_readable_as_the_user_s_others(tmp_path):
    (tmp_path / "mine").write_text("")
    small.build("itrsa").save_pretrained(tmp_path / "model")
    modes = {path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert modes == {(tmp_path / "mine").stat().st_mode}


def test_options_that_do_not_exist_are_refused(tmp_path):
    model = small.build("itrsa")
    with pytest.raises(ValueError, match="used with push_to_hub=True only: commit_mesage"):
        model.save_pretrained(tmp_path / "new", commit_mesage="hello")
    with pytest.raises(ValueError, match="used with push_to_hub=True only: repo_id"):
        model.save_pretrained(tmp_path / "new", repo_id="a/b")
    for save in (model.save_pretrained, model.push_to_hub):
        with pytest.raises(ValueError, match="unknown entries: scroe; try command, data"):
            save(tmp_path / "new", model_card_kwargs={"scroe": "1"})
    assert not (tmp_path / "new").exists()
    model.save_pretrained(tmp_path)
    with pytest.raises(TypeError, match="banana"):
        ItrSA.from_pretrained(tmp_path, banana=1)


def test_a_failed_push_leaves_the_folder(tmp_path, monkeypatch):
    def refuse(self, repo_id, **_):
        raise ConnectionError("no network")

    monkeypatch.setattr(HfApi, "create_repo", refuse)
    model = small.build("itrsa")
    with pytest.raises(ConnectionError):
        model.save_pretrained(tmp_path / "model", push_to_hub=True)
    given, _ = small.inputs(model)
    assert torch.equal(ItrSA.from_pretrained(tmp_path / "model")(given), model(given))


KILLED = """
import os, sys
from dataclasses import replace as replace_fields
from kuramoto_nn.models import AKOrN

replace, left = os.replace, int(sys.argv[2])
def dying(*paths):
    global left
    if left == 0:
        os.kill(os.getpid(), 9)
    left -= 1
    replace(*paths)

os.replace = dying
config = replace_fields(AKOrN.from_pretrained(sys.argv[1]).config, num_steps=7)
AKOrN(config).save_pretrained(sys.argv[1])
"""


@pytest.mark.parametrize("replaced", [0, 1, 2])
def test_a_process_killed_while_saving_leaves_no_mixture_that_loads(folder, replaced):
    before = AKOrN.from_pretrained(folder)
    command = [sys.executable, "-c", KILLED, str(folder), str(replaced)]
    assert subprocess.run(command, timeout=300).returncode == -9
    given, noise = small.inputs(before)
    if replaced == 1:  # new weights beside the old configuration
        with pytest.raises(ValueError, match="`num_steps` is 2, but was 7 when saved"):
            AKOrN.from_pretrained(folder)
    else:
        again = AKOrN.from_pretrained(folder)
        assert again.config.num_steps == (7 if replaced else 2)
        assert replaced or torch.equal(again(given, **noise), before(given, **noise))
    assert [path for path in folder.iterdir() if path.name.startswith(".saving.")]
    before.save_pretrained(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", WEIGHTS]
    assert torch.equal(AKOrN.from_pretrained(folder)(given, **noise), before(given, **noise))


def test_loading_draws_no_random_number(folder):
    state = torch.get_rng_state()
    AKOrN.from_pretrained(folder)
    assert torch.equal(state, torch.get_rng_state())


def test_push_to_hub_uploads_the_folder_and_names_the_repository(monkeypatch):
    """All but the network: what would be uploaded, and under which name."""
    uploaded = {}

    def upload(self, *, folder_path, repo_id, **options):
        card = (Path(folder_path) / "README.md").read_text(encoding="utf-8")
        uploaded.update(files=sorted(os.listdir(folder_path)), repo_id=repo_id, card=card)
        return "commit"

    monkeypatch.setattr(HfApi, "upload_folder", upload)

    def create(self, repo_id, **_):
        return RepoUrl(HUB + ("" if "/" in repo_id else "someone/") + repo_id)

    monkeypatch.setattr(HfApi, "create_repo", create)
    model = small.build("itrsa")
    assert model.push_to_hub("itrsa", model_card_kwargs={"score": "1.2"}) == "commit"
    assert uploaded["repo_id"] == "someone/itrsa"
    assert uploaded["files"] == ["README.md", "config.json", WEIGHTS]
    assert 'load_model("someone/itrsa")' in uploaded["card"]
    assert "**Score.** 1.2" in uploaded["card"]


def test_from_the_hub_s_cache(tmp_path):
    """A repository as huggingface_hub caches it, found without a network."""
    model = small.build("itrsa")
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--someone--itrsa"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    model.save_pretrained(repository / "snapshots" / commit)
    given, _ = small.inputs(model)
    for load in (ItrSA.from_pretrained, load_model):
        again = load("someone/itrsa", cache_dir=tmp_path, local_files_only=True)
        assert torch.equal(model(given), again(given))


@pytest.fixture
def folder(tmp_path):
    small.build("convolution").save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def edit_weights(folder, change):
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS)


def edit_config(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def damage_metadata(folder, config):
    save_file(load_file(folder / WEIGHTS), folder / WEIGHTS, {"config": config})


def rename(weights):
    weights["head.outer.bias"] = weights.pop("head.out.bias")


@pytest.mark.parametrize(
    ("spoil", "file", "message"),
    [
        (lambda f: edit_weights(f, rename), WEIGHTS, "`head.out.bias` is missing"),
        (lambda f: edit_weights(f, rename), WEIGHTS, "`head.outer.bias` is unknown"),
        (
            lambda f: edit_weights(f, lambda w: w.update({"head.out.bias": torch.zeros(3)})),
            WEIGHTS,
            r"`head.out.bias` has shape \(3,\), expected \(64,\)",
        ),
        (
            lambda f: edit_weights(
                f, lambda w: w.update({"head.out.bias": torch.zeros(64, dtype=torch.int64)})
            ),
            WEIGHTS,
            "`head.out.bias` has type torch.int64, expected torch.float32",
        ),
        (lambda f: edit_config(f, channels=32), WEIGHTS, "does not fit .*config.json: `blocks.0"),
        (
            lambda f: edit_config(f, num_steps=64),
            WEIGHTS,
            "`num_steps` is 64, but was 2 when saved",
        ),
        (lambda f: edit_config(f, oscillator_dim=5), "config.json", "divisible .* 64 and 5"),
        (lambda f: edit_config(f, channels=10**7), WEIGHTS, "does not fit .*config.json"),
        (lambda f: (f / "config.json").write_text("[" * 200_000), "config.json", "recursion"),
        (lambda f: edit_config(f, channels=32), WEIGHTS, "and 5 more"),
        (lambda f: edit_config(f, autorescale=True), "config.json", "no field 'autorescale'"),
        (lambda f: edit_config(f, channels="64"), "config.json", "`channels` must be a positive"),
        (lambda f: (f / "config.json").write_text("{"), "config.json", "Expecting property name"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json", "found a list where"),
        (lambda f: edit_config(f, channels=4 * 10**12), "config.json", "overflow"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe\xfa"), "config.json", "can't decode"),
        (lambda f: edit_config(f, model=None), "config.json", '"model", the name of its class'),
        (
            lambda f: edit_config(f, model="AKOrM"),
            "config.json",
            "no network 'AKOrM' is known; imp",
        ),
        (lambda f: damage_metadata(f, "["), WEIGHTS, "holds no configuration of a model"),
        (lambda f: damage_metadata(f, "[" * 200_000), WEIGHTS, "recursion"),
        (
            lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-100]),
            WEIGHTS,
            "is not a readable safetensors file",
        ),
        (lambda f: (f / WEIGHTS).write_bytes(b""), WEIGHTS, "is not a readable safetensors file"),
        (
            lambda f: torch.save({"a": torch.ones(1)}, f / WEIGHTS),
            WEIGHTS,
            "is not a readable safetensors file",
        ),
    ],
)
def test_what_does_not_fit_is_named(spoil, file, message, folder):
    spoil(folder)
    for load in (AKOrN.from_pretrained, load_model):
        with pytest.raises(ValueError, match=message) as caught:
            load(folder)
        assert str(folder / file) in str(caught.value)


def test_another_class_and_missing_files_are_named(folder):
    with pytest.raises(ValueError, match="config.json holds .* AKOrN: got ItrSA.*; try AKOrN"):
        ItrSA.from_pretrained(folder)
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")  # a pickle is not even looked at
    with pytest.raises(FileNotFoundError, match=re.escape(str(folder / WEIGHTS))):
        AKOrN.from_pretrained(folder)
    with pytest.raises(FileNotFoundError, match="is a file: give its folder"):
        AKOrN.from_pretrained(folder / "config.json")
    with pytest.raises(RuntimeError, match="banana"):
        AKOrN.from_pretrained(folder, map_location="banana")
    for nowhere in (folder / "typo", str(folder / "typo"), "./typo", "a/b/c"):
        with pytest.raises(FileNotFoundError, match="no folder"):
            AKOrN.from_pretrained(nowhere)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match="config.json is missing"):
        AKOrN.from_pretrained(folder)


@pytest.mark.parametrize("name", ["classifier-mixed", "sudoku-itrsa"])
def test_a_model_is_loaded_by_its_folder_alone(name, tmp_path):
    """From its own folder, and from a run's folder, which holds it as `model`."""
    model = small.build(name)
    model.save_pretrained(tmp_path / "model")
    given, noise = small.inputs(model)
    for source in (tmp_path / "model", tmp_path, str(tmp_path)):
        for load in (load_model, Model.from_pretrained, type(model).from_pretrained):
            again = load(source)
            assert type(again) is type(model) and not again.training
            assert torch.equal(again(given, **noise), model(given, **noise))
    there = load_model(tmp_path, map_location=torch.device("cpu"))
    assert next(there.parameters()).device.type == "cpu"
    (tmp_path / "model" / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "model" / WEIGHTS))):
        load_model(tmp_path)


def test_weights_of_another_class_beside_a_configuration_are_refused(tmp_path):
    for name in ("itrsa", "sudoku-itrsa"):
        small.build(name).save_pretrained(tmp_path / name)
    shutil.copy(tmp_path / "itrsa" / WEIGHTS, tmp_path / "sudoku-itrsa" / WEIGHTS)
    with pytest.raises(ValueError, match="model.safetensors does not fit .*config.json"):
        load_model(tmp_path / "sudoku-itrsa")


@pytest.mark.parametrize("load", [load_model, AKOrN.from_pretrained])
def test_a_preset_is_no_trained_model(load):
    with pytest.raises(
        FileNotFoundError, match=r'preset.*create_model\("clevr-attn"\) builds an un'
    ):
        load("clevr-attn")


def test_a_configuration_without_newer_fields_takes_their_defaults(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["project"], config["pool"]
    path.write_text(json.dumps(config))
    assert AKOrN.from_pretrained(folder).config.project is True


def test_a_full_disk_leaves_the_old_folder(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    larger = AKOrN.from_preset("tetrominoes-attn-tiny")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # the kernel refuses the rest
    try:
        with pytest.raises(OSError, match="cannot write"):
            larger.save_pretrained(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def extra_module(model):
    model.probe = torch.nn.Linear(3, 3)


def extra_module_without_weights(model):
    model.head.dropout = torch.nn.Dropout()


def missing_module(model):
    model.head.out = torch.nn.Identity()


def tied(model):
    model.blocks[0].layer.coupling.out.bias = model.embed.conv.bias


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (extra_module, "`probe.bias` is unknown; `probe.weight` is unknown; save its state_dict"),
        (extra_module_without_weights, "`head.dropout` is unknown; save its state_dict"),
        (missing_module, "`head.out.bias` is missing; `head.out.weight` is missing"),
        (tied, "`embed.conv.bias` and `blocks.0.layer.coupling.out.bias` share memory"),
    ],
)
def test_what_would_not_load_is_not_saved(change, message, tmp_path):
    model = AKOrN.from_preset("tetrominoes-attn-tiny")
    change(model)
    with pytest.raises(ValueError, match=f"this AKOrN would not load .*: {message}"):
        model.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("channels", 10**10, "config.json does not describe a model: "),
        ("channels", 10**30, "config.json does not describe a model: "),
        ("num_blocks", 10**9, "config.json describes 1000000000 blocks: .*safetensors has "),
    ],
)
def test_a_configuration_of_impossible_size_is_named(field, value, message, folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {field: value}))
    with pytest.raises(ValueError, match=message):
        load_model(folder)
