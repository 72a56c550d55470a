"""The report: says what it was given, needs nothing from outside, and plays in a browser."""

import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
import torch

from examples.object_discovery.pictures import match_labels
from examples.object_discovery.report import ExampleView, Report, write_report
from examples.object_discovery.report.charts import line_chart, ticks
from examples.object_discovery.report.tables import duration
from examples.object_discovery.scores import SCORES, Score
from kuramoto_nn.metrics import foreground_ari
from kuramoto_nn.models import AKOrN

STEPS = 3
RESULTS = {
    "recipe": "tetrominoes-attn-tiny",
    "fg_ari": 74.21,
    "mbo": 51.32,
    "fg_ari_untrained": 36.43,
    "mbo_untrained": 30.54,
    "fg_ari_uptiled": 81.65,
    "mbo_uptiled": 52.76,
    "images_seen": 61_440,
    "steps": 960,
    "seconds": 600.2,
    "parameters": 278_400,
    "device": "cpu",
    "seed": 7,
    "torch": "2.13.0+cpu",
    "num_test_images": 320,
    "uptile": 4,
    "command": "python -m examples.object_discovery.demo --seed 7",
}
CONTROL = {
    "fg_ari_control": 63.87,
    "mbo_control": 44.98,
    "fg_ari_control_uptiled": 68.19,
    "mbo_control_uptiled": 45.13,
    "control_recipe": "tetrominoes-itrsa-tiny",
}
PUBLISHED = AKOrN.presets()["tetrominoes-attn"].published
LOG = [
    {"step": step, "seconds": 6.0 * step, "loss": 4.5 - 0.01 * step, "images_per_second": 100.0}
    for step in range(10, 110, 10)
]


def example(seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.zeros(16, 16, dtype=torch.int64)
    truth[2:8, 2:8], truth[9:15, 6:12] = 1, 2
    values = {
        "image": torch.rand(3, 16, 16, generator=generator),
        "truth": truth,
        "segments": [truth + 5, truth.clamp_max(1), torch.zeros_like(truth)],
        "states": torch.randn(STEPS + 1, 16, 4, 4, generator=generator),
        "energies": torch.tensor([5.0, -10.0, -1234.4, -1300.0]),
        "scores": {"fg_ari": 71.94, "mbo": 49.06},
    }
    return ExampleView(**{**values, **changes})


def write(tmp_path, results=None, **changes):
    values = {"log": LOG, "examples": [example(0), example(1)], "oscillator_dim": 4, **changes}
    values = {"published": PUBLISHED, **values}
    path = tmp_path / "report.html"
    write_report(path, Report(results={**RESULTS, **(results or {})}, **values))
    return path.read_text(encoding="utf-8")


class Page(HTMLParser):
    """What the tests look at: addresses, text, and whether every tag is closed."""

    VOID = frozenset({"meta", "img", "input", "link", "br"})

    def __init__(self, html):
        super().__init__()
        self.sources, self.pictures, self.open, self.texts = [], [], [], []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.texts))

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href", "srcset")]
        if tag == "img":
            self.pictures.append(dict(attrs))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)


def test_the_page_says_what_it_was_given(tmp_path):
    page = Page(write(tmp_path))
    assert page.open == []
    given = "74.2 51.3 36.4 30.5 81.7 52.8 61,440 960 278,400 2.13.0+cpu 320 71.9 49.1".split()
    assert [text for text in [*given, RESULTS["command"]] if text not in page.text] == []
    assert "10 minutes of training, no labels: FG-ARI from 36.4 to 74.2" in page.text
    for text in ("Published", "88.6 ± 1.7", "56.4 ± 0.9", "93.1 ± 0.3", "56.3 ± 0.0"):
        assert text in page.text


def test_the_page_needs_nothing_from_outside(tmp_path):
    html = write(tmp_path, CONTROL, control_log=LOG)
    assert [source for source in Page(html).sources if not source.startswith("data:")] == []
    assert re.findall(r"https?:|url\(|@import|\bfetch\(|<link", html) == []
    assert len(html) < 200_000


def test_every_picture_has_a_text_of_its_own(tmp_path):
    texts = [picture["alt"] for picture in Page(write(tmp_path)).pictures]
    assert len(texts) == len(set(texts)) == 5 + (STEPS + 1) + 2 * 6


def test_the_control_and_published_scores_have_rows_only_if_there_are_any(tmp_path):
    without, with_control = write(tmp_path), write(tmp_path, CONTROL, control_log=LOG)
    for text in ("63.9", "45.0", "68.2", "45.1", "tetrominoes-itrsa-tiny", "control, smoothed"):
        assert text in Page(with_control).text
    assert "Control" not in Page(without).text and "control, smoothed" not in without
    assert with_control.count('class="line control') == 2
    for published in ({}, {"boards solved": (1.0, 0.0)}):  # a score of another task
        assert "Published (" not in write(tmp_path, published=published)


def test_a_score_of_the_table_shows_without_a_change_of_the_page(tmp_path, monkeypatch):
    monkeypatch.setitem(SCORES, "new", Score("New < score", "what is new", foreground_ari))
    scores = {"fg_ari": 71.94, "mbo": 49.06, "new": 12.34}
    results = {"new": 23.45, "new_untrained": 34.56, "new_uptiled": 45.67}
    html = write(tmp_path, results, examples=[example(scores=scores)])
    page = Page(html)
    for text in ("New < score", "what is new", "12.3", "23.4", "34.6", "45.7"):
        assert text in page.text
    assert 'colspan="6"' in html


def test_an_image_without_objects_has_dashes(tmp_path):
    scores = dict.fromkeys(("fg_ari", "mbo"), math.nan)
    empty = example(truth=torch.zeros(16, 16, dtype=torch.int64), scores=scores)
    html = write(tmp_path, {"mbo": math.nan, "fg_ari": None}, examples=[empty])
    assert html.count("<dd>–</dd>") == 2
    assert "to <strong>–</strong>" in html
    assert not re.search(r"\bnan\b|\bNaN\b|None", Page(html).text)


def test_results_are_escaped(tmp_path):
    evil = "</script><script>alert('x')</script>&\"$style"
    names = ("recipe", "device", "torch", "seed", "command", "control_recipe")
    html = write(tmp_path, {**CONTROL, **dict.fromkeys(names, evil)})
    assert "<script>alert" not in html
    # The recipe is in the title and above the headline as well.
    assert Page(html).text.count(evil) == len(names) + 2


def test_a_log_may_be_empty_or_hold_one_record(tmp_path):
    assert "Nothing was recorded" in write(tmp_path, log=[])
    html = write(tmp_path, log=LOG[:1])
    assert "nan" not in Page(html).text
    x, y = re.findall(r'class="line main" d="M([^"L]+)L([^"L]+)"', html)[-1]
    assert x == y  # a dot, by the round caps of the line


def test_a_failed_write_keeps_the_old_page(tmp_path, monkeypatch):
    before = write(tmp_path)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="report.html"):
        write(tmp_path, {"fg_ari": 1.0})
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_segments_take_the_label_they_overlap_most():
    truth = torch.tensor([[0, 0, 1, 1, 2, 2, -1]])
    labels = torch.tensor([[3, 3, 9, 9, 4, 9, 4]])
    assert match_labels(labels, truth).tolist() == [[0, 0, 1, 1, 2, 1, 2]]
    finer = torch.tensor([[5, 6, 7, 7, 8, 8, 8]])
    matched = match_labels(finer, truth)[0].tolist()
    assert matched[2:] == [1, 1, 2, 2, 2] and sorted(matched[:2])[0] == 0 and max(matched[:2]) > 2
    assert len(match_labels(labels, torch.full_like(truth, -1)).unique()) == 3


@pytest.mark.parametrize("range_", [(0, 8), (-2030, 9.4), (3.4, 4.6), (0.001, 0.0013), (0, 1e6)])
def test_ticks_are_few_and_inside(range_):
    low, high = range_
    values = [float(text) for text in ticks(low, high)]
    assert 2 <= len(values) <= 6 and len(set(values)) == len(values)
    assert low - 1e-9 <= min(values) and max(values) <= high + 1e-9


def test_curves_stay_inside_the_picture_and_leave_gaps_out():
    line = ("main", [0, 1, 2, 3], [1.0, math.nan, math.inf, -500.0])
    svg = line_chart([line], x_label="a < b", y_label="y", title='"t"')
    (path,) = re.findall(r'class="line main" d="M([^"]+)"', svg)
    points = [tuple(map(float, point.split())) for point in path.split("L")]
    assert len(points) == 2 and points[0][1] < points[1][1]
    assert all(0 <= x <= 460 and 0 <= y <= 270 for x, y in points)
    assert "a &lt; b" in svg and "&quot;t&quot;" in svg


def test_durations():
    said = [duration(seconds) for seconds in (0.4, 1, 60, 599.9)]
    assert said == ["0.4 seconds", "1 second", "1 minute", "10 minutes"]


BEFORE = """<script>
window.errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("securitypolicyviolation", (event) => errors.push(event.violatedDirective));
</script></head>"""
AFTER = """<script>
const part = (name) => document.querySelector(`[data-part="${name}"]`);
const seen = {errors, shown: !part("controls").hidden};
const note = (name) => (seen[name] = [part("phases").src.slice(-24), part("readout").textContent,
  part("dots").firstElementChild.style.transform, part("image").src.slice(-24)]);
const slide = (step) => {
  part("slider").value = step;
  part("slider").dispatchEvent(new Event("input"));
};
slide(0); note("first");
slide(2); note("third");
slide(3); note("last");
document.querySelector('[data-example="1"]').click(); note("other");
part("play").click();
document.body.textContent = "";
document.title = "seen:" + JSON.stringify(seen);
</script></body>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium on the PATH")
def test_the_slider_plays_in_a_browser(tmp_path):
    html = write(tmp_path).replace("</head>", BEFORE, 1).replace("</body>", AFTER, 1)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    command = (
        "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        f"--user-data-dir={tmp_path / 'profile'} --virtual-time-budget=3000 --dump-dom "
        f"{(tmp_path / 'page.html').as_uri()}"
    )
    dom = subprocess.run(command.split(), capture_output=True, text=True, timeout=120).stdout
    (title,) = re.findall(r"<title>seen:(.*?)</title>", dom, re.DOTALL)
    seen = json.loads(title)
    assert seen["errors"] == [] and seen["shown"]
    assert seen["first"][1] == "step 0 of 3 · energy 5"
    assert seen["third"][1] == "step 2 of 3 · energy −1,234"
    assert all(seen["first"][i] != seen["third"][i] for i in (0, 2))
    assert seen["first"][3] == seen["third"][3] != seen["other"][3]
    drawn = re.findall(r"<circle[^>]*transform:translate\(([^)]*)\)", html)[0]
    assert seen["last"][2] == f"translate({drawn.replace(',', ', ')})"
