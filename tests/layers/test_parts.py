"""Frequencies, norms, readout, embedding and head."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from kuramoto_nn import NaturalFrequency, NormReadout
from kuramoto_nn.layers import (
    FeedForwardReadout,
    OscillatorNorm,
    PatchEmbed,
    PooledHead,
    ScaleBias,
    SiteNorm,
)


@given(
    dim=st.integers(2, 7),
    num_oscillators=st.integers(1, 3),
    shared=st.booleans(),
    planes=st.sampled_from([None, "all"]),
)
def test_frequencies_apply_a_skew_symmetric_generator(dim, num_oscillators, shared, planes):
    torch.manual_seed(0)
    frequency = NaturalFrequency(dim * num_oscillators, dim, shared=shared, planes=planes).double()
    torch.nn.init.normal_(frequency.weight)
    omega = frequency.matrix()
    assert omega.shape == ((dim, dim) if shared else (num_oscillators, dim, dim))
    assert_close(omega, -omega.mT)
    x = torch.randn(2, 5, num_oscillators, dim, dtype=torch.float64)
    turned = frequency(x)
    assert_close(turned, (omega @ x.unsqueeze(-1)).squeeze(-1))
    assert (turned * x).sum(-1).abs().max() < 1e-12


def test_both_kinds_start_as_the_same_rotation():
    x = torch.randn(3, 2, 4)
    paired = NaturalFrequency(8, 4, init=0.3)
    every = NaturalFrequency(8, 4, init=0.3, planes="all")
    assert_close(paired(x), every(x))
    assert_close(paired(x)[..., 0], 0.3 * x[..., 1])
    assert_close(paired(x)[..., 1], -0.3 * x[..., 0])


def test_parameter_counts_of_frequencies():
    counts = {
        (4, True, None): 2,
        (4, False, None): 2 * 2 * 3,
        (4, True, "all"): 6,
        (3, False, None): 3 * 4,
    }
    for (dim, shared, planes), count in counts.items():
        frequency = NaturalFrequency(12, dim, shared=shared, planes=planes)
        assert sum(p.numel() for p in frequency.parameters()) == count


def test_oscillator_norm_is_over_one_oscillator_and_all_sites():
    normed = OscillatorNorm(8, 4)(3 + 2 * torch.randn(2, 8, 50, 50)).detach()
    groups = normed.unflatten(1, (2, 4)).flatten(2)
    assert_close(groups.mean(-1), torch.zeros(2, 2), atol=1e-5, rtol=0)
    assert_close(groups.var(-1, correction=0), torch.ones(2, 2), atol=1e-3, rtol=0)


def test_scale_bias_acts_per_channel_on_any_rank():
    norm = ScaleBias(3)
    norm.load_state_dict({"weight": torch.tensor([1.0, 2, 3]), "bias": torch.tensor([0.0, 1, 2])})
    for shape in [(2, 3), (2, 3, 4), (2, 3, 4, 5)]:
        out = norm(torch.ones(shape)).movedim(1, -1)
        assert_close(out, torch.tensor([1.0, 3, 5]).expand(out.shape))


def test_site_norm_is_layer_norm_over_channels():
    x = torch.randn(2, 6, 3, 4)
    normed = SiteNorm(6)(x).detach()
    assert_close(normed.mean(1), torch.zeros(2, 3, 4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_readout_is_the_length_of_the_mix_plus_bias(kernel_size):
    readout = NormReadout(8, 3, 4, kernel_size)
    torch.nn.init.normal_(readout.bias)
    x = torch.randn(2, 8, 5, 6)
    mix = readout.mix
    weight = mix.weight if mix.weight.ndim == 4 else mix.weight[:, :, None, None]
    mixed = torch.nn.functional.conv2d(x, weight, mix.bias, padding=kernel_size // 2)
    expected = mixed.unflatten(1, (3, 4)).norm(dim=2) + readout.bias[:, None, None]
    assert_close(readout(x), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_readout_keeps_its_dtype(dtype):
    assert NormReadout(8, 3, 4).to(dtype)(torch.randn(2, 8, 7, dtype=dtype)).dtype == dtype


def test_readout_takes_tokens_and_its_gradient_at_zero_is_finite():
    readout = NormReadout(8, 3, 4)
    assert readout(torch.randn(2, 8, 7)).shape == (2, 3, 7)
    torch.nn.init.zeros_(readout.mix.weight)
    torch.nn.init.zeros_(readout.mix.bias)
    readout(torch.randn(2, 8, 7)).sum().backward()
    assert readout.mix.weight.grad.isfinite().all()


@pytest.mark.parametrize(("kernel_size", "norm"), [(1, None), (3, nn.BatchNorm2d)])
def test_feed_forward_readout_is_its_formula(kernel_size, norm):
    torch.manual_seed(0)
    readout = FeedForwardReadout(8, 6, 2, kernel_size, norm=norm).eval()
    x = torch.randn(2, 8, 5, 5)

    def unit(y, modules):
        *before, _, convolve = modules
        for module in before:
            y = (y - module.running_mean.view(-1, 1, 1)) / (1 + module.eps) ** 0.5
        y = y.clamp_min(0)
        return nn.functional.conv2d(y, convolve.weight, convolve.bias, padding=kernel_size // 2)

    m = readout.readout(x)
    y = m + unit(unit(m, readout.residual[0]), readout.residual[1])
    assert_close(readout(x), unit(y, readout.out))


def test_a_frozen_frequency_is_not_trained():
    assert not NaturalFrequency(8, 2, trainable=False).weight.requires_grad
    assert NaturalFrequency(8, 2).weight.requires_grad


def test_patch_embedding_sees_pixels_from_minus_one_to_one():
    embed = PatchEmbed(4, 5)
    images = torch.rand(2, 3, 8, 12)
    patch = 2 * images[1, :, 4:8, 8:12] - 1
    expected = (embed.conv.weight * patch).sum((1, 2, 3)) + embed.conv.bias
    assert_close(embed(images)[1, :, 1, 2], expected)


@pytest.mark.parametrize(("pool", "function"), [("max", torch.amax), ("mean", torch.mean)])
def test_head_pools_all_sites(pool, function):
    head = PooledHead(4, 3, 8, pool=pool)
    x = torch.randn(2, 4, 5, 6)
    expected = head.out(head.hidden(function(x, (2, 3))).relu())
    assert_close(head(x), expected)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (NaturalFrequency(8, 4), "8, 4"),
        (NaturalFrequency(9, 3, planes="all", trainable=False), "9, 3, trainable=False"),
        (NaturalFrequency(8, 4, planes="all", init=0.5), "8, 4, init=0.5, planes='all'"),
        (OscillatorNorm(8, 4), "8, 4"),
        (ScaleBias(3), "3"),
        (SiteNorm(8, eps=1e-3), "8, eps=0.001"),
        (NormReadout(8, 3, 4), "8, 3, 4"),
        (NormReadout(8, 3, 4, 3), "8, 3, 4, kernel_size=3"),
        (PatchEmbed(4, 16, in_channels=1), "4, 16, in_channels=1"),
        (PooledHead(8, 6, 32, pool="mean"), "8, 6, 32, pool='mean'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_reads_like_the_call(module, text):
    assert module.extra_repr() == text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NaturalFrequency(9, 4), "divisible"),
        (lambda: NaturalFrequency(3, 1), "at least 2"),
        (lambda: NaturalFrequency(9, 3, planes="paired"), 'needs an even.*got 3; try planes="all"'),
        (
            lambda: NaturalFrequency(8, 4, init=0.0),
            '`init` must be positive.*got 0.0; try planes="all"',
        ),
        (lambda: NaturalFrequency(8, 4, planes="some"), '"paired", "all" or None: got \'some\''),
        (lambda: NaturalFrequency(4, 4)(torch.zeros(2, 3, 4)), r"1, 4\).*4 channels: got.*2, 3, 4"),
        (lambda: OscillatorNorm(9, 4), "divisible"),
        (lambda: NormReadout(9, 3, 4), "divisible"),
        (lambda: NormReadout(8, 3, 4, 2), "`kernel_size` must be odd.*got 2; try 3"),
        (lambda: PooledHead(4, 4, 4, pool="sum"), '"max" or "mean": got \'sum\''),
        (
            lambda: PatchEmbed(4, 8)(torch.zeros(2, 3, 10, 8)),
            "multiples of the patch size 4.*10 x 8",
        ),
        (lambda: PatchEmbed(4, 8)(torch.zeros(2, 1, 8, 8)), r"\(B, 3, H, W\).*\(2, 1, 8, 8\)"),
        (lambda: PatchEmbed(4, 8)(torch.zeros(2, 3, 8, 8).byte()), "try images / 255"),
    ],
)
def test_wrong_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
