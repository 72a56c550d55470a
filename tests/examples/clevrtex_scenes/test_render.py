"""Renders tiny scenes by the real command; only where the environment with bpy has been built."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples.clevrtex_scenes.draw import MIN_VISIBLE, smallest_area
from examples.clevrtex_scenes.layout import scene_path
from examples.clevrtex_scenes.scene import sample_scene

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-bpy" / "bin" / "python"
TINY = ("--variant", "clevr", "--size", "64x48", "--samples", "2", "--seed", "5")

# Wires every material and prints what is amiss.
WIRE_ALL = """
import json
import bpy
from examples.clevrtex_scenes.materials import FULL, OUTD, PLAIN, wire

amiss = []
for name in FULL | OUTD | PLAIN:
    tree = bpy.data.materials.new(name).node_tree
    color = "#804020" if name in ("rubber", "metal") else None
    wire(tree, name, color=color, offset=(1.0, 2.0, 3.0))
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    if not all(link.is_valid for link in tree.links) or not output.inputs["Surface"].is_linked:
        amiss.append(f"{name} is not wired")
    if output.inputs["Displacement"].is_linked == (name in PLAIN):
        amiss.append(f"{name}: relief is missing, or there without a reason")
print(json.dumps(amiss))
"""

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-bpy: make scenes-venv")


def in_blender(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [str(PYTHON), *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=170
    )


def render(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return in_blender("-m", "examples.clevrtex_scenes", *TINY, "--out", str(out), *words)


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("clevrtex_*/0/*"))}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes")
    result = render(out, "--count", "3", "--processes", "1")
    assert result.returncode == 0, result.stderr
    return out


def test_masks_belong_to_the_described_scenes(rendered: Path) -> None:
    for index in range(3):
        told = json.loads(scene_path(rendered, "clevr", index, ".json").read_text())
        scene = sample_scene("clevr", index, seed=5, attempt=told["attempt"])
        assert [entry["3d_coords"] for entry in told["objects"]] == [
            list(item.position) for item in scene.objects
        ]
        with Image.open(scene_path(rendered, "clevr", index, "_flat.png")) as read:
            labels = np.asarray(read)
        assert labels.shape == (48, 64) and labels.max() == len(scene.objects)
        assert smallest_area(labels, len(scene.objects)) >= MIN_VISIBLE
        # The nearest object hides nothing of its own middle.
        near = min(told["objects"], key=lambda entry: entry["pixel_coords"][2])
        column, row, _ = near["pixel_coords"]
        if 0 <= column < 64 and 0 <= row < 48:
            assert labels[row, column] == near["index"]


def test_lost_scenes_come_back_the_same(rendered: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(rendered, again)
    scene_path(again, "clevr", 1, ".json").unlink()
    scene_path(again, "clevr", 2, ".png").write_bytes(b"half")
    scene_path(again, "clevr", 2, ".json").unlink()
    result = render(again, "--count", "3", "--processes", "2")
    assert result.returncode == 0, result.stderr
    assert "1 scenes are there, 2 to go" in result.stdout
    assert files(again) == files(rendered)


def test_other_options_are_refused_in_one_line(rendered: Path) -> None:
    result = render(rendered, "--count", "3", "--seed", "6")
    assert result.returncode == 1
    assert "holds scenes of another kind (seed 5)" in result.stderr
    assert "Traceback" not in result.stderr


def test_sigterm_leaves_only_whole_scenes(tmp_path: Path) -> None:
    command = [str(PYTHON), "-m", "examples.clevrtex_scenes", *TINY, "--out", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--count", "500", "--processes", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 100
    while not scene_path(tmp_path, "clevr", 0, ".json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped by SIGTERM" in stdout
    names = list(files(tmp_path))
    assert len(names) % 3 == 0 and 3 <= len(names) < 1500


def test_every_material_is_wired_and_has_relief() -> None:
    result = in_blender("-c", WIRE_ALL)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == []
