"""The built site, once for all tests and all workers of pytest, a web server, and a browser."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """Folder of the site, as `make docs` builds it; without KaTeX the test is skipped."""
    if not (ROOT / "docs" / "node_modules" / "katex").exists():
        pytest.skip("no docs/node_modules: run `make docs` first")
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent  # of all workers
    folder = common / "site"
    with FileLock(common / "site.lock"):
        if not (folder / "sitemap.xml").exists():
            command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", folder]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain web server without a log."""

    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="module")
def serve():
    """Serves a folder, and returns its address."""
    with ExitStack() as stack:

        def serve(folder: Path) -> str:
            handler = functools.partial(Quiet, directory=str(folder))
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            stack.callback(stack.enter_context(server).shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}/"

        yield serve


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; without it the test is skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], timeout=120_000
        )
