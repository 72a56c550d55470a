"""The authors' constructor arguments, kind by kind; ``config`` converts them into ours.

Fields have the authors' names; a tuple holds one entry per block. Defaults are those of the paper's
recipes (CLEVRTex, Sudoku, CIFAR-10). Numbers that a checkpoint holds itself (gamma, the
frequencies) override the argument. ``Literal`` types of one value mark options of which no file
with another value is known.
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
        return {
            "oscillator_dim": self.n,
            "step_size": self.step_size(gamma),
            "frequency": kind if self.use_omega else None,
            "trainable_frequency": self.learn_omg,
        }


@dataclass(frozen=True, kw_only=True)
class CoupledSites(Oscillators):
    """Arguments of every kind whose sites may be coupled either way."""

    ch: int
    T: int | tuple[int, ...]
    J: Connectivity | tuple[Connectivity, ...]
    heads: int = 8
    c_norm: Norm = "gn"
    gta: bool = True

    def layer_fields(self, gamma: float) -> dict[str, Any]:
        """Fields of our configurations that follow from these arguments."""
        J = (self.J,) if isinstance(self.J, str) else self.J
        couplings = tuple(COUPLINGS[name] for name in J)
        return self.oscillator_fields(gamma) | {
            "channels": self.ch,
            "num_steps": self.T,
            "coupling": couplings[0] if isinstance(self.J, str) else couplings,
            "num_heads": self.heads,
            "stimulus_norm": STIMULUS_NORMS[self.c_norm],
        }

    def position(self, otherwise: Position | None) -> Position | None:
        """GTA if there is attention and it is on; with convolutions alone it stands for None."""
        if not self.gta:
            return otherwise
        return "gta" if self.J == "attn" or "attn" in self.J else None


@dataclass(frozen=True, kw_only=True)
class LayerArguments(CoupledSites):
    """Arguments of one Kuramoto layer, and gamma."""

    n: int
    T: int
    gamma: float
    J: Connectivity = "conv"
    ksize: int = 7
    apply_proj: bool = True
    gta: bool = False
    hw: tuple[int, int] | None = None

    def config(self, gamma: float) -> AKOrNConfig:
        position = self.position(otherwise=None)
        if position and self.hw is None:
            raise ValueError("`hw`, the grid (height, width), is needed with gta=True: got None")
        return AKOrNConfig(
            image_size=self.hw or 1,
            patch_size=1,
            kernel_size=self.ksize,
            position=position,
            project=self.apply_proj,
            **self.layer_fields(gamma),
        )


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
        return AKOrNConfig(
            image_size=self.imsize,
            patch_size=self.psize,
            num_blocks=self.L,
            kernel_size=self.ksize,
            position=self.position(otherwise="sincos"),
            project=self.apply_proj,
            map_oscillators=self.use_ro_x,
            pool="max" if self.maxpool else "mean",
            readout=None if self.no_ro else "norm",
            **self.layer_fields(gamma),
        )


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
        return AKOrNSudokuConfig(
            channels=self.ch,
            num_blocks=self.L,
            num_steps=self.T,
            num_heads=self.heads,
            readout="feed-forward" if self.nl else "norm",
            **self.oscillator_fields(gamma),
        )


@dataclass(frozen=True, kw_only=True)
class Iterated(Checked):
    """Arguments of every kind of iterated self-attention."""

    ch: int
    T: int
    blocks: int = 1
    heads: int = 8
    mlp_dim: int | None = None
    gta: bool = False

    def iterated_fields(self) -> dict[str, Any]:
        """Fields of our configurations that follow from these arguments."""
        return {
            "channels": self.ch,
            "num_blocks": self.blocks,
            "num_steps": self.T,
            "num_heads": self.heads,
            "mlp_channels": self.mlp_dim,
            "position": "gta" if self.gta else "sincos",
        }


@dataclass(frozen=True, kw_only=True)
class ItrSAArguments(Iterated):
    """Arguments of iterated self-attention, the ViT included, for object discovery."""

    ch: int = 256
    T: int = 8
    psize: int = 8
    imsize: int = 128

    def config(self) -> ItrSAConfig:
        return ItrSAConfig(image_size=self.imsize, patch_size=self.psize, **self.iterated_fields())


@dataclass(frozen=True, kw_only=True)
class SudokuTransformerArguments(Iterated):
    """Arguments of iterated self-attention, the transformer included, for Sudoku."""

    ch: int = 512
    T: int = 16

    def config(self) -> ItrSASudokuConfig:
        return ItrSASudokuConfig(**self.iterated_fields())


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
        return AKOrNClassifierConfig(
            num_blocks=self.L,
            kernel_size=self.ksizes,
            readout_kernel_size=self.ro_ksize,
            readout_dim=self.ro_N,
            num_classes=self.out_classes,
            image_size=self.imsize,
            position=self.position(otherwise=None),
            **self.layer_fields(gamma),
        )
