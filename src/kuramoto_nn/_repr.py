"""The `repr` of modules, which reads like the call of their constructor."""

import inspect
from collections.abc import Collection
from typing import Any

from torch import Tensor, nn


def constructor_arguments(module: nn.Module, *, always: Collection[str] = (), **values: Any) -> str:
    """Text of the arguments of a module's constructor, for `torch.nn.Module.extra_repr`.

    It shows required arguments, optional ones that differ from their default or are in ``always``,
    and no modules, as PyTorch prints those below. Arguments that the module does not keep as
    attributes of the same names, or not as given, are passed as ``values``.
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
