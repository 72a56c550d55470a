"""Checkpoints: written whole or not at all, read without running code."""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from examples.training.files import write_whole


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; a failed write leaves the old one as it was.

    Args:
        path: The file.
        state: Tensors and plain values, nested.

    Raises:
        OSError: If the disk refuses; the message names the file.
    """
    content = io.BytesIO()  # torch, when it writes to the disk, does not say why it cannot
    torch.save(state, content)
    write_whole(path, lambda file: file.write(content.getbuffer()))


def load(path: Path, *, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted.

    Args:
        path: The file.
        device: Where its tensors go.

    Returns:
        The saved state.

    Raises:
        ValueError: If the file is missing, truncated, or no checkpoint; the message names it.
    """
    if not path.exists():
        raise ValueError(f"no checkpoint at {path}; train first or name another file")
    # A whole file is a zip archive; anything else never reaches the unpickler.
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a checkpoint: truncated, or another kind of file")
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"wrong checksum of {damaged}")
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # a damaged file can lead anywhere
        raise ValueError(f"{path} is not a readable checkpoint: {first_line(error)}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a checkpoint")
    return state


def first_line(error: Exception) -> str:
    """What an exception says, cut to one line; its class if it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]
