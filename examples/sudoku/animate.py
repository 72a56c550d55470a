"""Film of the digits of a board and of its oscillators, step by step."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from examples.common.files import errors_name, make_folder
from examples.sudoku.rules import BOX, CELLS, SIDE, UNITS, units
from kuramoto_nn.models import AKOrNSudoku
from kuramoto_nn.plot import phase_colors, write_film

CELL, MARGIN, CAPTION = 36, 14, 30  # pixels of a cell, around the boards, and of the line below
PAPER, INK, FAINT, GIVEN, LINE = "#ffffff", (0, 92, 158), (205, 208, 214), "#14161c", "#9a9ea8"
WRONG, GROUND = "#d55e00", "#e9ebef"
FRAME_SECONDS = 0.12
FIRST, LAST = 8, 25  # how often the first and the last frame are shown
MOST_FRAMES = 48


@torch.no_grad()
def animate(
    model: AKOrNSudoku, puzzle: Tensor, path: Path, *, num_steps: int, noise: Tensor
) -> None:
    """Write a film of the network filling in a puzzle ``(9, 9)`` from noise ``(1, C, 9, 9)``.

    Left, the most likely digit of every cell, darker if it is more probable, red if it stands twice
    in a row, column or box; givens have a gray ground. Right, the oscillators of the same cells,
    coloured by `kuramoto_nn.plot.phase_colors`. The path ends in .gif, .webp or .mp4.
    """
    run = model.trajectory(puzzle[None], num_steps=num_steps, noise=noise)
    probabilities = run.logits[:, 0].softmax(-1).cpu()
    colors = (255 * phase_colors(run.states[:, 0], model.config.oscillator_dim)).byte().cpu()
    # Early steps change most, so the later ones of a long run are thinned out.
    steps = torch.arange(len(colors))
    if len(colors) > MOST_FRAMES:
        steps = (torch.linspace(0, 1, MOST_FRAMES).square() * (len(colors) - 1)).round().unique()
    frames = [
        _frame(probabilities[t], colors[t], puzzle, f"step {t}   energy {run.energies[t, 0]:.1f}")
        for t in steps.long().tolist()
    ]
    film = np.stack([*[frames[0]] * (FIRST - 1), *frames, *[frames[-1]] * (LAST - 1)])
    make_folder(path.parent)
    with errors_name(path):
        write_film(path, torch.from_numpy(film), seconds_per_frame=FRAME_SECONDS)


def _repeated(board: Tensor) -> Tensor:
    """Whether each cell's digit stands twice in its row, column or box, ``(9, 9)``."""
    digits = units(board)
    twice = (digits[:, :, None] == digits[:, None]).sum(-1) > 1
    return torch.isin(torch.arange(CELLS), UNITS[twice]).view(SIDE, SIDE)


def _frame(probabilities: Tensor, colors: Tensor, puzzle: Tensor, caption: str) -> np.ndarray:
    side = SIDE * CELL
    width, height = 2 * side + 3 * MARGIN, side + MARGIN + CAPTION
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    font, small = (ImageFont.load_default(size) for size in (0.62 * CELL, 0.45 * CELL))
    confidence, digits = probabilities.max(-1)
    board = torch.where(puzzle.cpu() > 0, puzzle.cpu(), digits + 1)
    wrong = _repeated(board)
    for row in range(SIDE):
        for column in range(SIDE):
            x, y = MARGIN + column * CELL, MARGIN + row * CELL
            given, share = int(puzzle[row, column]), float(confidence[row, column])
            mixed = (round(a + (b - a) * share) for a, b in zip(FAINT, INK, strict=True))
            ink = GIVEN if given else WRONG if wrong[row, column] else tuple(mixed)
            if given:
                draw.rectangle((x, y, x + CELL, y + CELL), fill=GROUND)
            text = str(int(board[row, column]))
            draw.text((x + CELL / 2, y + CELL / 2), text, fill=ink, font=font, anchor="mm")
            x += side + MARGIN
            draw.rectangle((x, y, x + CELL, y + CELL), fill=tuple(colors[row, column].tolist()))
    for left in (MARGIN, side + 2 * MARGIN):
        for line in range(SIDE + 1):
            at, thick = line * CELL, 3 if line % BOX == 0 else 1
            draw.line((left + at, MARGIN, left + at, MARGIN + side), fill=LINE, width=thick)
            draw.line((left, MARGIN + at, left + side, MARGIN + at), fill=LINE, width=thick)
    draw.text((MARGIN, height - CAPTION / 2), caption, fill=GIVEN, font=small, anchor="lm")
    return np.array(picture)
