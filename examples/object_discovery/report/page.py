"""The page as a whole: fills the templates beside this file and writes the result."""

import json
import math
from html import escape
from pathlib import Path
from string import Template

from torch import Tensor
from torch.nn import functional as F

from examples.common.files import write_text
from examples.object_discovery.report.charts import energy_chart, loss_chart, loss_legend
from examples.object_discovery.report.pictures import (
    label_png,
    match_labels,
    outline,
    png,
    wheel_png,
)
from examples.object_discovery.report.tables import (
    duration,
    facts,
    number,
    score,
    score_heads,
    score_notes,
    score_rows,
)
from examples.object_discovery.report.views import ExampleView, Report
from examples.object_discovery.scores import SCORES
from kuramoto_nn.plot import phase_plane, plane_colors

FOLDER = Path(__file__).parent
COLUMNS = ("Input", "Truth", "Clusters", "Up-tiled", "Untrained", "Phases")

CONTROL_NOTE = " Control: the same patches and steps, but activations that do not live on spheres."


def write_report(path: Path, report: Report) -> None:
    """Write one self-contained HTML page, whole or not at all.

    Args:
        path: The file; its folder is made if missing.
        report: What it shows.

    Raises:
        OSError: If the disk refuses; the message names the file.
        ValueError: If the oscillators' dimension does not divide the channels.
    """
    write_text(Path(path), _page(report))


def _page(report: Report) -> str:
    played = [_played(example, report.oscillator_dim) for example in report.examples]
    pictures = [_pictures(example) for example in report.examples]
    cards = [
        _card(i, example, [*pictures[i], played[i]["frames"][-1]])
        for i, example in enumerate(report.examples)
    ]
    values = {
        "style": (FOLDER / "page.css").read_text(encoding="utf-8"),
        "script": (FOLDER / "page.js").read_text(encoding="utf-8"),
        **_words(report),
        **_player(report, played[0], pictures[0]),
        "energy_chart": energy_chart(report.examples),
        "num_examples": len(report.examples),
        "loss_chart": loss_chart(report),
        "loss_legend": loss_legend(report),
        "gallery_head": "".join(f"<span>{name}</span>" for name in COLUMNS),
        "cards": "".join(cards),
        "data": json.dumps(played, separators=(",", ":")).replace("<", "\\u003c"),
    }
    return Template((FOLDER / "page.html").read_text(encoding="utf-8")).substitute(values)


def _words(report: Report) -> dict[str, object]:
    """Headline, score table and facts of the run."""
    results, name = report.results, report.scores[0]
    title, recipe = escape(SCORES[name].title), number(results["recipe"])
    before, after = score(results[f"{name}_untrained"]), score(results[name])
    tested = number(results["num_test_images"])
    return {
        "title": f"{recipe}: {title} {after}",
        "recipe": recipe,
        "headline": (
            f"{duration(results['seconds'])} of training, no labels: {title} from {before} to "
            f"<strong>{after}</strong>"
        ),
        "lede": (
            "Oscillators that start at random in every patch of an image fall into step, object by "
            f"object. The network saw {number(results['images_seen'])} images; the scores are "
            f"means over {tested} others, with 100 for a perfect match."
        ),
        "num_test_images": tested,
        "first_score": title,
        "score_heads": score_heads(report.scores),
        "score_rows": score_rows(report),
        "score_notes": score_notes(report.scores),
        "control_note": CONTROL_NOTE if f"{name}_control" in results else "",
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
    return {
        "last_frame": played["frames"][-1],
        "outline_box": f"0 0 {first.truth.shape[1]} {first.truth.shape[0]}",
        "outline": played["outline"],
        "grid": f"{height} \N{MULTIPLICATION SIGN} {width}",
        "wheel": wheel_png(),
        "dots": _dots(played),
        **dict(zip(("image", "truth", "clusters"), pictures, strict=False)),
        "num_steps": len(played["frames"]) - 1,
        "strip": "".join(strip),
        "oscillators": channels // report.oscillator_dim,
        "oscillator_dim": report.oscillator_dim,
    }


def _played(example: ExampleView, oscillator_dim: int) -> dict:
    """What the script needs to play one example."""
    plane = phase_plane(example.states, oscillator_dim).cpu()
    height, width = plane.shape[1:3]
    share = F.adaptive_avg_pool2d((example.truth > 0).float().cpu()[None], (height, width))
    return {
        "frames": [png(frame) for frame in plane_colors(plane)],
        "points": [[round(value, 3) for value in step.flatten().tolist()] for step in plane],
        "onObject": "".join("1" if value > 0.5 else "0" for value in share.flatten().tolist()),
        "energies": [round(e, 3) if math.isfinite(e) else None for e in example.energies.tolist()],
        "outline": outline(example.truth),
    }


def _dots(played: dict) -> str:
    places = played["points"][-1]
    return "".join(
        f'<circle r="0.026" class="{"on" if on == "1" else ""}" '
        f'style="transform:translate({x}px,{-y}px)"/>'
        for on, x, y in zip(played["onObject"], places[::2], places[1::2], strict=True)
    )


def _pictures(example: ExampleView) -> list[str]:
    """Addresses of the gallery's pictures but the phases, in the order of `COLUMNS`."""

    def segments(labels: Tensor) -> str:
        return label_png(match_labels(labels, example.truth))

    return [
        png(example.image.movedim(0, -1)),
        label_png(example.truth),
        segments(example.clusters),
        segments(example.clusters_uptiled),
        segments(example.clusters_untrained),
    ]


def _card(index: int, example: ExampleView, pictures: list[str]) -> str:
    figures = []
    for name, source in zip(COLUMNS, pictures, strict=True):
        picture = f'<img src="{source}" alt="{name}, image {index + 1}">'
        if name == "Phases":
            label = f"Play the phases of image {index + 1}"
            opening = f'<button type="button" data-example="{index}" aria-label="{label}">'
            picture = f"{opening}{picture}</button>"
        figures.append(f'<figure class="picture">{picture}<figcaption>{name}</figcaption></figure>')
    return Template((FOLDER / "card.html").read_text(encoding="utf-8")).substitute(
        name=index + 1,
        figures="".join(figures),
        scores="".join(
            f"<div><dt>{escape(SCORES[name].title)}</dt><dd>{score(value)}</dd></div>"
            for name, value in example.scores.items()
        ),
    )
