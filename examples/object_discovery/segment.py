"""From images to object masks: features, PCA, average linkage, and back to pixels."""

from dataclasses import dataclass

import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from examples.object_discovery.data import SegmentedImages
from examples.training.randomness import generator_for
from kuramoto_nn.clustering import average_linkage, pca
from kuramoto_nn.metrics import foreground_ari, mean_best_overlap
from kuramoto_nn.models import AKOrN, ItrSA, uptiled_features

PCA_COMPONENTS = 128


@dataclass(frozen=True)
class Scores:
    """Mean scores over images, x100.

    Attributes:
        fg_ari: Foreground adjusted Rand index.
        mbo: Mean best overlap.
        num_images: Images that counted: those with objects.
    """

    fg_ari: float
    mbo: float
    num_images: int

    def named(self, suffix: str = "") -> dict[str, float]:
        """Both means, ``fg_ari<suffix>`` and ``mbo<suffix>``."""
        return {f"fg_ari{suffix}": self.fg_ari, f"mbo{suffix}": self.mbo}


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

    @property
    def scores(self) -> Scores:
        """Means over the images that have objects."""
        return Scores(
            fg_ari=self.fg_ari.nanmean().item(),
            mbo=self.mbo.nanmean().item(),
            num_images=int((~self.fg_ari.isnan()).sum()),
        )


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
    title: str = "evaluate",
) -> Segmentation:
    """Segment a data set under a progress bar and score every image.

    Args:
        model: Gives the features; on the device to compute on.
        data: Images and their true masks.
        num_clusters: K.
        uptile: How many times finer than the patch grid the features are.
        seed: Of the noise that the oscillators start from.
        batch_size: Images at a time; part of what the noise depends on.
        title: What the progress bar says.

    Returns:
        Masks and scores of all images.
    """
    device = next(model.parameters()).device
    noise = generator_for(seed, "evaluation", device=device)
    parts = []
    for start in track(range(0, len(data), batch_size), description=title):
        images = data.images[start : start + batch_size].to(device).float() / 255
        truth = data.masks[start : start + batch_size].to(device).long()
        features = uptiled_features(
            lambda view: model.features(view, generator=noise),
            images,
            patch_size=model.config.patch_size,
            factor=uptile,
        )
        labels = cluster(features, num_clusters, (truth.shape[1], truth.shape[2]))
        scores = foreground_ari(labels, truth), mean_best_overlap(labels, truth)
        parts.append((labels.cpu(), *(100 * score.cpu() for score in scores)))
    return Segmentation(*(torch.cat(column) for column in zip(*parts, strict=True)))
