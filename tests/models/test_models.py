"""Whole models: the authors' numbers, presets, up-tiling, and what goes wrong."""

import copy
import dataclasses
import json

import pytest
import torch
from torch.testing import assert_close

from kuramoto_nn.models import (
    AKOrN,
    AKOrNConfig,
    ItrSA,
    ItrSAConfig,
    uptile_views,
    uptiled_features,
)
from tests import golden

NORMS = {"gn": "group", "sandb": "scale", "none": None}


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def load_common(model, weights):
    golden.load(model.embed.conv, {n: weights[f"patchfy.1.{n}"] for n in ("weight", "bias")})
    for part, index in ((model.head.hidden, 3), (model.head.out, 5)):
        golden.load(part, {n: weights[f"out.{index}.{n}"] for n in ("weight", "bias")})


def akorn_of(meta, weights) -> AKOrN:
    attention = meta["J"] == "attn"
    turning = meta.get("use_omega", False)
    model = AKOrN(
        AKOrNConfig(
            image_size=meta["imsize"],
            patch_size=meta["psize"],
            channels=meta["ch"],
            num_blocks=meta["L"],
            num_steps=meta["T"],
            oscillator_dim=meta["n"],
            coupling="attention" if attention else "convolution",
            num_heads=meta.get("heads", 8),
            kernel_size=meta.get("ksize", 3),
            position="sincos" if not meta["gta"] else "gta" if attention else None,
            stimulus_norm=NORMS[meta["c_norm"]],
            step_size=1.0 if turning else 0.5,
            frequency="per-oscillator" if turning else None,
            map_oscillators=meta.get("use_ro_x", False),
            pool="max" if meta.get("maxpool", True) else "mean",
        )
    )
    load_common(model, weights)
    for name, part in (("pemb_x", model.position_x), ("pemb_c", model.position_c)):
        if part is not None:
            golden.load(part, {"weight": weights[name]})
    load_coupling = golden.load_attention if attention else golden.load_convolution
    for i, block in enumerate(model.blocks):
        prefix = f"layers.{i}.0."
        load_coupling(block.layer.coupling, weights, prefix + "connectivity.")
        if meta["c_norm"] != "none":
            scale = weights[
                prefix + ("c_norm.weight" if meta["c_norm"] == "gn" else "c_norm.scale")
            ]
            bias = weights[prefix + "c_norm.bias"]
            golden.load(block.layer.stimulus_norm, {"weight": scale, "bias": bias})
        if turning:
            golden.load(block.layer.frequency, {"weight": weights[prefix + "omg.omg_param"]})
        readout = f"layers.{i}.1."
        mix = {f"mix.{n}": weights[f"{readout}invconv.{n}"] for n in ("weight", "bias")}
        golden.load(block.readout, {**mix, "bias": weights[readout + "bias"]})
        if block.oscillator_map is not None:
            state = {n: weights[f"layers.{i}.2.{n}"] for n in ("weight", "bias")}
            golden.load(block.oscillator_map, state)
    return model


def itrsa_of(meta, weights) -> ItrSA:
    model = ItrSA(
        ItrSAConfig(
            image_size=meta["imsize"],
            patch_size=meta["psize"],
            channels=meta["ch"],
            num_blocks=meta["blocks"],
            num_steps=meta["T"],
            num_heads=meta["heads"],
            position="gta" if meta["gta"] else "sincos",
        )
    )
    load_common(model, weights)
    if model.position is not None:
        golden.load(model.position, {"weight": weights["pos_embed"]})

    def norm(prefix):
        return {"weight": weights[prefix + ".gamma"], "bias": weights[prefix + ".beta"]}

    golden.load(model.norm, norm("out.0"))
    for i, block in enumerate(model.blocks):
        prefix = f"transformer_encoder.{i}."
        golden.load_attention(block.mix, weights, prefix + "attn.")
        golden.load(block.mix_norm, norm(prefix + "layernorm1"))
        golden.load(block.mlp_norm, norm(prefix + "layernorm2"))
        names = [f"{layer}.{n}" for layer in (0, 2) for n in ("weight", "bias")]
        golden.load(block.mlp, {n: weights[f"{prefix}mlp.{n}"] for n in names})
    return model


@pytest.mark.parametrize(
    "name",
    [
        "akorn_attn_L1",
        "akorn_attn_L2",
        "akorn_attn_L2_rox_abs",
        "akorn_conv_L1",
        "akorn_conv_L2_omega",
    ],
)
def test_akorn_equals_the_authors(name, shared, float64):
    meta, weights, arrays = golden.read(shared, name)
    model, image, noise = akorn_of(meta, weights), arrays["image"], arrays["noise"]
    exact = {"atol": 1e-9, "rtol": 1e-9}
    assert_close(model.features(image, noise=noise), arrays["features"], **exact)
    assert_close(model(image[1:], noise=noise[1:]), arrays["output"][1:], **exact)
    for i, trajectory in enumerate(model.trajectories(image, noise=noise)):
        assert_close(trajectory.states[1:], arrays[f"states_{i}"], **exact)


@pytest.mark.parametrize("name", ["itrsa_L1", "itrsa_L2_gta", "vit_L2"])
def test_itrsa_equals_the_authors(name, shared, float64):
    meta, weights, arrays = golden.read(shared, name)
    model = itrsa_of(meta, weights)
    exact = {"atol": 1e-9, "rtol": 1e-9}
    assert_close(model.features(arrays["image"]), arrays["features"], **exact)
    assert_close(model(arrays["image"]), arrays["output"], **exact)


def test_uptile_views_equal_the_authors(shared):
    meta, _, arrays = golden.read(shared, "uptile_views")
    views = uptile_views(arrays["image"], patch_size=meta["patch_size"], factor=meta["factor"])
    assert_close(views, arrays["views"], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize(
    ("preset", "count"),
    [
        ("clevrtex-attn-l1", 1_167_617),
        ("tetrominoes-attn", 278_401),
        ("tetrominoes-conv", 613_889),
        ("dsprites-conv", 1_007_105),
    ],
)
def test_parameter_counts_are_the_authors(preset, count):
    model = AKOrN.from_preset(preset)
    # They count the fixed step size as a parameter.
    assert sum(p.numel() for p in model.parameters()) + 1 == count


@pytest.mark.parametrize("family", [AKOrN, ItrSA])
def test_presets_build_and_their_configurations_are_json(family):
    config = family.config_class()
    for name, config in family.presets().items():
        assert family.config_class(**json.loads(json.dumps(dataclasses.asdict(config)))) == config
        with torch.device("meta"):
            assert family.from_preset(name).config == config
    rectangle = dataclasses.replace(config, image_size=[64, 128])
    assert rectangle.grid == (64 // config.patch_size, 128 // config.patch_size)


def small(**overrides):
    return AKOrN.from_preset("tetrominoes-attn", channels=16, num_heads=2, num_steps=2, **overrides)


def test_noise_generator_and_global_randomness():
    model, images = small(), torch.rand(2, 3, 32, 32)
    by_generator = model(images, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(3))
    assert torch.equal(by_generator, model(images, noise=noise))
    torch.manual_seed(3)
    assert torch.equal(by_generator, model(images))
    assert not torch.equal(by_generator, model(images))


@pytest.mark.parametrize(
    "model",
    [
        small(),
        small(coupling="convolution", position=None, frequency="shared", stimulus_norm="scale"),
        small(num_blocks=2, map_oscillators=True, position="sincos", frequency="per-oscillator"),
        ItrSA.from_preset("tetrominoes-itrsa", channels=16, num_heads=2, num_blocks=2),
        ItrSA.from_preset("tetrominoes-itrconv", channels=16, num_steps=2),
    ],
    ids=["attention", "convolution", "deep", "itrsa", "itrconv"],
)
def test_gradients_copies_other_sizes_and_autocast(model):
    images = torch.rand(2, 3, 40, 24)
    noise = torch.randn(2, 16, 10, 6)
    out = model(images, noise=noise)
    assert out.shape == (2, 16)
    assert_close(copy.deepcopy(model)(images, noise=noise), out)
    assert_close(model(images[:1], noise=noise[:1]), out[:1], atol=1e-5, rtol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(model(images, noise=noise).float(), out, atol=0.2, rtol=0.2)
    out.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_uptiled_features_interleave_the_views():
    """With the mean of each patch as feature, the finer map is the mean at each shift."""
    images = torch.rand(2, 3, 16, 12)

    def mean(view):
        return torch.nn.functional.avg_pool2d(view, 4)

    fine = uptiled_features(mean, images, patch_size=4, factor=4)
    assert fine.shape == (2, 3, 16, 12)
    larger = torch.nn.functional.interpolate(images, (19, 15), mode="bicubic", align_corners=False)
    assert_close(fine, torch.nn.functional.avg_pool2d(larger, 4, stride=1))
    assert_close(uptiled_features(mean, images, patch_size=4, factor=1), mean(images))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: AKOrN.from_preset("tetris"),
            "`name` must be a preset of AKOrN: got 'tetris'; try",
        ),
        (lambda: AKOrN.from_preset("clevr-attn", chanels=8), "fields of AKOrNConfig: got chanels"),
        (lambda: AKOrNConfig(coupling="conv"), "`coupling` must be one of .*got 'conv'"),
        (
            lambda: AKOrNConfig(stimulus_norm="gn"),
            "`stimulus_norm` must be one of .*None: got 'gn'",
        ),
        (lambda: AKOrNConfig(channels=0), "`channels` must be a positive integer: got 0"),
        (lambda: AKOrNConfig(channels=16.0), "`channels` must be a positive integer: got 16.0"),
        (lambda: AKOrNConfig(image_size=(32,)), "`image_size` must be a side or"),
        (lambda: AKOrNConfig(image_size="32"), "`image_size` must be a side or"),
        (lambda: AKOrNConfig(image_size=30), "`image_size` must be a multiple of `patch_size`"),
        (lambda: AKOrNConfig(channels=30), "`num_heads` must divide `channels`: got 8 and 30"),
        (lambda: AKOrN(AKOrNConfig(channels=32, oscillator_dim=5)), "divisible.*32 and 5"),
        (lambda: small()(torch.zeros(2, 3, 30, 32)), "multiples of the patch size"),
        (
            lambda: small()(torch.zeros(2, 3, 32, 32), noise=torch.zeros(1)),
            r"`noise` must have the shape of the stimulus, \(2, 16, 8, 8\)",
        ),
        (
            lambda: uptile_views(torch.zeros(1, 3, 8, 8), patch_size=4, factor=3),
            "`factor` must divide `patch_size`: got 3 and 4; try 1, 2, 4",
        ),
    ],
)
def test_wrong_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_configuration_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="`config` must be a AKOrNConfig: got dict"):
        AKOrN({"channels": 8})  # type: ignore[arg-type]
