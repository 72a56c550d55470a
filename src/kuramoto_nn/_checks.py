"""Checks of numbers, and words that error messages of several packages share."""

import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

SHOWN = 8
"""Largest number of problems that a message lists."""


def as_integer(name: str, value: object, *, least: int | None = None) -> int:
    """Convert an integer of Python, NumPy or torch (zero-dimensional) to an `int`.

    A bool, anything else, and numbers below ``least`` are a ValueError that names the argument.
    """
    number = _plain(value)
    whole = isinstance(number, int) and not isinstance(number, bool)
    if not whole or (least is not None and number < least):
        bound = "" if least is None else f" of at least {least}"
        raise ValueError(f"`{name}` must be an integer{bound}: got {value!r}")
    return number


def as_odd(name: str, value: object) -> int:
    """Convert the side of a window to an `int`; it must be odd and positive."""
    side = as_integer(name, value)
    if side < 1 or side % 2 == 0:
        raise ValueError(f"`{name}` must be odd and positive: got {side}; try {max(side, 0) + 1}")
    return side


def as_number(name: str, value: object) -> float:
    """Convert a number of Python, NumPy or torch (zero-dimensional) to a `float`.

    A bool, anything else, NaN and infinity are a ValueError that names the argument.
    """
    number = _plain(value)
    real = isinstance(number, int | float) and not isinstance(number, bool)
    if not real or not abs(number) <= sys.float_info.max:
        raise ValueError(f"`{name}` must be a finite number: got {value!r}")
    return float(number)


def with_float64(x: Tensor) -> Tensor:
    """The tensor itself, or a copy on the CPU if its device, as Apple's MPS, has no float64."""
    try:
        torch.empty(0, dtype=torch.float64, device=x.device)
    except TypeError:
        return x.cpu()
    return x


def listed(problems: list[str]) -> str:
    """Join problems into one line: the first few, and the number of the others."""
    distinct = list(dict.fromkeys(problems))
    more = [f"and {len(distinct) - SHOWN} more"] if len(distinct) > SHOWN else []
    return "; ".join(distinct[:SHOWN] + more)


def _plain(value: Any) -> Any:
    if isinstance(value, int):  # the only case that `torch.compile` traces
        return value
    scalar = isinstance(value, np.generic | np.ndarray | Tensor) and value.ndim == 0
    return value.item() if scalar else value
