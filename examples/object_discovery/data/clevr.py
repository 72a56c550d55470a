"""CLEVR with masks, at most six objects (CLEVR6): DeepMind's TFRecord file, or its PNG export.

Rows 29 to 220 and columns 64 to 255 are cut out and resized to 128x128 by nearest neighbour, image
and mask alike. Scenes with more than six objects are left out; of the rest, the first 320 are the
test split, the following ones the training split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from examples.object_discovery.data.object_records import (
    TEST_SCENES,
    Layout,
    expect,
    plan_records,
)
from examples.object_discovery.data.parallel import decode_scenes, take_rows
from examples.object_discovery.data.pictures import read_picture
from examples.object_discovery.data.plan import Plan, Request
from examples.object_discovery.data.source import find_records, identity, list_files

# Counts up when the same files give other arrays.
CACHE_VERSION = 1
RECORDS = "*clevr_with_masks*.tfrecords"
LAYOUT = Layout(
    height=240,
    width=320,
    entities=11,
    rows=slice(29, 221),
    columns=slice(64, 256),
    size=128,
    max_objects=6,
)

Scene = tuple[str, ...]
"""Paths of the image and of its masks, the background's first."""


def plan(request: Request) -> Plan:
    """Plan to read one split.

    Args:
        request: What is asked for; its source is a TFRecord file, a folder with one, or a folder
            of `CLEVR_image_<i>.png` and `CLEVR_mask_<i>_<k>.png`; by default the root.

    Returns:
        The plan.

    Raises:
        ValueError: For an unknown split, or too many test images.
        FileNotFoundError: When there are no such files.
    """
    request.check_split("train", "test")
    layout = replace(LAYOUT, size=request.size or LAYOUT.size)
    source = request.source or request.root
    if source.is_dir() and list_files(source, r"CLEVR_image_\d+\.png"):
        return _plan_pictures(request, source, layout)
    if request.source is None and not [*source.glob(RECORDS)]:
        raise FileNotFoundError(
            f"no {RECORDS} in {source}; name the file with --source, or get it: python -m "
            f"examples.object_discovery.download --dataset clevr --to {source}"
        )
    path = find_records(source, RECORDS)
    return plan_records(request, path, layout, version=CACHE_VERSION, whole=None)


def _plan_pictures(request: Request, folder: Path, layout: Layout) -> Plan:
    found = list_files(folder, r"CLEVR_(image|mask)_(\d+)(?:_(\d+))?\.png")
    images = sorted((int(match[2]), file.path) for match, file in found if match[1] == "image")
    masks: dict[int, list[tuple[int, str]]] = {}
    for match, file in found:
        if match[1] == "mask" and match[3]:
            masks.setdefault(int(match[2]), []).append((int(match[3]), file.path))
    scenes = [
        (image, *(path for _, path in sorted(masks.get(index, [])))) for index, image in images
    ]
    test = request.split == "test"
    count = request.count or (TEST_SCENES if test else None)

    def blocks() -> Iterator[np.ndarray]:
        decoded = decode_scenes(
            scenes,
            partial(decode_pictures, layout),
            total=len(scenes),
            title=f"clevr {request.split}",
            bad=request.bad,
            workers=request.workers,
        )
        yield from expect(
            take_rows(decoded, skip=0 if test else TEST_SCENES, count=count), request, folder
        )

    policy = "-skip" if request.bad == "skip" else ""
    return Plan(
        key=f"clevr-v{CACHE_VERSION}-{request.split}-{request.count or 'all'}-{layout.size}px"
        f"{policy}-from-{identity(folder, [file for _, file in found])}",
        size=layout.size,
        count=request.count,
        blocks=blocks,
    )


def decode_pictures(layout: Layout, scene: Scene) -> np.ndarray | None:
    """Decode one scene of the PNG export.

    Args:
        layout: How scenes are stored, and what of them is used.
        scene: Paths of the image and of its masks.

    Returns:
        `(4, size, size)` uint8, colours and labels; None for a scene with too many objects.

    Raises:
        ValueError: When a file is missing or damaged, or has another size.
    """
    image, *masks = scene
    if len(masks) != layout.entities:
        raise ValueError(f"{image} has {len(masks)} masks, {layout.entities} are needed")
    planes = np.stack([_pixels(path, ("L",), layout) for path in masks])
    objects = planes[1:].any(axis=(1, 2)).sum()
    if layout.max_objects is not None and objects > layout.max_objects:
        return None
    return layout.cut(_pixels(image, ("RGB",), layout), planes)


def _pixels(path: str, modes: tuple[str, ...], layout: Layout) -> np.ndarray:
    pixels = np.asarray(read_picture(path, modes=modes))
    if pixels.shape[:2] != (layout.height, layout.width):
        raise ValueError(
            f"{path} has {pixels.shape[1]}x{pixels.shape[0]} pixels, "
            f"{layout.width}x{layout.height} are needed"
        )
    return pixels
