"""The live page: its scripts in Node, its graphs in onnxruntime, and the whole page in Chromium."""

import functools
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from mkdocs.commands.build import build
from mkdocs.config import load_config
from torch.testing import assert_close

from docs.tools import live
from examples.object_discovery.data import tetrominoes
from examples.object_discovery.recipes import Scoring
from examples.object_discovery.segmenter import cluster
from examples.sudoku.boards import digits
from examples.sudoku.rules import contradiction, solves
from kuramoto_nn import create_model, load_model
from kuramoto_nn.inference import uptiled_features
from kuramoto_nn.plot import phase_colors

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "live"
EASY = "..3.2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3.."


# Scripts, in Node. ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Run a module that may import the page's scripts, with `given`; it sets `result`."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs Node.js (Debian/Ubuntu: apt install nodejs)")
    folder = tmp_path_factory.mktemp("scripts")
    for script in PAGE.glob("*.js"):
        shutil.copy(script, folder)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")

    def run(source: str, given: object = None):
        text = (
            'import { readFileSync } from "fs";\nlet result;\n'
            f"const given = JSON.parse(readFileSync(0));\n{source}\n"
            "console.log(JSON.stringify(result, (_, v) => ArrayBuffer.isView(v) ? [...v] : v));"
        )
        (folder / "run.js").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [program, folder / "run.js"], input=json.dumps(given), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


PARSE = """
import { contradiction, parseBoard } from "./board.js";
result = given.map((text) => {
  try { const board = parseBoard(text); return [board.join(""), contradiction(board) ?? null]; }
  catch (error) { return error.message; }
});"""
ROWS = [EASY[i : i + 9] for i in range(0, 81, 9)]
FRAMED = "\n".join(
    line
    for i, row in enumerate(ROWS)
    for line in (
        *(["------+-------+------"] if i in (3, 6) else []),
        " | ".join(" ".join(row[j : j + 3]) for j in (0, 3, 6)),
    )
)


def test_boards_of_every_form_are_read(node):
    forms = [EASY.replace(".", sign) for sign in ".0_?*-x□ "]
    forms += ["\n".join(form[i : i + 9] for i in range(0, 81, 9)) for form in forms]
    forms += [FRAMED, FRAMED.replace(".", "-"), ",".join(EASY), f"  {EASY}\r\n\r\n"]
    forms += ["\n".join(row.replace(".", " ").rstrip() for row in ROWS)]
    forms += [EASY.translate({ord("3"): "３", ord("."): "．"})]
    expected = EASY.replace(".", "0")
    read = node(PARSE, forms)
    assert [form for form, got in zip(forms, read, strict=True) if got != [expected, None]] == []


def test_wrong_boards_get_a_sentence(node):
    wrong = {
        "": "There is no board yet: give 81 digits and blanks.",
        " \n\t ": "There is no board yet: give 81 digits and blanks.",
        EASY[:-1]: "A board has 81 cells, nine rows of nine: got 80.",
        EASY * 2: "A board has 81 cells, nine rows of nine: got 162.",
        "a" + EASY[1:]: "such as a dot: got “a”.",
        "<script>alert(1)</script>": "such as a dot: got “<”.",
        "😀" + EASY[1:]: "such as a dot: got “😀”.",
    }
    for got, sentence in zip(node(PARSE, [*wrong]), wrong.values(), strict=True):
        assert isinstance(got, str) and got.endswith(sentence)


def test_any_text_gives_a_board_or_a_sentence(node):
    draw = random.Random(0)
    signs = "0123456789.. _-|+\n\r\t,;x?é\u00a0😀\u2502\u200b\x00<&'\"[]"
    texts = ["".join(draw.choices(signs, k=draw.randrange(200))) for _ in range(1500)]
    texts += ["".join(draw.choices("123456789" + 5 * ".", k=81)) for _ in range(300)]
    boards = 0
    for text, got in zip(texts, node(PARSE, texts), strict=True):
        if isinstance(got, str):
            assert re.fullmatch(r"[A-Z].*\.", got, re.DOTALL), (text, got)
            continue
        boards += 1
        board, problem = got
        assert re.fullmatch("[0-9]{81}", board), text
        assert (problem is None) == (contradiction(digits(board)[0]) is None), text
    assert boards >= 300


def test_noise_is_normal_and_depends_on_seed_and_sample(node):
    source = """
import { normals } from "./network.js";
result = given.map(([count, ...seeds]) => normals(count, ...seeds));"""
    first, again, part, other, sample = map(
        np.array,
        node(source, [[20000, 0, 0], [20000, 0, 0], [7, 0, 0], [20000, 1, 0], [20000, 0, 1]]),
    )
    assert (first == again).all() and (first[:6] == part[:6]).all()
    for noise in (first, other, sample):
        assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
        assert abs((np.abs(noise) < 1.96).mean() - 0.95) < 0.01
    assert abs(np.corrcoef([first, other, sample]) - np.eye(3)).max() < 0.03


def test_clusters_and_colours_are_the_library_s(node):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(5, 12, 64, generator=generator).index_select(
        2, torch.arange(64)
    ) * 0.4 + torch.randn(5, 12, 4, generator=generator).repeat_interleave(16, 2)
    states = torch.nn.functional.normalize(features.unflatten(1, (3, 4)), dim=2).flatten(1, 2)
    source = """
import { averageLinkage, phaseColors, principalPlane } from "./sites.js";
const rows = given.map((map) => Float32Array.from(map.flat()));
const axes = principalPlane(rows.at(-1), 12);
const labels = (map) => [2, 4, 9].map((k) => averageLinkage(map, 12, k));
result = rows.map((map) => [labels(map), phaseColors(map, 12, axes)]);
"""
    got = node(source, states.mT.tolist())
    for clusters in (2, 4, 9):
        scoring = Scoring(num_clusters=clusters, pca=None)
        expected = cluster(states.unflatten(2, (8, 8)), scoring, [])
        labels = torch.tensor([labels[(2, 4, 9).index(clusters)] for labels, _ in got])
        assert_close(labels, expected.flatten(1))
    colors = torch.tensor([colors for _, colors in got]) / 255
    expected = phase_colors(states.unflatten(2, (8, 8)), 4).flatten(1, 2)
    assert_close(colors, expected.to(colors.dtype), atol=1e-3, rtol=0)


def test_pictures_are_those_of_the_data_set(node):
    scenes = tetrominoes.sample_scenes(20, rng=np.random.default_rng(0))
    images = tetrominoes.render(scenes)[0][:, :, 1:33, 1:33]
    pieces = [
        [
            {
                "shape": int(shape),
                "color": int(color),
                "row": int(row) - 1,
                "column": int(column) - 1,
            }
            for shape, color, (row, column) in zip(*scene, strict=True)
        ]
        for scene in zip(*scenes, strict=True)
    ]
    info = {
        "pieces": tetrominoes.BLOCK_OFFSETS.tolist(),
        "colors": tetrominoes.COLORS.tolist(),
        "shading": tetrominoes.SHADING.tolist(),
    }
    source = """
import { render } from "./objects.js";
result = given[0].map((pieces) => render(pieces, given[1]));"""
    got = np.array(node(source, [pieces, info])).reshape(images.shape)
    np.testing.assert_allclose(got, images / 255, atol=1e-6)


# Graphs, in onnxruntime. ------------------------------------------------------------------------


@pytest.mark.slow
def test_graphs_equal_other_networks(tmp_path):
    """Two blocks, another width and other parts: nothing of the shipped networks is built in."""
    import onnxruntime

    torch.manual_seed(0)
    solver = create_model(
        "sudoku-akorn-tiny", num_blocks=2, channels=24, oscillator_dim=2, num_steps=3
    ).eval()
    finder = create_model(
        "tetrominoes-attn-tiny", num_blocks=2, channels=24, stimulus_norm="group", num_steps=2
    ).eval()
    solver.save_pretrained(tmp_path / "solver")
    finder.save_pretrained(tmp_path / "finder")
    live.build(tmp_path / "graphs", tmp_path / "solver", tmp_path / "finder")

    def trajectory(name, given, noise):
        start, step = (
            onnxruntime.InferenceSession(tmp_path / "graphs" / f"{name}-{part}.onnx")
            for part in ("start", "step")
        )
        x, c = start.run(None, {"given": given.numpy(), "noise": noise.numpy()})
        parts = []
        for _ in range(4):
            following, *seen = step.run(None, {"x": x, "c": c})
            parts.append((x, *seen))
            x = following
        return [torch.from_numpy(np.stack(values)) for values in zip(*parts, strict=True)]

    with torch.no_grad():
        puzzles, noise = digits(3 * EASY.replace(".", "0")), torch.randn(3, 24, 9, 9)
        got = trajectory("sudoku", puzzles, noise)
        expected = solver.trajectory(puzzles, noise=noise)  # type: ignore[operator]
        check = functools.partial(assert_close, atol=1e-4, rtol=1e-4)
        for value, wanted in zip(
            got[:3], (expected.states, expected.energies, expected.logits), strict=True
        ):
            check(value, wanted)
        agreement = torch.einsum("tbcp,tbcq->tbpq", *2 * [expected.states.flatten(3)]) / 12
        check(got[3], agreement)

        images, noise = torch.rand(5, 3, 32, 32), torch.randn(5, 24, 8, 8)
        states, energies, features = trajectory("objects", images, noise)
        expected = finder.trajectories(images, noise=noise)[-1]  # type: ignore[operator]
        check(states[:3], expected.states)
        check(energies[:3], expected.energies)
        check(features[2], finder.features(images, noise=noise))  # type: ignore[operator]


# The page, in Chromium. -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(serve, browser, tmp_path_factory):
    """Build the page alone in the site's theme, and serve it."""
    if not live.RUNTIME.exists():
        pytest.skip("needs docs/node_modules: run npm ci in docs/, or `make docs`")
    folder = tmp_path_factory.mktemp("live")
    shutil.copytree(PAGE, folder / "docs" / "live")
    (folder / "docs" / "index.md").write_text("# Home\n", encoding="utf-8")
    config = load_config(
        str(ROOT / "mkdocs.yml"),
        docs_dir=str(folder / "docs"),
        site_dir=str(folder / "site"),
        hooks=[str(ROOT / "docs/tools/live.py")],
        nav=[{"Live": "live/index.md"}, {"Home": "index.md"}],
        plugins=["search"],
        extra_css=[],
    )
    build(config)
    return f"{serve(folder / 'site')}live/"


@pytest.fixture
def visit(address, browser):
    """Open the page; at the end nothing was fetched from elsewhere, and no error was logged."""
    wrong, pages = [], []

    def note(message):
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    def request(request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            wrong.append(request.url)

    def open_page(width=1280, script=None, **options):
        page = browser.new_page(viewport={"width": width, "height": 844}, **options)
        pages.append(page)
        page.set_default_timeout(120_000)
        page.on("console", note)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", request)
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        if script is None:
            page.goto(address)
            page.wait_for_selector("#objects.ready")
        else:
            page.add_init_script(script)
            page.goto(address)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert wrong == []


def cell(page, row, column):
    return page.locator(
        f".board [role=row]:nth-child({row}) [role=gridcell]:nth-child({column}) input"
    )


def shown(page) -> str:
    return "".join(box.input_value() or "0" for box in page.locator(".board input").all())


def said(page, part, text):
    page.wait_for_function(
        "([part, text]) => document.querySelector(`#${part} .status`).textContent.match(text)",
        arg=[part, text],
    )


def set_number(page, part, name, value):
    page.fill(f"#{part} [name={name}]", str(value))
    page.press(f"#{part} [name={name}]", "Enter")


in_browser = pytest.mark.slow


@in_browser
@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desktop", "phone"]
)
def test_a_board_is_solved_and_a_picture_is_segmented(visit, width, scheme):
    page = visit(width, color_scheme=scheme, has_touch=width < 500)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate("document.querySelector('#sudoku [name=speed]').value = 30")
    page.click("#sudoku [name=play]")
    said(page, "sudoku", "^Solved after")
    assert solves(digits(shown(page)), digits(EASY.replace(".", "0")))
    assert page.inner_text("#sudoku [name=play]") == "Play"  # it stops by itself
    page.click("#sudoku [name=reset]")
    said(page, "sudoku", "^Step 0: ")
    page.click("#sudoku [name=step]")
    said(page, "sudoku", "^Step 1: ")

    page.click("#objects [name=reset]")
    said(page, "objects", "^Step 0: 3 pieces, 4 clusters")
    page.click("#objects [name=play]")
    said(page, "objects", "^Step 8: ")
    page.click("#objects [name=clear]")
    said(page, "objects", "empty: place a piece")
    assert page.is_disabled("#objects [name=play]")
    box = page.locator(".scene").bounding_box()
    page.locator(".shapes input").nth(2).check()
    page.locator(".scene").click(position={"x": box["width"] / 2, "y": box["width"] / 2})
    said(page, "objects", "1 piece, ")
    page.click("#objects [name=scatter]")
    said(page, "objects", "3 pieces, ")


@in_browser
def test_numbers_are_those_of_pytorch(visit):
    page = visit()
    source = """async ([given, count, steps]) => {
      const { integers, Network, noise } = await import("/live/network.js");
      const info = (await (await fetch("live.json")).json()).sudoku;
      const network = await Network.load("sudoku");
      const start = noise(3, count, [info.channels, ...info.grid]);
      let state = await network.start(integers(given, [count, 9, 9]), start);
      const seen = [];
      for (let t = 0; t <= steps; t++) {
        const { next, energy, output } = await network.observe(state);
        state = next;
        seen.push([[...energy], [...output]]);
      }
      return [[...start.data], seen];
    }"""
    model = load_model(live.SUDOKU)
    puzzles = digits(2 * EASY.replace(".", "0"))
    noise, seen = page.evaluate(source, [puzzles.flatten().tolist(), 2, 6])
    noise = torch.tensor(noise).view(2, model.config.channels, 9, 9)
    with torch.no_grad():
        expected = model.trajectory(puzzles, noise=noise, num_steps=6)  # type: ignore[operator]
    energies, logits = (torch.tensor(values) for values in zip(*seen, strict=True))
    assert_close(energies, expected.energies, atol=1e-4, rtol=1e-4)
    assert_close(logits.view_as(expected.logits), expected.logits, atol=1e-4, rtol=1e-4)

    # The board shows the same: the first start of seed 3.
    set_number(page, "sudoku", "samples", 1)
    set_number(page, "sudoku", "seed", 3)
    for _ in range(6):
        page.click("#sudoku [name=step]")
    said(page, "sudoku", "^(Step 6|Solved after 6)")
    answer = expected.logits[6, 0].argmax(-1) + 1
    assert_close(digits(shown(page))[0], torch.where(puzzles[0] > 0, puzzles[0], answer))
    energy = page.inner_text("#sudoku .now").split()[-1].replace("−", "-")
    assert_close(float(energy), expected.energies[6, 0].item(), atol=0.06, rtol=1e-4)


@in_browser
def test_maps_are_those_of_pytorch(visit):
    page = visit()
    source = """async () => {
      const { noise } = await import("/live/network.js");
      const info = (await (await fetch("live.json")).json()).objects;
      const read = (name) => {
        const canvas = document.querySelector(name);
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return [...data];
      };
      const start = noise(0, info.patch ** 2, [info.channels, ...info.grid]);
      return [[...start.data], ...[".scene", ".phases", ".clusters"].map(read)];
    }"""
    noise, *maps = page.evaluate(source)
    scene, phases, clusters = (
        torch.tensor(values, dtype=torch.float32).view(32, 32, 4)[..., :3] for values in maps
    )
    model = load_model(live.OBJECTS)
    noise = torch.tensor(noise).view(16, 1, model.config.channels, 8, 8)
    image = scene.movedim(-1, 0)[None] / 255

    def each_view(function):
        starts = iter(noise)
        return uptiled_features(
            lambda view: function(view, noise=next(starts)), image, patch_size=4, factor=4
        )

    with torch.no_grad():
        features = each_view(model.features)
        state = each_view(lambda *a, **k: model.trajectories(*a, **k)[-1].states[-1])  # type: ignore[operator]
    colors = 255 * phase_colors(state[0], model.config.oscillator_dim)
    assert_close(phases, colors, atol=2, rtol=0)
    labels = cluster(features, Scoring(num_clusters=4, pca=None), [])[0]
    kinds = clusters.flatten(0, 1).unique(dim=0, return_inverse=True)[1].view(32, 32)
    pairs = set(zip(labels.flatten().tolist(), kinds.flatten().tolist(), strict=True))
    assert len(pairs) == 4  # the same clusters, under other names


@in_browser
def test_everything_works_by_keyboard(visit):
    page = visit()
    cell(page, 1, 1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("Row 2, column 2: answer ")
    for _ in range(2):  # the second time changes nothing
        page.keyboard.press("7")
        label = page.evaluate("document.activeElement.ariaLabel")
        assert label.startswith("Row 2, column 2: given 7")
    page.keyboard.press("9")
    said(page, "sudoku", "^9 stands twice in row 2: change one of them")
    assert page.locator(".board .wrong").count() == 2 and page.is_disabled("#sudoku [name=play]")
    page.keyboard.press("a")
    said(page, "sudoku", "takes a digit from 1 to 9: got “a”")
    page.keyboard.press("Backspace")
    said(page, "sudoku", "^Step 0: ")
    assert shown(page)[:9] != ROWS[0]  # answers again
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # stays at the border
    assert page.evaluate("document.activeElement.ariaLabel").startswith("Row 2, column 1: given 9")
    page.keyboard.press("Escape")
    assert page.locator(".board .selected").count() == 0
    for _ in range(4):  # the board is one stop of the tab key
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "step":
            break
    page.keyboard.press("Enter")
    said(page, "sudoku", "^Step 1: ")

    page.focus(".scene")
    for key in ("Shift+ArrowDown", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    said(page, "objects", "4 pieces")
    page.keyboard.press("Delete")
    said(page, "objects", "3 pieces")


@in_browser
def test_wrong_boards_are_refused_on_the_page(visit):
    page = visit()
    for text, sentence in (
        ("123", "nine rows of nine: got 3"),
        ("z" + EASY[1:], "got “z”"),
        ("<img src=x onerror=alert(1)>", "got “<”"),
        ("55" + 79 * ".", "^5 stands twice in row 1: change one of them"),
    ):
        page.fill("#sudoku textarea", text)
        page.click("#sudoku [name=load]")
        said(page, "sudoku", sentence)
    for name, value, kept in (("samples", 99, "16"), ("seed", -5, "0"), ("samples", "", "1")):
        set_number(page, "sudoku", name, value)
        assert page.input_value(f"#sudoku [name={name}]") == kept
    set_number(page, "objects", "clusters", 1e9)
    assert page.input_value("#objects [name=clusters]") == "12"
    page.fill("#sudoku textarea", FRAMED)
    page.click("#sudoku [name=load]")
    said(page, "sudoku", "^Step 0: ")
    # A whole board may be pasted into any cell, too.
    cell(page, 5, 5).focus()
    page.evaluate(
        """(text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text", text);
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }""",
        "4" + 80 * ".",
    )
    said(page, "sudoku", "^Step 0: ")
    assert page.locator(".board .given").count() == 1


@in_browser
def test_starts_vote(visit):
    page = visit()
    page.select_option("#sudoku [name=example]", index=2)
    set_number(page, "sudoku", "samples", 5)
    for _ in range(3):
        page.click("#sudoku [name=step]")
    said(page, "sudoku", "^(Step|Solved after) 3.*of 5 starts")

    def number(text):
        return float(text.replace("−", "-").replace(" %", ""))

    table = [row.locator("td").all_inner_texts() for row in page.locator(".starts tbody tr").all()]
    columns = [[number(row[i]) for row in table] for i in (1, 2)]
    winner = page.locator(".starts .shown td:first-child")
    assert len(table) == 5 and len({*columns[0]}) > 1
    assert columns[1][int(winner.inner_text()) - 1] == max(columns[1])
    page.select_option("#sudoku [name=choice]", "energy")
    assert columns[0][int(winner.inner_text()) - 1] == min(columns[0])
    page.select_option("#sudoku [name=choice]", "4")
    assert winner.inner_text() == "4"


@in_browser
def test_a_browser_without_webassembly_gets_a_sentence(visit):
    page = visit(script="delete window.WebAssembly")
    said(page, "sudoku", "needs WebAssembly, which this browser lacks")
    said(page, "objects", "needs WebAssembly, which this browser lacks")
