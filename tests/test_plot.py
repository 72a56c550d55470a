"""Pictures: the laws of phase colours, the palette, and figures that build without a display."""

import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from kuramoto_nn.functional import from_oscillators, random_sphere
from kuramoto_nn.plot import (
    label_colors,
    phase_colors,
    phase_plane,
    plane_colors,
    plot_segmentation,
    plot_trajectory,
)

SHAPES = st.tuples(
    st.integers(0, 4), st.integers(1, 6), st.integers(2, 5), st.integers(1, 5), st.integers(1, 5)
)


def random_states(steps, count, dim, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = random_sphere(
        steps + 1, height, width, count, dim, generator=generator, dtype=torch.float64
    )
    return from_oscillators(x)


def grouped_states(seed=0):
    """Noise, then four groups of sites, each in synchrony; and the groups."""
    noise = random_states(0, 8, 4, 6, 6, seed)
    poses = random_states(0, 8, 4, 2, 2, seed + 1)
    groups = torch.arange(36).view(6, 6) % 4
    return torch.cat((noise, poses.flatten(2)[:, :, groups])), groups


@given(SHAPES, st.integers(0, 99))
def test_phase_colors_are_colors(shape, seed):
    states = random_states(*shape, seed=seed)
    colors = phase_colors(states, shape[2])
    assert colors.shape == (shape[0] + 1, *shape[3:], 3)
    assert colors.min() >= 0 and colors.max() <= 1
    assert phase_plane(states, shape[2]).norm(dim=-1).max() <= 1


@given(SHAPES, st.integers(0, 99))
def test_a_single_state_is_the_last_of_a_trajectory(shape, seed):
    states = random_states(*shape, seed=seed)
    assert_close(phase_colors(states[-1], shape[2]), phase_colors(states, shape[2])[-1])


def test_sites_in_synchrony_share_a_color_and_groups_differ():
    states, groups = grouped_states()
    colors = phase_colors(states, 4)[-1]
    means = torch.stack([colors[groups == group].mean(0) for group in range(4)])
    assert_close(colors, means[groups])
    assert torch.pdist(means).min() > 0.1


def test_noise_looks_like_noise():
    states, groups = grouped_states()
    first = phase_colors(states, 4)[0]
    assert all(first[groups == group].std(0).mean() > 0.05 for group in range(4))


def test_rotating_all_oscillators_alike_changes_no_color():
    states, _ = grouped_states()
    generator = torch.Generator().manual_seed(5)
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    rotated = torch.einsum("mn,tknhw->tkmhw", rotation, states.unflatten(1, (8, 4)))
    assert_close(phase_colors(rotated.flatten(1, 2), 4), phase_colors(states, 4))


def test_moving_sites_moves_their_colors():
    states, _ = grouped_states()
    order = torch.randperm(36, generator=torch.Generator().manual_seed(5))
    moved = states.flatten(2)[:, :, order].view_as(states)
    expected = phase_colors(states, 4).flatten(1, 2)[:, order]
    assert_close(phase_colors(moved, 4).flatten(1, 2), expected)


def test_full_synchrony_is_the_centre():
    everywhere = random_states(2, 8, 4, 1, 1).expand(3, 32, 5, 5).float()
    assert_close(phase_plane(everywhere, 4), torch.zeros(3, 5, 5, 2))


def test_a_single_planar_oscillator_shows_its_own_phase():
    states = random_states(3, 5, 2, 4, 4)
    plane = phase_plane(states, 2, oscillator=3)
    angle = torch.atan2(states[:, 7], states[:, 6])
    assert_close(torch.atan2(plane[..., 1], plane[..., 0]), angle)
    assert phase_colors(random_states(3, 5, 3, 4, 4), 3, oscillator=4).shape == (4, 4, 4, 3)


def test_the_wheel_has_no_seam():
    angle = torch.linspace(0, 2 * torch.pi, 361)
    wheel = plane_colors(torch.stack((angle.cos(), angle.sin()), -1))
    assert (wheel[1:] - wheel[:-1]).abs().max() < 0.03
    assert_close(wheel[0], wheel[-1])


def test_half_precision_and_gradients_pass():
    states = random_states(2, 8, 4, 4, 4).bfloat16().requires_grad_()
    assert phase_colors(states, 4).dtype == torch.float32


def test_labels_have_distinct_colors():
    colors = label_colors(torch.arange(-1, 13))
    assert torch.pdist(colors).min() > 0.15
    assert_close(label_colors(torch.tensor([13])), label_colors(torch.tensor([1])))
    assert_close(label_colors(torch.tensor([-7])), label_colors(torch.tensor([-1])))


def test_labels_without_a_background_use_the_palette_from_the_start():
    labels = torch.arange(12).view(3, 4)
    assert_close(label_colors(labels, background=None), label_colors(labels + 1))


def test_figures_build():
    states, groups = grouped_states()
    figure = plot_trajectory(states, torch.tensor([0.0, -3.0], dtype=torch.float64), 4)
    assert [axes.get_title() for axes in figure.axes] == ["t = 0", "t = 1", ""]
    assert figure.axes[-1].lines[0].get_ydata().tolist() == [0.0, -3.0]
    figure.canvas.draw()

    images, labels = torch.rand(2, 3, 6, 6), groups.expand(2, 6, 6)
    figure = plot_segmentation(images, labels, labels, titles=["image", "truth", "clusters"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["image", "truth", "clusters", "", "", ""]
    pixels = torch.tensor(figure.axes[0].images[0].get_array())
    bright = plot_segmentation((255 * images).round().byte(), labels)
    assert_close(torch.tensor(bright.axes[0].images[0].get_array()), pixels, atol=3e-3, rtol=0)
    figure.canvas.draw()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"kuramoto_nn\[plot\]"):
        plot_segmentation(torch.rand(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phase_colors(torch.rand(2, 3, 8, 4, 4), 4), r"\(2, 3, 8, 4, 4\); try"),
        (lambda: phase_colors(torch.rand(3, 9, 4, 4), 4), "divisible by `oscillator_dim`"),
        (lambda: phase_plane(torch.rand(8, 4, 4), 4, oscillator=2), "got 2; try 0 to 1"),
        (lambda: phase_plane(torch.full((8, 4, 4), torch.nan), 4), "must be finite"),
        (lambda: label_colors(torch.rand(3)), "must be integers: got torch.float32"),
        (lambda: plot_trajectory(torch.rand(3, 8, 4, 4), torch.rand(4), 4), r"and \(4,\)"),
        (lambda: plot_segmentation(torch.rand(1, 3, 4, 4), torch.zeros(1, 5, 4)), r"\(1, 5, 4\)"),
        (lambda: plot_segmentation(torch.rand(1, 3, 4, 4), titles=["a", "b"]), "got 2"),
    ],
)
def test_bad_input_is_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
