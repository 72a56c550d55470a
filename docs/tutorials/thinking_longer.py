# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---
# %% [markdown]
# # Thinking longer: Sudoku
#
# Most networks spend the same computation on every input. A person spends more on a hard Sudoku
# than on an easy one. A Kuramoto network can, too: its oscillators run until they agree, and the
# number of steps $T$ is an argument of the call. This tutorial takes the solver of this repository,
# gives it boards that it does not solve in its usual number of steps, and lets it go on.
#
# ## The network
#
# Every cell of a board holds oscillators. Given cells start at a learned vector of their digit,
# blank cells at random. The coupling is attention over the 81 cells: cells of one row, column or
# box have to learn to avoid the same digit. After $T$ steps a linear map reads the digits off.

# %%
# %matplotlib inline
import torch

from examples.sudoku.generate import generate
from examples.sudoku.rules import solves
from examples.sudoku.solve import SHIPPED
from kuramoto_nn import load_model

model = load_model(SHIPPED)
count = sum(parameter.numel() for parameter in model.parameters())
print(f"{count:,} parameters, T = {model.config.num_steps}")

# %% [markdown]
# ## More steps
#
# Forty boards with 23 given cells, each with one solution. How many are solved, in every cell,
# after each number of steps? `trajectory` returns the logits after every step, so one run answers
# it.

# %% alt="Share of boards that are solved, against the number of steps"
from kuramoto_nn.plot import plot_curves

boards = generate(40, givens=range(23, 24), seed=1)
generator = torch.Generator().manual_seed(0)
with torch.no_grad():
    run = model.trajectory(boards.puzzles, num_steps=96, generator=generator)
answers = run.logits.argmax(-1) + 1  # (T + 1, B, 9, 9)
solved = solves(answers, boards.puzzles)  # (T + 1, B)
plot_curves({"boards solved (%)": 100 * solved.double().mean(1)})

# %% [markdown]
# The curve goes on rising far beyond the network's own T. Two choices of the
# [training](../howto/sudoku.md#train) make that possible. The loss reads answers every few steps
# and not only at the end, so that the state means something at every step. And in half of the
# batches the steps that are trained come after others that are not, so that the network learns to
# improve a state that earlier steps left, and to stay where the answer is right.
#
# ## One board
#
# Here is the one that was solved last. `x` marks a wrong digit.

# %%
num_wrong = (~solved).sum(0)  # steps at which a board was not solved
chosen = int(torch.where(solved[-1], num_wrong, 0).argmax())
puzzle, solution = boards.puzzles[chosen], boards.solutions[chosen]


def show(board):
    return [
        "".join(str(d) if d == s else "x" for d, s in zip(*rows, strict=True))
        for rows in zip(board.tolist(), solution.tolist(), strict=True)
    ]


first = int((~solved[:, chosen]).nonzero().max()) + 1
steps = [1, 4, model.config.num_steps, first]
print("".join(f"step {t}".ljust(12) for t in steps))
for lines in zip(*(show(answers[t, chosen]) for t in steps), strict=True):
    print("   ".join(lines))

# %% [markdown]
# The oscillators behind it: one square a cell, and similar colours where states are alike. Cells
# with the same digit tend to end in similar states, wherever they are on the board.

# %% alt="States of the 81 cells at four steps"
from matplotlib.figure import Figure

from kuramoto_nn.plot import phase_colors

colors = phase_colors(run.states[:, chosen], model.config.oscillator_dim)
figure = Figure(figsize=(8, 2.2), layout="constrained")
for axes, t in zip(figure.subplots(1, 4), steps, strict=True):
    axes.imshow(colors[t].tolist())
    axes.set(title=f"step {t}", xticks=[], yticks=[])
figure

# %% [markdown]
# ## Several starts
#
# The start of the blank cells is random, so the same network may fail from one start and succeed
# from another. Run several and take one. Which? The solution is not known, but the network's own
# certainty is: the mean over the cells of the largest probability. Such a **vote** needs no check
# by the rules. With only 32 steps a start:

# %%
samples = 12
hard = boards.puzzles[num_wrong.topk(12).indices]
with torch.no_grad():
    logits = model(hard.repeat(samples, 1, 1), num_steps=32, generator=generator)
logits = logits.unflatten(0, (samples, len(hard)))  # (K, B, 9, 9, 9)
confidence = logits.softmax(-1).amax(-1).mean((2, 3))  # (K, B)
best = confidence.argmax(0)
answers = logits.argmax(-1) + 1
picked = answers[best, torch.arange(len(hard))]
alone = solves(answers, hard).sum() / samples
voted = solves(picked, hard).sum()
print(f"of the {len(hard)} hardest boards, one start solves {alone:.1f} on average,")
print(f"and the most certain of {samples} starts {voted}")

# %% [markdown]
# More steps and more starts both buy accuracy with computation, after training and without new
# weights. The paper votes by energy; `kuramoto_nn.inference` has both rules. [The guide to
# Sudoku](../howto/sudoku.md) trains a solver, evaluates it on published boards, and lists the
# results. `python -m examples.sudoku` writes a film of a board that settles, and `python -m
# examples.sudoku.solve` solves your own.
