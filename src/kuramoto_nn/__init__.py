"""Artificial Kuramoto oscillatory neurons for PyTorch.

Reading order: `functional` (the maths), `coupling` (who pulls at whom), `layers` (the Kuramoto
layer and its neighbours), `models` (whole networks), `clustering` and `metrics` (what came of it),
`plot` (what it looks like).
"""

from kuramoto_nn.layers import KuramotoLayer, NaturalFrequency, NormReadout, Trajectory

__version__ = "0.1.0"
__all__ = ["KuramotoLayer", "NaturalFrequency", "NormReadout", "Trajectory"]
