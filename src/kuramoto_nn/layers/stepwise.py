"""Loops whose body is compiled, so that any number of steps runs the same graph."""

from typing import ClassVar

import torch
from torch import nn


class Stepwise(nn.Module):
    """A module that repeats one of its own methods.

    Attributes:
        step_methods: Names of the methods that `compile` replaces by compiled ones.
    """

    step_methods: ClassVar[tuple[str, ...]]

    def compile(self, *args, **kwargs) -> None:
        """Compile one step with `torch.compile`, in place; arguments are those of it."""
        for name in self.step_methods:
            setattr(self, name, torch.compile(getattr(self, name), *args, **kwargs))

    def __getstate__(self) -> dict:
        # A compiled method is bound to this very module; copies start without one.
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key not in self.step_methods}
