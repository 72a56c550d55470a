"""From images to object masks: features, PCA, average linkage, and back to pixels."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from examples.object_discovery.data import SegmentedImages
from examples.training.randomness import generator_for
from kuramoto_nn.clustering import average_linkage, pca
from kuramoto_nn.metrics import foreground_ari, mean_best_overlap
from kuramoto_nn.models import AKOrN, ItrSA, uptiled_features

PCA_COMPONENTS = 128


@dataclass(frozen=True)
class Segmentation:
    """Predicted masks of some images and how well they fit.

    Attributes:
        labels: ``(n, H, W)`` int64, the cluster of every pixel.
        fg_ari: ``(n,)`` adjusted Rand index over the foreground, x100; NaN without foreground.
        mbo: ``(n,)`` mean best overlap, x100; NaN without objects.
    """

    labels: Tensor
    fg_ari: Tensor
    mbo: Tensor


def cluster(features: Tensor, num_clusters: int, size: tuple[int, int]) -> Tensor:
    """Cluster every image's features and enlarge the label map.

    Args:
        features: ``(B, C, h, w)``.
        num_clusters: K.
        size: Height and width of the result, in pixels.

    Returns:
        Labels ``(B, H, W)`` int64 in 0..K-1.
    """
    sites = F.normalize(features.movedim(1, -1).flatten(1, 2), dim=-1)
    labels = average_linkage(pca(sites, PCA_COMPONENTS), num_clusters)
    maps = labels.unflatten(1, features.shape[2:])[:, None].to(torch.float64)
    return F.interpolate(maps, size=size, mode="nearest").squeeze(1).long()


@torch.no_grad()
def segment(
    model: AKOrN | ItrSA,
    data: SegmentedImages,
    *,
    num_clusters: int,
    uptile: int = 1,
    seed: int = 0,
    batch_size: int = 64,
) -> Iterator[Segmentation]:
    """Segment a data set, batch by batch.

    Args:
        model: Gives the features; on the device to compute on.
        data: Images and their true masks.
        num_clusters: K.
        uptile: How many times finer than the patch grid the features are.
        seed: Of the noise that the oscillators start from.
        batch_size: Images at a time; part of what the noise depends on.

    Yields:
        The segmentation of the next images.
    """
    device = next(model.parameters()).device
    noise = generator_for(seed, "evaluation", device=device)
    for start in range(0, len(data), batch_size):
        images = data.images[start : start + batch_size].to(device).float() / 255
        truth = data.masks[start : start + batch_size].to(device).long()
        features = uptiled_features(
            lambda view: model.features(view, generator=noise),
            images,
            patch_size=model.config.patch_size,
            factor=uptile,
        )
        labels = cluster(features, num_clusters, (truth.shape[1], truth.shape[2]))
        yield Segmentation(
            labels.cpu(),
            100 * foreground_ari(labels, truth).cpu(),
            100 * mean_best_overlap(labels, truth).cpu(),
        )


def gather(parts: list[Segmentation]) -> Segmentation:
    """Put the segmentations of consecutive batches together.

    Args:
        parts: As `segment` yields them.

    Returns:
        One segmentation of all images.
    """
    return Segmentation(
        torch.cat([part.labels for part in parts]),
        torch.cat([part.fg_ari for part in parts]),
        torch.cat([part.mbo for part in parts]),
    )
