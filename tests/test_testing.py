"""Assertions of `kuramoto_nn.testing`: right modules pass, wrong ones show a counterexample."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kuramoto_nn import KuramotoLayer, NaturalFrequency
from kuramoto_nn.coupling import AttentionCoupling, ConvCoupling
from kuramoto_nn.functional import exponential, normalize
from kuramoto_nn.testing import (
    assert_energy_descends,
    assert_keeps_shape,
    assert_on_sphere,
    assert_rotation_equivariant,
    assert_symmetric,
)


class MeanField(nn.Module):
    """J x = mean of x over the sites."""

    def forward(self, x):
        return x.mean(tuple(range(2, x.ndim)), keepdim=True).expand_as(x)


SITES = st.lists(st.integers(1, 4), min_size=1, max_size=3)
DTYPES = st.sampled_from([torch.float32, torch.float64])


def random(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@given(dim=st.integers(2, 5), count=st.integers(1, 3), sites=SITES, dtype=DTYPES)
def test_a_mean_field_keeps_every_law(dim, count, sites, dtype):
    x, c = random(2, 2, dim * count, *sites, dtype=dtype)
    layer = KuramotoLayer(
        MeanField(), channels=dim * count, oscillator_dim=dim, step_size=0.3, integrator=exponential
    )
    assert_on_sphere(layer(x, c), dim)
    assert_keeps_shape(layer.coupling, x)
    assert_symmetric(layer.coupling, x)
    assert_rotation_equivariant(layer.coupling, x, dim)
    assert_rotation_equivariant(lambda x: layer(x, torch.zeros_like(x)), x, dim)
    assert_energy_descends(layer, x, c, num_steps=20)


def test_the_worst_oscillator_is_named():
    x = normalize(random(2, 3, 5, 2, 4)).flatten(3).movedim(3, 1)[:, :, 0]  # (2, 8, 5), N = 4
    x = x.contiguous()
    x[1, 4:, 3] = torch.tensor([3.0, 0.0, 0.0, 0.0])
    with pytest.raises(AssertionError, match=r"oscillator 1 of x\[1, :, 3\] has norm 3, not 1"):
        assert_on_sphere(x, 4)


def test_nan_is_no_unit_vector():
    with pytest.raises(AssertionError, match="has norm nan"):
        assert_on_sphere(torch.full((1, 4, 2), torch.nan), 4)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Conv2d(4, 4, 3), r"the shape changes: \(2, 4, 6, 6\) becomes \(2, 4, 4, 4\)"),
        (lambda x: x.double(), "the dtype changes: torch.float32 becomes torch.float64"),
        (lambda x: x if len(x) else x.sum(), r"\(0, 4, 6, 6\) becomes \(\)"),
        (nn.ReLU(inplace=True), "overwrites its input; try"),
    ],
)
def test_a_changed_shape_dtype_or_input_is_named(module, message):
    with pytest.raises(AssertionError, match=message):
        assert_keeps_shape(module, random(2, 4, 6, 6))


def test_an_input_with_nan_is_not_taken_for_overwritten():
    assert_keeps_shape(nn.ReLU(), torch.full((2, 4, 6, 6), torch.nan))


def test_a_convolution_is_neither_equivariant_nor_symmetric():
    x, coupling = random(2, 8, 5, 5), ConvCoupling(8, 3)
    with pytest.raises(AssertionError, match=r"f\(R x\) differs from R f\(x\) most at \("):
        assert_rotation_equivariant(coupling, x, 4)
    coupling.bias = None
    with pytest.raises(AssertionError, match=r"<u, J v> = .* differs from <J u, v> ="):
        assert_symmetric(coupling, x)


def test_attention_is_not_linear():
    with pytest.raises(AssertionError, match=r"J\(u - 2 v\) differs from J u - 2 J v most at"):
        assert_symmetric(AttentionCoupling(8, 2), random(2, 8, 5))


def test_an_increase_of_the_energy_is_shown():
    frequency = NaturalFrequency(4, 2, init=3.0)
    layer = KuramotoLayer(MeanField(), channels=4, oscillator_dim=2, frequency=frequency)
    x, c = random(2, 3, 4, 6)
    with pytest.raises(AssertionError, match=r"sample \d increases in step \d+: from .* to "):
        assert_energy_descends(layer, x, c, num_steps=30)
    assert_energy_descends(layer, x, c, num_steps=0)


def test_gradients_and_the_global_generator_are_left_alone():
    coupling, x = ConvCoupling(4, 3), random(1, 4, 5, 5)
    state = torch.random.get_rng_state()
    with pytest.raises(AssertionError):
        assert_symmetric(coupling, x, generator=torch.Generator().manual_seed(1))
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(parameter.grad is None for parameter in coupling.parameters())
