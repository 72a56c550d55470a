"""Read pictures and label maps of any unambiguous kind; errors name the file."""

import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

Path = str | os.PathLike[str]
SCALES = {"L;2": 85, "L;4": 17}
"""Factor by which pillow multiplies the grey levels of PNG files of 2 and 4 bits."""


def read_rgb(path: Path) -> Image.Image:
    """Read a picture as RGB: grey, colours, a palette or CMYK, of 1 to 16 bits a channel.

    It is turned upright as its EXIF data say; transparency is dropped. ValueError if it is damaged.
    """
    stored, _ = _read(path)
    picture = ImageOps.exif_transpose(stored)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and stored.format == "PNG"):
        picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    elif picture.mode in ("P", "PA"):  # else pillow may warn about transparency
        picture = picture.convert("RGBA")
    elif picture.mode in ("I", "F"):
        raise ValueError(
            f"{path} has pixels of mode {picture.mode}, whose value for white is not "
            f"known; save it with 8 or 16 bits"
        )
    return picture.convert("RGB")


def read_labels(path: Path, *, size: tuple[int, int]) -> np.ndarray:
    """Read `(H, W)` uint8 labels: a palette's indices, or grey levels, also as equal channels.

    Raises ValueError if the file is missing or damaged, is not a picture of `size` (width, height),
    or has labels above 255.
    """
    picture, stored = _read(path)
    if picture.size != size:
        raise ValueError(f"{path} has {picture.size} pixels, the image {size}")
    pixels = np.array(picture)
    if stored == "RGB" and (pixels == pixels[..., :1]).all():
        return pixels[..., 0].copy()
    if picture.mode in ("RGB", "RGBA", "LA", "PA", "CMYK", "F") or pixels.ndim != 2:
        depth = " of 16 bits" if "16" in stored else ""
        raise ValueError(
            f"{path} has pixels of mode {picture.mode}{depth}, not labels; save it as a palette or "
            f"grey picture (mode P or L)"
        )
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"{path} has labels up to {pixels.max()}; they must lie in 0..255")
    return pixels.astype(np.uint8) // SCALES.get(stored, 1)


def _read(path: Path) -> tuple[Image.Image, str]:
    """Load a picture, and the name that pillow has for its stored pixels."""
    try:
        with Image.open(path) as picture:
            stored = str(picture.tile[0].args) if picture.format == "PNG" else picture.mode
            picture.load()
            return picture, stored
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing") from error
    # pillow raises any of these for a damaged or far too large picture.
    except (
        *(OSError, SyntaxError, ValueError, IndexError, struct.error, zlib.error),
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(f"{path} is damaged or not a picture: {error}") from error
