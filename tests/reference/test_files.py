"""Files as they are found: whole, damaged, hostile, or of another network."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import pytest
import torch
from torch.testing import assert_close

from kuramoto_nn import reference
from kuramoto_nn.models import AKOrN, load_model

ARGUMENTS = {"ch": 8, "n": 4, "L": 1, "T": 2, "psize": 4, "imsize": 8, "J": "conv", "ksize": 3}
ARGUMENTS |= {"c_norm": "none"}


def authors_weights(ch: int = 8, seed: int = 0) -> dict[str, torch.Tensor]:
    """A state dict of AKOrN with convolutions, in the authors' names and shapes."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "patchfy.1.weight": (ch, 3, 4, 4),
        "patchfy.1.bias": (ch,),
        "layers.0.0.connectivity.weight": (ch, ch, 3, 3),
        "layers.0.0.connectivity.bias": (ch,),
        "layers.0.1.bias": (ch,),
        "layers.0.1.invconv.weight": (4 * ch, ch, 1, 1),
        "layers.0.1.invconv.bias": (4 * ch,),
        "out.3.weight": (4 * ch, ch),
        "out.3.bias": (4 * ch,),
        "out.5.weight": (ch, 4 * ch),
        "out.5.bias": (ch,),
    }
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return {"gamma": torch.ones(1)} | weights


def prefixed(weights, prefix):
    return {prefix + name: value for name, value in weights.items()}


def output(model, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 3, 8, 8, generator=generator)
    return model(images, generator=generator)


def load(source, **overrides):
    return reference.load(source, "akorn", **{**ARGUMENTS, **overrides})


def test_every_form_of_file_gives_the_same_model(tmp_path):
    weights, other = authors_weights(), authors_weights(seed=1)
    counters = {"initted": torch.tensor(True), "step": torch.tensor(5)}
    averaged = prefixed(weights, "ema_model.") | prefixed(other, "online_model.") | counters
    forms = {
        "state dict": weights,
        "checkpoint": {"epoch": 3, "model_state_dict": weights, "loss": 0.5},
        "EMA": {"epoch": 3, "model_state_dict": averaged},
        "DDP": prefixed(weights, "module."),
        "compiled": {"model_state_dict": prefixed(weights, "_orig_mod.")},
        "compiled in DDP": prefixed(weights, "module._orig_mod."),
    }
    expected = output(load(weights))
    for name, form in forms.items():
        torch.save(form, tmp_path / f"{name}.pth")
        torch.save(form, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
        for source in (form, tmp_path / f"{name}.pth", str(tmp_path / "old.pth")):
            model = load(source)
            assert_close(output(model), expected, rtol=0, atol=0, msg=name)
            assert not model.training


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    torch.save(authors_weights(), tmp_path / "weights.pth")
    assert_close(output(load("~/weights.pth")), output(load(authors_weights())))


def test_weights_keep_their_type_and_gamma_its_digits():
    weights = {name: value.double() for name, value in authors_weights().items()}
    weights["gamma"] = torch.tensor([0.3], dtype=torch.float64)
    model = load(weights, gamma=1.0)  # the file's own counts
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}
    assert model.config.step_size == 0.3 / 1.3
    # A frequency makes the step size gamma itself.
    weights["layers.0.0.omg.omg_param"] = torch.ones(4, 2, dtype=torch.float64)
    turning = load(weights, use_omega=True)
    assert turning.config.step_size == 0.3
    assert turning.config.frequency == "per-oscillator"
    half = load({name: value.half() for name, value in authors_weights().items()})
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}


def test_ablations_and_frozen_frequencies():
    weights = authors_weights()
    for name in ("bias", "invconv.weight", "invconv.bias"):
        del weights[f"layers.0.1.{name}"]
    model = load(weights, no_ro=True, apply_proj=False)
    assert model.config.readout is None and not model.config.project
    images = torch.rand(2, 3, 8, 8)
    noise = torch.randn(2, 8, 2, 2)
    state = model.trajectories(images, noise=noise)[0].states[-1]
    assert_close(model.features(images, noise=noise), state)
    frozen = authors_weights() | {"layers.0.0.omg.omg_param": torch.ones(4, 2)}
    for learn in (True, False):
        layer = load(frozen, use_omega=True, learn_omg=learn, init_omg=0.0).blocks[0].layer
        assert layer.frequency.weight.requires_grad is learn


def test_loading_draws_no_random_number():
    state = torch.get_rng_state()
    load(authors_weights())
    assert torch.equal(state, torch.get_rng_state())


def renamed(weights):
    weights["layers.0.1.offset"] = weights.pop("layers.0.1.bias")


@pytest.mark.parametrize(
    ("spoil", "messages"),
    [
        (lambda w: w.pop("out.5.weight"), ["`out.5.weight` is missing"]),
        (lambda w: w.update(extra=torch.ones(2)), ["`extra` is unknown"]),
        (renamed, ["`layers.0.1.bias` is missing", "`layers.0.1.offset` is unknown"]),
        (
            lambda w: w.update({"out.3.weight": torch.ones(32, 9)}),
            [r"`out.3.weight` has shape \(32, 9\), expected \(32, 8\)"],
        ),
        (
            lambda w: w.update({"layers.0.0.connectivity.weight": torch.ones(8, 8, 5, 5)}),
            [r"`layers.0.0.connectivity.weight` has shape \(8, 8, 5, 5\), expected \(8, 8, 3, 3\)"],
        ),
        (lambda w: w.update(gamma=torch.ones(2)), [r"`gamma` has shape \(2,\)"]),
        (lambda w: w.update(gamma=torch.tensor([torch.nan])), ["`gamma` is not finite"]),
        (
            lambda w: w.update({"out.3.weight": w["out.3.weight"].T}),
            [r"`out.3.weight` has shape \(8, 32\), expected \(32, 8\)"],
        ),
        (
            lambda w: w.update({"out.3.bias": torch.ones(32, dtype=torch.int64)}),
            ["`out.3.bias` has type torch.int64"],
        ),
        (
            lambda w: w.update({"out.3.bias": torch.ones(32).to_sparse()}),
            ["`out.3.bias` is sparse or quantised"],
        ),
        (lambda w: w.update(model_state_dict=None), ["`model_state_dict` is a NoneType"]),
        (lambda w: w.update(step="three"), ["its entry 'step' is a str, expected a tensor"]),
        (lambda w: w.clear(), ["is empty"]),
    ],
)
def test_tensors_that_do_not_fit_are_named(spoil, messages, tmp_path):
    weights = authors_weights()
    spoil(weights)
    torch.save(weights, tmp_path / "spoilt.pth")
    for source in (weights, tmp_path / "spoilt.pth"):
        with pytest.raises(ValueError) as caught:
            load(source)
        for message in messages:
            caught.match(message)
    caught.match("spoilt.pth")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"chanels": 8},
            "arguments of kind 'akorn': .* no field 'chanels'; its fields are J, L, T",
        ),
        ({"J": "dense"}, "`J` must be one of 'attn', 'conv' or a list of these: got 'dense'"),
        ({"T": [2, 3]}, r"`T` must .* an entry per block, L = 1: got 2 entries, \(2, 3\)"),
        ({"ch": "8"}, "`ch` must be a positive integer: got '8'"),
        ({"c_norm": "gn"}, "`layers.0.0.c_norm.weight` is missing"),
        ({"use_omega": True}, "`layers.0.0.omg.omg_param` is missing"),
        ({"J": "attn", "heads": 2}, "`layers.0.0.connectivity.W_qkv.weight` is missing"),
        ({"L": 2}, "`layers.1.0.connectivity.weight` is missing"),
        ({"psize": 2}, r"`patchfy.1.weight` has shape \(8, 3, 4, 4\), expected \(8, 3, 2, 2\)"),
        ({"gta": False}, "`pemb_x` is missing; `pemb_c` is missing"),
        ({"gamma": "1"}, "arguments of kind 'akorn': `gamma` must be a finite number: got '1'"),
        ({"ch": 9}, "arguments of kind 'akorn': `channels` must be divisible by .* 9 and 4"),
    ],
)
def test_arguments_that_do_not_fit_are_named(overrides, message):
    with pytest.raises(ValueError, match=message):
        load(authors_weights(), **overrides)


def test_arguments_of_other_kinds():
    with pytest.raises(ValueError, match="`kind` must be one of 'layer', .*: got 'akron'"):
        reference.load({}, "akron")
    with pytest.raises(ValueError, match="arguments of kind 'layer': .* needs 'n', 'ch', 'gamma'"):
        reference.load({"a": torch.ones(1)}, "layer", T=3)
    with pytest.raises(ValueError, match="`hw`, the grid .*is needed with gta=True"):
        weights = {"connectivity.W_o.bias": torch.ones(8)}
        reference.load(weights, "layer", n=4, ch=8, T=1, gamma=1.0, J="attn", gta=True)
    with pytest.raises(ValueError, match="`ksizes` .*per block, L = 3: got 2 entries"):
        reference.load({"gamma": torch.ones(1)}, "classifier", ksizes=[3, 3])


class Hostile:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(("function", "named"), [(open, "io.open"), (os.system, "posix.system")])
def test_a_pickle_that_would_run_code_does_not(function, named, tmp_path):
    marker = tmp_path / "it ran"
    for name, save in (
        ("zip.pth", lambda value, path: torch.save(value, path)),
        ("plain.pth", lambda value, path: path.write_bytes(pickle.dumps(value))),
    ):
        path = tmp_path / name
        extra = (
            Hostile(open, marker, "w") if function is open else Hostile(function, f"touch {marker}")
        )
        save({"model_state_dict": authors_weights(), "extra": extra}, path)
        with pytest.raises(ValueError, match=f"{name} cannot be read as a checkpoint") as caught:
            load(path)
        assert name == "plain.pth" or named in str(caught.value)
        assert "weights_only" not in str(caught.value)
        assert not marker.exists()


def test_damaged_files_are_refused_by_name(tmp_path):
    buffer = io.BytesIO()
    torch.save(authors_weights(), buffer)
    whole = buffer.getvalue()
    flipped = bytearray(whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entry = max(archive.infolist(), key=lambda info: info.file_size)
    flipped[entry.header_offset + 200] ^= 0xFF  # inside the numbers
    damaged = {
        "truncated.pth": whole[: len(whole) // 2],
        "empty.pth": b"",
        "text.pth": b"<html>404</html>",
        "flipped.pth": bytes(flipped),
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="nowhere.pth is missing"):
        load(tmp_path / "nowhere.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="list.pth holds a list, expected a state dict"):
        load(tmp_path / "list.pth")


def convert(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kuramoto_nn.reference", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_command_line_writes_a_folder(tmp_path):
    torch.save({"model_state_dict": authors_weights()}, tmp_path / "in.pth")
    options = [word for name, value in ARGUMENTS.items() for word in (f"--{name}", value)]
    base = (tmp_path / "in.pth", tmp_path / "out", "--kind", "akorn")
    result = convert(*base[2:], *options, "--gta", "true", *base[:2])
    assert result.returncode == 0, result.stderr
    assert "load_model" in result.stdout
    model = load_model(tmp_path / "out")
    assert isinstance(model, AKOrN)
    assert_close(output(model), output(load(authors_weights())), rtol=0, atol=0)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["channels"] == 8
    card = (tmp_path / "out" / "README.md").read_text()
    assert "python -m kuramoto_nn.reference in.pth FOLDER --kind akorn --ch 8 --n 4 " in card
    assert " --ksize 3 " in card

    second = {name.replace("layers.0", "layers.1"): v for name, v in authors_weights().items()}
    torch.save(authors_weights() | second, tmp_path / "in.pth")
    result = convert(*base, *options, "--L", 2, "--T", 2, 3, "--J", "conv", "conv")
    assert result.returncode == 0, result.stderr
    config = load_model(tmp_path / "out").config
    assert config.num_steps == (2, 3) and config.coupling == ("convolution", "convolution")
    card = (tmp_path / "out" / "README.md").read_text()
    assert " --T 2 3 " in card and " --J conv conv " in card

    torch.save(authors_weights(), tmp_path / "in.pth")
    wrong = convert(*base, *options, "--gta", "false")
    assert wrong.returncode == 1 and "`pemb_x` is missing" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    helped = convert("--kind", "classifier", "--help")
    assert helped.returncode == 0 and "--ksizes" in helped.stdout
    unknown = convert(*base, "--ksizes", 3)
    assert unknown.returncode == 2 and "unrecognized arguments: --ksizes" in unknown.stderr
