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

    Raises:
        ValueError: If compiling is asked for and does not work.
    """
    if choice == "off":
        return False
    try:
        torch.compile(torch.sin)(torch.ones(2, device=device))
    except Exception as error:  # whatever is missing, eager mode runs without it
        torch.compiler.reset()
        if choice == "on":
            raise ValueError(
                "--compile on needs a working C++ compiler (CPU) or Triton (GPU), and "
                f"torch.compile failed with {type(error).__name__}; try --compile off"
            ) from error
        return False
    return True
