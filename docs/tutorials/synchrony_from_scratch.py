# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---
# %% [markdown]
# # Synchrony from scratch
#
# Fireflies flash together, and two clocks on one wall end up ticking together. Each is an
# **oscillator**: it has a state that goes round in a circle. Each feels the others a little, and
# that is enough. This tutorial builds a model of it in a few lines, writes the model with vectors,
# and arrives at the layer of this library. It then shows why one would want such a layer in a
# network: oscillators that belong together end up in the same state, so that a picture falls into
# groups without anybody naming them.
#
# ## Phases
#
# The state of an oscillator on a circle is an angle, its *phase* $\theta_i$. Left alone, it turns
# at its own speed $\omega_i$. In Kuramoto's model (1975) every oscillator is also pulled towards
# all $P$ others, with strength $K$:
#
# $$
# \dot\theta_i = \omega_i + \frac{K}{P} \sum_j \sin(\theta_j - \theta_i).
# $$
#
# If $\theta_j$ is a little ahead of $\theta_i$, the sine is positive and $\theta_i$ hurries. If it
# is behind, $\theta_i$ waits.

# %%
# %matplotlib inline
import torch

torch.manual_seed(0)
P, step_size = 200, 0.05
omega = 0.5 * torch.randn(P)
start = 2 * torch.pi * torch.rand(P)


def simulate(strength, num_steps=400):
    """Phases after every step, (T + 1, P)."""
    theta, path = start, [start]
    for _ in range(num_steps):
        pull = torch.sin(theta - theta[:, None]).mean(1)
        theta = theta + step_size * (omega + strength * pull)
        path.append(theta)
    return torch.stack(path)


# %% [markdown]
# How much do they agree? Draw every phase as an arrow of length one and take the mean arrow. Its
# length $R$ is the **order parameter**: 1 if all arrows point the same way, near 0 if they cancel.
#
# $$
# R = \Big| \frac{1}{P} \sum_i (\cos\theta_i, \sin\theta_i) \Big|
# $$

# %% alt="Order parameter over the steps for three strengths of the coupling"
from kuramoto_nn.functional import order_parameter
from kuramoto_nn.plot import plot_curves


def arrows(theta):
    return torch.stack((theta.cos(), theta.sin()), -1)


orders = {f"K = {k}": order_parameter(arrows(simulate(k))) for k in (0.2, 1.0, 3.0)}
plot_curves({"order parameter R": orders})

# %% [markdown]
# A weak coupling does nothing: $R$ stays at what chance gives. A strong one brings most of the
# oscillators together although their speeds differ. Between the two lies a sharp transition; the
# example `python -m examples.classical_kuramoto` compares it with the theory.
#
# ## From angles to vectors
#
# An angle is a unit vector $x_i$ in the plane. Written with vectors, the same model is
#
# $$
# \dot x_i = \Omega_i x_i + \operatorname{Proj}_{x_i}\Big(\sum_j J_{ij} x_j\Big),
# \qquad \operatorname{Proj}_x(y) = y - \langle y, x\rangle x .
# $$
#
# $\Omega_i$ rotates $x_i$ at its own speed. $J_{ij}$ says how oscillator $j$ pulls oscillator $i$;
# here it is $\frac{K}{P}$ times the identity. $\operatorname{Proj}$ removes the part of the pull
# that would only make the arrow longer. Nothing in this equation needs a plane: $x_i$ may have any
# number $N$ of components, and live on a sphere.
#
# That is what [`KuramotoLayer`][kuramoto_nn.layers.KuramotoLayer] computes. The coupling $J$ is a
# module of your choice, which maps `(batch, channels, sites)` to the same shape. The mean of all
# sites is Kuramoto's.

# %%
from kuramoto_nn import KuramotoLayer


class MeanField(torch.nn.Module):
    def __init__(self, strength):
        super().__init__()
        self.strength = strength

    def forward(self, x):
        return self.strength * x.mean(2, keepdim=True).expand_as(x)


layer = KuramotoLayer(MeanField(1.0), channels=2, oscillator_dim=2, step_size=step_size)
x = arrows(start).T[None]  # (1, 2, P)
no_stimulus = torch.zeros_like(x)
y = layer(x, no_stimulus, num_steps=400)

omega = torch.zeros(P)  # the layer has no natural frequencies
expected = arrows(simulate(1.0)[-1])
print("largest difference:", (y[0].T - expected).abs().max().item())

# %% [markdown]
# The two agree up to the error of the step size. `simulate` walks along the circle, the layer takes
# a straight step and returns to the circle.
#
# ## Groups
#
# So far everybody attracts everybody. Now put one oscillator on each pixel of a small picture.
# Pixels of the same kind attract each other, and pixels of different kinds push each other away.

# %%
row, column = torch.meshgrid(*2 * [torch.linspace(-1, 1, 24)], indexing="ij")
disc = (row**2 + column**2 < 0.4).flatten()
same = torch.where(disc[:, None] == disc, 1.0, -0.5) / len(disc)


class Kinds(torch.nn.Module):
    def forward(self, x):
        return x @ same


layer = KuramotoLayer(Kinds(), channels=2, oscillator_dim=2, step_size=0.5)
x = torch.randn(1, 2, len(disc))
path = layer.trajectory(x, torch.zeros_like(x), num_steps=48)
states = path.states[:, 0].unflatten(2, (24, 24))  # (T + 1, 2, 24, 24)

# %% alt="Phases after every eighth step, from noise to a disc, and the energy, which falls"
from kuramoto_nn.plot import plot_trajectory

shown = range(0, 49, 8)
figure = plot_trajectory(states[::8], path.energies[::8, 0], oscillator_dim=2)
for axes, t in zip(figure.axes, shown, strict=False):
    axes.set_title(f"t = {t}")
figure.axes[-1].set(xticklabels=shown)
figure

# %% [markdown]
# The colour is the direction of an oscillator. The first picture is noise. Nobody has told a pixel
# which group it is in; each only feels the pull of the others, and yet the disc ends in one phase
# and the ground in the opposite one. This is **binding by synchrony**: what belongs together is in
# step. To read the groups off, compare states: no labels and no fixed number of groups are needed.
#
# ## Why it settles
#
# The curve below the pictures is the **energy**
#
# $$
# E = -\frac{1}{2} \sum_{ij} x_i^\top J_{ij} x_j - \sum_i c_i^\top x_i ,
# $$
#
# which is low if oscillators point to where they are pulled. ($c$ is the stimulus, here zero: an
# input that pulls each oscillator in a direction of its own.) If $J$ is symmetric and nothing turns
# by itself, the dynamics go downhill on $E$ and must come to rest. With natural frequencies, or
# with a learned $J$ that is not symmetric, they may travel forever; [the page on the
# energy](../why/energy.md) has the proof. `kuramoto_nn.testing` checks your own layer:

# %%
from kuramoto_nn import testing

testing.assert_symmetric(layer.coupling, x)
testing.assert_energy_descends(layer, x, torch.zeros_like(x), num_steps=48)

# %% [markdown]
# ## On a sphere
#
# With $N = 3$ the same coupling moves points on a sphere. They start anywhere and end in two
# opposite points, one for each group. More components leave room for more groups: on a circle only
# a few phases can be told apart, on a sphere in four dimensions many more.

# %% alt="Paths of oscillators on a sphere, which end in two opposite points"
from kuramoto_nn.plot import plot_sphere

layer = KuramotoLayer(Kinds(), channels=3, oscillator_dim=3, step_size=0.5)
x = torch.randn(1, 3, len(disc))
states = layer.trajectory(x, torch.zeros_like(x), num_steps=60).states[:, 0]
plot_sphere(states[:, :, ::12])

# %% [markdown]
# ## What a network adds
#
# Here we wrote down who attracts whom. In a network, $J$ is a convolution or an attention with
# learned weights, and the stimulus $c$ comes from the picture. Training then finds a coupling under
# which the parts of an object attract each other. The next tutorial puts such a [block into a
# network](block_in_your_network.py); `python -m examples.binding` shows a trained one.
