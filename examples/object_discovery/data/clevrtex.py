"""CLEVRTex in its published layout, whichever variant, downloaded or rendered.

`clevrtex_<variant>/<index // 1000>/CLEVRTEX_<variant>_%06d.png` is a scene, `…_flat.png` its
labels; other files may lie beside them. Splits go by index: the first tenth of the scenes that
are there is test, the second val, the rest train. `outd` is a test split as a whole.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from examples.object_discovery.data.parallel import decode_scenes
from examples.object_discovery.data.pictures import read_picture
from examples.object_discovery.data.plan import Plan, Request
from examples.object_discovery.data.source import SourceFile, identity, list_files

# Counts up when the same files give other arrays.
CACHE_VERSION = 1
VARIANTS = ("full", "outd", "camo", "pbg", "vbg", "grassbg")
SIZE = 128
CROP = (4, 5)
"""Share of the shorter side that is kept, as a fraction: 0.8."""
SPLITS = {"test": (0, 10), "val": (10, 20), "train": (20, 100), "all": (0, 100)}
"""Percent of the scenes, by index."""

Scene = tuple[str, str]
"""Paths of the image and of its labels."""


def plan(request: Request) -> Plan:
    """Plan to read one split.

    Args:
        request: What is asked for; its source is `clevrtex_<variant>` or the folder around it, by
            default the root.

    Returns:
        The plan.

    Raises:
        ValueError: For an unknown split, or more images than it has.
        FileNotFoundError: When there is no such folder, or no scene in it.
    """
    variant = request.name.removeprefix("clevrtex-")
    request.check_split(*(("test", "all") if variant == "outd" else SPLITS))
    folder = find_folder(request, variant)
    scenes, files = find_scenes(folder, variant)
    chosen = scenes if variant == "outd" else split_of(scenes, request.split)
    if len(chosen) < (request.count or 1):
        raise ValueError(
            f"{folder} holds {len(scenes)} scenes, {len(chosen)} of them in the {request.split} "
            f"split: got count {request.count}; lower --num-images"
        )
    chosen = chosen[: request.count]
    size = request.size or SIZE
    policy = "-skip" if request.bad == "skip" else ""
    return Plan(
        key=f"{request.name}-v{CACHE_VERSION}-{request.split}-{len(chosen)}-{size}px{policy}"
        f"-from-{identity(folder, files)}",
        size=size,
        count=None if request.bad == "skip" else len(chosen),
        blocks=lambda: decode_scenes(
            chosen,
            partial(decode_scene, size=size),
            total=len(chosen),
            title=f"{request.name} {request.split}",
            bad=request.bad,
            workers=request.workers,
        ),
    )


def find_folder(request: Request, variant: str) -> Path:
    """Find the folder of a variant.

    Args:
        request: Its source is the folder itself or the one around it, and by default its root.
        variant: One of `VARIANTS`.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: When there is none; says how to get it.
    """
    place = request.source or request.root
    inner = place / f"clevrtex_{variant}"
    if inner.is_dir():
        return inner
    if request.source is not None and place.is_dir():
        return place
    raise FileNotFoundError(
        f"no folder {inner}; name it with --source, or get it: python -m "
        f"examples.object_discovery.download --dataset {request.name} --to {request.root}"
    )


def find_scenes(folder: Path, variant: str) -> tuple[list[Scene], list[SourceFile]]:
    """List the scenes of a folder.

    Args:
        folder: Where the numbered folders are.
        variant: Part of the files' names.

    Returns:
        scenes: Sorted by index.
        files: All images and labels, as `identity` takes them.

    Raises:
        FileNotFoundError: When there is none.
    """
    found = list_files(folder, rf"CLEVRTEX_{variant}_(\d+)(_flat)?\.png")
    images = sorted((int(match[1]), file.path) for match, file in found if not match[2])
    if not images:
        raise FileNotFoundError(
            f"{folder} holds no CLEVRTEX_{variant}_*.png in numbered folders; name the folder "
            f"that was unpacked"
        )
    scenes = [(path, f"{path.removesuffix('.png')}_flat.png") for _, path in images]
    return scenes, [file for _, file in found]


def split_of(scenes: list[Scene], split: str) -> list[Scene]:
    """Take one split of the scenes that are there.

    Args:
        scenes: Sorted by index.
        split: A key of `SPLITS`.

    Returns:
        Its scenes.
    """
    first, stop = (len(scenes) * percent // 100 for percent in SPLITS[split])
    return scenes[first:stop]


def decode_scene(scene: Scene, *, size: int) -> np.ndarray:
    """Decode, crop and resize one scene.

    The image is resized by pillow's bilinear filter, which averages over all pixels that a new one
    covers (antialiasing, as torchvision has it for pictures); labels by nearest neighbour.

    Args:
        scene: Paths of the image and of its labels.
        size: Height and width of the result.

    Returns:
        `(4, size, size)` uint8.

    Raises:
        ValueError: When a file is missing or damaged, or the two differ in size.
    """
    image = read_picture(scene[0], modes=("RGB", "RGBA"))
    labels = read_picture(scene[1], modes=("P", "L"))
    if image.size != labels.size:
        raise ValueError(f"{scene[1]} has {labels.size} pixels, the image {image.size}")
    box = central_square(*image.size)
    colors = image.convert("RGB").crop(box).resize((size, size), Image.Resampling.BILINEAR)
    numbers = labels.crop(box).resize((size, size), Image.Resampling.NEAREST)
    return np.concatenate([np.asarray(colors).transpose(2, 0, 1), np.asarray(numbers)[None]])


def central_square(width: int, height: int) -> tuple[int, int, int, int]:
    """Place the crop.

    Args:
        width: Of the picture.
        height: Of the picture.

    Returns:
        Left, top, right and bottom of a square of 0.8 times the shorter side.

    Examples:
        >>> central_square(320, 240)
        (64, 24, 256, 216)
    """
    side = CROP[0] * min(width, height) // CROP[1]
    left, top = round((width - side) / 2), round((height - side) / 2)
    return left, top, left + side, top + side
