"""Every `python` and `sh` block of the README runs alone, in a process of its own."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(
    r"^```(python|sh)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S
)
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
COMMANDS = [
    command
    for kind, text in BLOCKS
    if kind == "sh"
    for command in text.replace("\\\n", "").splitlines()
    if command
]
NOT_RUN = {
    "make ": "installs packages, and trains or runs all tests",
    "pip install ": "installs packages",
    "python -m examples.object_discovery.download ": "needs a network",
    "torchrun ": "needs CLEVRTex and four GPUs",
}
SHORTER = {
    "examples.object_discovery.train": "--max-steps 1 --training.batch-size 4 --compile off "
    "--data.num-images 16 --data.num-test-images 4",
    "examples.object_discovery.evaluate": "--data.num-test-images 4 --compile off",
    "examples.sudoku.train": "--max-steps 1 --data.num-boards 32 --data.num-test-boards 4",
}
"""Options that make a command short."""


def run(arguments: list[str], folder: Path) -> None:
    path = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("block", PYTHON, ids=range(len(PYTHON)))
def test_python_block(block: str) -> None:
    run(["-c", block], ROOT)


@pytest.mark.slow
def test_commands(tmp_path: Path) -> None:
    """All commands in order, in an empty folder, but those of `NOT_RUN`."""
    (tmp_path / "my-pictures").mkdir()
    Image.new("RGB", (40, 32), "red").save(tmp_path / "my-pictures" / "red.png")
    left, count = set(NOT_RUN), 0
    for command in COMMANDS:
        if skipped := {start for start in NOT_RUN if command.startswith(start)}:
            left -= skipped
            continue
        words = shlex.split(command)
        assert words[:2] == ["python", "-m"], command
        run([*words[1:], *SHORTER.get(words[2], "").split()], tmp_path)
        count += 1
    assert not left and count >= 6
