"""PCA, average linkage, FG-ARI and MBO by NumPy, fastcluster and scikit-learn, image by image."""

import numpy as np
import torch
from fastcluster import linkage
from scipy.cluster.hierarchy import fcluster
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from torch import Tensor


def pca(features: Tensor, num_components: int) -> Tensor:
    """Project the rows of every image ``(B, P, D)`` on its principal components."""
    count = min(num_components, *features.shape[1:])
    scores = [PCA(count).fit_transform(image) for image in features.cpu().numpy()]
    return torch.from_numpy(np.stack(scores))


def average_linkage(features: Tensor, num_clusters: int) -> Tensor:
    """Cluster the rows of every image ``(B, P, D)`` into labels ``(B, P)``."""
    labels = []
    for image in features.cpu().numpy():
        tree = linkage(image, method="average", metric="euclidean")
        labels.append(fcluster(tree, num_clusters, criterion="maxclust") - 1)
    return torch.from_numpy(np.stack(labels)).long()


def foreground_ari(pred: Tensor, target: Tensor) -> Tensor:
    """Adjusted Rand index over the pixels with ``target > 0`` of every image, ``(B,)``."""
    scores = []
    for segments, truth in zip(pred.cpu().numpy(), target.cpu().numpy(), strict=True):
        shown = truth > 0
        score = adjusted_rand_score(truth[shown], segments[shown]) if shown.any() else np.nan
        scores.append(score)
    return torch.tensor(scores, dtype=torch.float64)


def mean_best_overlap(pred: Tensor, target: Tensor) -> Tensor:
    """Mean over the objects of the best IoU with any segment of every image, ``(B,)``."""
    scores = []
    for segments, truth in zip(pred.cpu().numpy(), target.cpu().numpy(), strict=True):
        counted = truth >= 0
        best = []
        for label in np.unique(truth[truth > 0]):
            true = truth == label
            overlaps = []
            for segment in np.unique(segments):
                predicted = (segments == segment) & counted
                overlaps.append((true & predicted).sum() / (true | predicted).sum())
            best.append(max(overlaps))
        scores.append(np.mean(best) if best else np.nan)
    return torch.tensor(scores, dtype=torch.float64)
