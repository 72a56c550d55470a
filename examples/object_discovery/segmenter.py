"""From images to labels and scores: features, clustering of their sites, and back to pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from examples.common.device import GIB, Precision, autocast, dtype_of, free_memory
from examples.common.progress import Meter
from examples.common.randomness import generator_for
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.recipes import Scoring
from examples.object_discovery.scores import scores_of
from kuramoto_nn import load_model
from kuramoto_nn.clustering import average_linkage, kmeans, pca
from kuramoto_nn.inference import uptiled_features
from kuramoto_nn.models import ObjectDiscoveryModel

LARGEST_BATCH = 64
MOST_FEATURES = 2**25
"""Numbers in the feature maps of a batch, which are held several times and partly in float64."""
MOST_DISTANCES = 2**26
"""Distances between sites that may be held at once; beyond, images are clustered one by one."""
MOST_KEPT = 2**28
"""Most distances of one image that `average_linkage` keeps; beyond, it computes them in strips."""
BYTES_PER_DISTANCE = {"cpu": 8 if find_spec("numba") else 24, "cuda": 24}
"""The matrix in float64; without Numba and on a GPU also the copies of a round of merging."""


@dataclass(frozen=True)
class Segmentation:
    """Predicted labels of some images and how well they fit.

    Attributes:
        labels: ``(n, H, W)`` int64, the cluster of every pixel.
        scores: ``(n,)`` float64 by the name of the score, x100; NaN where the image does not count.
    """

    labels: Tensor
    scores: dict[str, Tensor]

    @property
    def means(self) -> dict[str, float]:
        """Mean of every score over the images that count."""
        return {name: score.nanmean().item() for name, score in self.scores.items()}


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """A network and how its features become labels.

    The randomness of an image follows from the seed and the image's number alone, so that its
    labels do not depend on which images it is segmented with, nor on the number of processes.

    Attributes:
        model: Gives the features; in evaluation mode, on the device and in the precision to use.
        scoring: How features are clustered and scored; its ``num_clusters`` must be set.
        seed: Seed of the noise that the oscillators start from.
        precision: Precision of the features.

    Raises:
        ValueError: If the number of clusters is not set.
    """

    model: ObjectDiscoveryModel
    scoring: Scoring
    seed: int = 0
    precision: Precision = "float32"

    def __post_init__(self):
        if self.scoring.num_clusters is None:
            raise ValueError("`scoring.num_clusters` must be set: got None; take the data set's")

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return next(self.model.parameters()).device

    def __call__(self, data: SegmentedImages, indices: Sequence[int]) -> Segmentation:
        """Segment and score some images of a data set in one batch.

        Args:
            data: Images and their true labels.
            indices: Numbers of the images.

        Returns:
            Labels and scores, on the CPU.
        """
        chosen = torch.as_tensor(indices)
        labels = self.labels(data.images.index_select(0, chosen), indices)
        scores = {}
        for name, score in scores_of(data).items():
            truth = getattr(data, score.truth).index_select(0, chosen)
            value = score.function(labels, truth.to(self.device).long())
            if score.empty_is_one and self.scoring.empty == "one":
                value = value.nan_to_num(nan=1.0)
            scores[name] = 100 * value.cpu()
        return Segmentation(labels.cpu(), scores)

    @torch.no_grad()
    def labels(self, images: Tensor, indices: Sequence[int]) -> Tensor:
        """Segment images.

        Args:
            images: ``(B, 3, H, W)`` uint8.
            indices: The number of each image, which decides its randomness.

        Returns:
            Labels ``(B, H, W)`` int64 in 0..K-1, on the network's device.

        Raises:
            ValueError: If the patches do not fill the images, or they have fewer sites than K.
        """
        # Drawn on the CPU: the same on every device.
        generators = [generator_for(self.seed, "evaluation", index) for index in indices]
        labels = cluster(self.features(images, generators), self.scoring, generators)
        return enlarge(labels, (images.shape[2], images.shape[3]))

    def features(self, images: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Compute features ``(B, C, r h, r w)`` of uint8 images ``(B, 3, H, W)``."""
        config, factor = self.model.config, self.scoring.uptile
        dtype = next(self.model.parameters()).dtype
        grid = self.sites(images.shape[2], images.shape[3], factor=1)
        noises = [torch.randn((factor**2, config.channels, *grid), generator=g) for g in generators]
        noise_of_view = iter(torch.stack(noises, dim=1))

        def features(view: Tensor) -> Tensor:
            with autocast(self.precision, self.device):
                return self.model.features(view, noise=next(noise_of_view).to(self.device, dtype))

        colors = images.to(self.device).to(dtype) / 255
        maps = uptiled_features(features, colors, patch_size=config.patch_size, factor=factor)
        return maps.to(dtype)

    def sites(self, height: int, width: int, *, factor: int | None = None) -> tuple[int, int]:
        """Count the rows and columns of the feature map of an image.

        Raises:
            ValueError: If the patches do not fill the image, or cannot be divided so finely.
        """
        patch, factor = self.model.config.patch_size, factor or self.scoring.uptile
        if patch % factor:
            divisors = [str(n) for n in range(1, patch + 1) if patch % n == 0]
            raise ValueError(
                f"--uptile must divide the patch size {patch}: got {factor}; try "
                f"{', '.join(divisors)}"
            )
        if height % patch or width % patch:
            raise ValueError(
                f"images must have sides that are multiples of the patch size {patch}: got "
                f"{height} x {width}; try --data.image-size {max(height // patch, 1) * patch}"
            )
        return height // patch * factor, width // patch * factor

    def batch_size(self, height: int, width: int) -> int:
        """Choose a number of images of this size whose features take little memory.

        Raises:
            ValueError: If there are fewer sites than clusters, or the distances kept for the sites
                of one image do not fit into memory.
        """
        rows, columns = self.sites(height, width)
        num_sites, clusters = rows * columns, self.scoring.num_clusters
        assert clusters is not None
        if clusters > num_sites:
            raise ValueError(
                f"--num-clusters must be at most the number of sites, {rows} x {columns}: got "
                f"{clusters}; lower it, or raise --uptile"
            )
        needed = min(num_sites**2, MOST_KEPT) * BYTES_PER_DISTANCE[self.device.type]
        averages = self.scoring.clustering == "average"
        if averages and needed > (free := free_memory(self.device)):
            raise ValueError(
                f"clustering the {num_sites:,} sites of an image keeps {needed / GIB:.1f} GiB of "
                f"distances: got {free / GIB:.1f} GiB of free memory; "
                f"lower --uptile, try --clustering kmeans, or use a machine with more memory"
            )
        per_image = num_sites * self.model.config.channels
        return min(LARGEST_BATCH, max(1, MOST_FEATURES // per_image))


def cluster(features: Tensor, scoring: Scoring, generators: Sequence[Generator]) -> Tensor:
    """Cluster the sites of every image.

    Args:
        features: ``(B, C, h, w)``.
        scoring: Clustering, its number of clusters, and the components of the PCA before it.
        generators: One per image, on the CPU, which decides the start of k-means.

    Returns:
        Labels ``(B, h, w)`` int64 in 0..K-1.
    """
    assert scoring.num_clusters is not None
    sites = F.normalize(features.movedim(1, -1).flatten(1, 2), dim=-1)
    together = max(1, MOST_DISTANCES // sites.shape[1] ** 2)
    labels = []
    for part, own in zip(sites.split(together), _chunks(generators, together), strict=True):
        points = part if scoring.pca is None else pca(part, scoring.pca)
        if scoring.clustering == "average":
            labels.append(average_linkage(points, scoring.num_clusters))
            continue
        for image, generator in zip(points, own, strict=True):
            seed = int(torch.randint(2**63 - 1, (), generator=generator))
            start = Generator(points.device).manual_seed(seed)
            labels.append(kmeans(image[None], scoring.num_clusters, generator=start))
    return torch.cat(labels).unflatten(1, features.shape[2:])


def enlarge(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize label maps ``(B, h, w)`` to another height and width by the nearest label."""
    maps = F.interpolate(labels[:, None].float(), size=size, mode="nearest")
    return maps.squeeze(1).long()


def segment_images(
    segmenter: Segmenter,
    data: SegmentedImages,
    *,
    batch_size: int | None = None,
    title: str = "segment",
) -> Segmentation:
    """Segment and score a whole data set, with a progress bar.

    Args:
        segmenter: How.
        data: Images and their true labels.
        batch_size: Images at a time; None chooses by memory.
        title: Title of the progress bar.

    Returns:
        Labels and scores of all images.
    """
    size = batch_size or segmenter.batch_size(data.images.shape[2], data.images.shape[3])
    parts = []
    with Meter(title) as meter:
        for batch in torch.arange(len(data)).split(size):
            parts.append(segmenter(data, batch.tolist()))
            meter.show(int(batch[-1]) + 1, len(data))
    names = parts[0].scores
    return Segmentation(
        torch.cat([part.labels for part in parts]),
        {name: torch.cat([part.scores[name] for part in parts]) for name in names},
    )


def load_network(
    source: str, *, device: torch.device, precision: Precision = "float32"
) -> ObjectDiscoveryModel:
    """Load a trained object-discovery model.

    Args:
        source: A saved model's folder, a run's folder, or the name of a repository on the Hub.
        device: Where to put it.
        precision: Precision that it will compute in.

    Returns:
        The model, in evaluation mode.

    Raises:
        ValueError: If it is a model of another task, or damaged.
        OSError: If there is none.
    """
    model = load_model(source)
    if not isinstance(model, ObjectDiscoveryModel):
        raise ValueError(
            f"MODEL must be an object-discovery model, such as an AKOrN: got {source}, which holds "
            f"{type(model).__name__}"
        )
    return model.to(device, dtype_of(precision))


def _chunks(items: Sequence[Generator], size: int) -> list[Sequence[Generator]]:
    return [items[i : i + size] for i in range(0, len(items), size)]
