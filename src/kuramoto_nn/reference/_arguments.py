"""The authors' constructor arguments, kind by kind; ``config`` converts them into ours.

Fields have the authors' names; a tuple holds one entry per block. Defaults are those of the paper's
recipes (CLEVRTex, Sudoku, CIFAR-10). Numbers that a checkpoint holds itself (gamma, the
frequencies) override the argument. A ``Literal`` type of one value marks an option for which no
file with another value is known.
"""

from dataclasses import dataclass
from typing import Any, Literal

from kuramoto_nn.models import (
    AKOrNClassifierConfig,
    AKOrNConfig,
    AKOrNSudokuConfig,
    ItrSAConfig,
    ItrSASudokuConfig,
)
from kuramoto_nn.models._config import Checked
from kuramoto_nn.models._parts import Coupling, Position

Norm = Literal["gn", "sandb", "none"]
Connectivity = Literal["attn", "conv"]

COUPLINGS: dict[str, Coupling] = {"attn": "attention", "conv": "convolution"}
STIMULUS_NORMS = {"gn": "group", "sandb": "scale", "none": None}

OURS = {"n": "oscillator_dim", "ch": "channels", "T": "num_steps", "heads": "num_heads"}
OURS |= {"L": "num_blocks", "blocks": "num_blocks", "mlp_dim": "mlp_channels"}
OURS |= {"ksize": "kernel_size", "ksizes": "kernel_size", "ro_ksize": "readout_kernel_size"}
OURS |= {"psize": "patch_size", "imsize": "image_size", "out_classes": "num_classes"}
OURS |= {"apply_proj": "project", "use_ro_x": "map_oscillators", "ro_N": "readout_dim"}
OURS |= {"learn_omg": "trainable_frequency"}
"""Our names of the arguments whose values stay as they are."""


def renamed(arguments: Checked) -> dict[str, Any]:
    """Fields of our configurations whose values are the authors'."""
    return {OURS[name]: value for name, value in vars(arguments).items() if name in OURS}


@dataclass(frozen=True, kw_only=True)
class Oscillators(Checked):
    """Arguments of every kind with oscillators."""

    blocks_field = "L"

    n: int | tuple[int, ...]
    use_omega: bool = False
    global_omg: bool = False
    init_omg: float = 1.0
    learn_omg: bool = True

    def step_size(self, gamma: Any) -> Any:
        """Our step size, from a number or a tensor: without frequencies theirs adds x itself."""
        if self.use_omega:
            return gamma
        if gamma == -1:
            raise ValueError("`gamma` must not be -1 without frequencies")
        return gamma / (1 + gamma)

    def oscillator_fields(self, gamma: float) -> dict[str, Any]:
        """Fields of our configurations that follow from these arguments."""
        kind = "shared" if self.global_omg else "per-oscillator"
        frequency = kind if self.use_omega else None
        return renamed(self) | {"step_size": self.step_size(gamma), "frequency": frequency}


@dataclass(frozen=True, kw_only=True)
class CoupledSites(Oscillators):
    """Arguments of every kind with convolutions or attention as couplings."""

    ch: int
    T: int | tuple[int, ...]
    J: Connectivity | tuple[Connectivity, ...]
    heads: int = 8
    c_norm: Norm = "gn"
    gta: bool = True

    def layer_fields(self, gamma: float, *, without_gta: Position | None) -> dict[str, Any]:
        """Fields of our configurations that follow from these arguments."""
        J = (self.J,) if isinstance(self.J, str) else self.J
        couplings = tuple(COUPLINGS[name] for name in J)
        with_gta = "gta" if "attn" in J else None  # with convolutions alone it stands for None
        return self.oscillator_fields(gamma) | {
            "coupling": couplings[0] if isinstance(self.J, str) else couplings,
            "stimulus_norm": STIMULUS_NORMS[self.c_norm],
            "position": with_gta if self.gta else without_gta,
        }


@dataclass(frozen=True, kw_only=True)
class LayerArguments(CoupledSites):
    """Arguments of one Kuramoto layer, and gamma; in our configuration one pixel is one site."""

    n: int
    T: int
    gamma: float
    J: Connectivity = "conv"
    ksize: int = 7
    apply_proj: bool = True
    gta: bool = False
    hw: tuple[int, int] | None = None

    def config(self, gamma: float) -> AKOrNConfig:
        fields = self.layer_fields(gamma, without_gta=None)
        if fields["position"] and self.hw is None:
            raise ValueError("`hw`, the grid (height, width), is needed with gta=True: got None")
        return AKOrNConfig(image_size=self.hw or 1, patch_size=1, **fields)


@dataclass(frozen=True, kw_only=True)
class AKOrNArguments(CoupledSites):
    """Arguments of AKOrN for object discovery."""

    n: int | tuple[int, ...] = 4
    ch: int = 256
    L: int = 1
    T: int | tuple[int, ...] = 8
    gamma: float = 1.0
    J: Connectivity | tuple[Connectivity, ...] = "attn"
    ksize: int | tuple[int, ...] = 7
    apply_proj: bool = True
    psize: int = 8
    imsize: int = 128
    use_ro_x: bool = False
    maxpool: bool = True
    no_ro: bool = False

    def config(self, gamma: float) -> AKOrNConfig:
        fields = self.layer_fields(gamma, without_gta="sincos")
        pool, readout = "max" if self.maxpool else "mean", None if self.no_ro else "norm"
        return AKOrNConfig(pool=pool, readout=readout, **fields)


@dataclass(frozen=True, kw_only=True)
class SudokuAKOrNArguments(Oscillators):
    """Arguments of AKOrN for Sudoku."""

    n: int = 4
    ch: int = 512
    L: int = 1
    T: int = 16
    gamma: float = 1.0
    J: Literal["attn"] = "attn"
    gta: Literal[True] = True
    heads: int = 8
    c_norm: Literal["none"] = "none"
    use_omega: bool = True
    global_omg: bool = True
    init_omg: float = 0.5
    nl: bool = True

    def config(self, gamma: float) -> AKOrNSudokuConfig:
        readout = "feed-forward" if self.nl else "norm"
        return AKOrNSudokuConfig(readout=readout, **self.oscillator_fields(gamma))


@dataclass(frozen=True, kw_only=True)
class Iterated(Checked):
    """Arguments of every kind of iterated self-attention."""

    ch: int
    T: int
    blocks: int = 1
    heads: int = 8
    mlp_dim: int | None = None
    gta: bool = False

    def fields(self) -> dict[str, Any]:
        """Fields of our configurations that follow from these arguments."""
        return renamed(self) | {"position": "gta" if self.gta else "sincos"}


@dataclass(frozen=True, kw_only=True)
class ItrSAArguments(Iterated):
    """Arguments of iterated self-attention, the ViT included, for object discovery."""

    ch: int = 256
    T: int = 8
    psize: int = 8
    imsize: int = 128

    def config(self) -> ItrSAConfig:
        return ItrSAConfig(**self.fields())


@dataclass(frozen=True, kw_only=True)
class SudokuTransformerArguments(Iterated):
    """Arguments of iterated self-attention, the transformer included, for Sudoku."""

    ch: int = 512
    T: int = 16

    def config(self) -> ItrSASudokuConfig:
        return ItrSASudokuConfig(**self.fields())


@dataclass(frozen=True, kw_only=True)
class ClassifierArguments(CoupledSites):
    """Arguments of the classifier; of files with attention we have seen none."""

    n: int | tuple[int, ...] = 2
    ch: int = 64
    out_classes: int = 10
    L: int = 3
    T: int | tuple[int, ...] = 3
    J: Connectivity | tuple[Connectivity, ...] = "conv"
    ksizes: int | tuple[int, ...] = (9, 7, 5)
    ro_ksize: int = 3
    ro_N: int | tuple[int, ...] = 2
    norm: Literal["bn"] = "bn"
    imsize: int = 32
    gamma: float = 1.0
    use_omega: bool = True
    global_omg: bool = True

    def config(self, gamma: float) -> AKOrNClassifierConfig:
        return AKOrNClassifierConfig(**self.layer_fields(gamma, without_gta=None))
