"""How much memory a run has taken at most, and how much there is."""

import os
import resource

import torch

GIB = 2**30


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
