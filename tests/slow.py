"""Cases that only CI and `make test-slow` run."""

from collections.abc import Iterable

import pytest


def mostly_slow(names: Iterable[str], *quick: str) -> pytest.MarkDecorator:
    """Parametrise over names, of which all but the quick ones are marked slow."""
    cases = [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in names]
    return pytest.mark.parametrize("name", cases)
