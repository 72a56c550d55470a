"""Device, precision, compilation and memory of a script."""

import math
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

Compile = Literal["auto", "on", "off"]
Precision = Literal["float32", "bf16", "float64"]
GIB = 2**30


def pick_device(name: str, local_rank: int = 0) -> torch.device:
    """Device of an option: auto (CUDA if there is any), cpu, cuda (GPU ``local_rank``) or cuda:1.

    ValueError if the device is unknown or not available.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"unknown --device {name!r}; try auto, cpu or cuda") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"--device {name!r} is not supported; try auto, cpu or cuda")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"--device {name!r} needs a CUDA build of torch and a GPU; try cpu")
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
    """Context of a forward pass: bfloat16 products and convolutions under ``"bf16"``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor from the CPU to a device; PyTorch does not wait for a GPU's earlier work."""
    return tensor.to(device, non_blocking=True)


def fast_precision(device: torch.device) -> Precision:
    """bf16 on CPUs with units for its products (AMX), where a step takes half the time."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # absent from torch 2.11
    return "bf16" if device.type == "cpu" and capabilities.get("amx_bf16") else "float32"


def should_compile(choice: Compile, device: torch.device) -> bool:
    """Whether to compile; auto tries a small function, as CPUs need a C++ compiler."""
    if choice == "off":
        return False
    try:
        torch.compile(torch.sin)(torch.ones(2, device=device))
    except Exception as error:  # eager mode needs none of the parts that may be missing
        torch.compiler.reset()
        if choice == "on":
            raise ValueError(
                "--compile on needs a working C++ compiler (CPU) or Triton (GPU), and "
                f"torch.compile failed with {type(error).__name__}; try --compile off"
            ) from error
        return False
    return True


def peak_memory(device: torch.device) -> int:
    """Largest number of bytes in use so far: allocated by torch on a GPU, else by the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        import psutil

        memory: Any = psutil.Process().memory_info()
        return memory.peak_wset
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def free_memory(device: torch.device) -> float:
    """Bytes that can still be allocated: on a GPU, else in main memory or its container's share."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    available = math.inf
    with suppress(OSError, ValueError):  # psutil reads the system's tables, which can be hidden
        import psutil

        available = psutil.virtual_memory().available
    return min(available, free_memory_of_container())


def check_memory(subject: str, needed: float, device: torch.device, *, remedy: str) -> None:
    """Raise ValueError unless the device has so many bytes left for the subject, a plural."""
    if needed > (free := free_memory(device)):
        raise ValueError(
            f"{subject} need {needed / GIB:.1f} GiB: got {free / GIB:.1f} GiB of free memory; "
            f"{remedy}, or use a machine with more memory"
        )


def free_memory_of_container(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> float:
    """Bytes that Linux's control groups leave to this process; caches count as free.

    The groups are mounted at ``root``. For version 2, ``own`` names the group of this process;
    its parent groups count as well. Infinite without limits.
    """
    try:
        name = own.read_text().rpartition("::")[2].strip()
    except OSError:  # not Linux
        return math.inf
    group = root / name.lstrip("/")
    folders = [folder for folder in (group, *group.parents) if folder.is_relative_to(root)]
    version1 = root / "memory"
    return min(
        *(_free(f, "memory.max", "memory.current", "inactive_file") for f in folders),
        _free(version1, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    )


def _free(group: Path, limit: str, usage: str, cache: str) -> float:
    try:
        most, used = (int((group / name).read_text()) for name in (limit, usage))
        lines = (group / "memory.stat").read_text().splitlines()
        return most - used + int(dict(line.split() for line in lines).get(cache, 0))
    except (OSError, ValueError):  # no such group, or its limit is "max"
        return math.inf
