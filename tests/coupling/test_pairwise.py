"""The hand-written GTA arithmetic against its formula, with all its derivatives."""

import pytest
import torch
from torch.testing import assert_close

from kuramoto_nn.coupling.pairwise import apply_pairwise


def formula(x, table):
    diagonal, rest = table.unsqueeze(3)
    first, second = x.chunk(2, -1)
    return torch.cat(
        (
            diagonal[..., 0, :] * first + rest[..., 0, :] * second,
            diagonal[..., 1, :] * second + rest[..., 1, :] * first,
        ),
        -1,
    )


def operands(dtype=torch.float64):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 3, 2, 4, dtype=dtype, requires_grad=True)
    return x, torch.randn(2, 3, 3, 2, 2, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_the_formula(dtype):
    x, table = operands(dtype)
    out, expected = apply_pairwise(x, table), formula(x, table)
    assert_close(out, expected)
    g = torch.randn_like(out)
    for ours, theirs in zip(
        torch.autograd.grad(out, (x, table), g),
        torch.autograd.grad(expected, (x, table), g),
        strict=True,
    ):
        assert_close(ours, theirs)


def test_derivatives_forward_backward_and_second():
    assert torch.autograd.gradcheck(apply_pairwise, operands(), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(apply_pairwise, operands())


def test_compiled_and_mixed_types_take_the_formula():
    x, table = operands(torch.float32)
    compiled = torch.compile(apply_pairwise, fullgraph=True, backend="aot_eager")
    assert_close(compiled(x, table), formula(x, table))
    mixed = apply_pairwise(x.bfloat16(), table)
    assert_close(mixed, formula(x.bfloat16().float(), table))


def test_vmap_and_the_jacobian():
    x, table = operands()
    jacobian = torch.func.jacrev(apply_pairwise)(x.detach(), table.detach())
    expected = torch.func.jacrev(formula)(x.detach(), table.detach())
    assert_close(jacobian, expected)
    batched = torch.func.vmap(apply_pairwise, in_dims=(0, None))(torch.stack((x, 2 * x)), table)
    assert_close(batched[1], formula(2 * x, table))
