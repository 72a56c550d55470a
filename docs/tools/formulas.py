"""Formulas of the site, from LaTeX to HTML at build time: KaTeX in one process of node.

Pages, docstrings and notebooks write `$…$` and `$$…$$`, which arithmatex marks in the HTML. A
reader's browser gets HTML, MathML for screen readers, and KaTeX's style sheet and fonts.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

KATEX = Path(__file__).parents[1] / "node_modules" / "katex" / "dist"
MARKED = re.compile(
    r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL
)  # as pymdownx.arithmatex writes them with `generic: true`
OTHER_FONTS = re.compile(r',url\([^)]*\) format\("(?:woff|truetype)"\)')
SCRIPT = """
const katex = require(process.argv[1]);
const render = ({tex, display}) => {
  try {
    return {html: katex.renderToString(tex, {displayMode: display, strict: "error"})};
  } catch (error) {
    return {error: error.message};
  }
};
const formulas = JSON.parse(require("fs").readFileSync(0, "utf-8"));
console.log(JSON.stringify(formulas.map(render)));
"""


def on_files(files, config):
    """Add KaTeX's style sheet and its woff2 fonts to the site."""
    if not KATEX.exists():
        raise PluginError("docs/node_modules has no katex: run `make docs`, or npm ci in docs/")
    style = OTHER_FONTS.sub("", (KATEX / "katex.min.css").read_text(encoding="utf-8"))
    files.append(File.generated(config, "assets/katex/katex.min.css", content=style))
    for font in sorted((KATEX / "fonts").glob("*.woff2")):
        target = f"assets/katex/fonts/{font.name}"
        files.append(File.generated(config, target, abs_src_path=str(font)))
    return files


def on_env(env, config, files):
    """Render the formulas of all pages; called between their Markdown and their templates."""
    pages = [file.page for file in files.documentation_pages()]
    found = {formula(match) for page in pages for match in MARKED.finditer(page.content)}
    rendered = render(sorted(found))
    for page in pages:
        page.content = MARKED.sub(lambda match: rendered[formula(match)], page.content)
    return env


def formula(match: re.Match) -> tuple[str, bool]:
    """LaTeX of a formula that arithmatex has marked, and whether it stands on its own line."""
    return html.unescape(match[3]).strip(), match[2] == "["


def render(formulas: list[tuple[str, bool]]) -> dict[tuple[str, bool], str]:
    """HTML and MathML of every formula, without its LaTeX; PluginError for the first wrong one."""
    if (node := shutil.which("node")) is None:
        raise PluginError(
            "node not found: install Node.js with npm (Debian/Ubuntu: apt install npm)"
        )
    tasks = json.dumps([{"tex": tex, "display": display} for tex, display in formulas])
    command = [node, "-e", SCRIPT, str(KATEX / "katex.js")]
    done = subprocess.run(command, input=tasks, capture_output=True, text=True, check=True)
    results = json.loads(done.stdout)
    rendered = {}
    for (tex, display), result in zip(formulas, results, strict=True):
        if error := result.get("error"):
            raise PluginError(f"formula {tex!r}: {error}")
        rendered[tex, display] = tidy(result["html"], display)
    return rendered


def tidy(markup: str, display: bool) -> str:
    """Leave out the copy of the LaTeX, and keep what repeats the text out of the search."""
    markup = re.sub(r"<annotation.*?</annotation>", "", markup, flags=re.DOTALL)
    markup = markup.replace('class="katex-mathml"', 'class="katex-mathml" data-search-exclude')
    return f"<div data-search-exclude>{markup}</div>" if display else markup
