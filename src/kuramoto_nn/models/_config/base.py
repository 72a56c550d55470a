"""A dataclass whose values are checked against its annotations."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from torch import Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """A frozen dataclass of plain values that fit their annotations.

    A list, as JSON has it, becomes a tuple. Integers are sizes and must be positive.

    Raises:
        ValueError: If a value does not fit the field's annotation.
    """

    def __post_init__(self):
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, value := tuple(value))
            if not _fits(value, hint):
                raise ValueError(f"`{name}` must be {_describe(hint)}: got {value!r}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a dictionary; the inverse of `dataclasses.asdict`.

        Args:
            values: Fields by name; those left out keep their default.

        Returns:
            The dataclass.

        Raises:
            ValueError: If a name is unknown, a field without default is left out, or a value does
                not fit.
        """
        cls.check_names(values)
        required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
        if missing := [name for name in required if name not in values]:
            raise ValueError(f"{cls.__name__} needs {', '.join(map(repr, missing))}")
        return cls(**values)

    @classmethod
    def check_names(cls, names: Iterable[str]) -> None:
        """Reject names that are no field.

        Args:
            names: The names.

        Raises:
            ValueError: If one is unknown.
        """
        fields = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(names) - fields):
            raise ValueError(
                f"{cls.__name__} has no field {', '.join(map(repr, unknown))}; "
                f"its fields are {', '.join(sorted(fields))}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Checked):
    """What every model has.

    Attributes:
        channels: Channels C of the feature maps.
        num_steps: Steps or repetitions T in every block.
    """

    channels: int = 256
    num_steps: int = 8

    def example_input(self) -> Tensor:
        """An input of batch size 1 that fits the configuration; its values mean nothing."""
        raise NotImplementedError


_UNIONS = (Union, UnionType)  # of `int | None`, and of `Literal[…] | None`


def _fits(value: Any, hint: Any) -> bool:
    origin, members = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        return any(_fits(value, member) for member in members)
    if origin is Literal:
        return value in members
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        hints = members[:1] * len(value) if members[1:] == (...,) else members
        return len(value) == len(hints) and all(map(_fits, value, hints))
    if hint is int:
        return type(value) is int and value >= 1
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return isinstance(value, hint)


def _describe(hint: Any) -> str:
    if get_origin(hint) in _UNIONS:
        return " or ".join(_describe(member) for member in get_args(hint))
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    if get_origin(hint) is tuple:
        members = get_args(hint)
        count = "" if members[1:] == (...,) else f"{len(members)} "
        return f"a list of {count}positive integers"
    names = {int: "a positive integer", float: "a finite number", bool: "true or false"}
    return (names | {NoneType: "None"})[hint]
