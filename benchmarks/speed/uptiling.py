"""Up-tiled evaluation, the whole path from images to scores.

Features of r x r shifted views, PCA, average linkage, labels enlarged to pixels, FG-ARI and MBO.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.baseline import evaluation, models
from benchmarks.speed.metrics import scores
from benchmarks.speed.report import BASELINE, OURS, Report, main
from benchmarks.speed.synthetic import label_maps
from kuramoto_nn import clustering, inference, metrics


@torch.no_grad()
def run(report: Report) -> None:
    """Time the library and the baseline on the same images."""
    preset, batch, factor = ("clevrtex-attn-l2", 2, 4)
    if report.quick:
        preset, batch, factor = ("clevrtex-attn-tiny", 1, 2)
    plain = models.PlainAKOrN(preset).to(report.device)
    model = plain.to_library().to(report.device)
    if report.options.compile:
        model.compile()
    size, patch = plain.config.sides[0], plain.config.patch_size
    images = torch.rand(batch, 3, size, size, device=report.device)
    masks = label_maps(batch, size, 8).to(report.device)
    theirs = partial(models.uptiled_features, plain, factor=factor)
    ours = partial(inference.uptiled_features, model.features, patch_size=patch, factor=factor)
    report.compare(
        f"{preset}, up-tiled x{factor}, {batch} images: image to score",
        {
            BASELINE: lambda: score(theirs(images), masks, evaluation, evaluation),
            OURS: lambda: score(ours(images), masks, clustering, metrics),
        },
    )


def score(features: Tensor, masks: Tensor, clusters: Any, scorer: Any) -> tuple[Tensor, Tensor]:
    """Scores of maps ``(B, C, h, w)`` by the functions of two modules."""
    sites = F.normalize(features.flatten(2).mT, dim=-1)
    labels = clusters.average_linkage(clusters.pca(sites, 128), 11)
    maps = labels.unflatten(1, features.shape[2:])[:, None].double()
    segments = F.interpolate(maps, size=masks.shape[1:], mode="nearest").squeeze(1).long()
    return scores(scorer, segments, masks)


if __name__ == "__main__":
    main("uptiling", run)
