"""Configurations: frozen dataclasses of plain values, checked against their annotations."""

import dataclasses
import functools
import sys
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

import numpy as np
from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """A frozen dataclass of plain values that fit their annotations.

    Numbers of NumPy and torch become Python's, and lists, as in JSON, arrays and tensors tuples.
    Integers are sizes and must be positive. A field that may be a tuple of any length holds one
    value for all blocks or one entry per block; `blocks_field` names the field with their number.

    Raises:
        ValueError: If a value does not fit the field's annotation.
    """

    blocks_field: ClassVar[str]

    def __post_init__(self):
        for name, hint in _hints(type(self)).items():
            value = _plain(getattr(self, name))
            object.__setattr__(self, name, value)
            if not _fits(value, hint):
                raise ValueError(f"`{name}` must be {_describe(hint)}: got {value!r}")
        for name in _per_block(type(self)):
            value, blocks = getattr(self, name), getattr(self, self.blocks_field)
            if isinstance(value, tuple) and len(value) != blocks:
                raise ValueError(
                    f"`{name}` must be one value or have an entry per block, "
                    f"{self.blocks_field} = {blocks}: got {len(value)} entries, {value}"
                )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a dictionary; the inverse of `dataclasses.asdict`.

        Raises:
            ValueError: If a name is unknown, a field without default is left out, or a value does
                not fit.
        """
        cls._check_names(values)
        required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
        if missing := [name for name in required if name not in values]:
            raise ValueError(f"{cls.__name__} needs {', '.join(map(repr, missing))}")
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        """Copy with some fields changed.

        Raises:
            ValueError: If a name is unknown or a value does not fit.
        """
        self._check_names(changes)
        return dataclasses.replace(self, **changes)

    @classmethod
    def _check_names(cls, names: Iterable[str]) -> None:
        fields = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(names) - fields):
            raise ValueError(
                f"{cls.__name__} has no field {', '.join(map(repr, unknown))}; "
                f"its fields are {', '.join(sorted(fields))}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Checked):
    """Configuration of a network; base of all.

    Attributes:
        channels: Channels C of the feature maps.
        num_blocks: Depth L.
        num_steps: Updates, or repetitions, T of a block; one number or one per block.
    """

    blocks_field = "num_blocks"

    channels: int = 256
    num_blocks: int = 1
    num_steps: int | tuple[int, ...] = 8

    def block(self, index: int) -> Self:
        """Configuration of block ``index`` (from 0): one block, and one value in every field."""
        return dataclasses.replace(self, num_blocks=1, **self._of_block(index))

    def blocks(self) -> list[Self]:
        """Configurations of all blocks."""
        return [self.block(i) for i in range(self.num_blocks)]

    def example_input(self) -> Tensor:
        """An arbitrary input of batch size 1 that fits the configuration."""
        raise NotImplementedError

    def _of_block(self, index: int) -> dict[str, Any]:
        """Fields in which the configuration of a block differs from the network's."""
        if not 0 <= index < self.num_blocks:
            raise IndexError(f"`index` must be a block, 0 to {self.num_blocks - 1}: got {index}")
        values = {name: getattr(self, name) for name in _per_block(type(self))}
        return {n: v[index] if isinstance(v, tuple) else v for n, v in values.items()}


_UNIONS = (Union, UnionType)  # of `int | None`, and of `Literal[…] | None`


@functools.cache
def _hints(cls: type[Checked]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


@functools.cache
def _per_block(cls: type[Checked]) -> tuple[str, ...]:
    """Names of the fields that may hold one entry per block."""
    return tuple(
        name
        for name, hint in _hints(cls).items()
        if any(get_args(member)[1:] == (...,) for member in (hint, *get_args(hint)))
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray | Tensor):
        value = value.tolist()
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _fits(value: Any, hint: Any) -> bool:
    origin, members = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return any(_fits(value, member) for member in members)
    if origin is Literal:
        return isinstance(value, str | int) and value in members
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        hints = members[:1] * len(value) if members[1:] == (...,) else members
        return len(value) == len(hints) and all(map(_fits, value, hints))
    if hint is int:
        return type(value) is int and value >= 1
    if hint is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return isinstance(value, hint)


def _describe(hint: Any) -> str:
    origin, members = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return " or ".join(map(_describe, members))
    if origin is Literal:
        return "one of " + ", ".join(map(repr, members))
    if origin is tuple:
        count = "" if members[1:] == (...,) else f"{len(members)} "
        return f"a list of {count}{'positive integers' if members[0] is int else 'these'}"
    names = {int: "a positive integer", float: "a finite number", bool: "true or false"}
    return (names | {NoneType: "None"})[hint]
