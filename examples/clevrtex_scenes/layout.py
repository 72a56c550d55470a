"""Files in CLEVRTex's published layout.

`clevrtex_<variant>/<index // 1000>/CLEVRTEX_<variant>_<index>.png`, `…_flat.png` and `….json`.
The JSON file is written last: a scene that has one is complete.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from examples.clevrtex_scenes.scene import Scene
from examples.training.files import write_json, write_whole

CARD = "card.json"


def variant_folder(root: Path, variant: str) -> Path:
    """Folder of a variant."""
    return root / f"clevrtex_{variant}"


def scene_path(root: Path, variant: str, index: int, ending: str) -> Path:
    """Path of one file of a scene.

    Examples:
        >>> str(scene_path(Path("data"), "full", 12345, "_flat.png"))
        'data/clevrtex_full/12/CLEVRTEX_full_012345_flat.png'
    """
    name = f"CLEVRTEX_{variant}_{index:06d}{ending}"
    return variant_folder(root, variant) / str(index // 1000) / name


def is_complete(root: Path, variant: str, index: int) -> bool:
    """Whether a scene has been written."""
    return scene_path(root, variant, index, ".json").exists()


@functools.cache
def palette() -> bytes:
    """256 colours: black, then well-apart ones, by walking the hue in golden steps."""
    colors = np.zeros((256, 3))
    hue = np.arange(255) * 0.618034 % 1.0
    waves = np.abs((hue[:, None] * 6 + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1
    level = 1 - 0.4 * (np.arange(255) % 2)
    colors[1:] = 255 * level[:, None] * np.clip(waves, 0, 1)
    return colors.astype(np.uint8).tobytes()


def describe(scene: Scene, size: tuple[int, int]) -> dict[str, Any]:
    """What the JSON file of a scene says.

    Args:
        scene: The scene.
        size: Width and height in pixels, which `pixel_coords` count.

    Returns:
        The published fields; `attempt`, `camera`, `lamps` and `image_size` are ours.
    """
    return {
        "image_index": scene.index,
        "image_filename": scene_path(Path(), scene.variant, scene.index, ".png").name,
        "split": scene.variant,
        "num_objects": len(scene.objects),
        "ground_material": scene.ground_material,
        "directions": scene.camera.directions(),
        "objects": [
            {
                "index": label,
                "shape": item.shape,
                "size": item.size,
                "material": item.material,
                "color": item.color,
                "rotation": item.rotation,
                "3d_coords": item.position,
                "pixel_coords": scene.camera.project(item.position, size=size),
            }
            for label, item in enumerate(scene.objects, start=1)
        ],
        "attempt": scene.attempt,
        "camera": scene.camera.position,
        "lamps": scene.lamps,
        "image_size": size,
    }


def write_scene(root: Path, scene: Scene, image: np.ndarray, labels: np.ndarray) -> None:
    """Write the three files of a scene.

    Args:
        root: Folder of all variants.
        scene: The scene.
        image: `(H, W, 4)` uint8.
        labels: `(H, W)` uint8.

    Raises:
        OSError: If the disk refuses.
    """
    flat = Image.fromarray(labels, mode="P")
    flat.putpalette(palette())
    for ending, picture in ((".png", Image.fromarray(image)), ("_flat.png", flat)):
        path = scene_path(root, scene.variant, scene.index, ending)
        write_whole(path, functools.partial(picture.save, format="PNG", optimize=True))
    height, width = labels.shape
    path = scene_path(root, scene.variant, scene.index, ".json")
    write_json(path, describe(scene, (width, height)))
