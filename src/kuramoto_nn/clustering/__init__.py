"""Clustering of the sites of images, batched and in torch alone.

Reading order: `pca`, `linkage` (average linkage, on top of `merging` and `clusters`), `kmeans`.
"""

from kuramoto_nn.clustering.kmeans import kmeans
from kuramoto_nn.clustering.linkage import average_linkage
from kuramoto_nn.clustering.pca import pca

__all__ = ["average_linkage", "kmeans", "pca"]
