"""What is asked of a data set, and its answer: which array the cache holds and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.object_discovery.data.parallel import OnBad


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of `load`, which describes them.

    Raises:
        ValueError: For a count, a size or a number of workers below 1, or an unknown `bad`.
    """

    name: str
    split: str
    root: Path
    count: int | None
    seed: int
    source: Path | None = None
    size: int | None = None
    bad: OnBad = "error"
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data set can do."""
        for name in ("count", "size", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1: got {value}")
        if self.bad not in ("error", "skip"):
            raise ValueError(f"bad must be 'error' or 'skip': got {self.bad!r}")

    def check_split(self, *known: str) -> None:
        """Raise ValueError when the split is none of these."""
        if self.split not in known:
            raise ValueError(
                f"unknown split {self.split!r} of {self.name}; known are: {', '.join(known)}"
            )

    def check_size(self, size: int) -> None:
        """Raise ValueError when another than the one size is asked for."""
        if self.size not in (None, size):
            raise ValueError(f"{self.name} has {size}x{size} pixels: got size {self.size}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One array of the cache.

    Args:
        key: Its name there, which everything that decides its content is part of.
        size: Height and width of the images.
        count: Number of images; None when only building it tells.
        blocks: Makes them as `(k, 4, size, size)` uint8 arrays of colours and labels, in order.
    """

    key: str
    size: int
    count: int | None
    blocks: Callable[[], Iterable[np.ndarray]]
