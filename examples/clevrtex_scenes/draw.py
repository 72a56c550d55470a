"""Draws the scene of an index: samples, looks whether all is visible, renders, writes.

Runs in a worker process; what needs Blender is imported when it starts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.clevrtex_scenes.claims import claimed
from examples.clevrtex_scenes.layout import is_complete, variant_folder, write_scene
from examples.clevrtex_scenes.scene import sample_scene

MIN_VISIBLE = 200
"""Pixels of 320x240 that every object must show; other sizes in proportion to their area."""
QUICK_SHARE = 0.8
"""A scene is dropped after one ray per pixel if an object shows less than this of the minimum."""
MAX_ATTEMPTS = 200


@dataclass(frozen=True)
class Job:
    """What all scenes of a run share.

    Args:
        root: Folder of all variants.
        variant: Which one.
        seed: Of the scenes.
        size: Width and height in pixels.
        samples: Rays per pixel.
        threads: Of a worker.
    """

    root: Path
    variant: str
    seed: int
    size: tuple[int, int]
    samples: int
    threads: int


def smallest_area(labels: np.ndarray, num_objects: int) -> float:
    """Pixels of the least visible object, as if the picture had 320x240.

    Args:
        labels: `(H, W)` labels.
        num_objects: Labels are 1 to this.

    Examples:
        >>> smallest_area(np.repeat([[0, 1, 2, 2]], 240, axis=0), 2)
        19200.0
    """
    areas = np.bincount(labels.ravel(), minlength=num_objects + 1)[1:]
    return float(areas.min() * (320 * 240 / labels.size))


def draw(job: Job, index: int) -> float | None:
    """Render and write one scene.

    Args:
        job: What to render.
        index: Which scene.

    Returns:
        Seconds it took, or None if it is there already or another process is drawing it.

    Raises:
        RuntimeError: If no attempt shows every object.
        OSError: If the disk refuses.
    """
    from examples.clevrtex_scenes.blender.render import Quality, quick_labels, render

    began = time.monotonic()
    quality = Quality(job.size, job.samples, job.threads)
    with claimed(variant_folder(job.root, job.variant), index) as mine:
        if not mine or is_complete(job.root, job.variant, index):
            return None
        for attempt in range(MAX_ATTEMPTS):
            scene = sample_scene(job.variant, index, seed=job.seed, attempt=attempt)
            count = len(scene.objects)
            if smallest_area(quick_labels(scene, quality), count) < QUICK_SHARE * MIN_VISIBLE:
                continue
            image, labels = render(scene, quality)
            if smallest_area(labels, count) >= MIN_VISIBLE:
                write_scene(job.root, scene, image, labels)
                return time.monotonic() - began
    raise RuntimeError(f"no scene {index} of {MAX_ATTEMPTS} shows every object")
