"""Features to scores as the authors' evaluation has them: PCA, average linkage, FG-ARI, MBO."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from kuramoto_nn.clustering import average_linkage, pca
from kuramoto_nn.metrics import ForegroundARI, MeanBestOverlap, foreground_ari, mean_best_overlap


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "golden" / "cluster_scores.npz") as archive:
        run = {key: torch.from_numpy(archive[key]) for key in archive.files if key != "meta"}
        return json.loads(str(archive["meta"])), run


@pytest.fixture(scope="module")
def components(golden):
    meta, run = golden
    unit = F.normalize(run["features"].flatten(2).mT, dim=2)
    return pca(unit, meta["pca_dim"])


@pytest.fixture(scope="module")
def pred(golden, components):
    meta, run = golden
    labels = average_linkage(components, meta["n_clusters"]).view(run["labels"].shape)
    scale = meta["label_scale"]
    return labels.repeat_interleave(scale, 1).repeat_interleave(scale, 2)


def test_gram_matrix_of_the_components(golden, components):
    expected = golden[1]["pca_gram"].flatten(3).flatten(1, 2)
    # Stored in float32, unlike the rest.
    torch.testing.assert_close((components @ components.mT).float(), expected, rtol=0, atol=1e-6)


def test_partitions(golden, pred):
    expected = golden[1]["labels"]
    scale = golden[0]["label_scale"]
    for found, image in zip(pred[:, ::scale, ::scale], expected, strict=True):
        pairs = set(zip(found.flatten().tolist(), image.flatten().tolist(), strict=True))
        assert len(pairs) == golden[0]["n_clusters"]


def test_foreground_ari(golden, pred):
    run = golden[1]
    scores = foreground_ari(pred, run["ground_truth"], empty="one")
    torch.testing.assert_close(scores, run["fg_ari"], rtol=1e-9, atol=1e-9)
    metric = ForegroundARI()
    metric.update(pred, run["ground_truth"])
    torch.testing.assert_close(metric.compute(), run["fg_ari"][1:].mean(), rtol=1e-9, atol=0)


def test_mean_best_overlap(golden, pred):
    meta, run = golden
    scores = mean_best_overlap(pred, run["ground_truth"])
    expected = run["mbo"].where(run["mbo"] >= 0, torch.nan)
    torch.testing.assert_close(scores, expected, rtol=1e-9, atol=0, equal_nan=True)
    metric = MeanBestOverlap()
    metric.update(pred, run["ground_truth"])
    assert metric.compute().item() == pytest.approx(meta["mbo_mean"], rel=1e-9)
    assert metric.num_images == 5
