"""The whole page: fills the template with the pictures, texts and numbers of a run."""

import base64
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from examples.common.files import write_text
from examples.object_discovery.pictures import match_labels
from examples.object_discovery.report.charts import energy_chart, loss_chart
from examples.object_discovery.report.tables import duration, facts, number, score, score_rows
from examples.object_discovery.scores import SCORES
from kuramoto_nn.plot import label_colors, phase_plane, plane_colors

FOLDER = Path(__file__).parent
COLUMNS = ("Input", "Truth", "Clusters", "Up-tiled", "Untrained", "Phases")
HEAD = '<th scope="col" class="num">{}</th>'
CONTROL_NOTE = " Control: the same patches and steps, but activations that do not live on spheres."


@dataclass(frozen=True, eq=False)
class ExampleView:
    """One held-out image, its segmentations, and the states that led to them."""

    image: Tensor  # (3, H, W) in [0, 1]
    truth: Tensor  # (H, W) integers; 0 background, negative ignored
    segments: list[Tensor]  # (H, W) each: clusters, up-tiled, and of the untrained network
    states: Tensor  # (T + 1, C, h, w), the oscillators after every step
    energies: Tensor  # (T + 1,)
    scores: Mapping[str, float]  # of the clusters, x100; NaN where the image does not count


@dataclass(frozen=True, eq=False)
class Report:
    """A run: scores, logs and examples.

    The results are the content of ``results.json``: facts of the run, and scores (x100) by name,
    alone and with ``_untrained``, ``_uptiled``, and perhaps ``_control``, ``_control_uptiled``.
    """

    results: Mapping[str, Any]
    log: list[dict]
    examples: list[ExampleView]  # of equal shapes; the first is played at the top of the page
    oscillator_dim: int
    control_log: list[dict] = field(default_factory=list)
    published: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # by title

    @property
    def scores(self) -> list[str]:
        """Names of the scores that the run has."""
        return [name for name in SCORES if name in self.results]


def write_report(path: Path, report: Report) -> None:
    """Write one self-contained HTML page, whole or not at all; OSError names the file."""
    played = [_played(example, report.oscillator_dim) for example in report.examples]
    pictures = [_pictures(example) for example in report.examples]
    rows = zip(report.examples, pictures, played, strict=True)
    cards = [
        _card(i, example, [*sources, steps["frames"][-1]])
        for i, (example, sources, steps) in enumerate(rows, 1)
    ]
    legend = [("faint", "raw"), ("main", "smoothed")]
    if report.control_log:
        legend.append(("control", "control, smoothed"))
    values = {
        "style": _template("page.css"),
        "script": _template("page.js"),
        **_words(report),
        **_player(report, played[0], pictures[0]),
        "energy_chart": energy_chart([example.energies.tolist() for example in report.examples]),
        "num_examples": len(report.examples),
        "loss_chart": loss_chart(report.log, report.control_log, report.results["seconds"]),
        "loss_legend": "".join(f'<span class="key {kind}">{name}</span>' for kind, name in legend),
        "gallery_head": "".join(f"<span>{name}</span>" for name in COLUMNS),
        "cards": "".join(cards),
        "data": json.dumps(played, separators=(",", ":")).replace("<", "\\u003c"),
    }
    write_text(path, Template(_template("page.html")).substitute(values))


def _template(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _words(report: Report) -> dict[str, object]:
    """Headline, table of scores and facts of the run."""
    results, names = report.results, report.scores
    title, recipe = escape(SCORES[names[0]].title), number(results["recipe"])
    before, after = score(results[f"{names[0]}_untrained"]), score(results[names[0]])
    tested = number(results["num_test_images"])
    return {
        "title": f"{recipe}: {title} {after}",
        "recipe": recipe,
        "headline": (
            f"{duration(results['seconds'])} of training, no labels: {title} from {before} to "
            f"<strong>{after}</strong>"
        ),
        "lede": (
            "Oscillators that start at random in every patch of an image synchronise, object by "
            f"object. The network saw {number(results['images_seen'])} images; the scores are "
            f"means over {tested} others, with 100 for a perfect match."
        ),
        "num_test_images": tested,
        "first_score": title,
        "score_heads": "".join(HEAD.format(escape(SCORES[name].title)) for name in names),
        "score_rows": score_rows(results, names, report.published),
        "score_notes": escape(" ".join(f"{SCORES[n].title} ({SCORES[n].note})." for n in names)),
        "control_note": CONTROL_NOTE if f"{names[0]}_control" in results else "",
        "facts": facts(results),
        "command": escape(str(results["command"])),
    }


def _player(report: Report, played: dict, pictures: list[str]) -> dict[str, object]:
    """The first example, played at the top of the page."""
    first = report.examples[0]
    channels, height, width = first.states.shape[1:]
    strip = [
        f'<li><button type="button"><img src="{frame}" alt="Phases after step {t}">'
        f"<span>{t}</span></button></li>"
        for t, frame in enumerate(played["frames"])
    ]
    places = played["points"][-1]
    dots = [
        f'<circle r="0.026" class="{"on" if on == "1" else ""}" '
        f'style="transform:translate({x}px,{-y}px)"/>'
        for on, x, y in zip(played["onObject"], places[::2], places[1::2], strict=True)
    ]
    return {
        "last_frame": played["frames"][-1],
        "outline_box": f"0 0 {first.truth.shape[1]} {first.truth.shape[0]}",
        "outline": played["outline"],
        "grid": f"{height} \N{MULTIPLICATION SIGN} {width}",
        "wheel": _wheel(),
        "dots": "".join(dots),
        **dict(zip(("image", "truth", "clusters"), pictures, strict=False)),
        "num_steps": len(played["frames"]) - 1,
        "strip": "".join(strip),
        "oscillators": channels // report.oscillator_dim,
        "oscillator_dim": report.oscillator_dim,
    }


def _played(example: ExampleView, oscillator_dim: int) -> dict:
    """Data of one example for the player."""
    plane = phase_plane(example.states, oscillator_dim)
    _, height, width, _ = plane.shape
    on_object = F.adaptive_avg_pool2d((example.truth > 0).float()[None], (height, width))
    return {
        "frames": [_png(frame) for frame in plane_colors(plane)],
        "points": [[round(value, 3) for value in step.flatten().tolist()] for step in plane],
        "onObject": "".join("1" if share > 0.5 else "0" for share in on_object.flatten().tolist()),
        "energies": [round(e, 3) if math.isfinite(e) else None for e in example.energies.tolist()],
        "outline": outline(example.truth),
    }


def outline(labels: Tensor) -> str:
    """Trace the borders between labels ``(H, W)`` as an SVG path, one unit a pixel.

    Examples:
        >>> outline(torch.tensor([[0, 1]]))
        'M1 0v1'
    """
    upright = (labels[:, 1:] != labels[:, :-1]).nonzero().tolist()
    level = (labels[1:] != labels[:-1]).nonzero().tolist()
    return "".join([f"M{x + 1} {y}v1" for y, x in upright] + [f"M{x} {y + 1}h1" for y, x in level])


def _pictures(example: ExampleView) -> list[str]:
    """Addresses of the gallery's pictures except the phases, in the order of `COLUMNS`."""
    matched = (match_labels(labels, example.truth) for labels in example.segments)
    maps = (example.truth, *matched)
    return [_png(example.image.movedim(0, -1)), *(_png(label_colors(labels)) for labels in maps)]


def _wheel(size: int = 160) -> str:
    """Picture of the disc of `plane_colors`, the legend of all phases; y points up."""
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    points = torch.stack(torch.meshgrid(axis, -axis, indexing="xy"), -1)
    inside = (1 - points.norm(dim=-1, keepdim=True)).mul(size / 2).clamp(0, 1)
    return _png(torch.cat((plane_colors(points), inside), -1))


def _png(rgb: Tensor) -> str:
    """Encode colours ``(H, W, 3 or 4)`` in [0, 1] as the address of an embedded PNG."""
    file = io.BytesIO()
    Image.fromarray((rgb.clamp(0, 1) * 255).round().byte().numpy()).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _card(number: int, example: ExampleView, pictures: list[str]) -> str:
    """Gallery entry of one example."""
    figures = []
    for name, source in zip(COLUMNS, pictures, strict=True):
        picture = f'<img src="{source}" alt="{name}, image {number}">'
        if name == "Phases":
            label = f"Play the phases of image {number}"
            opening = f'<button type="button" data-example="{number - 1}" aria-label="{label}">'
            picture = f"{opening}{picture}</button>"
        figures.append(f'<figure class="picture">{picture}<figcaption>{name}</figcaption></figure>')
    scores = (
        f"<div><dt>{escape(SCORES[name].title)}</dt><dd>{score(value)}</dd></div>"
        for name, value in example.scores.items()
    )
    return Template(_template("card.html")).substitute(
        name=number, figures="".join(figures), scores="".join(scores)
    )
