"""Load weights of the authors' code; outputs agree with theirs to 1e-9.

The only package with the authors' names and with their code's differences from the paper. From the
command line: ``python -m kuramoto_nn.reference in.pth out_folder --kind akorn …``.
"""

from kuramoto_nn.reference._load import energies, energy, load

__all__ = ["energies", "energy", "load"]
