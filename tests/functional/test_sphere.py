"""Laws of the sphere, over dimensions, shapes and dtypes; gradients where formulas divide by 0."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from kuramoto_nn.functional import (
    exp_map,
    geodesic_distance,
    normalize,
    project_tangent,
    random_sphere,
)

dims = st.integers(2, 7)
leading = st.lists(st.integers(1, 4), max_size=3)
dtypes = st.sampled_from([torch.float32, torch.float64])
seeds = st.integers(0, 2**32 - 1)


def unit(shape, dim, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    return random_sphere(*shape, dim, generator=generator, dtype=dtype)


@given(dims, leading, dtypes, seeds)
def test_normalized_vectors_have_length_one_and_keep_their_direction(dim, shape, dtype, seed):
    y = torch.randn(*shape, dim, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    x = normalize(y)
    assert x.dtype == dtype
    assert_close(x.norm(dim=-1), torch.ones(shape, dtype=dtype))
    assert_close(x * y.norm(dim=-1, keepdim=True), y)
    assert_close(normalize(x), x)


@given(dims, leading, dtypes, seeds)
def test_projection_is_tangent_idempotent_and_leaves_tangents_alone(dim, shape, dtype, seed):
    x = unit(shape, dim, dtype, seed)
    y = torch.randn(x.shape, dtype=dtype, generator=torch.Generator().manual_seed(seed + 1))
    tangent = project_tangent(x, y)
    zero = torch.zeros(shape, dtype=dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    assert_close((tangent * x).sum(-1), zero, atol=tolerance, rtol=0)
    assert_close(project_tangent(x, tangent), tangent, atol=tolerance, rtol=0)
    assert_close(project_tangent(x, x), torch.zeros_like(x), atol=tolerance, rtol=0)


@given(dims, leading, seeds, st.floats(0, 3.1))
def test_exp_map_moves_by_the_length_of_the_tangent(dim, shape, seed, angle):
    x = unit(shape, dim, torch.float64, seed)
    direction = normalize(project_tangent(x, unit(shape, dim, torch.float64, seed + 1)))
    moved = exp_map(x, angle * direction)
    assert_close(moved.norm(dim=-1), torch.ones(shape, dtype=torch.float64))
    expected = torch.full(shape, angle, dtype=torch.float64)
    assert_close(geodesic_distance(x, moved), expected, atol=1e-9, rtol=1e-9)


@given(dims, seeds)
def test_distance_is_symmetric_zero_at_itself_and_pi_at_the_antipode(dim, seed):
    x, y = unit((3,), dim, torch.float64, seed), unit((3,), dim, torch.float64, seed + 1)
    assert_close(geodesic_distance(x, y), geodesic_distance(y, x))
    assert_close(geodesic_distance(x, x), torch.zeros(3, dtype=torch.float64), atol=1e-11, rtol=0)
    assert_close(geodesic_distance(x, -x), torch.full((3,), np.pi, dtype=torch.float64))
    assert_close(geodesic_distance(x, y), (x * y).sum(-1).clamp(-1, 1).acos(), atol=1e-7, rtol=1e-7)


def test_small_angles_keep_their_digits():
    angle = torch.tensor(1e-9, dtype=torch.float64)
    x = torch.tensor([1.0, 0.0], dtype=torch.float64)
    y = torch.stack((angle.cos(), angle.sin()))
    assert_close(geodesic_distance(x, y), angle, rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    "function",
    [
        normalize,
        lambda v: exp_map(torch.tensor([1.0, 0.0, 0.0], dtype=v.dtype), v),
        lambda v: geodesic_distance(v + torch.tensor([1.0, 0.0, 0.0], dtype=v.dtype), v),
        lambda v: geodesic_distance(v, v.detach()),
    ],
    ids=["normalize", "exp_map", "distance", "distance to itself"],
)
def test_gradients_at_the_zero_vector_are_finite(function, dtype):
    v = torch.zeros(3, dtype=dtype, requires_grad=True)
    function(v).sum().backward()
    assert v.grad is not None and v.grad.isfinite().all()


def test_gradients_agree_with_finite_differences():
    x, v = (torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(normalize, (x,))
    assert torch.autograd.gradcheck(lambda x, v: exp_map(normalize(x), v), (x, v))
    assert torch.autograd.gradcheck(lambda x, v: geodesic_distance(normalize(x), v), (x, v))


def test_half_precision_is_normalised_in_float32():
    x = normalize(torch.full((2,), 300.0, dtype=torch.float16))  # 300^2 overflows float16
    assert x.dtype == torch.float16
    assert_close(x, torch.full((2,), 0.5**0.5, dtype=torch.float16))


def test_random_points_are_uniform_and_follow_the_generator():
    first, again = (
        random_sphere(20_000, 3, generator=torch.Generator().manual_seed(1)) for _ in "ab"
    )
    assert_close(first, again)
    assert first.mean(0).abs().max() < 0.02
    assert_close(first.T @ first / len(first), torch.eye(3) / 3, atol=0.02, rtol=0)


@pytest.mark.parametrize("length", [2e-12, 1e-6, 1e6, 1e19, 3e24])
def test_lengths_whose_squares_leave_float32_are_normalised(length):
    x = length * torch.tensor([[0.6, -0.8], [0.0, 1.0]])
    assert_close(normalize(x), torch.tensor([[0.6, -0.8], [0.0, 1.0]]))
    x, v = torch.tensor([1.0, 0.0]), torch.tensor([0.0, length])
    assert_close(exp_map(x, v).norm(), torch.tensor(1.0))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_only_floating_point_is_normalised(dtype):
    with pytest.raises(ValueError, match=f"`x` must be floating point: got {dtype}; try x.float"):
        normalize(torch.ones(2, dtype=dtype))
