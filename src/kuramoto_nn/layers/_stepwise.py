"""Loops whose body is compiled, so that any number of steps runs the same graph."""

import inspect
from typing import Any, ClassVar, Self

import torch
from torch import nn

from kuramoto_nn._checks import as_integer

# All instances share the code of a step. Where torch can keep their graphs apart, many layers do
# not use up the limit of recompilations together.
_CAN_ISOLATE = "isolate_recompiles" in inspect.signature(torch.compile).parameters
ISOLATED: dict[str, Any] = {"isolate_recompiles": True} if _CAN_ISOLATE else {}


class Stepwise(nn.Module):
    """A module that repeats one of its own methods.

    Attributes:
        step_methods: Names of the methods that `compile` replaces by compiled ones.
        num_steps: How often it does so by default.
    """

    step_methods: ClassVar[tuple[str, ...]]
    num_steps: int

    def _count(self, num_steps: int | None) -> int:
        """Number of repetitions of a call: the default if it does not set one."""
        return self.num_steps if num_steps is None else as_integer("num_steps", num_steps, least=0)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile one step with `torch.compile`, in place; arguments are those of it."""
        for name in self.step_methods:
            setattr(self, name, torch.compile(getattr(self, name), *args, **ISOLATED | kwargs))

    # A compiled method is bound to this very module; copies and replicas start without one.

    def __getstate__(self) -> dict:
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key not in self.step_methods}

    def _replicate_for_data_parallel(self) -> Self:
        replica = super()._replicate_for_data_parallel()
        for name in self.step_methods:
            replica.__dict__.pop(name, None)
        return replica
