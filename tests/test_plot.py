"""Pictures: the laws of phase colours, the palette, and figures that build without a display."""

import io
import sys

import imageio.v3 as imageio
import matplotlib.style
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from kuramoto_nn.functional import from_oscillators, random_sphere
from kuramoto_nn.plot import (
    component_colors,
    label_colors,
    overlay_labels,
    phase_colors,
    phase_plane,
    plane_colors,
    plot_curves,
    plot_kernels,
    plot_segmentation,
    plot_sphere,
    plot_trajectory,
    write_film,
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
    *axes, energy = plot_trajectory(random_states(96, 2, 4, 3, 3), torch.arange(97), 4).axes
    assert [a.get_title() for a in axes] == [f"t = {t}" for t in range(0, 97, 6)]
    assert energy.lines[0].get_ydata().tolist() == list(range(97))

    images, labels = torch.rand(2, 3, 6, 6), groups.expand(2, 6, 6)
    figure = plot_segmentation(images, labels, labels, titles=["image", "truth", "clusters"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["image", "truth", "clusters", "", "", ""]
    pixels = torch.tensor(figure.axes[0].images[0].get_array())
    bright = plot_segmentation((255 * images).round().byte(), labels)
    assert_close(torch.tensor(bright.axes[0].images[0].get_array()), pixels, atol=3e-3, rtol=0)
    figure.canvas.draw()


def drawn(figure):
    """Pixels ``(H, W, 3)`` of a figure."""
    figure.set_dpi(50)
    figure.savefig(buffer := io.BytesIO(), dpi=50)
    return np.array(imageio.imread(buffer.getvalue()))[..., :3]


def test_an_overlay_mixes_the_picture_with_its_labels():
    images, labels = torch.rand(2, 3, 4, 5), torch.arange(40).view(2, 4, 5) % 3
    mixed = overlay_labels(images, labels, opacity=0.25)
    assert_close(mixed, 0.75 * images.movedim(1, -1) + 0.25 * label_colors(labels, None))
    assert_close(overlay_labels(images, labels, opacity=1, background=0), label_colors(labels))
    stored = (255 * images).byte()
    assert_close(overlay_labels(stored, labels), overlay_labels(stored / 255, labels))


def test_components_show_waves_and_common_rotations():
    angle = torch.arange(12) * torch.pi / 6
    states = torch.stack((angle.cos(), angle.sin()), 1)[..., None, None].expand(-1, -1, 4, 4)
    colors = component_colors(states)  # all sites turn together
    assert torch.pdist(colors[:, 0, 0]).min() > 0.1
    assert_close(colors, colors[:, :1, :1].expand_as(colors))
    assert (colors[..., 2] == 0.5).all()  # two components fill two of the three colours
    assert_close(phase_colors(states, 2)[0], phase_colors(states, 2)[6])  # relative to their mean


def test_curves_are_drawn_at_their_values():
    energies = torch.tensor([[0.0, 2.0], [-4.0, -2.0]])
    orders = {"disc": torch.tensor([0.1, 1.0]), "all": torch.tensor([0.1, 0.5])}
    figure = plot_curves({"order": orders, "energy": energies}, x=(1, 10), x_label="T")
    first, second = figure.axes
    assert [line.get_label() for line in first.lines] == ["disc", "all"]
    assert first.get_legend() is not None and second.get_legend() is None
    assert second.lines[-1].get_ydata().tolist() == [1.0, -3.0]  # the mean of both samples
    assert second.lines[-1].get_xdata().tolist() == [1.0, 10.0]
    assert (second.get_ylabel(), second.get_xlabel()) == ("energy", "T")
    assert len(np.unique(drawn(figure).reshape(-1, 3), axis=0)) > 50


def test_figures_follow_a_dark_style():
    with matplotlib.style.context("dark_background"):
        assert drawn(plot_curves({"E": torch.zeros(3)})).mean() < 60
    assert drawn(plot_curves({"E": torch.zeros(3)})).mean() > 200


def test_kernels_are_the_isotropic_parts():
    weight = torch.zeros(4, 4, 3, 3)
    weight[0, 2, 0, 1], weight[1, 3, 0, 1] = 1.0, 3.0  # oscillator 1 attracts 0 from above
    figure = plot_kernels(weight, 2)
    pictures = [np.array(axes.images[0].get_array()) for axes in figure.axes[:4]]
    assert pictures[1][0, 1] == 2.0 and sum(abs(picture).sum() for picture in pictures) == 2.0
    red = drawn(figure).reshape(-1, 3).astype(int)
    assert (red[:, 0] - red[:, 2] > 60).any()


def test_paths_end_on_the_sphere():
    states = random_states(5, 2, 3, 2, 2)
    figure = plot_sphere(states)
    ends = [line.get_data_3d() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert_close(torch.tensor(np.array(ends))[..., 0].norm(dim=1), torch.ones(8).double())
    assert drawn(figure).min() < 200


@pytest.mark.parametrize("kind", ["gif", "webp", "mp4"])
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # imageio's reader of mp4
def test_a_film_shows_its_frames(tmp_path, kind):
    frames = torch.zeros(4, 5, 7, 3)
    frames[:, :, 3:, 0] = torch.tensor([0.0, 0.3, 0.6, 1.0])[:, None, None]
    write_film(path := tmp_path / f"film.{kind}", frames, scale=4, seconds_per_frame=0.2)
    film = np.stack(list(imageio.imiter(path)))[..., :3]
    assert film.shape == (4, 20, 28, 3)
    assert abs(film[:, 10, 20, 0] - np.array([0.0, 76.5, 153.0, 255.0])).max() < 12
    assert film[:, 10, 4].max() < 12


def test_a_film_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "folder.gif").mkdir()
    for name in ("missing/film.gif", "folder.gif"):
        with pytest.raises(OSError, match=name):
            write_film(tmp_path / name, torch.zeros(2, 4, 4, 3))


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"kuramoto_nn\[plot\]"):
        plot_segmentation(torch.rand(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: phase_colors(torch.rand(2, 3, 8, 4, 4), 4), r"\(2, 3, 8, 4, 4\); try"),
        (lambda: phase_colors(torch.rand(0, 8, 4, 4), 4), r"\(0, 8, 4, 4\); try"),
        (lambda: phase_colors(torch.rand(3, 9, 4, 4), 4), "divisible by `oscillator_dim`"),
        (lambda: phase_plane(torch.rand(8, 4, 4), 4, oscillator=2), "got 2; try 0 to 1"),
        (lambda: phase_plane(torch.full((8, 4, 4), torch.nan), 4), "must be finite"),
        (lambda: label_colors(torch.rand(3)), "must be integers: got torch.float32"),
        (lambda: plot_trajectory(torch.rand(3, 8, 4, 4), torch.rand(4), 4), r"and \(4,\)"),
        (lambda: plot_segmentation(torch.rand(1, 3, 4, 4), torch.zeros(1, 5, 4)), r"\(1, 5, 4\)"),
        (lambda: plot_segmentation(torch.rand(1, 3, 4, 4), titles=["a", "b"]), "got 2"),
        (lambda: overlay_labels(torch.rand(3, 4, 4), torch.zeros(5, 4).long()), r"\(5, 4\)"),
        (lambda: component_colors(torch.rand(2, 3, 8, 4, 4)), r"\(2, 3, 8, 4, 4\); try"),
        (lambda: plot_curves({}), "at least one curve"),
        (lambda: plot_curves({"E": torch.rand(3)}, x=(1, 2)), r"`E` must be \(2,\) or \(2, B\)"),
        (lambda: plot_kernels(torch.rand(4, 8, 3, 3), 4), r"must be \(C, C, k, k\)"),
        (lambda: plot_sphere(torch.rand(4, 8, 3)), "`oscillator_dim`"),
        (lambda: write_film("a.avi", torch.rand(2, 4, 4, 3)), "must end in .gif"),
        (lambda: write_film("a.gif", torch.rand(4, 4, 3)), r"must be \(T, H, W, 3\)"),
        (
            lambda: write_film("a.gif", torch.rand(2, 4, 4, 3), seconds_per_frame=0),
            "must be positive",
        ),
    ],
)
def test_bad_input_is_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
