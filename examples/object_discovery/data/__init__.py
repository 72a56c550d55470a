"""The image sets of the object-discovery example, all in one form.

Reading order: `segmented` (the form), `tetromino_scenes` and `tetrominoes` (one data set),
`tfrecord`, `crc32c` and `tf_example` (the original files), `cache`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from examples.object_discovery.data import tetrominoes
from examples.object_discovery.data.segmented import SegmentedImages

__all__ = ["LOADERS", "SegmentedImages", "load"]

LOADERS: dict[str, Callable[..., SegmentedImages]] = {
    "tetrominoes": tetrominoes.load,
}


def load(
    name: str,
    split: str,
    *,
    root: str | Path,
    count: int,
    seed: int,
    source: str | Path | None = None,
) -> SegmentedImages:
    """Load one split of a data set by name.

    Args:
        name: A key of `LOADERS`.
        split: "train" or "test".
        root: Folder of the cache, made when missing.
        count: Number of images.
        seed: Seed of generated images; has no effect on original ones.
        source: The original data (a file, or the folder that holds it); None generates them.

    Returns:
        `count` images with their masks.

    Raises:
        ValueError: When no data set has this name, or as the data set's own `load` does.
    """
    if name not in LOADERS:
        raise ValueError(f"unknown data set {name!r}; known are: {', '.join(sorted(LOADERS))}")
    return LOADERS[name](split, root=root, count=count, seed=seed, source=source)
