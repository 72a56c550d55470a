"""Runnable reproductions of the AKOrN experiments, written against the public API only."""

import sys
from types import TracebackType

_usual_hook = sys.excepthook


def _name_the_extra(kind: type[BaseException], error: BaseException, trace: TracebackType | None):
    """Report a missing package in one line; any other error as usual."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    if kind is not ModuleNotFoundError or package in ("", __name__):
        return _usual_hook(kind, error, trace)
    who, extra = ("benchmarks", "dev") if "benchmarks" in sys.modules else (__name__, __name__)
    print(
        f"error: the package {package!r} is missing; the {who} need: "
        f"pip install 'kuramoto_nn[{extra}]', or '.[{extra}]' in the repository",
        file=sys.stderr,
    )


sys.excepthook = _name_the_extra
