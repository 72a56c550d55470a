"""The sizes that the layer is measured at, and what is to be reached on two CPU cores."""

from dataclasses import dataclass

from torch import nn

from benchmarks.baseline import PlainAttention, PlainKuramoto

EAGER, COMPILED, HALF = "eager", "compiled", "compiled, bfloat16"
NUM_HEADS = 8


@dataclass(frozen=True, kw_only=True)
class Case:
    """One size of the layer.

    Attributes:
        channels: Channels C.
        side: Height and width in sites.
        batch: Batch size.
        num_steps: T.
        kernel_size: Side of the convolution; None for attention with GTA.
        forward: Least speedup by candidate, and least share of the limit's rate as ``"limit"``.
        backward: The same for forward and backward together.
    """

    channels: int
    side: int
    batch: int
    num_steps: int = 8
    kernel_size: int | None = None
    forward: dict[str, float]
    backward: dict[str, float]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of x and c."""
        return self.batch, self.channels, self.side, self.side

    @property
    def name(self) -> str:
        """What the rows are called."""
        kernel = self.kernel_size
        coupling = "attention + GTA" if kernel is None else f"convolution k {kernel}"
        size = f"ch {self.channels}, {self.side}x{self.side} sites, T {self.num_steps}"
        return f"{coupling}, {size}, batch {self.batch}"

    def plain(self) -> PlainKuramoto:
        """Build the baseline."""
        channels, kernel = self.channels, self.kernel_size
        coupling = (
            PlainAttention(channels, NUM_HEADS, (self.side, self.side))
            if kernel is None
            else nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        )
        return PlainKuramoto(coupling, channels=channels, num_steps=self.num_steps)


CASES = (
    Case(
        channels=256,
        side=16,
        batch=16,
        forward={COMPILED: 4.5, EAGER: 3, "limit": 0.7},
        backward={COMPILED: 3.2, EAGER: 2, "limit": 0.65},
    ),
    Case(
        channels=128,
        side=8,
        batch=64,
        forward={COMPILED: 5, EAGER: 3.5},
        backward={COMPILED: 4, EAGER: 2.5},
    ),
    Case(
        channels=512,
        side=9,
        batch=32,
        num_steps=16,
        forward={COMPILED: 3},
        backward={COMPILED: 2.5},
    ),
    Case(
        channels=128,
        side=8,
        batch=64,
        kernel_size=5,
        forward={COMPILED: 1.5, EAGER: 1},
        backward={COMPILED: 1.2, EAGER: 1},
    ),
    Case(
        channels=128,
        side=16,
        batch=32,
        kernel_size=7,
        forward={COMPILED: 1, EAGER: 1},
        backward={COMPILED: 1, EAGER: 1},
    ),
)
QUICK = tuple(
    Case(channels=32, side=4, batch=2, num_steps=2, kernel_size=k, forward={}, backward={})
    for k in (None, 3)
)
