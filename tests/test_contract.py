"""The public contract of the design: names and signatures that users and checks rely on."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import kuramoto_nn
from kuramoto_nn import (
    clustering,
    coupling,
    functional,
    inference,
    layers,
    metrics,
    models,
    reference,
)
from kuramoto_nn.functional import euler

ROOT = Path(__file__).resolve().parents[1]
NOISE = "noise=None, generator=None"
SIGNATURES = {
    kuramoto_nn.list_models: "pattern='*'",
    kuramoto_nn.create_model: "name_or_config",
    kuramoto_nn.load_model: "source",
    coupling.ConvCoupling: "channels, kernel_size, *, ndim=2",
    coupling.AttentionCoupling: "channels, num_heads, *, position=None",
    coupling.GeometricTransform: "grid, *, head_dim",
    coupling.GeometricTransform.resized: "self, grid",
    layers.SinCosEmbedding: "channels, grid",
    layers.SinCosEmbedding.resized: "self, grid",
    kuramoto_nn.NaturalFrequency: "channels, oscillator_dim, *, shared=False, init",
    kuramoto_nn.KuramotoLayer: (
        "coupling, *, channels, oscillator_dim=4, frequency=None, stimulus_norm=None, "
        "step_size=1.0, num_steps=8, integrator"
    ),
    kuramoto_nn.KuramotoLayer.forward: "self, x, c, *, num_steps=None",
    kuramoto_nn.KuramotoLayer.step: "self, x, c",
    kuramoto_nn.KuramotoLayer.energy: "self, x, c",
    kuramoto_nn.KuramotoLayer.trajectory: "self, x, c, *, num_steps=None, energy",
    kuramoto_nn.KuramotoLayer.rollout: "self, x, c, *, num_steps=None, energy",
    kuramoto_nn.NormReadout: "in_channels, out_channels, oscillator_dim, kernel_size=1",
    functional.euler: "x, dx, field, step_size",
    functional.exponential: "x, dx, field, step_size",
    functional.heun: "x, dx, field, step_size",
    models.AKOrN.forward: f"self, images, *, {NOISE}",
    models.AKOrN.features: f"self, images, *, {NOISE}",
    models.ItrSA.features: f"self, images, *, {NOISE}",
    models.AKOrNSudoku.forward: f"self, puzzles, *, num_steps=None, {NOISE}",
    models.AKOrNSudoku.rollout: f"self, puzzles, *, num_steps=None, {NOISE}, energy",
    models.ItrSASudoku.forward: f"self, puzzles, *, num_steps=None, {NOISE}",
    models.AKOrNClassifier.forward: f"self, images, *, {NOISE}",
    models.Model.from_preset: "name",
    models.Model.presets: "",
    reference.load: "source, kind",
    reference.energy: "x, coupled, stimulus",
    inference.energy_vote: "run, inputs, noise, *, num_samples, score, batch_size",
    inference.energy_votes: "run, inputs, noise, *, num_samples, scores, batch_size",
    inference.votes: "run, inputs, noise, *, num_samples, scores, batch_size, is_final",
    inference.confidence: "logits",
    inference.seeded_noise: "shape, *, seed",
    inference.uptile_views: "images, *, patch_size, factor",
    inference.uptiled_features: "features, images, *, patch_size, factor",
    clustering.average_linkage: "features, num_clusters",
    clustering.kmeans: "features, num_clusters, *, generator=None",
    clustering.pca: "features, num_components",
    metrics.foreground_ari: "pred, target, *, empty='nan', ignore_index=None",
    metrics.mean_best_overlap: "pred, target, *, ignore_index=None",
    metrics.ForegroundARI: "*, empty='nan', ignore_index=None",
    metrics.MeanBestOverlap: "*, ignore_index=None",
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda f: f.__qualname__)
def test_signature(function):
    """Arguments may be added as keywords, but none of these may change."""
    actual = inspect.signature(function).parameters
    keyword_only = False
    for position, argument in enumerate(filter(None, SIGNATURES[function].split(", "))):
        if argument == "*":
            keyword_only = True
            continue
        name, _, default = argument.partition("=")
        parameter = actual[name]
        if keyword_only:
            assert parameter.kind is parameter.KEYWORD_ONLY
        else:
            assert list(actual)[position] == name
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if default:
            assert repr(parameter.default) == default


def test_fields_and_defaults():
    assert kuramoto_nn.Trajectory._fields == ("states", "energies")
    assert layers.Rollout._fields == ("state", "energies")
    assert models.SudokuRollout._fields == ("logits", "energies")
    assert coupling.SinCosEmbedding is layers.SinCosEmbedding
    layer = inspect.signature(kuramoto_nn.KuramotoLayer).parameters
    assert layer["integrator"].default is euler
    rollout = inspect.signature(kuramoto_nn.KuramotoLayer.rollout).parameters
    assert rollout["energy"].default is functional.energy


def test_models_are_made_by_name_saved_and_loaded(tmp_path):
    names = kuramoto_nn.list_models("tetrominoes-*")
    assert "tetrominoes-attn" in names and set(names) < set(kuramoto_nn.list_models())
    model = kuramoto_nn.create_model("tetrominoes-attn", channels=16, num_heads=2)
    assert type(model) is models.AKOrN and model.config.channels == 16
    assert type(kuramoto_nn.create_model(model.config)) is models.AKOrN
    model.save_pretrained(tmp_path / "run" / "model")
    images, noise = torch.rand(2, 3, 32, 32), torch.randn(2, 16, 8, 8)
    for folder in (tmp_path / "run", tmp_path / "run" / "model"):
        loaded = kuramoto_nn.load_model(folder)
        assert type(loaded) is models.AKOrN and not loaded.training
        if folder.name == "model":
            assert type(models.AKOrN.from_pretrained(str(folder))) is models.AKOrN
        assert torch.equal(loaded(images, noise=noise), model.eval()(images, noise=noise))


def test_functions_of_inference_are_also_found_in_models():
    code = (
        "import sys; from kuramoto_nn import models; print('kuramoto_nn.inference' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr
    for name in ("energy_vote", "seeded_noise"):
        assert getattr(models, name) is getattr(inference, name)


@pytest.mark.slow
def test_a_user_s_script_satisfies_a_type_checker(shared):
    pytest.importorskip("pyright")
    script = shared / "inputs" / "typed_user_script.py"
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, script.resolve()]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_packages_are_attributes_and_unknown_names_are_errors():
    assert set(kuramoto_nn.__all__) <= set(dir(kuramoto_nn))
    for name in ("functional", "inference", "models", "plot", "reference"):
        assert getattr(kuramoto_nn, name) is importlib.import_module(f"kuramoto_nn.{name}")
    for module in (kuramoto_nn, coupling, metrics, models):
        with pytest.raises(AttributeError, match="has no attribute 'wrong'"):
            module.wrong  # noqa: B018
