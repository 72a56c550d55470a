"""Clustering of the sites of images, batched: average linkage, k-means, and PCA before them."""

from kuramoto_nn.clustering._features import kmeans, pca
from kuramoto_nn.clustering._linkage import average_linkage

__all__ = ["average_linkage", "kmeans", "pca"]
