"""Kernels that are ours for speed alone; each is tested against the plain formula.

`linear` (maps of channels), `softmax` (attention); for average linkage `distances`, `rounds`,
`condense`, and with Numba `compiled`, `chain`, `blas`.
"""
