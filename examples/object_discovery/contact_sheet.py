"""One picture of the best, the median and the worst images: image, truth and prediction."""

import io
from itertools import chain
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from examples.object_discovery.data import SegmentedImages
from examples.object_discovery.report.pictures import match_labels
from examples.object_discovery.score_table import Rows
from examples.object_discovery.segment import Segmenter
from examples.training.files import write_whole
from examples.training.progress import Meter
from kuramoto_nn.plot import label_colors

PER_GROUP = 4
SIDE, GAP, CAPTION = 144, 4, 16
"""Of a picture, between pictures, and of a line of text, in pixels."""


def choose(rows: Rows, count: int = PER_GROUP) -> dict[str, list[int]]:
    """Choose images by their FG-ARI; those without objects are left out.

    Args:
        rows: Scores of every image.
        count: Images of a group.

    Returns:
        The numbers of the best, median and worst images.

    Examples:
        >>> choose({i: (float(i), 0.0) for i in range(5)}, 1)
        {'best': [4], 'median': [2], 'worst': [0]}
    """
    ranked = sorted((scores[0], index) for index, scores in rows.items() if scores[0] == scores[0])
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
    pictures = _all_pictures(data, sorted(set(chain(*groups.values()))), segmenter)
    band = 3 * (SIDE + GAP) + 2 * CAPTION
    size = (PER_GROUP * (SIDE + GAP) + GAP, len(groups) * band + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for i, (name, indices) in enumerate(groups.items()):
        top = i * band + GAP
        draw.text((GAP, top), f"{name}: image, truth, prediction; FG-ARI / MBO", fill="black")
        for j, index in enumerate(indices):
            left, y = GAP + j * (SIDE + GAP), top + CAPTION
            fg_ari, mbo = rows[index]
            draw.text((left, y), f"#{index}  {fg_ari:.1f} / {mbo:.1f}", fill="black")
            for row, picture in enumerate(pictures[index]):
                sheet.paste(picture, (left, y + CAPTION + row * (SIDE + GAP)))
    content = io.BytesIO()
    sheet.save(content, "PNG", optimize=True)
    write_whole(path, lambda file: file.write(content.getvalue()))


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
    truth = data.masks[index].long()
    found = match_labels(segmenter(data, [index]).labels[0], truth)
    image = data.images[index].float() / 255
    return [_picture(colors) for colors in (image, *(_colors(m) for m in (truth, found)))]


def _colors(labels: Tensor) -> Tensor:
    return label_colors(labels.long()).movedim(-1, 0)


def _picture(colors: Tensor) -> Image.Image:
    """Colours ``(3, H, W)`` in [0, 1] at the size of the sheet, pixels as they are."""
    scaled = F.interpolate(colors[None].float(), size=(SIDE, SIDE), mode="nearest")[0]
    return Image.fromarray((scaled * 255).round().to(torch.uint8).movedim(0, -1).numpy())
