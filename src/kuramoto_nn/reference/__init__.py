"""Load what the authors' code saved; outputs agree with theirs to 1e-9.

The only place that knows what the authors call things and where their code departs from the paper.
Reading order: `source` (their files), `reader`, `arguments` (their options), `fill` (their
tensors), `kinds`, `loading`, `energy`. From the command line:
``python -m kuramoto_nn.reference in.pth out_folder --kind akorn …``.
"""

from kuramoto_nn.reference._energy import energies
from kuramoto_nn.reference._load import load

__all__ = ["energies", "load"]
