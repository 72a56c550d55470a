"""PCA and average linkage, image by image, on NumPy arrays."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster
from sklearn.decomposition import PCA
from torch import Tensor

LINKAGE = "fastcluster" if find_spec("fastcluster") else "scipy.cluster.hierarchy"
"""What links: fastcluster; without it SciPy, whose function of the same name does the same."""


def pca(features: Tensor, num_components: int) -> Tensor:
    """Project the rows of every image ``(B, P, D)`` on its principal components."""
    count = min(num_components, *features.shape[1:])
    scores = [PCA(count).fit_transform(image) for image in features.cpu().numpy()]
    return torch.from_numpy(np.stack(scores))


def average_linkage(features: Tensor, num_clusters: int) -> Tensor:
    """Labels ``(B, P)`` of the rows of every image ``(B, P, D)``."""
    linkage = import_module(LINKAGE).linkage
    labels = []
    for image in features.cpu().numpy():
        tree = linkage(image, method="average", metric="euclidean")
        labels.append(fcluster(tree, num_clusters, criterion="maxclust") - 1)
    return torch.from_numpy(np.stack(labels)).long()
