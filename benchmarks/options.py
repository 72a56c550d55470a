"""How a script runs, from its command line, and the machine that it runs on."""

import argparse
import datetime
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.limits import convolution_gemm, copy, gemm
from benchmarks.measure import measure
from examples.training.distributed import pick_device

RESULTS = Path(__file__).parent / "results"
QUICK_RESULTS = Path("runs/benchmarks")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a script runs.

    Attributes:
        quick: Small sizes, to see whether the script works; targets are not looked at.
        device: Where to compute.
        compile: Whether to measure compiled modules too.
        rounds: Interleaved rounds at the most.
        budget: Seconds per row after which no further round starts.
        out: Folder of the results.
    """

    quick: bool = False
    device: torch.device = torch.device("cpu")
    compile: bool = True
    rounds: int = 9
    budget: float = 30.0
    out: Path = RESULTS


def parse_options(name: str, arguments: list[str] | None = None) -> Options:
    """Read the command line of ``python -m benchmarks.<name>`` and set the threads.

    Args:
        name: Name of the script.
        arguments: What was typed; the process's own arguments if None.

    Returns:
        The options.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, …")
    parser.add_argument("--threads", type=int, help="CPU threads (torch's choice if not given)")
    parser.add_argument("--no-compile", action="store_true", help="leave compiled modules out")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds at the most")
    parser.add_argument("--budget", type=float, default=30.0, help="seconds per row, about")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    return Options(
        quick=given.quick,
        device=pick_device(given.device),
        compile=not given.no_compile,
        rounds=given.rounds,
        budget=given.budget,
        out=given.out or (QUICK_RESULTS if given.quick else RESULTS),
    )


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Say what the numbers were measured on, and how fast it is at simple things.

    Args:
        device: Where the work was done.

    Returns:
        Names, versions, and rates in 10^9 per second.
    """
    limits = [gemm(device), gemm(device, torch.bfloat16), copy(device)]
    if device.type == "cpu":
        limits.append(convolution_gemm())
    times = measure({limit.name: limit.work for limit in limits}, device=device, rounds=5)
    rates = {
        f"{limit.name} [G{limit.unit}/s]": limit.amount / times[limit.name].median / 1e9
        for limit in limits
    }
    return name_machine(device) | rates


def name_machine(device: torch.device) -> dict[str, Any]:
    """Say what the numbers were measured on: names and versions."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor()
