"""The Metric classes: means over images, NaN left out, pickling, reset, two processes."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchmetrics import MetricCollection

from kuramoto_nn import metrics
from kuramoto_nn.metrics import ForegroundARI, MeanBestOverlap, foreground_ari, mean_best_overlap

SOURCE = Path(metrics.__file__).parents[2]
CLASSES = [(ForegroundARI, foreground_ari), (MeanBestOverlap, mean_best_overlap)]


def batches(count: int = 3):
    """Batches of unequal length; the first image of each has no object."""
    generator = torch.Generator().manual_seed(0)
    for index in range(count):
        pred = torch.randint(0, 4, (2 + index, 6, 6), generator=generator)
        target = torch.randint(-1, 3, pred.shape, generator=generator)
        target[0].clamp_(max=0)
        yield pred, target


@pytest.mark.parametrize(("metric_class", "score"), CLASSES)
def test_mean_over_images_leaves_nan_out(metric_class, score):
    metric = metric_class()
    for pred, target in batches():
        metric.update(pred, target)
    scores = torch.cat([score(pred, target) for pred, target in batches()])
    assert scores.isnan().sum() == 3
    assert metric.num_images == 6
    torch.testing.assert_close(metric.compute(), scores.nanmean(), rtol=1e-14, atol=0)
    assert metric.compute().dtype == torch.float64


def test_a_collection_computes_each_of_them():
    """Their states agree after a first batch without objects; torchmetrics must not merge them."""
    collection = MetricCollection([ForegroundARI(), MeanBestOverlap()])
    (pred, target), (more_pred, more_target), _ = batches()
    collection.update(pred, torch.zeros_like(target))
    collection.update(more_pred, more_target)
    for metric_class, score in CLASSES:
        expected = score(more_pred, more_target).nanmean()
        torch.testing.assert_close(collection.compute()[metric_class.__name__], expected)


OPTIONS = [
    (ForegroundARI, foreground_ari, {"ignore_index": 2}),
    (ForegroundARI, foreground_ari, {"empty": "one"}),
    (ForegroundARI, foreground_ari, {"empty": "one", "ignore_index": 1}),
    (MeanBestOverlap, mean_best_overlap, {"ignore_index": 2}),
]


@pytest.mark.parametrize(("metric_class", "score", "options"), OPTIONS)
def test_options_are_those_of_the_functions(metric_class, score, options):
    metric = metric_class(**options)
    for pred, target in batches():
        metric.update(pred, target)
    scores = torch.cat([score(pred, target, **options) for pred, target in batches()])
    torch.testing.assert_close(metric.compute(), scores.nanmean(), rtol=1e-14, atol=0)
    assert metric.num_images == scores.isfinite().sum()


def test_a_collection_tells_options_apart():
    """After a first batch on which they agree."""
    metrics_of_options = {str(options): c(**options) for c, _, options in OPTIONS[:3]}
    collection = MetricCollection({"{}": ForegroundARI(), **metrics_of_options})
    collection.update(*[torch.ones(1, 2, 2).long() * 3] * 2)
    pred, target = next(batches())
    collection.update(pred, target)
    for name, mean in collection.compute().items():
        scores = foreground_ari(pred, target, **eval(name))
        expected = torch.cat((torch.ones(1, dtype=torch.float64), scores)).nanmean()
        torch.testing.assert_close(mean, expected)


def test_labels_of_either_sign_are_told_apart():
    first, second = (MeanBestOverlap(ignore_index=index) for index in (1, -1))
    assert first.metric_state.keys() != second.metric_state.keys()


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="`empty` must be one of nan, one: got 'zero'"):
        ForegroundARI(empty="zero")
    with pytest.raises(ValueError, match="`ignore_index` must be an integer: got 255.0"):
        MeanBestOverlap(ignore_index=255.0)


@pytest.mark.parametrize(("metric_class", "score"), CLASSES)
def test_forward_gives_the_batch_and_keeps_the_mean(metric_class, score):
    metric = metric_class()
    for pred, target in batches():
        torch.testing.assert_close(metric(pred, target), score(pred, target).nanmean())
    assert metric.num_images == 6
    scores = torch.cat([score(pred, target) for pred, target in batches()])
    torch.testing.assert_close(metric.compute(), scores.nanmean())
    assert metric.num_images == 6


@pytest.mark.parametrize(("metric_class", "_score"), CLASSES)
def test_reset_and_pickle(metric_class, _score):
    metric = metric_class()
    (pred, target), *_ = batches()
    metric.update(pred, target)
    expected = metric.compute()
    for copy in (pickle.loads(pickle.dumps(metric)), metric.clone()):
        assert torch.equal(copy.compute(), expected)
        copy.update(pred, target)
        assert copy.num_images == 2
        copy.reset()
        assert copy.num_images == 0
    assert metric.num_images == 1
    metric.reset()
    metric.update(pred, target)
    assert torch.equal(metric.compute(), expected)


@pytest.mark.parametrize(("metric_class", "_score"), CLASSES)
def test_no_image_with_objects_is_nan(metric_class, _score):
    metric = metric_class()
    metric.update(torch.ones(2, 3, 3).long(), torch.zeros(2, 3, 3).long())
    assert metric.compute().isnan()
    assert metric.num_images == 0


WORKER = """
import sys, torch, torch.distributed as dist
from kuramoto_nn.metrics import ForegroundARI, MeanBestOverlap
rank, store, data = int(sys.argv[1]), sys.argv[2], torch.load(sys.argv[3])
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
for metric in (ForegroundARI(), MeanBestOverlap()):
    for pred, target in data[rank]:
        metric.update(pred, target)
    before = metric.num_images
    print(before, float(metric.compute()), metric.num_images)
    metric.update(*data[rank][0])
    print(metric.num_images - before)
dist.barrier()
dist.destroy_process_group()
"""


def test_two_processes_share_one_mean(tmp_path):
    """Real processes over gloo, with unequal shares: the mean is that of all images."""
    shares = list(batches())
    torch.save([shares[:1], shares[1:]], tmp_path / "data.pt")
    paths = [str(tmp_path / "store"), str(tmp_path / "data.pt")]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), *paths],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    answers = []
    for worker in workers:
        out, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors
        answers.append([line.split() for line in out.splitlines()])
    means = [torch.cat([score(*share) for share in shares]).nanmean() for _, score in CLASSES]
    for rank, (num_local, num_added) in enumerate([(1, 1), (5, 2)]):
        for index, mean in enumerate(means):
            before, found, after = answers[rank][2 * index]
            assert (int(before), int(after)) == (num_local, 6)
            assert float(found) == pytest.approx(mean.item(), rel=1e-12)
            assert answers[rank][2 * index + 1] == [str(num_added)]


def test_functions_do_not_import_torchmetrics():
    code = (
        "import sys, torch, kuramoto_nn.metrics as m\n"
        "m.foreground_ari(torch.ones(1, 2, 2).long(), torch.ones(1, 2, 2).long())\n"
        "assert not any(name.split('.')[0] == 'torchmetrics' for name in sys.modules)\n"
        "m.ForegroundARI\n"
        "assert 'torchmetrics' in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(SOURCE)}
    )


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="has no attribute 'Purity'"):
        metrics.Purity  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]
    assert set(metrics.__all__) == {name for name in metrics.__all__ if getattr(metrics, name)}
