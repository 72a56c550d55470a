"""Clustering of the sites of images, batched.

Reading order: `pca`, `linkage` (average linkage: `distances` merged in `rounds`, on a GPU, or along
a `chain` on the CPU, where `compiled` distances save a pass), `kmeans`.
"""

from kuramoto_nn.clustering._kmeans import kmeans
from kuramoto_nn.clustering._linkage import average_linkage
from kuramoto_nn.clustering._pca import pca

__all__ = ["average_linkage", "kmeans", "pca"]
