"""The image sets of the object-discovery example, all in one form.

Reading order: `segmented` (the form), `plan` (what a data set is asked and answers), `cache`,
`parallel`, `source`; then the data sets: `tetromino_scenes` and `tetrominoes`, `sprite_scenes` and
`dsprites`, `clevr`, `clevrtex`, `pictures`; then the original files of the first three: `tfrecord`,
`crc32c`, `tf_example`, `object_records`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from examples.object_discovery.data import clevr, clevrtex, dsprites, tetrominoes
from examples.object_discovery.data.cache import load_or_build
from examples.object_discovery.data.parallel import OnBad
from examples.object_discovery.data.plan import Plan, Request
from examples.object_discovery.data.segmented import SegmentedImages

__all__ = ["LOADERS", "SegmentedImages", "load"]

LOADERS: dict[str, Callable[[Request], Plan]] = {
    "tetrominoes": tetrominoes.plan,
    "dsprites": dsprites.plan,
    "clevr": clevr.plan,
    **{f"clevrtex-{variant}": clevrtex.plan for variant in clevrtex.VARIANTS},
}


def load(
    name: str,
    split: str,
    *,
    root: str | Path,
    count: int | None,
    seed: int,
    source: str | Path | None = None,
    size: int | None = None,
    bad: OnBad = "error",
    workers: int | None = None,
) -> SegmentedImages:
    """Load one split of a data set by name, from the cache when it is there.

    Any number of processes may load the same at once: one builds the cache, the others wait.

    Args:
        name: A key of `LOADERS`.
        split: "train" or "test", of CLEVRTex also "val" and "all"; `clevrtex-outd` has no "train".
        root: Folder of the cache, made when missing.
        count: Number of images, the first ones of the split; None takes the whole split.
        seed: Seed of generated images; has no effect on original ones.
        source: The original data (a file, or the folder that holds it). None generates Tetrominoes
            and dSprites, and looks for the other sets in `root`.
        size: Height and width of the images, where the data set is resized; None takes its own.
        bad: "error" stops at a damaged scene; "skip" leaves such scenes out and lists them, so
            that there may be fewer images than `count`.
        workers: Processes that decode; None takes one per core.

    Returns:
        Images with their masks, memory-mapped.

    Raises:
        ValueError: When no data set has this name, it has no such split or size, it has fewer
            images, or a file is damaged.
        OSError: When the source is not there, or the cache cannot be written.
    """
    if name not in LOADERS:
        raise ValueError(f"unknown data set {name!r}; known are: {', '.join(sorted(LOADERS))}")
    request = Request(
        name=name,
        split=split,
        root=Path(root),
        count=count,
        seed=seed,
        source=None if source is None else Path(source),
        size=size,
        bad=bad,
        workers=workers,
    )
    plan = LOADERS[name](request)
    path = request.root / f"{plan.key}.npy"
    row = (4, plan.size, plan.size)
    return SegmentedImages.from_planes(load_or_build(path, plan.blocks, row=row, count=plan.count))
