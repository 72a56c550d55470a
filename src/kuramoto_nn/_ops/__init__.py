"""Kernels written for speed; each is tested against the plain formula.

`linear` maps channels and `softmax` is attention. The other modules are average linkage: `rounds`
on every device, `chain` on a CPU with the extra `fast`, and `condense` before either for more
points than a matrix of distances has room for.
"""
