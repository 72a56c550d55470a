"""Clustering of the sites of images, batched: average linkage, k-means, and PCA before them."""

from kuramoto_nn.clustering._kmeans import kmeans
from kuramoto_nn.clustering._linkage import average_linkage
from kuramoto_nn.clustering._pca import pca

__all__ = ["average_linkage", "kmeans", "pca"]
