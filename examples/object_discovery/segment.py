"""From images to object masks: features, PCA, average linkage, and back to pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.scores import Segmentation
from examples.training.memory import GIB, free_memory
from examples.training.precision import Precision, autocast
from examples.training.randomness import generator_for
from kuramoto_nn.clustering import average_linkage, pca
from kuramoto_nn.inference import uptiled_features
from kuramoto_nn.metrics import foreground_ari, mean_best_overlap
from kuramoto_nn.models import AKOrN, ItrSA

PCA_COMPONENTS = 128
LARGEST_BATCH = 64
MOST_FEATURES = 2**25
"""Numbers in the feature maps of a batch, which are held several times and partly in float64."""
MOST_DISTANCES = 2**26
"""Distances between sites that may be held at once; beyond, images are clustered one by one."""
MOST_KEPT = 2**28
"""Distances of one image that `average_linkage` keeps at most; of more it makes strips."""
BYTES_PER_DISTANCE = {"cpu": 8 if find_spec("numba") else 24, "cuda": 24}
"""The matrix in float64; without Numba and on a GPU also what a round of merging makes of it."""


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """A network and how its features become masks.

    The noise of an image follows from the seed and the image's number alone, so that its masks do
    not depend on which images it is segmented with, nor on the number of processes.

    Attributes:
        model: Gives the features; on the device to compute on.
        num_clusters: K.
        uptile: How many times finer than the patch grid the features are, per axis.
        seed: Of the noise that the oscillators start from.
        precision: Of the features.
    """

    model: AKOrN | ItrSA
    num_clusters: int
    uptile: int = 1
    seed: int = 0
    precision: Precision = "float32"

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.model.parameters()).device

    @torch.no_grad()
    def __call__(self, data: SegmentedImages, indices: Sequence[int]) -> Segmentation:
        """Segment and score some images of a data set, all at a time.

        Args:
            data: Images and their true masks.
            indices: Numbers of the images.

        Returns:
            Masks and scores, on the CPU.
        """
        chosen = torch.as_tensor(indices)
        images = data.images.index_select(0, chosen).to(self.device).float() / 255
        truth = data.masks.index_select(0, chosen).to(self.device).long()
        labels = cluster(
            self.features(images, indices), self.num_clusters, (truth.shape[1], truth.shape[2])
        )
        scores = foreground_ari(labels, truth), mean_best_overlap(labels, truth)
        return Segmentation(labels.cpu(), *(100 * score.cpu() for score in scores))

    def features(self, images: Tensor, indices: Sequence[int]) -> Tensor:
        """Features of images ``(B, 3, H, W)``, ``(B, C, r h, r w)``, of fresh noise per view."""
        config = self.model.config
        shape = (self.uptile**2, config.channels, *self.sites(images.shape[2], images.shape[3], 1))
        noises = (  # drawn on the CPU: the same on every device
            torch.randn(shape, generator=generator_for(self.seed, "evaluation", index))
            for index in indices
        )
        noise_of_view = iter(torch.stack(list(noises), dim=1))

        def features(view: Tensor) -> Tensor:
            with autocast(self.precision, self.device):
                return self.model.features(view, noise=next(noise_of_view).to(self.device))

        return uptiled_features(
            features, images, patch_size=config.patch_size, factor=self.uptile
        ).float()

    def sites(self, height: int, width: int, factor: int | None = None) -> tuple[int, int]:
        """Rows and columns of the feature map of an image.

        Raises:
            ValueError: If the patches do not fill the image.
        """
        patch, factor = self.model.config.patch_size, factor or self.uptile
        if height % patch or width % patch:
            raise ValueError(
                f"images must have sides that are multiples of the patch size {patch}: got "
                f"{height} x {width}; try --image-size {max(height // patch, 1) * patch}"
            )
        return height // patch * factor, width // patch * factor

    def batch_size(self, data: SegmentedImages) -> int:
        """Images at a time whose features take little memory.

        Raises:
            ValueError: If the distances kept for the sites of one image do not fit into memory.
        """
        height, width = self.sites(data.images.shape[2], data.images.shape[3])
        num_sites = height * width
        needed = min(num_sites**2, MOST_KEPT) * BYTES_PER_DISTANCE[self.device.type]
        if needed > (free := free_memory(self.device)):
            raise ValueError(
                f"clustering the {num_sites:,} sites of an image keeps {needed / GIB:.1f} GiB of "
                f"distances: got {free / GIB:.1f} GiB of free memory; "
                f"lower --uptile or take a machine with more"
            )
        per_image = num_sites * self.model.config.channels
        return min(LARGEST_BATCH, max(1, MOST_FEATURES // per_image))


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
    together = max(1, MOST_DISTANCES // sites.shape[1] ** 2)
    labels = torch.cat(
        [average_linkage(pca(part, PCA_COMPONENTS), num_clusters) for part in sites.split(together)]
    )
    maps = labels.unflatten(1, features.shape[2:])[:, None].to(torch.float64)
    return F.interpolate(maps, size=size, mode="nearest").squeeze(1).long()


def segment(
    model: AKOrN | ItrSA,
    data: SegmentedImages,
    *,
    num_clusters: int,
    uptile: int = 1,
    seed: int = 0,
    precision: Precision = "float32",
    batch_size: int | None = None,
    title: str = "evaluate",
) -> Segmentation:
    """Segment a data set under a progress bar and score every image.

    Args:
        model: Gives the features; on the device to compute on.
        data: Images and their true masks.
        num_clusters: K.
        uptile: How many times finer than the patch grid the features are.
        seed: Of the noise that the oscillators start from.
        precision: Of the features.
        batch_size: Images at a time; None takes what memory suggests.
        title: What the progress bar says.

    Returns:
        Masks and scores of all images.
    """
    segmenter = Segmenter(
        model=model, num_clusters=num_clusters, uptile=uptile, seed=seed, precision=precision
    )
    batches = torch.arange(len(data)).split(batch_size or segmenter.batch_size(data))
    parts = [segmenter(data, batch.tolist()) for batch in track(batches, description=title)]
    return Segmentation(
        *(
            torch.cat([getattr(part, name) for part in parts])
            for name in ("labels", "fg_ari", "mbo")
        )
    )
