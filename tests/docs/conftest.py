"""The built site, once for all tests and all workers of pytest."""

import os
import subprocess
import sys
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
