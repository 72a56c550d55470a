"""Pictures read with pillow, whole, or an error that names the file."""

from __future__ import annotations

import os
import struct
import zlib

from PIL import Image


def read_picture(path: str | os.PathLike[str], *, modes: tuple[str, ...]) -> Image.Image:
    """Read a picture completely.

    Args:
        path: The file.
        modes: What its pixels may be, in pillow's words ("RGB", "P": palette, "L": grey, …).

    Returns:
        The decoded picture.

    Raises:
        ValueError: When the file is missing, damaged, no picture, or of another mode.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing") from error
    # All of these are what pillow raises for one or another damaged PNG.
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error) as error:
        raise ValueError(f"{path} is damaged or no picture: {error}") from error
    if picture.mode not in modes:
        raise ValueError(f"{path} has pixels of mode {picture.mode}, not {' or '.join(modes)}")
    return picture
