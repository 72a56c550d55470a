"""The linear map by convolution is the linear map, eager and compiled."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from kuramoto_nn._ops.linear import SiteLinear

OPERATOR = torch.ops.kuramoto_nn.site_linear.default


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3, 5, 6), (1, 1, 6), (7, 6), (2, 3, 4, 6)])
def test_operator_keeps_the_rules_of_operators(shape, bias):
    torch.manual_seed(0)
    x, weight = torch.randn(shape, requires_grad=True), torch.randn(4, 6, requires_grad=True)
    offset = torch.randn(4, requires_grad=True) if bias else None
    torch.library.opcheck(OPERATOR, (x, weight, offset))


@pytest.mark.parametrize("frozen", ["x", "weight", "bias", None])
def test_compiled_map_and_its_gradients_are_those_of_linear(frozen):
    torch.manual_seed(0)
    layer, x = SiteLinear(6, 4), torch.randn(3, 5, 6, requires_grad=True)
    parts = {"x": x, "weight": layer.weight, "bias": layer.bias}
    if frozen is not None:
        parts.pop(frozen).requires_grad_(False)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=True)
    upstream = torch.randn(3, 5, 4)
    expected = F.linear(x, layer.weight, layer.bias)
    for result in (compiled(x), layer(x)):
        assert_close(result, expected)
        ours = torch.autograd.grad(result, list(parts.values()), upstream)
        theirs = torch.autograd.grad(expected, list(parts.values()), upstream, retain_graph=True)
        assert_close(ours, theirs)


@pytest.mark.parametrize("needs", [(True, True, True), (False, True, False), (True, False, True)])
def test_gradients_lie_in_memory_as_the_compiler_was_told(needs):
    torch.manual_seed(0)
    backward = torch.ops.kuramoto_nn.site_linear_backward.default
    for weight in (torch.randn(4, 6), torch.randn(6, 4).mT, torch.randn(4, 12)[:, ::2]):
        for x in (torch.randn(3, 5, 6), torch.randn(5, 3, 6).transpose(0, 1), torch.ones(1, 6)):
            grad = torch.randn(*x.shape[:-1], 4)
            torch.library.opcheck(backward, (grad, x, weight, list(needs)))


@pytest.mark.parametrize("frozen", [False, True])
def test_compiled_transforms_differentiate_it(frozen):
    torch.manual_seed(0)
    layer = SiteLinear(6, 4).requires_grad_(not frozen)
    x = torch.randn(3, 5, 6)

    def tangent(x):
        return torch.func.jvp(layer, (x,), (x,))[1]

    def gradients(x):
        return torch.func.vmap(torch.func.grad(lambda site: layer(site).square().sum()))(x)

    for function in (tangent, gradients):
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        assert_close(compiled(x), function(x))
    assert_close(tangent(x), F.linear(x, layer.weight))
