"""The plain implementation and the library give the same numbers with the same weights."""

import random

import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch.testing import assert_close

from benchmarks.baseline import evaluation, models, views
from benchmarks.baseline.models import PlainAKOrN, PlainKuramoto, PlainSudoku
from benchmarks.speed import vote
from benchmarks.speed.synthetic import label_maps, sites
from examples.object_discovery.augment import ViewParameters, apply_views
from kuramoto_nn.clustering import average_linkage, pca
from kuramoto_nn.inference import uptiled_features
from kuramoto_nn.metrics import foreground_ari, mean_best_overlap
from kuramoto_nn.models import AKOrNConfig

SIZES = AKOrNConfig(image_size=(5, 6), patch_size=1, channels=32, num_steps=4, num_heads=4)
COUPLINGS = {
    "convolution": {"coupling": "convolution", "kernel_size": 3, "position": None},
    "attention": {},
    "attention, 2x2 by @": {},
}


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("options", [{}, {"stimulus_norm": "group", "frequency": "shared"}])
def test_layer(coupling: str, options: dict) -> None:
    torch.manual_seed(0)
    plain = PlainKuramoto(SIZES.replace(**COUPLINGS[coupling], **options)).double()
    for parameter in plain.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    if "@" in coupling:
        plain = models.by_matrix_products(plain)
    ours = plain.to_library(gamma=0.9)
    x, c = torch.randn(2, 3, 32, *SIZES.grid, dtype=torch.float64)
    states, energies = plain(x, c, gamma=0.9)
    trajectory = ours.trajectory(x, c)
    assert_close(torch.stack(states), trajectory.states)
    assert_close(torch.stack(energies), trajectory.energies[:-1])

    gradients = []
    for last in (states[-1], ours(x, c)):
        last.square().mul(torch.arange(32).view(-1, 1, 1)).sum().backward()
    for module in (plain, ours):
        gradients.append(sum(p.grad.norm() ** 2 for p in module.parameters() if p.grad is not None))
    assert_close(*gradients)


@pytest.mark.parametrize("preset", ["clevrtex-attn-tiny", "tetrominoes-conv-tiny"])
def test_object_discovery(preset: str) -> None:
    torch.manual_seed(0)
    plain = PlainAKOrN(preset)
    ours = plain.to_library()
    images = torch.rand(2, 3, *plain.config.sides)
    with torch.no_grad():
        torch.manual_seed(1)
        expected = plain(images)
        torch.manual_seed(1)
        assert_close(ours(images), expected, atol=1e-5, rtol=1e-4)
        torch.manual_seed(2)
        expected = models.uptiled_features(plain, images, factor=2)
        torch.manual_seed(2)
        patch = plain.config.patch_size
        features = uptiled_features(ours.features, images, patch_size=patch, factor=2)
    assert_close(features, expected, atol=1e-5, rtol=1e-4)


def test_vote() -> None:
    torch.manual_seed(0)
    plain = PlainSudoku("sudoku-akorn-tiny").double()
    puzzles = torch.randint(0, 10, (3, 9, 9))
    noise = torch.randn(3, 5, plain.config.channels, 9, 9, dtype=torch.float64)
    with torch.no_grad():
        logits, energies = plain(puzzles, noise[:, 0], 4)
        plain.out.bias -= logits.mean((0, 1, 2))  # so that not all cells get the same digit
    solver = plain.to_library()
    rollout = solver.rollout(puzzles, num_steps=4, noise=noise[:, 0])
    assert_close(rollout.logits + logits.mean((0, 1, 2)), logits)
    assert_close(rollout.energies[:-1], torch.stack(energies))

    expected = models.vote(plain, puzzles, noise, 4)
    assert expected.unique().numel() > 1
    assert torch.equal(vote.vote(solver, puzzles, noise, 4), expected)


def test_scores() -> None:
    torch.manual_seed(0)
    pred, target = label_maps(4, 32, 6), label_maps(4, 32, 5)
    target[0, :4] = -1
    target[3] = 0
    assert_close(
        evaluation.foreground_ari(pred, target), foreground_ari(pred, target), equal_nan=True
    )
    expected = evaluation.mean_best_overlap(pred, target)
    assert_close(expected, mean_best_overlap(pred, target), equal_nan=True)
    assert expected.isnan().tolist() == [False, False, False, True]


def test_clusters() -> None:
    torch.manual_seed(0)
    features = sites(3, 100, 16)
    expected = evaluation.average_linkage(features, 5)
    for ours, theirs in zip(average_linkage(features, 5), expected, strict=True):
        assert adjusted_rand_score(ours, theirs) == 1
    scores = evaluation.pca(features, 4)
    assert_close(scores.abs(), pca(features, 4).abs(), atol=1e-4, rtol=1e-3)


def test_views() -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 3, 16, 16)
    box, factors = (3, 2, 7, 9), (0.7, 1.3, 0.6, -0.08)
    adjustments = (
        views.brightness,
        views.contrast,
        views.saturation,
        views.hue,
    )
    order = (2, 0, 3, 1)
    expected = views.crop(images[0], box)
    for index in order:
        expected = adjustments[index](expected, factors[index])
    params = ViewParameters(
        crop=torch.tensor([box]),
        flip=torch.tensor([False]),
        jittered=torch.tensor([True]),
        factors=torch.tensor([factors]),
        order=torch.tensor([order]),
        gray=torch.tensor([False]),
    )
    assert_close(apply_views(images[:1], params)[0], expected, atol=1e-5, rtol=1e-4)

    drawn = views.random_views(images, random.Random(0))
    assert drawn.shape == images.shape and 0 <= drawn.min() <= drawn.max() <= 1
