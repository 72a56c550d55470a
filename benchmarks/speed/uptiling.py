"""Up-tiled evaluation, the whole path from images to scores, stage by stage.

    python -m benchmarks.speed.uptiling [--quick] [--device cuda] [--threads 2]

Features of r x r shifted views, PCA, average linkage, labels enlarged to pixels, FG-ARI and MBO.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import baseline
from benchmarks.baseline import PlainAKOrN, to_library
from benchmarks.speed import metrics
from benchmarks.speed.report import BASELINE, OURS, Report, main
from benchmarks.speed.synthetic import label_maps
from kuramoto_nn import clustering
from kuramoto_nn.inference import uptiled_features
from kuramoto_nn.models import AKOrN

NUM_CLUSTERS, NUM_COMPONENTS = 11, 128
Stages = dict[str, Callable[[Any], Any]]


def run(report: Report) -> None:
    """Measure the up-tiled CLEVRTex model."""
    if report.options.quick:
        compare(report, "clevrtex-attn-tiny", batch=1, factor=2)
    else:
        compare(report, "clevrtex-attn-l2", batch=2, factor=4)


def compare(report: Report, preset: str, *, batch: int, factor: int) -> None:
    """Time every stage on the results of the one before, then the whole path."""
    device = report.device
    plain = PlainAKOrN.from_preset(preset).to(device)
    model = to_library(plain).to(device)
    if report.options.compile:
        model.compile()
    size = plain.config.sides[0]
    masks = label_maps(batch, size, 8).to(device)
    sides = {BASELINE: stages(plain, masks, factor), OURS: stages(model, masks, factor)}
    state = {side: torch.rand(batch, 3, size, size).to(device) for side in sides}
    images = state[OURS]

    name = f"{preset}, up-tiled x{factor}, {batch} images"
    for stage in sides[OURS]:
        work = {side: partial(sides[side][stage], state[side]) for side in sides}
        row = report.compare(f"{name}: {stage}", work)
        report.note(row, "images/s, ours", batch / row.times[OURS].median)
        state = {side: work[side]() for side in sides}
    row = report.compare(
        f"{name}: image to score", {side: partial(chain, sides[side], images) for side in sides}
    )
    report.note(row, "images/s, ours", batch / row.times[OURS].median)
    report.expect(row, "ours: speedup", row.speedup(OURS), least=3)


@torch.no_grad()
def chain(path: Stages, images: Tensor) -> Any:
    """Run all stages."""
    value: Any = images
    for stage in path.values():
        value = stage(value)
    return value


def stages(model: AKOrN | PlainAKOrN, masks: Tensor, factor: int) -> Stages:
    """Stages of the library, or of the baseline for a plain model."""
    by, scores = clustering, metrics.scores
    if isinstance(model, PlainAKOrN):
        by, scores = baseline, metrics.plain_scores
        features = partial(baseline.uptiled_features, model)
    else:
        features = partial(uptiled_features, model.features, patch_size=model.config.patch_size)
    return {
        "features": torch.no_grad()(partial(features, factor=factor)),
        "PCA": lambda features: by.pca(unit_sites(features), NUM_COMPONENTS),
        "linkage": lambda points: by.average_linkage(points, NUM_CLUSTERS),
        "scores": lambda labels: scores(enlarge(labels, masks), masks),
    }


def unit_sites(features: Tensor) -> Tensor:
    """Maps ``(B, C, h, w)`` to unit vectors ``(B, h w, C)``."""
    return F.normalize(features.flatten(2).mT, dim=-1)


def enlarge(labels: Tensor, masks: Tensor) -> Tensor:
    """Labels of the sites ``(B, P)`` to labels of the pixels."""
    side = round(labels.shape[1] ** 0.5)
    maps = labels.unflatten(1, (side, side))[:, None].double()
    return F.interpolate(maps, size=masks.shape[1:], mode="nearest").squeeze(1).long()


if __name__ == "__main__":
    main("uptiling", run)
