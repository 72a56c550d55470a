"""What the machine can do at best: a large matrix product, and a copy of much memory."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

GEMM_SIDE = {"cpu": 2048, "cuda": 8192}
COPY_BYTES = {"cpu": 2**28, "cuda": 2**31}


@dataclass(frozen=True)
class Limit:
    """Work whose rate bounds others.

    Attributes:
        name: What it is.
        work: Does it once.
        amount: Floating-point operations or bytes of one call.
        unit: What `amount` counts.
    """

    name: str
    work: Callable[[], object]
    amount: float
    unit: str


def gemm(device: torch.device, dtype: torch.dtype = torch.float32) -> Limit:
    """A large square matrix product."""
    side = GEMM_SIDE[device.type]
    left, right = torch.randn(2, side, side, device=device).to(dtype)
    name = f"GEMM {side} {str(dtype).removeprefix('torch.')}"
    return Limit(name, lambda: left @ right, 2.0 * side**3, "FLOP")


def convolution_gemm() -> Limit:
    """A matrix product on the CPU as a 1x1 convolution, which another library (oneDNN) does."""
    images = torch.randn(32, 512, 16, 16).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(512, 512, 1, 1)
    return Limit(
        "1x1 convolution 512 float32",
        lambda: conv2d(images, weight),
        2.0 * images.numel() * len(weight),
        "FLOP",
    )


def copy(device: torch.device) -> Limit:
    """A copy of memory beyond all caches; bytes read and bytes written both count."""
    size = COPY_BYTES[device.type]
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return Limit("copy", lambda: target.copy_(source), 2.0 * size, "byte")


def count_flops(work: Callable[[], object]) -> int:
    """Count the FLOPs of matrix products and convolutions; a multiply-add counts as two.

    Args:
        work: Must not be compiled.

    Returns:
        FLOPs of one call.
    """
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
