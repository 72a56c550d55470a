"""Films: frames as an animated GIF or WebP, or an MP4."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kuramoto_nn._checks import as_integer, as_number

FILM_FORMATS = (".gif", ".webp", ".mp4")
"""Endings of the files that `write_film` can write."""


def write_film(
    path: str | Path, frames: Tensor, *, seconds_per_frame: float = 0.1, scale: int = 1
) -> None:
    """Write frames as a film that repeats (GIF, WebP) or plays once (MP4).

    Args:
        path: The file; its ending, ``.gif``, ``.webp`` or ``.mp4``, decides the format.
        frames: Colours ``(T, H, W, 3)`` in [0, 1], or uint8, as `phase_colors` returns them.
        seconds_per_frame: Time that a frame is shown, in seconds.
        scale: Side of the square of pixels that stands for one site.

    Raises:
        ValueError: If the shape, the ending or a number is wrong.
        ImportError: If imageio is not installed.
        OSError: If the file cannot be written.
    """
    path, scale = Path(path), as_integer("scale", scale, least=1)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.numel() == 0:
        raise ValueError(f"`frames` must be (T, H, W, 3): got {tuple(frames.shape)}")
    kind = path.suffix.lower()
    if kind not in FILM_FORMATS:
        raise ValueError(f"`path` must end in .gif, .webp or .mp4: got {path}")
    seconds = as_number("seconds_per_frame", seconds_per_frame)
    if seconds <= 0:
        raise ValueError(f"`seconds_per_frame` must be positive: got {seconds}")
    try:
        import imageio.v3 as imageio
    except ImportError as error:
        raise ModuleNotFoundError(
            "films need imageio, which is not installed; try pip install 'kuramoto_nn[plot]'",
            name="imageio",
        ) from error
    if frames.dtype != torch.uint8:
        frames = (255 * frames.detach().clamp(0, 1)).round().byte()
    pixels = frames.cpu().repeat_interleave(scale, 1).repeat_interleave(scale, 2).numpy()
    settings: dict[str, Any] = {"duration": 1000 * seconds, "loop": 0}
    if kind == ".mp4":  # the codec wants even sides; the border is repeated
        odd = [(0, side % 2) for side in pixels.shape[1:3]]
        pixels = np.pad(pixels, ((0, 0), *odd, (0, 0)), mode="edge")
        settings = {"fps": 1 / seconds, "macro_block_size": 2}
    # imageio would report a path that cannot be written with a traceback of its own.
    path.write_bytes(imageio.imwrite("<bytes>", pixels, extension=kind, **settings))
