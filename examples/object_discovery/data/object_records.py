"""Scenes of DeepMind's multi_object_datasets: one TFRecord file, one tf.Example per scene.

Tetrominoes, Multi-dSprites and CLEVR with masks share this form: `image` (height, width, 3),
`mask` (entities, height, width, 1) with 255 where an entity is seen and the background first, and
`visibility` (entities,), 1 where an entity exists. Their sizes differ, and what is cut out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from examples.object_discovery.data.parallel import decode_scenes, take_rows
from examples.object_discovery.data.plan import Plan, Request
from examples.object_discovery.data.source import SourceFile, find_records, identity
from examples.object_discovery.data.tf_example import bytes_of, numbers_of, split_example
from examples.object_discovery.data.tfrecord import Frame, read_frames, verified

TEST_SCENES = 320
"""The first ones of the file are the test split, those that follow the training split."""
SMALL_FILE = 32 << 20
"""Bytes that are decoded before other processes would have started."""


@dataclass(frozen=True)
class Layout:
    """How a data set stores its scenes, and what of them is used.

    Args:
        height: Rows of the stored image.
        width: Its columns.
        entities: Masks of a scene, the background's included.
        rows: Rows to cut out.
        columns: Columns to cut out, as many.
        size: Rows and columns of the result, by nearest neighbour.
        max_objects: Scenes with more are no part of the set; None keeps all.
    """

    height: int
    width: int
    entities: int
    rows: slice
    columns: slice
    size: int
    max_objects: int | None = None

    def cut(self, image: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Crop, resize and label one scene.

        Args:
            image: `(height, width, 3)` uint8.
            masks: `(entities, height, width)`, largest where the entity is seen.

        Returns:
            `(4, size, size)` uint8: the colours, and the number of the entity, background 0.
        """
        rows, columns = (nearest(part, self.size) for part in (self.rows, self.columns))
        labels = masks[:, rows[:, None], columns].argmax(axis=0).astype(np.uint8)
        return np.concatenate([image[rows[:, None], columns].transpose(2, 0, 1), labels[None]])


def nearest(part: slice, size: int) -> np.ndarray:
    """Indices that resize `part` to `size` pixels by nearest neighbour.

    Pixel i of the result lies at (i + 1/2) / size of the part: pillow's NEAREST, not the older
    convention i / size, which would shift the picture.

    Args:
        part: Range of indices.
        size: Number of pixels of the result.

    Returns:
        `(size,)` int64.

    Examples:
        >>> nearest(slice(10, 16), 4)
        array([10, 12, 13, 15])
    """
    extent = part.stop - part.start
    return part.start + (2 * np.arange(size) + 1) * extent // (2 * size)


def plan_drawn_or_read(
    request: Request,
    pattern: str,
    layout: Layout,
    *,
    version: int,
    images: Mapping[str, int],
    draw: Callable[[int], Iterable[np.ndarray]],
) -> Plan:
    """Plan to draw one split of a synthetic set, or to read it where a source is named.

    Args:
        request: What is asked for; its source is the original file, or a folder with exactly one
            file of this pattern. None draws.
        pattern: Glob pattern of the original file.
        layout: How it stores its scenes.
        version: Counts up when the same arguments give other images.
        images: Size of the splits "train" and "test".
        draw: Makes so many images, as `Plan.blocks` does.

    Returns:
        The plan.

    Raises:
        ValueError: For an unknown split or size, or too many test images of the original file.
        FileNotFoundError: When the source is no such file.
    """
    request.check_split("train", "test")
    request.check_size(layout.size)
    whole = images[request.split]
    if request.source is not None:
        path = find_records(request.source, pattern)
        return plan_records(request, path, layout, version=version, whole=whole)
    count = request.count or whole
    return Plan(
        key=f"{request.name}-v{version}-{request.split}-{count}-seed{request.seed}",
        size=layout.size,
        count=count,
        blocks=partial(draw, count),
    )


def plan_records(
    request: Request, path: Path, layout: Layout, *, version: int, whole: int | None
) -> Plan:
    """Plan to read one split of a file.

    Args:
        request: What is asked for.
        path: The file.
        layout: How it stores its scenes.
        version: Counts up when the same file gives other arrays.
        whole: Number of images of the training split; None takes all that follow the test split.

    Returns:
        The plan.

    Raises:
        ValueError: When more test images are asked for than the split has.
    """
    request.check_split("train", "test")
    if request.split == "test":
        whole = TEST_SCENES
        if request.count is not None and request.count > TEST_SCENES:
            raise ValueError(
                f"the test split of an original file is its first {TEST_SCENES} scenes: got count "
                f"{request.count}"
            )
    skip = 0 if request.split == "test" else TEST_SCENES
    source = f"{path.stem}-{identity(path.parent, [SourceFile.of(path)])}"
    policy = "-skip" if request.bad == "skip" else ""
    return Plan(
        key=f"{request.name}-v{version}-{request.split}-{request.count or 'all'}-{layout.size}px"
        f"{policy}-from-{source}",
        size=layout.size,
        count=request.count,
        blocks=partial(_blocks, request, path, layout, skip, request.count or whole),
    )


def _blocks(
    request: Request, path: Path, layout: Layout, skip: int, count: int | None
) -> Iterator[np.ndarray]:
    # How many records a set that leaves scenes out takes shows only at the end.
    total = skip + count if count is not None and layout.max_objects is None else None
    scenes = decode_scenes(
        read_frames(path),
        partial(decode_frame, layout),
        total=total,
        title=f"{request.name} {request.split}",
        bad=request.bad,
        workers=1 if path.stat().st_size < SMALL_FILE else request.workers,
    )
    yield from expect(take_rows(scenes, skip=skip, count=count), request, path)


def expect(blocks: Iterable[np.ndarray], request: Request, source: Path) -> Iterator[np.ndarray]:
    """Pass blocks on, and raise ValueError in the end when fewer came than were asked for."""
    got = 0
    for block in blocks:
        got += len(block)
        yield block
    if got < (request.count or 1):
        raise ValueError(
            f"{source} holds {got} scenes for the {request.split} split of {request.name}, "
            f"{request.count or 'some'} were asked for; lower --num-images, or name another source"
        )


def decode_frame(layout: Layout, frame: Frame) -> np.ndarray | None:
    """Decode one record.

    Args:
        layout: How the data set stores its scenes.
        frame: The record as it is in the file.

    Returns:
        `(4, size, size)` uint8, colours and labels; None for a scene with too many objects.

    Raises:
        ValueError: When the record is damaged, or of another data set.
    """
    try:
        features = split_example(verified(frame))
        if layout.max_objects is not None:
            visible = numbers_of(features, "visibility")
            if (visible[1:] > 0).sum() > layout.max_objects:
                return None
        height, width = layout.height, layout.width
        image = _pixels(features, "image", (height, width, 3))
        return layout.cut(image, _pixels(features, "mask", (layout.entities, height, width)))
    except ValueError as error:
        raise ValueError(f"{frame.place}: {error}") from error


def _pixels(features: dict[str, bytes], name: str, shape: tuple[int, ...]) -> np.ndarray:
    pixels = bytes_of(features, name)
    if pixels.size != np.prod(shape):
        raise ValueError(f"feature `{name}` needs {np.prod(shape)} bytes: got {pixels.size}")
    return pixels.reshape(shape)
