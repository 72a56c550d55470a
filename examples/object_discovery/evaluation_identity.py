"""What decides the scores of an image, but for its noise, and the folder named after it."""

import hashlib
import json
from typing import Any

from torch import nn

from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.evaluate_options import EvaluateOptions
from examples.object_discovery.recipes import Recipe


def identify(
    options: EvaluateOptions,
    preset: str,
    recipe: Recipe,
    model: nn.Module,
    data: SegmentedImages,
) -> dict[str, Any]:
    """Tell an evaluation from all others; where its files lie does not matter, their content does.

    Args:
        options: What is scored, and on what.
        preset: Row of the network.
        recipe: Its recipe.
        model: The network.
        data: The images.

    Returns:
        Plain values.
    """
    return {
        "preset": preset,
        "weights": fingerprint_weights(model),
        "data": options.test_data or recipe.data,
        "split": options.split,
        "num_images": len(data),
        "image_size": list(data.images.shape[2:]),
        "images": fingerprint_images(data),
        "num_clusters": options.num_clusters or recipe.num_clusters,
        "uptile": options.uptile,
        "precision": options.precision,
    }


def folder_name(identity: dict[str, Any]) -> str:
    """Name an evaluation's folder: what it is in words, and a hash of all of it."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return "{preset}-{data}-{split}-k{num_clusters}-x{uptile}-".format(**identity) + digest[:8]


def fingerprint_weights(model: nn.Module) -> str:
    """SHA-256 of a network's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fingerprint_images(data: SegmentedImages) -> str:
    """SHA-256 of images and masks: scenes that are rendered anew must not keep old scores."""
    digest = hashlib.sha256()
    for image, mask in zip(data.images, data.masks, strict=True):
        digest.update(image.contiguous().numpy().data)
        digest.update(mask.contiguous().numpy().data)
    return digest.hexdigest()
