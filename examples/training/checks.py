"""Checks of options that several scripts share. Nothing here imports torch."""

import math
from typing import Any

LARGEST_SEED = 2**63 - 1


def check_positive(options: Any, *names: str) -> None:
    """Reject options that are not finite and above 0; None passes.

    Args:
        options: A dataclass of options.
        *names: Fields to check.

    Raises:
        ValueError: If one is not; the message names the option as it is typed.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"--{name.replace('_', '-')} must be positive and finite: got {value}")


def check_seed(seed: int) -> None:
    """Reject seeds that no generator takes.

    Args:
        seed: The option.

    Raises:
        ValueError: If it is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"--seed must lie in 0..{LARGEST_SEED}: got {seed}")
