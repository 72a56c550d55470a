"""Whether `torch.compile` works on this machine."""

from typing import Literal

import torch

Compile = Literal["auto", "on", "off"]


def should_compile(choice: Compile, device: torch.device) -> bool:
    """Decide by the user's choice, or by trying a small function: CPUs need a C++ compiler.

    Args:
        choice: ``"on"``, ``"off"``, or ``"auto"`` to try.
        device: Where the model runs.

    Returns:
        Whether to compile.
    """
    if choice != "auto":
        return choice == "on"
    try:
        torch.compile(torch.sin)(torch.ones(2, device=device))
    except Exception:  # whatever is missing, eager mode runs without it
        torch.compiler.reset()
        return False
    return True
