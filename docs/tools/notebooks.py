"""Tutorials: every `tutorials/*.py` (jupytext, percent format) is run and shown as a page.

An error in a cell ends the build. Cells become Markdown, so that links, formulas and code look and
are checked as on every other page. `# %% alt="…"` describes the pictures of a cell. Warnings, and
lines that start with `%` and are for Jupyter alone, are not shown.
"""

import re
from base64 import b64decode
from functools import cache
from pathlib import Path

import jupytext
from mkdocs.structure.files import File
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

ROOT = Path(__file__).parents[2]


class Tutorial(File):
    """A page whose source ends in .py."""

    def is_documentation_page(self):
        """Make mkdocs render it."""
        return True


def on_files(files, config):
    """Put a page and its pictures in the place of every tutorial."""
    for file in [file for file in files if re.fullmatch(r"tutorials/.*\.py", file.src_uri)]:
        pictures: dict[str, bytes] = {}
        cells = run(Path(file.abs_src_path).read_text(encoding="utf-8")).cells
        text = "\n\n".join(markdown(cell, file.name, pictures) for cell in cells)
        files.remove(file)
        files.append(Tutorial.generated(config, file.src_uri, content=text))
        for name, data in pictures.items():
            files.append(File.generated(config, f"tutorials/{name}", content=data))
    return files


@cache
def run(source: str) -> NotebookNode:
    """Execute a notebook in the root of the repository."""
    client = NotebookClient(
        jupytext.reads(source, fmt="py:percent"),
        kernel_name="python3",
        resources={"metadata": {"path": ROOT}},
        config=Config(KernelManager={"transport": "ipc"}),  # sockets that other users cannot open
    )
    return client.execute()


def markdown(cell: NotebookNode, name: str, pictures: dict[str, bytes]) -> str:
    """Format a cell with its outputs; their pictures are added to ``pictures``."""
    if cell.cell_type != "code":
        return cell.source
    code = re.sub(r"^%.*\n", "", cell.source, flags=re.MULTILINE)
    parts = [f"```python\n{code}\n```"]
    for output in cell.outputs:
        if output.get("name") == "stderr":
            continue
        data = output.get("data") or {"text/plain": output["text"]}
        if kind := next((kind for kind in data if kind.startswith("image/")), None):
            picture = f"{name}-{len(pictures) + 1}.{kind[6:].removesuffix('+xml')}"
            pictures[picture] = data[kind].encode() if "svg" in kind else b64decode(data[kind])
            parts.append(f"![{cell.metadata.get('alt', 'Output of the code above')}]({picture})")
        else:
            parts.append(f"```{{ .text .output }}\n{data['text/plain'].rstrip()}\n```")
    return "\n\n".join(parts)
