"""How many bits a run computes with."""

from typing import Literal

import torch

Precision = Literal["float32", "bf16", "float64"]


def dtype_of(precision: Precision) -> torch.dtype:
    """Type of the weights and of what goes into the network.

    Under ``"bf16"`` both stay float32 and `autocast` decides layer by layer; ``"float64"`` is for
    comparing machines and numbers of processes.
    """
    return torch.float64 if precision == "float64" else torch.float32


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """The context of a forward pass.

    Args:
        precision: ``"bf16"`` lets matrix products and convolutions run in bfloat16.
        device: Where.

    Returns:
        A context; it does nothing for the other precisions.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
