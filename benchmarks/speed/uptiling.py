"""Up-tiled evaluation, the whole path from images to scores, stage by stage.

Features of r x r shifted views, PCA, average linkage, labels enlarged to pixels, FG-ARI and MBO.
"""

from collections.abc import Callable
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
from kuramoto_nn.models import AKOrN

NUM_CLUSTERS, NUM_COMPONENTS = 11, 128
Stages = dict[str, Callable[[Any], Any]]


def run(report: Report) -> None:
    """Time every stage on the results of the one before, then the whole path."""
    preset, batch, factor = ("clevrtex-attn-l2", 2, 4)
    if report.quick:
        preset, batch, factor = ("clevrtex-attn-tiny", 1, 2)
    device = report.device
    plain = models.PlainAKOrN(preset).to(device)
    model = plain.to_library().to(device)
    if report.options.compile:
        model.compile()
    size = plain.config.sides[0]
    masks = label_maps(batch, size, 8).to(device)
    sides = {BASELINE: stages(plain, masks, factor), OURS: stages(model, masks, factor)}
    images = torch.rand(batch, 3, size, size).to(device)

    name, state = f"{preset}, up-tiled x{factor}, {batch} images", dict.fromkeys(sides, images)
    for stage in sides[OURS]:
        work = {side: partial(sides[side][stage], state[side]) for side in sides}
        row = report.compare(f"{name}: {stage}", work)
        row.note("images/s, ours", batch / row.seconds())
        state = {side: work[side]() for side in sides}
    whole = {side: partial(chain, sides[side], images) for side in sides}
    row = report.compare(f"{name}: image to score", whole)
    row.note("images/s, ours", batch / row.seconds())
    report.expect(row, "ours: speedup", row.speedup(), least=3)


@torch.no_grad()
def chain(path: Stages, images: Tensor) -> Any:
    """Run all stages."""
    value: Any = images
    for stage in path.values():
        value = stage(value)
    return value


def stages(model: AKOrN | models.PlainAKOrN, masks: Tensor, factor: int) -> Stages:
    """Stages of the library, or of the baseline for a plain model."""
    if isinstance(model, models.PlainAKOrN):
        clusters = scorer = evaluation
        features = partial(models.uptiled_features, model)
    else:
        clusters, scorer, patch = clustering, metrics, model.config.patch_size
        features = partial(inference.uptiled_features, model.features, patch_size=patch)
    return {
        "features": torch.no_grad()(partial(features, factor=factor)),
        "PCA": lambda features: clusters.pca(unit_sites(features), NUM_COMPONENTS),
        "linkage": lambda points: clusters.average_linkage(points, NUM_CLUSTERS),
        "scores": lambda labels: scores(scorer, enlarge(labels, masks), masks),
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
