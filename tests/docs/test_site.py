"""The documentation as a reader's browser gets it: built once, then read page by page."""

import dataclasses
import html
import importlib
import inspect
import json
import re
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from mkdocs.config import load_config
from mkdocs.exceptions import PluginError

from docs.tools import formulas
from examples.object_discovery.recipes import RECIPES as DISCOVERY
from examples.sudoku.recipes import RECIPES as SUDOKU
from kuramoto_nn import models

ROOT = Path(__file__).resolve().parents[2]
RAW = re.compile(r"\\[a-zA-Z(\[]|\$\$|\$\S+\$|:\w+:`|\.\. \w+::|``")
"""LaTeX, RST and Markdown that was not rendered."""
FETCHED = {"link", "script", "img", "source", "iframe", "video", "object", "embed"}


class Page(HTMLParser):
    """Text outside of code, identifiers, addresses, headings and table rows of a page."""

    def __init__(self, file: Path, site: Path):
        super().__init__()
        self.file, self.text, self.title, self.name = file, "", "", str(file.relative_to(site))
        self.ids, self.links, self.fetched, self.alts = set[str](), list[str](), list[str](), []
        self.rows: dict[str, list[list[str]]] = defaultdict(list)  # by the heading above them
        self.num_titles, self._open, self._heading = 0, list[str](), ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[key] for key in ("id", "name") if key in values}
        self.num_titles += tag == "h1"
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in FETCHED:
            self.fetched += [values[key] for key in ("src", "href", "data") if key in values]
        if tag == "img":
            self.alts.append(values.get("alt", ""))
        if tag in ("h2", "h3"):
            self._heading = ""
        if tag == "tr":
            self.rows[self._heading].append([])
        if tag == "td":
            self.rows[self._heading][-1].append("")
        if tag in ("script", "style", "code", "pre", "svg", "title", "h2", "h3", "td"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        if self._open[-1:] == [tag]:
            self._open.pop()

    def handle_data(self, data):
        if "title" in self._open and "svg" not in self._open:
            self.title += data
        if {"h2", "h3"} & {*self._open}:
            self._heading += data.strip("¶")
        if "td" in self._open:
            self.rows[self._heading][-1][-1] += data
        if not {"script", "style", "code", "pre", "svg"} & {*self._open}:
            self.text += data


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Page]:
    return {file: Page(file, site) for file in sorted(site.rglob("*.html"))}


def inside(page: Page, address: str, site: Path) -> tuple[Path, str] | None:
    """File and anchor of a relative address; None for one outside of the site."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    folder = site if parts.path.startswith("/") else page.file.parent
    file = (folder / unquote(parts.path).lstrip("/")).resolve() if parts.path else page.file
    return (file / "index.html" if file.is_dir() else file), unquote(parts.fragment)


@pytest.mark.slow
class TestSite:
    def test_nothing_is_left_unrendered(self, pages, site):
        found = {page.name: RAW.findall(page.text) for page in pages.values()}
        assert {name: raw for name, raw in found.items() if raw} == {}
        assert not any('class="arithmatex"' in file.read_text() for file in pages)
        index = json.loads((site / "search" / "search_index.json").read_text())["docs"]
        assert [doc["location"] for doc in index if re.search(r"\\frac|\$\$", doc["text"])] == []
        assert any("katex-display" in file.read_text() for file in pages)

    def test_links_anchors_and_pictures_exist(self, pages, site):
        broken = []
        for page in pages.values():
            for address in page.links + page.fetched:
                if (target := inside(page, address, site)) is None:
                    continue
                file, anchor = target
                known = file.exists() and (not anchor or file not in pages)
                if not known and anchor not in getattr(pages.get(file), "ids", ()):
                    broken.append(f"{page.name}: {address}")
        assert broken == []
        assert [page.name for page in pages.values() if not all(page.alts)] == []

    def test_nothing_is_fetched_from_elsewhere(self, pages, site):
        outside = [
            f"{page.name}: {address}"
            for page in pages.values()
            for address in page.fetched
            if inside(page, address, site) is None and not address.startswith("data:")
        ]
        for style in site.rglob("*.css"):
            for quoted in re.findall(r"url\(([^)]*)\)|@import ([^;]*);", style.read_text()):
                address = "".join(quoted).strip("'\" ")
                local = address.startswith(("data:", "#")) or (style.parent / address).exists()
                outside += [] if local else [f"{style.name}: {address}"]
        assert outside == []
        text = "".join(file.read_text() for file in pages)
        assert not re.search(r"cdn\.|jsdelivr|unpkg|cdnjs|fonts\.g|class=\"mermaid", text)

    def test_pages_have_titles_and_are_found(self, pages, site):
        config = load_config(str(ROOT / "mkdocs.yml"))
        sources = re.findall(r"'([^']+\.(?:md|py))'", str(config.nav))
        places = {re.sub(r"(index)?\.(md|py)$", "", source).strip("/") for source in sources}
        places = {place and f"{place}/" for place in places}
        built = {str(page.file.parent.relative_to(site)) + "/" for page in pages.values()}
        assert {place or "./" for place in places} == built
        assert [page.name for page in pages.values() if not page.title.strip()] == []
        wrong = [page.name for page in pages.values() if page.num_titles != 1]
        assert wrong == [], "pages need one heading of the first level"
        index = json.loads((site / "search" / "search_index.json").read_text())["docs"]
        assert places <= {doc["location"] for doc in index}

    def test_every_field_and_every_public_name_is_documented(self, pages, site):
        rows = pages[site / "reference" / "configurations" / "index.html"].rows
        configs = {value for name, value in vars(models).items() if name.endswith("Config")}
        bases = {base for config in configs for base in config.__mro__[1:]}
        for recipe in (*DISCOVERY.values(), *SUDOKU.values()):
            configs |= {type(recipe.data), type(recipe.training), type(recipe.scoring)}
        for config in configs - bases:
            documented = [row[0] for row in rows[config.__name__] if row and all(row)]
            missing = {field.name for field in dataclasses.fields(config)} - {*documented}
            assert missing == set(), config
        for name in re.findall(r"api/(\w+)\.md", (ROOT / "mkdocs.yml").read_text()):
            module = importlib.import_module(f"kuramoto_nn.{name}")
            ids = pages[site / "api" / name / "index.html"].ids
            values = {name: getattr(module, name) for name in module.__all__}
            names = {n for n, v in values.items() if inspect.isclass(v) or inspect.isroutine(v)}
            names -= {config.__name__ for config in configs | bases}
            assert {n for n in names if f"{module.__name__}.{n}" not in ids} == set(), module

    def test_in_a_browser(self, pages, site, serve, browser):
        """The search finds; pages fit a phone, log no error, and fetch nothing from elsewhere."""
        home, wrong = serve(site), []
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(120_000)
        page.on("request", lambda request: wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        for file in pages:
            page.goto(home + str(file.relative_to(site)))
            width = page.evaluate("document.scrollingElement.scrollWidth")
            wrong += [f"{file}: {width} pixels wide"] if width > 390 else []
        page.goto(f"{home}?q=order+parameter")
        found = page.locator(".md-search-result__item h2").first.inner_text()
        page.close()
        assert [text for text in wrong if not text.startswith((home, "data:", "blob:"))] == []
        assert found == "order_parameter"

    def test_every_command_is_documented(self, pages, site):
        text = html.unescape((site / "reference" / "commands" / "index.html").read_text())
        for readme in ("README.md", "examples/README.md", "benchmarks/README.md"):
            content = (ROOT / readme).read_text(encoding="utf-8")
            for module in re.findall(
                r"-m ((?:examples|benchmarks|kuramoto_nn)(?:\.\w+)+)", content
            ):
                assert f">{module}<" in text, module


@pytest.mark.skipif(
    not formulas.KATEX.exists(), reason="no docs/node_modules: run `make docs` first"
)
def test_formulas_are_rendered_and_wrong_ones_named():
    page = r'<span class="arithmatex">\(x &lt; \frac{1}{2}\)</span>, <code>$x$</code>'
    (match,) = formulas.MARKED.finditer(page)
    task = formulas.formula(match)
    assert task == (r"x < \frac{1}{2}", False)
    markup = formulas.render([task])[task]
    assert "<mfrac>" in markup and "katex-html" in markup
    assert "frac{" not in markup and "katex-display" not in markup
    assert "katex-display" in formulas.render([("x", True)])["x", True]
    with pytest.raises(PluginError, match=r"formula '\\\\wrong': .*Undefined control sequence"):
        formulas.render([(r"\wrong", False)])
