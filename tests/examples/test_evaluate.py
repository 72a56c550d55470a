"""From a model to scores: the golden clustering, files, and mistakes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from examples.object_discovery.data import SegmentedImages, load
from examples.object_discovery.evaluate import EvaluateOptions, evaluate
from examples.object_discovery.recipes import RECIPES, build_model, recipe_for
from examples.object_discovery.segment import cluster, segment
from kuramoto_nn.models import AKOrN

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


class Truth(torch.nn.Module):
    """A model whose features give the objects away, patch by patch."""

    def __init__(self, images: SegmentedImages):
        super().__init__()
        self.config = AKOrN.presets()["tetrominoes-demo"].config
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.labels = images.masks.long()
        self.seen = 0

    def features(self, images, *, generator):
        labels = self.labels[self.seen : self.seen + len(images), 1::4, 1::4]
        self.seen += len(images)
        noise = torch.randn(len(images), 5, 8, 8, generator=generator)
        return torch.nn.functional.one_hot(labels, 5).movedim(-1, 1) + 0.01 * noise


def test_features_that_know_the_objects_are_clustered_into_them(data):
    images = load("tetrominoes", "test", root=data, count=12, seed=0)
    result = segment(Truth(images), images, num_clusters=4, batch_size=5)
    assert result.labels.shape == images.masks.shape
    sampled = result.labels[:, 1::4, 1::4].flatten(1), images.masks[:, 1::4, 1::4].flatten(1)
    for found, truth in zip(*sampled, strict=True):
        pairs = set(zip(found.tolist(), truth.tolist(), strict=True))
        assert len(pairs) == len(truth.unique())
    assert (result.fg_ari > 50).all() and (result.mbo > 30).all()


def test_labels_are_enlarged_to_the_size_of_the_mask():
    features = torch.zeros(1, 2, 2, 3)
    features[0, 0, 0], features[0, 1, 1] = 1, 1
    labels = cluster(features + 0.001 * torch.rand(1, 2, 2, 3), 2, (8, 9))
    expected = torch.tensor([0, 1]).repeat_interleave(4)[:, None].expand(8, 9)
    assert torch.equal(labels[0], expected)


def test_evaluation_is_repeatable_and_writes_every_image(data, tmp_path, capsys):
    options = EvaluateOptions(
        preset="tetrominoes-demo", data=data, num_images=6, out=tmp_path / "scores.json", uptile=2
    )
    first, second = evaluate(options), evaluate(options)
    assert (first.fg_ari, first.mbo) == (second.fg_ari, second.mbo)
    assert f"FG-ARI {first.fg_ari:.2f}" in capsys.readouterr().out
    written = json.loads(options.out.read_text())
    assert len(written["fg_ari"]) == len(written["mbo"]) == 6
    assert sum(written["fg_ari"]) / 6 == pytest.approx(first.fg_ari)
    assert written["options"]["uptile"] == 2


def test_images_without_objects_do_not_count(data):
    images = load("tetrominoes", "test", root=data, count=4, seed=0)
    masks = images.masks.clone()
    masks[1] = 0
    result = segment(Truth(images), SegmentedImages(images.images, masks), num_clusters=4)
    assert result.fg_ari.isnan().tolist() == [False, True, False, False]
    assert result.mbo.isnan().tolist() == [False, True, False, False]


def test_recipes_are_the_papers_and_weights_follow_the_seed():
    for preset in RECIPES:
        build_model(preset)
    paper = recipe_for("tetrominoes-attn")
    assert (paper.batch_size, paper.learning_rate, paper.epochs) == (256, 1e-3, 50)
    assert (paper.ema_decay, paper.ema_every, paper.ema_start) == (0.998, 10, 200)
    first, same, other = (build_model("tetrominoes-demo", seed=seed) for seed in (0, 0, 1))
    weights = [model.embed.conv.weight for model in (first, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    with pytest.raises(ValueError, match="unknown preset 'x'; known are tetrominoes-attn"):
        recipe_for("x")


def test_noise_depends_on_the_seed(data):
    images = load("tetrominoes", "test", root=data, count=4, seed=0)
    model = build_model("tetrominoes-demo").eval()
    scores = [segment(model, images, num_clusters=4, seed=seed).fg_ari for seed in (0, 0, 1)]
    assert_close(scores[0], scores[1], atol=0, rtol=0)
    assert not torch.equal(scores[0], scores[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--checkpoint", "nowhere.pt"], "no checkpoint at nowhere.pt"),
        (["--checkpoint", "README.md"], "README.md is not a checkpoint"),
        (["--preset", "tetris"], "unknown preset 'tetris'"),
        (["--preset", "tetrominoes-attn", "--uptile", "3"], "`factor` must divide"),
        (["--preset", "tetrominoes-attn", "--num-clusters", "65"], "`num_clusters`"),
    ],
)
def test_mistakes_on_the_command_line_are_one_line(data, options, message):
    run = subprocess.run(
        [sys.executable, "-m", "examples.object_discovery.evaluate", "--device", "cpu"]
        + ["--num-images", "4", "--data", str(data), *options],
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "OMP_NUM_THREADS": "1",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert message in run.stderr and "Traceback" not in run.stderr, run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
