"""From a model to scores: the golden clustering, files, and mistakes."""

import csv
import json
import math
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from examples.object_discovery.contact_sheet import choose
from examples.object_discovery.data import SegmentedImages, load
from examples.object_discovery.evaluate import evaluate
from examples.object_discovery.evaluate_options import EvaluateOptions
from examples.object_discovery.evaluation_identity import fingerprint_images
from examples.object_discovery.recipes import RECIPES, build_model, recipe_for
from examples.object_discovery.score_table import ScoreTable
from examples.object_discovery.scores import Statistic
from examples.object_discovery.segment import Segmenter, cluster, segment
from examples.training.memory import GIB
from kuramoto_nn.models import AKOrN, ItrSA
from tests.examples.runs import EVALUATE, finish, start, torchrun

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "preset": "tetrominoes-attn-tiny",
    "num_images": 12,
    "uptile": 2,
    "noise_seeds": (0, 3),
    "device": "cpu",
}
SMALL_ARGUMENTS = {**SMALL, "noise_seeds": [0, 3]}


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

    def features(self, images, *, noise):
        labels = self.labels[self.seen : self.seen + len(images), 1::4, 1::4]
        self.seen += len(images)
        return torch.nn.functional.one_hot(labels, 5).movedim(-1, 1) + 0.01 * noise[:, :5]


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


def scores_of(folder: Path, seed: int = 0) -> list[tuple[float, float]]:
    lines = csv.DictReader((folder / f"seed-{seed}.csv").read_text().splitlines())
    return [(float(line["fg_ari"]), float(line["mbo"])) for line in lines]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """An evaluation in one go, over two noise seeds."""
    return evaluate(EvaluateOptions(**SMALL, data=data, out=tmp_path_factory.mktemp("whole")))


def test_evaluation_writes_every_image_a_summary_and_a_sheet(whole, capsys):
    summary = json.loads((whole.folder / "summary.json").read_text())
    expected = {"num_images": 12, "num_clusters": 4, "uptile": 2, "num_samples": 2}
    assert expected.items() <= summary.items()
    assert (summary["num_counted"], summary["num_not_counted"]) == (12, 0)
    assert summary["noise_seeds"] == [0, 3] and len(summary["weights"]) == 64
    tables = [scores_of(whole.folder, seed) for seed in (0, 3)]
    means = [sum(fg_ari for fg_ari, _ in table) / 12 for table in tables]
    assert len(tables[0]) == 12 and tables[0] != tables[1]
    assert summary["fg_ari"]["per_seed"] == pytest.approx(means)
    assert whole.fg_ari.mean == pytest.approx(sum(means) / 2)
    assert whole.fg_ari.std_over_seeds == pytest.approx(abs(means[0] - means[1]) / 2**0.5)
    with Image.open(whole.folder / "sheet.png") as sheet:
        assert sheet.width > 400 and len(sheet.convert("RGB").getcolors(1 << 20)) > 8


def test_scores_do_not_depend_on_batches_or_processes(data, tmp_path, whole):
    out = tmp_path / "batches"
    batches = evaluate(EvaluateOptions(**SMALL, data=data, out=out, batch_size=5))
    process = start(EVALUATE, launcher=torchrun(2), **SMALL_ARGUMENTS, data=data, out=tmp_path)
    finish(process)
    for folder in (batches.folder, tmp_path / whole.folder.name):
        for seed in (0, 3):
            found, expected = scores_of(folder, seed), scores_of(whole.folder, seed)
            assert_close(torch.tensor(found), torch.tensor(expected), atol=1e-3, rtol=0)


def test_a_killed_evaluation_goes_on(data, tmp_path, whole):
    given = {**SMALL_ARGUMENTS, "data": data, "out": tmp_path, "batch_size": 1}
    process = start(EVALUATE, **given)
    deadline = time.monotonic() + 120
    while not (done := list(tmp_path.rglob("*.chunks/*.csv"))) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in done}
    unfinished = evaluate(EvaluateOptions(**SMALL, data=data, out=tmp_path, time_limit=1e-9))
    assert unfinished is None
    assert before == {path: path.stat().st_mtime_ns for path in done}
    result = evaluate(EvaluateOptions(**SMALL, data=data, out=tmp_path))
    assert result.fg_ari == whole.fg_ari and not list(tmp_path.rglob("*.chunks"))


def test_other_weights_and_settings_are_other_evaluations(data, tmp_path):
    given = {"preset": "tetrominoes-attn-tiny", "num_images": 2, "device": "cpu"}
    folders = {
        evaluate(EvaluateOptions(**{**given, "data": data, "out": tmp_path, **other})).folder
        for other in ({}, {"uptile": 2}, {"num_clusters": 5}, {"seed": 1})
    }
    assert len(folders) == 4


def test_scenes_rendered_anew_are_scored_anew(tmp_path):
    """Same place and number of images, one pixel of a mask differs."""
    images = load("tetrominoes", "test", root=tmp_path, count=2, seed=0)
    masks = images.masks.clone()
    masks[1, 4, 5] += 1
    changed = SegmentedImages(images.images, masks)
    found = [fingerprint_images(data) for data in (images, images, changed)]
    assert found[0] == found[1] != found[2]


def test_a_damaged_table_is_named(tmp_path):
    path = tmp_path / "seed-0.csv"
    path.write_text("index,fg_ari,mbo\n0,1.5,abc\n")
    with pytest.raises(ValueError, match=r"seed-0\.csv is no table of scores"):
        ScoreTable(path, 4).missing()


def test_statistics_leave_images_without_objects_out():
    nan = float("nan")
    found = Statistic.of([[1.0, nan, 3.0], [2.0, nan, 6.0]])
    assert (found.mean, found.per_seed) == (3.0, [2.0, 4.0])
    assert found.std_over_seeds == pytest.approx(2**0.5)
    assert str(found) == "3.00 ± 1.41"
    assert str(Statistic.of([[1.0, 2.0]])) == "1.50"


def test_tables_keep_images_without_objects(tmp_path):
    table = ScoreTable(tmp_path / "seed-0.csv", 3)
    table.add([1, 2], torch.tensor([50.0, float("nan")]), torch.tensor([40.0, float("nan")]))
    assert table.missing() == [0] and table.complete() is None
    table.add([0], torch.tensor([10.0]), torch.tensor([20.0]))
    rows = table.complete() or {}
    assert list(rows) == [0, 1, 2] and rows[1] == (50.0, 40.0) and math.isnan(rows[2][0])
    assert choose(rows, 1) == {"best": [1], "median": [0], "worst": [0]}


def test_more_distances_than_memory_are_refused(monkeypatch):
    monkeypatch.setattr("examples.object_discovery.segment.free_memory", lambda device: GIB)
    images = torch.zeros(1, 3, 1024, 1024, dtype=torch.uint8)
    model = build_model("clevrtex-vit-tiny").eval()
    segmenter = Segmenter(model=model, num_clusters=11, uptile=8)
    with pytest.raises(ValueError, match=r"1,048,576 sites .* keeps 2\.0 GiB.*lower --uptile"):
        segmenter.batch_size(SegmentedImages(images, images[:, 0]))


def test_images_smaller_than_a_patch_are_refused():
    images = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    segmenter = Segmenter(model=build_model("clevrtex-vit-tiny").eval(), num_clusters=11)
    with pytest.raises(ValueError, match="patch size 8: got 2 x 2; try --image-size 8"):
        segmenter.batch_size(SegmentedImages(images, images[:, 0]))


def test_images_without_objects_do_not_count(data):
    images = load("tetrominoes", "test", root=data, count=4, seed=0)
    masks = images.masks.clone()
    masks[1] = 0
    result = segment(Truth(images), SegmentedImages(images.images, masks), num_clusters=4)
    assert result.fg_ari.isnan().tolist() == [False, True, False, False]
    assert result.mbo.isnan().tolist() == [False, True, False, False]


def test_recipes_are_the_papers_and_weights_follow_the_seed():
    assert set(RECIPES) == set(AKOrN.presets()) | set(ItrSA.presets())
    paper = recipe_for("tetrominoes-attn")
    assert (paper.batch_size, paper.learning_rate, paper.epochs) == (256, 1e-3, 50)
    assert (paper.ema_decay, paper.ema_every, paper.ema_start) == (0.998, 10, 200)
    first, same, other = (build_model("tetrominoes-demo", seed=seed) for seed in (0, 0, 1))
    weights = [model.embed.conv.weight for model in (first, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    large = recipe_for("clevrtex-large-l2")
    assert (large.batch_size, large.learning_rate, large.epochs) == (512, 5e-4, 1024)
    clusters = {recipe.data: recipe.num_clusters for recipe in RECIPES.values()}
    assert clusters == {"clevrtex-full": 11, "clevr": 11, "dsprites": 7, "tetrominoes": 4}
    with pytest.raises(ValueError, match="unknown preset 'x'; known are clevrtex-attn-l1"):
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
        ({"checkpoint": Path("nowhere.pt")}, "no checkpoint at nowhere.pt"),
        ({"checkpoint": ROOT / "README.md"}, "README.md is not a checkpoint"),
        ({"preset": "tetris"}, "unknown preset 'tetris'"),
        ({"uptile": 3}, "`factor` must divide"),
        ({"num_clusters": 65}, "`num_clusters`"),
        ({"noise_seeds": ()}, "--noise-seeds needs at least one seed"),
        ({"test_data": "clevrtex-outd"}, "clevrtex_outd"),
    ],
)
def test_mistakes_are_named(data, tmp_path, options, message):
    given = {"preset": "tetrominoes-attn", "num_images": 4, "device": "cpu", "data": data}
    if "checkpoint" in options:
        del given["preset"]
    with pytest.raises((ValueError, OSError), match=message):
        evaluate(EvaluateOptions(**{**given, "out": tmp_path, **options}))


def test_mistakes_on_the_command_line_are_one_line(data):
    _, errors = finish(start(EVALUATE, checkpoint="nowhere.pt", data=data), code=1)
    assert "no checkpoint at nowhere.pt" in errors and len(errors.strip().splitlines()) == 1
