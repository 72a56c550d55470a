"""Kernels written for speed; each is tested against the plain formula.

`linear` maps channels and `softmax` is attention. The other modules are average linkage, the same
tree in three ways: `chain` on a CPU with the extra `fast`, `rounds` on every device, and `condense`
before them for more points than a matrix of distances has room for.
"""
