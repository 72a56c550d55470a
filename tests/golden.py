"""The authors' numbers, ../shared/golden, by file name."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kuramoto_nn import reference

KINDS = {
    "layer": "layer",
    "akorn": "akorn",
    "itrsa": "itrsa",
    "vit": "itrsa",
    "sudoku_akorn": "sudoku-akorn",
    "sudoku_itrsa": "sudoku-transformer",
    "sudoku_transformer": "sudoku-transformer",
    "classifier": "classifier",
}
EXACT = {"atol": 1e-9, "rtol": 1e-9}


class Golden(NamedTuple):
    meta: dict
    weights: dict[str, Tensor]
    arrays: dict[str, Tensor]


def read(folder: Path, name: str) -> Golden:
    file = np.load(folder / "golden" / f"{name}.npz")
    weights, arrays = {}, {}
    for key in file.files:
        if key.startswith("state_dict/"):
            weights[key.removeprefix("state_dict/")] = torch.from_numpy(file[key])
        elif key != "meta":
            arrays[key] = torch.from_numpy(file[key])
    return Golden(json.loads(str(file["meta"])), weights, arrays)


def kind_of(name: str) -> str:
    return next(kind for start, kind in KINDS.items() if name.startswith(start))


def load(golden: Golden, name: str) -> torch.nn.Module:
    return reference.load(golden.weights, kind_of(name), **golden.meta)


def inputs(arrays: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """What a model is called with: images or puzzles, and the noise where it is random."""
    noise = {"noise": arrays["noise"]} if "noise" in arrays else {}
    if "image" in arrays:
        return arrays["image"], noise
    digits = arrays["puzzle_onehot"].argmax(-1) + 1
    return digits * arrays["given_mask"].squeeze(-1).long(), noise
