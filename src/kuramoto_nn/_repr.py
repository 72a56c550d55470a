"""The `repr` of modules, which reads like the call of their constructor."""

import inspect
from collections.abc import Collection
from typing import Any

from torch import Tensor, nn


def constructor_arguments(module: nn.Module, *, always: Collection[str] = (), **values: Any) -> str:
    """Arguments of a module's constructor, for `torch.nn.Module.extra_repr`.

    Required arguments are shown, and optional ones that differ from their default. Arguments that
    are modules are left out, as PyTorch prints them below.

    Args:
        module: The module; it keeps its arguments as attributes of the same names.
        always: Optional arguments that are shown in any case.
        **values: Arguments that it does not keep, or not as they were given.

    Returns:
        The arguments, separated by commas.

    Examples:
        >>> from kuramoto_nn.coupling import ConvCoupling
        >>> constructor_arguments(ConvCoupling(8, 3, ndim=1), bias=True)
        '8, 3, ndim=1'
    """
    shown = []
    for name, parameter in inspect.signature(type(module)).parameters.items():
        value = values.get(name, getattr(module, name, parameter.default))
        required = parameter.default is parameter.empty
        if isinstance(value, nn.Module) or value is parameter.empty:
            continue
        if required or name in always or value != parameter.default:
            text = _shown(value)
            positional = required and parameter.kind is not parameter.KEYWORD_ONLY
            shown.append(text if positional else f"{name}={text}")
    return ", ".join(shown)


def _shown(value: object) -> str:
    if isinstance(value, Tensor):  # a learned number
        return "..." if value.is_meta else f"{value.item():.6g}"
    return getattr(value, "__name__", None) or repr(value)
