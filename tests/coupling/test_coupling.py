"""Couplings: against loops written from the formulas, symmetries, layout, and wrong input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.testing import assert_close

from kuramoto_nn._ops.linear import SiteLinear
from kuramoto_nn.coupling import (
    AttentionCoupling,
    ConvCoupling,
    GeometricTransform,
    SinCosEmbedding,
)


@given(st.integers(1, 3), st.sampled_from([1, 3, 5]), st.integers(0, 100))
def test_convolution_equals_a_loop_over_the_kernel(ndim, kernel_size, seed):
    torch.manual_seed(seed)
    coupling = ConvCoupling(3, kernel_size, ndim=ndim).double()
    size = (5, 4, 3)[:ndim]
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = coupling.bias.detach().view(1, 3, *(1,) * ndim).expand(x.shape).clone()
    half = kernel_size // 2
    for site in np.ndindex(*size):
        for offset in np.ndindex(*(kernel_size,) * ndim):
            other = tuple(s + d - half for s, d in zip(site, offset, strict=True))
            if all(0 <= s < n for s, n in zip(other, size, strict=True)):
                weight = coupling.weight[(slice(None), slice(None), *offset)].detach()
                expected[(slice(None), slice(None), *site)] += (
                    x[(slice(None), slice(None), *other)] @ weight.T
                )
    assert_close(coupling(x), expected)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_convolution_commutes_with_shifts_away_from_the_border(ndim):
    coupling = ConvCoupling(4, 3, ndim=ndim)
    x = torch.zeros(1, 4, *(9,) * ndim)
    x[(slice(None), slice(None), *(slice(3, 5),) * ndim)] = torch.randn(1, 4, *(2,) * ndim)
    axes = tuple(range(2, 2 + ndim))
    shifted = coupling(x.roll((1,) * ndim, axes))
    assert_close(shifted, coupling(x).roll((1,) * ndim, axes))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_site_major_memory_stays_site_major(ndim):
    size = (5, 4, 3)[:ndim]
    x = torch.randn(2, *size, 8).movedim(-1, 1)
    couplings = [ConvCoupling(8, 3, ndim=ndim), AttentionCoupling(8, 2)]
    if ndim == 2:
        couplings.append(AttentionCoupling(8, 2, position=GeometricTransform((5, 4), head_dim=4)))
    for coupling in couplings:
        out = coupling(x)
        assert out.shape == x.shape
        assert out.movedim(1, -1).is_contiguous(), coupling
        assert_close(out, coupling(x.contiguous()))


def attention_oracle(coupling: AttentionCoupling, x: torch.Tensor) -> np.ndarray:
    """Softmax attention with GTA, one site, head and pair at a time."""
    tokens = x.flatten(2).transpose(1, 2).detach().numpy()
    batch, sites, channels = tokens.shape
    heads, head_dim = coupling.num_heads, channels // coupling.num_heads
    weight, bias = (p.detach().numpy() for p in (coupling.qkv.weight, coupling.qkv.bias))
    rho = None
    if coupling.position is not None:
        rho = coupling.position.weight.detach().flatten(1, 2).numpy()

    def transform(vector: np.ndarray, kind: int, site: int) -> np.ndarray:
        if rho is None:
            return vector
        half, out = len(vector) // 2, np.empty_like(vector)
        for p in range(half):
            matrix = np.array(
                [
                    [rho[0, site, kind, 0, p], rho[1, site, kind, 0, p]],
                    [rho[1, site, kind, 1, p], rho[0, site, kind, 1, p]],
                ]
            )
            out[[p, half + p]] = matrix @ vector[[p, half + p]]
        return out

    out = np.zeros_like(tokens)
    for b in range(batch):
        for h in range(heads):
            rows = [
                np.arange(k * channels + h * head_dim, k * channels + (h + 1) * head_dim)
                for k in range(3)
            ]
            q, k, v = (
                np.array(
                    [transform(weight[r] @ t + bias[r], kind, s) for s, t in enumerate(tokens[b])]
                )
                for kind, r in enumerate(rows)
            )
            score = np.exp(q @ k.T / math.sqrt(head_dim))
            mixed = score / score.sum(1, keepdims=True) @ v
            for s in range(sites):
                out[b, s, h * head_dim : (h + 1) * head_dim] = transform(mixed[s], 3, s)
    out = out @ coupling.out.weight.detach().numpy().T + coupling.out.bias.detach().numpy()
    return out.transpose(0, 2, 1).reshape(x.shape)


@pytest.mark.parametrize("gta", [False, True])
def test_attention_equals_loops_over_sites_heads_and_pairs(gta):
    torch.manual_seed(0)
    position = GeometricTransform((2, 3), head_dim=6) if gta else None
    coupling = AttentionCoupling(12, 2, position=position).double()
    if position is not None:
        torch.nn.init.normal_(position.weight)
    x = torch.randn(2, 12, 2, 3, dtype=torch.float64)
    assert_close(coupling(x), torch.from_numpy(attention_oracle(coupling, x)))


def test_attention_without_positions_does_not_know_where_sites_are():
    coupling = AttentionCoupling(8, 2).double()
    x = torch.randn(2, 8, 10, dtype=torch.float64)
    order = torch.randperm(10)
    assert_close(coupling(x[:, :, order]), coupling(x)[:, :, order])


@pytest.mark.parametrize("grid", [(5, 6), (7, 3)])
@pytest.mark.parametrize("head_dim", [8, 6])
def test_gta_starts_as_the_rotations_of_the_facts(grid, head_dim):
    position = GeometricTransform(grid, head_dim=head_dim)
    frequencies = -(-head_dim // 4)
    for row in range(grid[0]):
        for col in range(grid[1]):
            for pair in range(head_dim // 2):
                speed = 10000 ** (-(pair // 2) / frequencies)
                angle = torch.tensor(speed * (row, col)[pair % 2])
                diagonal, rest = position.weight[:, row, col, :, :, pair]
                assert_close(diagonal, angle.cos().expand(4, 2))
                turn = torch.stack((-angle.sin(), angle.sin()))
                assert_close(rest, torch.stack((turn, turn, turn, -turn)))


def test_gta_has_all_derivatives_and_transforms():
    torch.manual_seed(0)
    position = GeometricTransform((2, 2), head_dim=4)
    coupling = AttentionCoupling(8, 2, position=position).double()
    x = torch.randn(1, 8, 2, 2, dtype=torch.float64)
    with sdpa_kernel(SDPBackend.MATH):
        assert torch.autograd.gradcheck(coupling, x.clone().requires_grad_())
        hessian = torch.func.hessian(lambda x: coupling(x).square().sum())(x)
        assert hessian.shape == (1, 8, 2, 2, 1, 8, 2, 2) and hessian.isfinite().all()
        jacobian = torch.autograd.functional.jacobian(coupling, x, vectorize=True)
        assert_close(jacobian, torch.func.jacfwd(coupling)(x))
        assert_close(torch.func.vmap(coupling)(torch.stack((x, 2 * x)))[1], coupling(2 * x))


def test_gta_starts_out_relative():
    """With its initial rotations, attention depends on differences of positions only."""
    grid, shift = (6, 6), (2, 1)
    position = GeometricTransform(grid, head_dim=8)
    vectors = torch.randn(1, 36, 3, 1, 8)
    moved = torch.arange(36).view(grid)
    window = (
        moved[:4, :5].flatten(),
        moved[shift[0] : shift[0] + 4, shift[1] : shift[1] + 5].flatten(),
    )

    def attend(sites: torch.Tensor) -> torch.Tensor:
        placed = torch.zeros(1, 36, 3, 1, 8)
        placed[:, sites] = vectors[:, :20]
        q, k, v = position.transform_inputs(placed, grid)[:, sites, :, 0].unbind(2)
        mixed = torch.zeros(1, 36, 1, 8)
        mixed[:, sites, 0] = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return position.transform_output(mixed, grid)[:, sites]

    assert_close(attend(window[0]), attend(window[1]), atol=1e-5, rtol=1e-5)


def test_positions_resize_to_other_grids():
    position = GeometricTransform((4, 4), head_dim=4)
    coupling = AttentionCoupling(8, 2, position=position)
    assert coupling(torch.randn(1, 8, 7, 9)).shape == (1, 8, 7, 9)
    coarse = position.weight.detach().flatten(3)[0, :, :, 0]
    fine = torch.nn.functional.interpolate(coarse[None, None], size=(8, 8), mode="bilinear")
    assert_close(position.resized((8, 8))[0, :, :, 0, 0, 0], fine[0, 0])
    embedding = SinCosEmbedding(8, (4, 4))
    maps = embedding.weight.detach()[None]
    expected = torch.nn.functional.interpolate(maps, size=(6, 5), mode="bilinear")
    assert_close(embedding(torch.ones(1, 8, 6, 5)), 1 + expected)
    assert_close(embedding.resized((6, 5)), expected[0])
    assert embedding.resized((4, 4)) is embedding.weight
    assert position.resized((4, 4)) is position.weight


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (ConvCoupling(8, 3), "8, 3"),
        (ConvCoupling(8, 5, ndim=1, bias=False), "8, 5, ndim=1, bias=False"),
        (AttentionCoupling(8, 2, position=GeometricTransform((2, 3), head_dim=4)), "8, 2"),
        (GeometricTransform((2, 3), head_dim=4), "(2, 3), head_dim=4"),
        (SinCosEmbedding(8, (2, 3)), "8, (2, 3)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_reads_like_the_call(module, text):
    assert module.extra_repr() == text


def test_sine_cosine_embedding_tells_all_sites_apart():
    weight = SinCosEmbedding(16, (9, 11)).weight.detach().flatten(1).T
    distance = torch.cdist(weight, weight) + 10 * torch.eye(len(weight))
    assert distance.min() > 0.1
    assert_close(weight.square().sum(1), torch.full((99,), 8.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AttentionCoupling(30, 4), "`num_heads` must divide `channels`: got 4.*try"),
        (lambda: AttentionCoupling(8, 0), "`num_heads` must divide"),
        (
            lambda: AttentionCoupling(8, 2, position=GeometricTransform((2, 2), head_dim=8)),
            "head dimension.*got 8, expected 8 / 2 = 4",
        ),
        (lambda: GeometricTransform((2, 2), head_dim=3), "`head_dim` must be even.*got 3"),
        (lambda: GeometricTransform((0, 2), head_dim=4), "`grid` must be"),
        (lambda: SinCosEmbedding(6, (2, 2)), "multiple of 4.*got 6"),
        (lambda: SinCosEmbedding(8, (2, 0)), "`grid` must be"),
        (lambda: ConvCoupling(8, 4), "`kernel_size` must be odd.*got 4; try 5"),
        (lambda: ConvCoupling(8, 3, ndim=4), "`ndim` must be 1, 2 or 3.*got 4"),
        (
            lambda: ConvCoupling(8, 3)(torch.zeros(1, 8, 5)),
            r"\(B, 8, \*S\) with 2 spatial axes.*\(1, 8, 5\)",
        ),
        (lambda: SinCosEmbedding(8, (2, 2))(torch.zeros(1, 4, 2, 2)), r"must be \(B, 8, H, W\)"),
        (
            lambda: AttentionCoupling(8, 2, position=GeometricTransform((2, 2), head_dim=4))(
                torch.zeros(1, 8, 4)
            ),
            r"\(B, C, H, W\) with a GeometricTransform",
        ),
    ],
)
def test_wrong_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("shape", [(2, 5, 16), (3, 4, 5, 16), (16,), (0, 5, 16)])
def test_site_linear_is_a_linear_map_with_all_its_gradients(shape):
    torch.manual_seed(0)
    ours = SiteLinear(16, 24)
    plain = torch.nn.Linear(16, 24)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(shape)
    gradients = []
    for module in (ours, plain):
        given = x.clone().requires_grad_()
        out = module(given)
        assert out.shape == (*shape[:-1], 24) and out.is_contiguous()
        out.square().sum().backward()
        gradients.append([out, given.grad, module.weight.grad, module.bias.grad])
    for mine, theirs in zip(*gradients, strict=True):
        assert_close(mine, theirs, atol=1e-4, rtol=1e-4)
    transposed = torch.randn(16, 7).T  # not contiguous
    assert_close(ours(transposed), plain(transposed), atol=1e-5, rtol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
    assert ours.double()(x.double()).dtype == torch.float64
