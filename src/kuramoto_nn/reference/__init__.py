"""Models of the authors' code: their weights under our names, their numbers to the last digits.

The only place that knows what the authors call things and where their code departs from the paper.
Reading order: `source` (their files), `arguments` (their options), `fill` (their tensors), `load`,
`energies`. ``python -m kuramoto_nn.reference in.pth out_folder --kind akorn …`` converts a file.
"""

from kuramoto_nn.reference.energies import energies
from kuramoto_nn.reference.load import load

__all__ = ["energies", "load"]
