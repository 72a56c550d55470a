"""One picture of the best, the median and the worst images: image, truth and prediction."""

import math
import textwrap
from functools import partial
from itertools import chain
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from examples.common.files import write_whole
from examples.common.progress import Meter
from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.report.pictures import match_labels
from examples.object_discovery.score_table import Rows
from examples.object_discovery.scores import SCORES, true_labels
from examples.object_discovery.segmenter import Segmenter
from kuramoto_nn.plot import label_colors

PER_GROUP = 4
SIDE, GAP, CAPTION = 144, 4, 16
"""Side of a picture, gap between pictures, and height of a line of text, in pixels."""
LETTERS = 24
"""Letters of a line below a picture: a number and three scores."""


def choose(rows: Rows, count: int = PER_GROUP) -> dict[str, list[int]]:
    """Choose images by their first score; those without it are left out.

    Args:
        rows: Scores of every image.
        count: Images per group.

    Returns:
        The numbers of the best, median and worst images.

    Examples:
        >>> choose({i: {"fg_ari": float(i), "mbo": 0.0} for i in range(5)}, 1)
        {'best': [4], 'median': [2], 'worst': [0]}
    """
    first = {index: next(iter(scores.values())) for index, scores in rows.items()}
    ranked = sorted((score, index) for index, score in first.items() if not math.isnan(score))
    order = [index for _, index in ranked]
    count = min(count, len(order))
    middle = (len(order) - count) // 2
    return {
        "best": order[len(order) - count :][::-1],
        "median": order[middle : middle + count],
        "worst": order[:count],
    }


def write_sheet(path: Path, data: SegmentedImages, rows: Rows, segmenter: Segmenter) -> None:
    """Segment the chosen images once more, which gives the same masks, and draw them.

    Args:
        path: The PNG file.
        data: The images.
        rows: Their scores.
        segmenter: What they were scored with.
    """
    groups = choose(rows)
    names = list(next(iter(rows.values())))
    titles = " / ".join(SCORES[name].title for name in names)
    caption = CAPTION * -(-len(names) // 3)
    pictures = _all_pictures(data, sorted(set(chain(*groups.values()))), segmenter)
    band = 3 * (SIDE + GAP) + CAPTION + caption
    size = (PER_GROUP * (SIDE + GAP) + GAP, len(groups) * band + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for i, (name, indices) in enumerate(groups.items()):
        top = i * band + GAP
        draw.text((GAP, top), f"{name}: image, truth, prediction; {titles}", fill="black")
        for j, index in enumerate(indices):
            left, y = GAP + j * (SIDE + GAP), top + CAPTION
            scores = " / ".join(f"{score:.1f}" for score in rows[index].values())
            lines = textwrap.fill(f"#{index}  {scores}", LETTERS)
            draw.multiline_text((left, y), lines, fill="black")
            for row, picture in enumerate(pictures[index]):
                sheet.paste(picture, (left, y + caption + row * (SIDE + GAP)))
    write_whole(path, partial(sheet.save, format="PNG", optimize=True))


def _all_pictures(
    data: SegmentedImages, indices: list[int], segmenter: Segmenter
) -> dict[int, list[Image.Image]]:
    pictures = {}
    with Meter("contact sheet") as meter:
        for index in indices:
            pictures[index] = _pictures(data, index, segmenter)
            meter.show(len(pictures), len(indices))
    return pictures


def _pictures(data: SegmentedImages, index: int, segmenter: Segmenter) -> list[Image.Image]:
    truth = true_labels(data.instances[index])
    found = match_labels(segmenter(data, [index]).labels[0], truth)
    image = data.images[index].float() / 255
    maps = (label_colors(labels).movedim(-1, 0) for labels in (truth, found))
    return [_picture(colors) for colors in (image, *maps)]


def _picture(colors: Tensor) -> Image.Image:
    """Colours ``(3, H, W)`` in [0, 1] at the size of the sheet, pixels as they are."""
    scaled = F.interpolate(colors[None].float(), size=(SIDE, SIDE), mode="nearest")[0]
    return Image.fromarray((scaled * 255).round().to(torch.uint8).movedim(0, -1).numpy())
