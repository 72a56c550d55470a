"""Kernels written for speed; each is tested against the plain formula.

`linear` maps channels and `softmax` is attention. The other modules are average linkage: `rounds`
on every device, `condense` for many points, and with the extra `fast`, `chain` on a CPU.
"""
