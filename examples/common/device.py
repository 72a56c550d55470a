"""What a script computes on and with: device, precision, compilation, memory."""

import os
import resource
from typing import Literal

import torch

Compile = Literal["auto", "on", "off"]
Precision = Literal["float32", "bf16", "float64"]
GIB = 2**30


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """Turn an option into a device.

    Args:
        name: ``"auto"`` (CUDA if there is any), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, …
        local_rank: Number of the GPU that a plain ``"cuda"`` means.

    Returns:
        The device.

    Raises:
        ValueError: If the device is unknown or not available.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"unknown device {name!r}; try auto, cpu or cuda") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device {name!r} is not supported; try auto, cpu or cuda")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device {name!r} needs a CUDA build of torch and a GPU; try cpu")
        device = device if device.index is not None else torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    return device


def dtype_of(precision: Precision) -> torch.dtype:
    """Type of the weights and of the network's input.

    Under ``"bf16"`` both stay float32 and `autocast` decides layer by layer; ``"float64"`` is for
    comparing machines and numbers of processes.
    """
    return torch.float64 if precision == "float64" else torch.float32


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Make the context of a forward pass.

    Args:
        precision: ``"bf16"`` lets matrix products and convolutions run in bfloat16.
        device: Where the network runs.

    Returns:
        A context; it does nothing for the other precisions.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


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


def peak_memory(device: torch.device) -> int:
    """Most bytes in use so far: those that torch has allocated on a GPU, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def free_memory(device: torch.device) -> int:
    """Bytes that can still be allocated: on a GPU, else in the machine's main memory."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo") as file:
            fields = dict(line.split(":") for line in file)
        return 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError):  # no Linux: what is not in use at all
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
