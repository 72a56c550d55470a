"""Numbers of Python, NumPy and torch are numbers; everything else is named."""

import numpy as np
import pytest
import torch

from kuramoto_nn._checks import as_integer, as_number, as_odd

INTEGERS = [3, np.int8(3), np.uint64(3), np.array(3), torch.tensor(3), torch.tensor(3).byte()]


@pytest.mark.parametrize("value", INTEGERS, ids=repr)
def test_integers_become_plain(value):
    for number in (as_integer("n", value), as_integer("n", value, least=3), as_odd("n", value)):
        assert number == 3 and type(number) is int
    assert as_number("n", value) == 3.0 and type(as_number("n", value)) is float


@pytest.mark.parametrize("kind", [float, np.float16, np.float32, np.float64, np.array])
def test_numbers_become_plain(kind):
    number = as_number("n", kind(0.5))
    assert number == 0.5 and type(number) is float
    assert as_number("n", torch.tensor(0.5, dtype=torch.bfloat16, requires_grad=True)) == 0.5


NO_NUMBERS = [True, np.True_, torch.tensor(True), "3", None, [3], torch.tensor([3]), 1j]


@pytest.mark.parametrize("value", [*NO_NUMBERS, 3.0, np.float64(3), torch.tensor(3.0)], ids=repr)
def test_no_integer_is_named(value):
    with pytest.raises(ValueError, match="^`n` must be an integer: got "):
        as_integer("n", value)


@pytest.mark.parametrize(
    "value", [*NO_NUMBERS, float("nan"), float("-inf"), torch.tensor(torch.nan), 10**400], ids=repr
)
def test_no_number_is_named(value):
    with pytest.raises(ValueError, match="^`n` must be a finite number: got "):
        as_number("n", value)


def test_bounds_are_named():
    with pytest.raises(ValueError, match="^`n` must be an integer of at least 1: got 0$"):
        as_integer("n", 0, least=1)
    for side, instead in ((4, 5), (0, 1), (-3, 1)):
        with pytest.raises(ValueError, match=f"odd and positive: got {side}; try {instead}$"):
            as_odd("n", side)
