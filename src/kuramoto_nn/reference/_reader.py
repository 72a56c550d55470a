"""Copying of a state dict into a module, tensor by tensor."""

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor, nn

from kuramoto_nn._checks import listed


class StateDictReader:
    """Copies tensors, by the authors' names, into modules, and collects all mismatches."""

    def __init__(self, tensors: dict[str, Tensor]):
        self._tensors = tensors
        self._used: set[str] = set()
        self._filled: set[int] = set()
        self._problems: list[str] = []

    @property
    def dtype(self) -> torch.dtype:
        """The widest floating-point type among the tensors."""
        types = [value.dtype for value in self._tensors.values() if value.is_floating_point()]
        return reduce(torch.promote_types, types) if types else torch.float32

    def number(self, name: str) -> float:
        """Take a tensor of one finite number; 1.0 if it is none, which `finish` reports."""
        value = self._take(name, (1,), torch.ones(1))
        if value is not None and not value.isfinite().all():
            self._problems.append(f"`{name}` is not finite")
            return 1.0
        return 1.0 if value is None else value.item()

    def fill(
        self,
        target: Tensor,
        *names: str,
        shape: tuple[int, ...] | None = None,
        convert: Callable[..., Tensor] = lambda tensor: tensor,
    ) -> None:
        """Copy one or several tensors into a parameter or buffer.

        Each must have the given shape (the target's if None) up to axes of length one; ``convert``
        makes the target's value from them.
        """
        self._filled.add(id(target))
        expected = tuple(target.shape) if shape is None else shape
        values = [self._take(name, expected, target) for name in names]
        present = [value for value in values if value is not None]
        if len(present) == len(values):
            with torch.no_grad():
                target.copy_(convert(*present).reshape(target.shape))

    def affine(
        self, module: nn.Module, prefix: str, names: tuple[str, str] = ("weight", "bias")
    ) -> None:
        """Fill ``weight`` and, if there is one, ``bias`` of a module; ``names`` are the authors'."""
        for ours, theirs in zip(("weight", "bias"), names, strict=True):
            target = getattr(module, ours)
            if target is not None:
                self.fill(target, f"{prefix}{theirs}")

    def skip(self, *names: str) -> None:
        """Ignore tensors that our modules do not need, whether they are present or not."""
        self._used |= set(names)

    def finish(self, module: nn.Module, where: str) -> None:
        """Raise ValueError if a tensor was missing, left over or of a wrong shape or type."""
        unknown = [f"`{name}` is unknown" for name in self._tensors if name not in self._used]
        if problems := self._problems + unknown:
            raise ValueError(
                f"{where} does not fit the kind and arguments given: {listed(problems)}"
            )
        own = module.state_dict(keep_vars=True)
        assert [name for name, value in own.items() if id(value) not in self._filled] == []

    def _take(self, name: str, expected: tuple[int, ...], like: Tensor) -> Tensor | None:
        self._used.add(name)
        if name not in self._tensors:
            self._problems.append(f"`{name}` is missing")
            return None
        value = self._tensors[name]
        if [n for n in value.shape if n != 1] != [n for n in expected if n != 1]:
            self._problems.append(f"`{name}` has shape {tuple(value.shape)}, expected {expected}")
            return None
        if value.is_floating_point() != like.is_floating_point() or value.is_complex():
            self._problems.append(f"`{name}` has type {value.dtype}")
            return None
        if value.layout != torch.strided or value.is_quantized:
            self._problems.append(f"`{name}` is sparse or quantised, expected plain numbers")
            return None
        return value.reshape(expected)
