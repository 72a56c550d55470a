"""The original Tetrominoes file, decoded record by record and cropped."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch

from examples.object_discovery.data.segmented import SegmentedImages
from examples.object_discovery.data.tetromino_scenes import SCENE_SIZE
from examples.object_discovery.data.tf_example import parse_example
from examples.object_discovery.data.tfrecord import read_records

CROP = slice(1, 33)
CROP_SIZE = CROP.stop - CROP.start


def read_tfrecords(path: str | Path, limit: int | None = None, *, skip: int = 0) -> SegmentedImages:
    """Read cropped scenes from the original file.

    Args:
        path: The file.
        limit: Number of records to read; None reads all.
        skip: Number of records to leave out first.

    Returns:
        As many records as there are, at most `limit`.

    Raises:
        FileNotFoundError: When there is no such file.
        ValueError: When the file is damaged or its records are no Tetrominoes.
    """
    stop = None if limit is None else skip + limit
    images, masks = [], []
    for number, record in islice(enumerate(read_records(path)), skip, stop):
        try:
            image, mask = _decode(record)
        except ValueError as error:
            raise ValueError(f"{path}, record {number}: {error}") from error
        images.append(image)
        masks.append(mask)
    shape = (-1, 3, CROP_SIZE, CROP_SIZE)
    return SegmentedImages(
        images=torch.from_numpy(np.array(images, dtype=np.uint8).reshape(shape)),
        masks=torch.from_numpy(np.array(masks, dtype=np.uint8).reshape(-1, *shape[2:])),
    )


def _decode(record: bytes) -> tuple[np.ndarray, np.ndarray]:
    features = parse_example(record)
    image = _pixels(features, "image", (SCENE_SIZE, SCENE_SIZE, 3))
    mask = _pixels(features, "mask", (4, SCENE_SIZE, SCENE_SIZE))
    labels = mask.argmax(axis=0).astype(np.uint8)
    return image.transpose(2, 0, 1)[:, CROP, CROP], labels[CROP, CROP]


def _pixels(features: dict, name: str, shape: tuple[int, ...]) -> np.ndarray:
    values = features.get(name)
    if not isinstance(values, list):
        raise ValueError(f"a Tetrominoes record needs a bytes feature `{name}`; has {[*features]}")
    pixels = np.frombuffer(b"".join(values), dtype=np.uint8)
    if pixels.size != np.prod(shape):
        raise ValueError(f"feature `{name}` needs {np.prod(shape)} bytes: got {pixels.size}")
    return pixels.reshape(shape)
