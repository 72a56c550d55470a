# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---
# %% [markdown]
# # A Kuramoto block in your network
#
# A Kuramoto block is a layer like others: a feature map goes in, and one of the same shape comes
# out. In between, oscillators run for $T$ steps and agree with each other, so that the features of
# one place depend on what the whole picture settles on. This tutorial puts a block into a small
# network, trains the network with and without it, and looks inside. [Synchrony from
# scratch](synchrony_from_scratch.py) explains the oscillators.
#
# ## Data
#
# scikit-learn brings 1,797 digits of 8 x 8 pixels. They are small enough to train on in seconds.
# Test pictures also come with noise that the network has not seen in training.

# %%
# %matplotlib inline
import torch
from sklearn.datasets import load_digits
from torch import nn

pixels, labels = map(torch.tensor, load_digits(return_X_y=True))
images = pixels.float().view(-1, 1, 8, 8) / 16
torch.manual_seed(0)
test, train = torch.randperm(len(labels)).split([360, 1437])
noise = torch.randn(360, 1, 8, 8)

# %% [markdown]
# ## The block
#
# Four parts, each a line of the constructor:
#
# - the **coupling** $J$ says how oscillators pull each other. Any module that keeps the shape will
#   do; here it is a 3 x 3 convolution. For tokens take `AttentionCoupling`.
# - the **layer** runs $T$ steps. It gets a start $x$ and a stimulus $c$, which pulls the
#   oscillators in every step and so keeps the picture in sight. With 32 channels and $N = 4$
#   components, every place holds eight oscillators.
# - the **start** is a linear map of the features, or noise. A map makes the network deterministic.
# - the **readout** returns to plain features. States are directions, and the direction that a group
#   agrees on is arbitrary; what counts is who agrees. `NormReadout` takes the lengths of learned
#   sums of oscillators: long if the oscillators in it agree, short if they cancel.
#
# The block adds its result to its input, as residual blocks do, so that it can be put into a
# network that works without it.

# %%
from kuramoto_nn import KuramotoLayer, NaturalFrequency, NormReadout
from kuramoto_nn.coupling import ConvCoupling

channels, oscillator_dim = 32, 4


class KuramotoBlock(nn.Module):
    def __init__(self, coupling, num_steps=3):
        super().__init__()
        self.start = nn.Conv2d(channels, channels, 1)
        self.layer = KuramotoLayer(
            coupling,
            channels=channels,
            oscillator_dim=oscillator_dim,
            frequency=NaturalFrequency(channels, oscillator_dim),
            num_steps=num_steps,
        )
        self.readout = NormReadout(channels, channels, oscillator_dim)

    def forward(self, c):
        return c + self.readout(self.layer(self.start(c), c))


def build(with_block):
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        KuramotoBlock(ConvCoupling(channels, 3)) if with_block else nn.Identity(),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * channels, 10),
    )


# %% [markdown]
# ## Training
#
# Nothing special: gradients flow through the $T$ steps as through $T$ layers with shared weights.


# %%
def fit(network, epochs=8):
    batches = [b for _ in range(epochs) for b in train[torch.randperm(len(train))].split(64)]
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=len(batches))
    for batch in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()
    return network


@torch.no_grad()
def accuracy(network, level):
    guesses = network(images[test] + level * noise).argmax(1)
    return 100 * (guesses == labels[test]).float().mean()


levels = (0.0, 0.25, 0.5, 0.75)
curves = {}
for name, with_block in (("without", False), ("with a block", True)):
    torch.manual_seed(1)
    network = fit(build(with_block))
    curves[name] = torch.stack([accuracy(network, level) for level in levels])
    print(f"{name:14}", " ".join(f"{value:6.1f}" for value in curves[name]))

# %% alt="Accuracy against noise, with and without the block"
from kuramoto_nn.plot import plot_curves

plot_curves({"accuracy (%)": curves}, x=levels, x_label="standard deviation of the noise")

# %% [markdown]
# One seed proves little. `python -m examples.drop_in_block` repeats this for five seeds and for a
# vision transformer, and reports mean and deviation; [its result](../start/film.md) tells how much
# to expect.
#
# ## Look inside
#
# `trajectory` returns every state and its energy, also for more steps than the network was trained
# with.

# %% alt="Energies of 20 pictures over 12 steps"
stem, block = network[:3], network[3]
with torch.no_grad():
    c = stem(images[test[:20]])
    path = block.layer.trajectory(block.start(c), c, num_steps=12)
plot_curves({"energy E": path.energies})

# %% [markdown]
# The energy falls in the first steps, where the oscillators follow the stimulus and each other.
# Later it goes up and down: the learned coupling is not symmetric and the oscillators turn by
# themselves, so nothing makes them rest ([when the energy descends](../why/energy.md)). What does
# that mean for the answer? The number of steps is an argument and not a property of the weights, so
# one can try others:

# %% alt="Accuracy against the number of steps at test time"
steps = (0, 1, 2, 3, 4, 6, 8, 12)
scores = []
for num_steps in steps:
    block.layer.num_steps = num_steps
    scores.append(accuracy(network, 0.25))
plot_curves({"accuracy (%)": torch.stack(scores)}, x=steps, x_label="steps T at test time")

# %% [markdown]
# This network has learned what to do in three steps, and no more: its accuracy is best at $T = 3$
# and falls on both sides. A network that should go on improving has to be trained for it, with a
# loss on the states along the way, and then it can: [thinking longer](thinking_longer.py).
#
# ## In your own network
#
# - Put the block where features have a spatial meaning and the grid is not too large: a step costs
#   about as much as its coupling.
# - Tokens `(B, P, C)` of a transformer become `(B, C, P)` by `tokens.mT`; any number of axes works.
# - Start with $N = 4$, $T$ between 3 and 8 and a step size of 1. [Choosing](../howto/choose.md)
#   says more.
# - A coupling of your own is any module that keeps the shape: [write a
#   coupling](../howto/write-a-coupling.md).
