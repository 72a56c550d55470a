"""Tables of results: lines of Markdown, and the machine that they were measured on."""

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"


def head(*columns: str) -> list[str]:
    """The two lines above those of a table."""
    return [line(columns), line(["---"] * len(columns))]


def line(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def name_machine(device: torch.device) -> dict[str, Any]:
    """Return date, processor, threads, device and versions of a measurement."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return {
        "date": datetime.date.today().isoformat(),
        "processor": next(names, platform.processor()),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
