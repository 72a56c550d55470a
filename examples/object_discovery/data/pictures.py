"""Pictures and label maps of any kind whose meaning is clear, or an error that names the file."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

Path = str | os.PathLike[str]


def read_rgb(path: Path) -> Image.Image:
    """Read a picture: grey, colours, a palette, CMYK, 8 or 16 bits, with or without transparency.

    Args:
        path: The file.

    Returns:
        The picture as RGB, upright as its EXIF data say; transparency is dropped.

    Raises:
        ValueError: If the file is missing, damaged, no picture, or of another kind.
    """
    stored = _read(path)
    picture = ImageOps.exif_transpose(stored)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and stored.format == "PNG"):
        picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    elif picture.mode in ("P", "PA"):  # whose transparency RGB alone cannot drop in silence
        picture = picture.convert("RGBA")
    elif picture.mode in ("I", "F"):
        raise ValueError(
            f"{path} has pixels of mode {picture.mode}, whose white is not known; save it with 8 "
            f"or 16 bits"
        )
    return picture.convert("RGB")


def read_labels(path: Path) -> np.ndarray:
    """Read a label map: a palette's indices, or grey levels, also as RGB with equal channels.

    Args:
        path: The file.

    Returns:
        `(H, W)` uint8, writable.

    Raises:
        ValueError: If the file is missing, damaged, no picture, or no labels up to 255.
    """
    picture = _read(path)
    pixels = np.array(picture)
    if picture.mode == "RGB" and (pixels == pixels[..., :1]).all():
        return pixels[..., 0].copy()
    if picture.mode in ("RGB", "RGBA", "LA", "PA", "CMYK", "F") or pixels.ndim != 2:
        raise ValueError(
            f"{path} has pixels of mode {picture.mode}, not labels; save it as a palette or grey "
            f"picture (mode P or L)"
        )
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"{path} has labels up to {pixels.max()}; they must lie in 0..255")
    return pixels.astype(np.uint8)


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing") from error
    # All of these are what pillow raises for one or another damaged or far too large picture.
    except (
        *(OSError, SyntaxError, ValueError, struct.error, zlib.error),
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(f"{path} is damaged or no picture: {error}") from error
