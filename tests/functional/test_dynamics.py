"""The Kuramoto equation against closed forms, integrators by their measured order."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from kuramoto_nn.functional import (
    energy,
    euler,
    exponential,
    from_oscillators,
    heun,
    local_order_parameter,
    normalize,
    order_parameter,
    random_sphere,
    rotate,
    rotate_planes,
    to_oscillators,
    velocity,
)


def two_phases(step_size, integrator, phase=2.0, time=1.0):
    """Difference of two oscillators that pull at each other, after ``time``."""
    angles = torch.tensor([0.0, phase], dtype=torch.float64)
    x = torch.stack((angles.cos(), angles.sin()), -1)

    def field(x):
        return velocity(x, x.flip(0))

    for _ in range(round(time / step_size)):
        x = integrator(x, field(x), field, step_size)
    return torch.atan2(x[1, 1], x[1, 0]) - torch.atan2(x[0, 1], x[0, 0])


def closed_form(phase=2.0, time=1.0):
    return 2 * math.atan(math.tan(phase / 2) * math.exp(-2 * time))


@pytest.mark.parametrize("integrator", [euler, exponential, heun])
def test_two_coupled_phases_obey_the_closed_form(integrator):
    difference = two_phases(1e-3, integrator)
    assert abs(difference.item() - closed_form()) < 1e-3


@pytest.mark.parametrize(("integrator", "order"), [(euler, 1), (exponential, 1), (heun, 2)])
def test_order_of_convergence(integrator, order):
    steps = torch.tensor([2.0**-k for k in range(4, 10)], dtype=torch.float64)
    errors = torch.stack(
        [(two_phases(h, integrator) - closed_form()).abs() for h in steps.tolist()]
    )
    x, y = steps.log(), errors.log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    assert abs(slope.item() - order) < 0.1


@given(st.integers(1, 4), st.integers(0, 1000))
def test_planes_turn_like_their_block_diagonal_generator(num_planes, seed):
    generator = torch.Generator().manual_seed(seed)
    speed = torch.randn(num_planes, generator=generator, dtype=torch.float64)
    block = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    omega = torch.block_diag(*(w * block for w in speed))
    x = random_sphere(5, 2 * num_planes, generator=generator, dtype=torch.float64)
    assert_close(rotate_planes(x, speed), rotate(x, omega))


def test_rotation_alone_turns_at_its_speed():
    x, omega = torch.tensor([1.0, 0.0], dtype=torch.float64), 0.7

    def field(x):
        return rotate_planes(x, torch.tensor([omega]))

    for _ in range(1000):
        x = exponential(x, field(x), field, 1e-3)
    expected = torch.tensor([math.cos(omega), -math.sin(omega)], dtype=torch.float64)
    assert_close(x, expected, atol=1e-6, rtol=0)


@given(st.integers(2, 5), st.integers(0, 1000))
def test_velocity_is_tangent(dim, seed):
    generator = torch.Generator().manual_seed(seed)
    x = random_sphere(4, dim, generator=generator, dtype=torch.float64)
    force = torch.randn(4, dim, generator=generator, dtype=torch.float64)
    skew = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    moved = velocity(x, force, rotate(x, skew - skew.T))
    assert (moved * x).sum(-1).abs().max() < 1e-12


def test_energy_by_hand_and_in_float32_for_half_precision():
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    jx = torch.tensor([[2.0, 5.0], [7.0, 4.0]])
    c = torch.tensor([[0.5, 0.0], [0.0, 3.0]])
    assert_close(energy(x, jx, c), torch.tensor([-1.5, -5.0]))
    many = torch.ones(1, 100_000, dtype=torch.bfloat16)
    assert_close(energy(many, many, 0 * many), torch.tensor([-50_000.0]))


@given(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 3), st.integers(1, 4))
def test_oscillator_view_round_trips(space, num_oscillators, dim):
    x = torch.arange(2 * math.prod(space) * num_oscillators * dim).view(
        2, num_oscillators * dim, *space
    )
    view = to_oscillators(x, dim)
    assert view.shape == (2, *space, num_oscillators, dim)
    assert torch.equal(from_oscillators(view), x)
    assert (
        view[(1, *(0,) * len(space), 0)].tolist() == x[(1, slice(dim), *(0,) * len(space))].tolist()
    )


def test_the_view_of_site_major_memory_is_no_copy():
    x = torch.randn(2, 8, 5, 6).to(memory_format=torch.channels_last)
    view = to_oscillators(x, 4)
    assert view.data_ptr() == x.data_ptr()
    assert from_oscillators(view).data_ptr() == x.data_ptr()


def test_order_is_one_in_synchrony_and_small_in_noise():
    same = torch.tensor([1.0, 0.0, 0.0]).expand(2, 6, 6, 4, 3)
    assert_close(order_parameter(same, dim=(1, 2)), torch.ones(2, 4))
    assert_close(local_order_parameter(same), torch.ones(2, 6, 6, 4))
    noise = random_sphere(2, 40, 40, 4, 3, generator=torch.Generator().manual_seed(0))
    assert order_parameter(noise, dim=(1, 2)).max() < 0.1
    assert 0.1 < local_order_parameter(noise).mean() < 0.5


def test_local_order_sees_domains():
    x = torch.zeros(1, 4, 8, 1, 2)
    x[:, :, :4, :, 0], x[:, :, 4:, :, 1] = 1, 1
    order = local_order_parameter(x)[0, 0, :, 0]
    assert_close(order[[0, 1, 6, 7]], torch.ones(4))
    assert_close(order[3], normalize(torch.tensor([2.0, 1.0])).new_tensor(5**0.5 / 3))


@pytest.mark.parametrize("axis", [np.int64(1), np.array(1), torch.tensor(1)])
def test_an_axis_of_numpy_or_torch_is_a_number(axis):
    x = random_sphere(2, 5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(order_parameter(x, dim=axis), order_parameter(x, dim=1))


def test_order_names_what_is_wrong():
    with pytest.raises(ValueError, match="last axis"):
        order_parameter(torch.zeros(3, 2), dim=-1)
    with pytest.raises(ValueError, match=r"\(B, H, W, K, N\)"):
        local_order_parameter(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="odd"):
        local_order_parameter(torch.zeros(1, 2, 2, 1, 2), window=2)
