"""From images to labels and scores: features, clustering of their sites, and back to pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from examples.common.device import Precision, autocast, check_memory, dtype_of
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
# Numbers in the feature maps of a batch, which are held several times and partly in float64.
MOST_FEATURES = 2**25
BYTES_PER_FEATURE = 40  # noise, features, and float64 copies for the PCA
# Bytes per distance that `average_linkage` keeps; on a CPU it limits its memory by itself.
BYTES_PER_DISTANCE = {"cpu": 0, "cuda": 32}
MOST_KEPT = 2**28  # distances of one image that it keeps; beyond, it computes them in strips


@dataclass(frozen=True)
class Segmentation:
    """Predicted labels of n images and their scores by name."""

    labels: Tensor  # (n, H, W) int64, the cluster of every pixel
    scores: dict[str, Tensor]  # (n,) float64, x100; NaN where the image does not count

    @property
    def means(self) -> dict[str, float]:
        """Mean of every score over the images that count."""
        return {name: score.nanmean().item() for name, score in self.scores.items()}


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """Segments images with a network.

    The randomness of an image depends on the seed and the image's number only, and not on the batch
    or the number of processes.
    """

    model: ObjectDiscoveryModel  # in evaluation mode, on the device and in the precision to use
    scoring: Scoring  # its `num_clusters` must be set
    seed: int = 0  # of the noise that the oscillators start from
    precision: Precision = "float32"  # of the features

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return next(self.model.parameters()).device

    def __call__(self, data: SegmentedImages, indices: Sequence[int]) -> Segmentation:
        """Segment and score some images of a data set in one batch; the result is on the CPU."""
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
        """Map uint8 images ``(B, 3, H, W)`` and their numbers to labels ``(B, H, W)``, 0..K-1."""
        # Drawn on the CPU: the same on every device.
        generators = [generator_for(self.seed, "evaluation", index) for index in indices]
        labels = cluster(self.features(images, generators), self.scoring, generators)
        return enlarge(labels, (images.shape[2], images.shape[3]))

    def features(self, images: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Map uint8 images ``(B, 3, H, W)`` to features ``(B, C, r h, r w)``."""
        config, factor = self.model.config, self.scoring.uptile
        dtype = next(self.model.parameters()).dtype
        grid = [side // factor for side in self.sites(images.shape[2], images.shape[3])]
        noises = [torch.randn((factor**2, config.channels, *grid), generator=g) for g in generators]
        noise_of_view = iter(torch.stack(noises, dim=1))

        def features(view: Tensor) -> Tensor:
            with autocast(self.precision, self.device):
                return self.model.features(view, noise=next(noise_of_view).to(self.device, dtype))

        colors = images.to(self.device).to(dtype) / 255
        maps = uptiled_features(features, colors, patch_size=config.patch_size, factor=factor)
        return maps.to(dtype)

    def sites(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of an image's feature map; ValueError if the sizes do not divide."""
        patch, factor = self.model.config.patch_size, self.scoring.uptile
        if patch % factor:
            divisors = ", ".join(str(n) for n in range(1, patch + 1) if patch % n == 0)
            raise ValueError(
                f"--uptile must divide the patch size {patch}: got {factor}; try {divisors}"
            )
        if height % patch or width % patch:
            raise ValueError(
                f"images must have sides that are multiples of the patch size {patch}: got "
                f"{height} x {width}; try --data.image-size {max(height // patch, 1) * patch}"
            )
        return height // patch * factor, width // patch * factor

    def batch_size(self, height: int, width: int) -> int:
        """Choose a batch size for images of this size by the memory of their features.

        ValueError if there are fewer sites than clusters, or one image exceeds the memory.
        """
        rows, columns = self.sites(height, width)
        num_sites, num_clusters = rows * columns, self.scoring.num_clusters
        if num_clusters is not None and num_clusters > num_sites:
            raise ValueError(
                f"--num-clusters must be at most the number of sites, {rows} x {columns}: got "
                f"{num_clusters}; lower it, or raise --uptile"
            )
        per_image = num_sites * self.model.config.channels
        needed = per_image * BYTES_PER_FEATURE
        if self.scoring.clustering == "average":
            needed += min(num_sites**2, MOST_KEPT) * BYTES_PER_DISTANCE[self.device.type]
        remedy = "lower --uptile or the size of the images"
        check_memory(f"the {num_sites:,} sites of an image", needed, self.device, remedy=remedy)
        return min(LARGEST_BATCH, max(1, MOST_FEATURES // per_image))


def cluster(features: Tensor, scoring: Scoring, generators: Sequence[Generator]) -> Tensor:
    """Cluster the sites of features ``(B, C, h, w)`` into labels ``(B, h, w)`` in 0..K-1.

    The start of k-means depends on the image's generator, which is on the CPU.
    """
    assert scoring.num_clusters is not None
    points = F.normalize(features.movedim(1, -1).flatten(1, 2), dim=-1)
    if scoring.pca is not None:
        points = pca(points, scoring.pca)
    if scoring.clustering == "average":
        labels = average_linkage(points, scoring.num_clusters)
    else:
        found = []
        for image, generator in zip(points, generators, strict=True):
            seed = int(torch.randint(2**63 - 1, (), generator=generator))
            start = Generator(points.device).manual_seed(seed)
            found.append(kmeans(image[None], scoring.num_clusters, generator=start))
        labels = torch.cat(found)
    return labels.unflatten(1, features.shape[2:])


def enlarge(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize label maps ``(B, h, w)`` to another height and width by the nearest label."""
    maps = F.interpolate(labels[:, None].float(), size=size, mode="nearest")
    return maps.squeeze(1).long()


def segment_images(
    segmenter: Segmenter, data: SegmentedImages, *, title: str = "segment"
) -> Segmentation:
    """Segment and score a whole data set, with a progress bar."""
    parts = []
    with Meter(title) as meter:
        size = segmenter.batch_size(data.images.shape[2], data.images.shape[3])
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
    """Load a trained model in evaluation mode; ValueError if it is one of another task."""
    model = load_model(source)
    if not isinstance(model, ObjectDiscoveryModel):
        raise ValueError(
            f"MODEL must be an object-discovery model, such as an AKOrN: got {source}, which holds "
            f"{type(model).__name__}"
        )
    return model.to(device, dtype_of(precision))
