"""Baseline of the benchmarks: the formulas as research code writes them.

Channels-first memory, eager, float32; heads by rearrangement, with interleaved channels; attention
written out; 2x2 transforms by broadcasting; the states and energies of all steps kept; one image
or board at a time where NumPy or scikit-learn does the work. Nothing is slowed down on purpose.
"""
