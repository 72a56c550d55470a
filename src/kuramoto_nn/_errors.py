"""How errors are worded, where several parts of the library need the same words."""

SHOWN = 8
"""Problems that a message lists at most."""


def listed(problems: list[str]) -> str:
    """Join problems into one line: the first few, and how many more there are."""
    distinct = list(dict.fromkeys(problems))
    more = [f"and {len(distinct) - SHOWN} more"] if len(distinct) > SHOWN else []
    return "; ".join(distinct[:SHOWN] + more)
