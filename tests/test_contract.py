"""The public contract of the design: names and signatures that users and checks rely on."""

import inspect

import pytest

import kuramoto_nn
from kuramoto_nn import clustering, coupling, metrics, models, reference

REQUIRED = {
    coupling.ConvCoupling: "channels, kernel_size, *, ndim=2",
    coupling.AttentionCoupling: "channels, num_heads, *, position=None",
    coupling.GeometricTransform: "grid, *, head_dim",
    kuramoto_nn.NaturalFrequency: "channels, oscillator_dim, *, shared=False, init",
    kuramoto_nn.KuramotoLayer: (
        "coupling, *, channels, oscillator_dim=4, frequency=None, stimulus_norm=None, "
        "step_size=1.0, num_steps=8, integrator"
    ),
    kuramoto_nn.KuramotoLayer.forward: "self, x, c, *, num_steps=None",
    kuramoto_nn.KuramotoLayer.step: "self, x, c",
    kuramoto_nn.KuramotoLayer.energy: "self, x, c",
    kuramoto_nn.KuramotoLayer.trajectory: "self, x, c, *, num_steps=None",
    kuramoto_nn.NormReadout: "in_channels, out_channels, oscillator_dim, kernel_size=1",
    models.AKOrN.forward: "self, images, *, noise=None, generator=None",
    models.AKOrN.features: "self, images, *, noise=None, generator=None",
    models.ItrSA.features: "self, images, *, noise=None, generator=None",
    models.AKOrNSudoku.forward: "self, puzzles, *, num_steps=None, noise=None, generator=None",
    models.AKOrNSudoku.rollout: "self, puzzles, *, num_steps=None, noise=None, generator=None",
    models.ItrSASudoku.forward: "self, puzzles, *, num_steps=None, noise=None, generator=None",
    models.AKOrNClassifier.forward: "self, images, *, noise=None, generator=None",
    reference.load: "source, kind",
    clustering.average_linkage: "features, num_clusters",
    metrics.foreground_ari: "pred, target, *, empty='nan'",
    metrics.mean_best_overlap: "pred, target",
}


@pytest.mark.parametrize("function", REQUIRED, ids=lambda f: f.__qualname__)
def test_signature(function):
    """Arguments may be added as keywords, but none of these may change."""
    actual = inspect.signature(function).parameters
    keyword_only = False
    for position, argument in enumerate(REQUIRED[function].split(", ")):
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


def test_fields_of_what_is_returned():
    assert kuramoto_nn.Trajectory._fields == ("states", "energies")
    assert models.SudokuRollout._fields == ("logits", "energies")
