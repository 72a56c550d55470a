"""Load what the authors' code saved; outputs agree with theirs to 1e-9.

The only place that knows the authors' names and where their code departs from the paper. From the
command line: ``python -m kuramoto_nn.reference in.pth out_folder --kind akorn …``.
"""

from kuramoto_nn.reference._load import energies, energy, load

__all__ = ["energies", "energy", "load"]
