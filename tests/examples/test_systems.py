"""Commands on other systems and terminals: no locks, no Linux, containers, ASCII, interrupts."""

import errno
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from examples.common.device import free_memory, free_memory_of_container, peak_memory
from examples.common.files import exclusive, one_at_a_time, write_text
from tests.examples.runs import ROOT, finish, python, start, umask, wait_until
from tests.examples.server import Site, serving

CPU = torch.device("cpu")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_once_and_used(number, tmp_path, monkeypatch, capsys):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with exclusive(tmp_path / "run"):
        pass
    warning = f"warning: {tmp_path / 'run'} is on a file system without locks"
    assert capsys.readouterr().err.startswith(warning)
    with one_at_a_time(tmp_path / "cache" / "images"):
        pass
    assert f"{tmp_path / 'cache'} is on a file system without" in capsys.readouterr().err


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_files_follow_the_umask(mask, mode, tmp_path):
    with umask(mask):
        write_text(tmp_path / "file", "text")
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode
    assert os.listdir(tmp_path) == ["file"]


def with_words(script: Path, *words: object) -> str:
    """A stand-in for another system, with the present names of the command's options."""
    line = f"sys.argv = {list(map(str, words))!r}"
    return re.sub(r"^sys\.argv = .*$", lambda _: line, script.read_text(), flags=re.M)


def test_commands_are_imported_on_windows(shared):
    script = (shared / "inputs" / "windows_imports.py").read_text()
    # Windows lacks more than modules.
    lacks = "import os; del os.sched_getaffinity, os.getuid, os.fork, os.mkfifo\n"
    for code in (script, lacks + script):
        output, errors = python("-c", code).communicate()
        assert output.count("ok  ") == 7 and "FAIL" not in output, errors


def test_training_without_locks_and_scores_on_a_mac(shared, tmp_path, monkeypatch):
    """The stand-ins hide /proc/meminfo and all of sysconf, which psutil itself reads on Linux."""
    data = ("--data.root", tmp_path / "data")
    words = ("--data.num-images", 64, "--max-steps", 1, "--compile", "off", "--device", "cpu")
    script, out = shared / "inputs" / "flock_enolck.py", tmp_path / "run"
    words = ("train", "tetrominoes-attn-tiny", *words, *data, "--out", out)
    _, errors = finish(python("-c", with_words(script, *words)))
    for folder in (out, tmp_path / "data"):
        assert f"warning: {folder} is on a file system without locks" in errors
    words = ("evaluate", out, "--data.name", "tetrominoes", "--data.num-test-images", 4, *data)
    script = shared / "inputs" / "mac_sysconf.py"
    output, _ = finish(python("-c", with_words(script, *words, "--out", tmp_path / "scores")))
    assert "FG-ARI" in output
    # A Mac counts the peak memory in bytes.
    in_kilobytes = peak_memory(CPU)
    monkeypatch.setattr("sys.platform", "darwin")
    assert 900 < in_kilobytes / peak_memory(CPU) < 1100


def group(folder: Path, limit: str, usage: int, cache: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{usage}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\n")


def test_a_containers_limit_bounds_the_free_memory(tmp_path):
    """The tightest of the groups around the process; version 1 of the groups as well."""
    root, own = tmp_path / "cgroup", tmp_path / "self"
    assert free_memory_of_container(root, own) == math.inf  # as on macOS
    own.write_text("3:memory:/ignored\n0::/job/step\n")
    assert free_memory_of_container(root, own) == math.inf
    group(root / "job" / "step", "max", 50, 0)
    group(root / "job", "1000", 400, 100)
    assert free_memory_of_container(root, own) == 700
    group(root, "900", 500, 0)
    assert free_memory_of_container(root, own) == 400
    (root / "memory").mkdir()
    for name, value in {"limit_in_bytes": 80, "usage_in_bytes": 30, "stat": "cache 1\n"}.items():
        (root / "memory" / f"memory.{name}").write_text(str(value))
    assert free_memory_of_container(root, own) == 50
    assert free_memory(CPU) > 0
    assert peak_memory(CPU) > 2**26


def test_terminals_that_know_ascii_alone_and_the_home_folder(tmp_path):
    (tmp_path / "board.txt").write_text("é" + 80 * "." + "\n")
    shell = ("env", "PYTHONIOENCODING=ascii", f"HOME={tmp_path}")
    _, errors = finish(start("examples.sudoku.solve", "~/board.txt", shell=shell), code=1)
    assert f"{tmp_path}/board.txt, line 1" in errors and "got '?' in row 1" in errors
    words = ("tetrominoes-attn-tiny", "--data.root=~/board.txt", "--data.cache=none", "--out=~/run")
    _, errors = finish(start("examples.object_discovery.train", *words, shell=shell), code=1)
    said = f"must be a folder: got the file {tmp_path}/board.txt; try {tmp_path}"
    assert errors.splitlines()[-1].startswith(f"error: --data.root {said}")
    words = ("tetrominoes-attn-tiny", "--init-from", "~/~x", "--data.root", "~", "--out", "~/run")
    words += ("--data.num-images", "64", "--model.num-blocks", "2")
    _, errors = finish(start("examples.object_discovery.train", *words, shell=shell), code=1)
    assert f"{tmp_path}/~x" in errors.splitlines()[-1] and list(tmp_path.glob("tetrominoes*"))


def test_a_missing_package_and_a_script_run_by_its_path_are_one_line(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "tyro.py").write_text("raise ModuleNotFoundError(name='tyro')")
    (tmp_path / "b" / "rich").mkdir(parents=True)  # is imported by ours, and lacks a part
    (tmp_path / "b" / "rich" / "__init__.py").touch()
    modules = {"tyro": "sudoku.solve", "rich": "object_discovery.download"}
    for folder, (name, module) in zip("ab", modules.items(), strict=True):
        shell = ("env", f"PYTHONPATH={tmp_path / folder}:{ROOT / 'src'}:{ROOT}")
        _, errors = finish(start(f"examples.{module}", shell=shell), code=1)
        assert errors.startswith(f"error: the package '{name}' is missing; the examples need: pip")
        assert len(errors.splitlines()) == 1
    for task, name in (("sudoku", "solve"), ("object_discovery", "segment")):
        path = ROOT / "examples" / task / f"{name}.py"
        process = subprocess.run([sys.executable, path], capture_output=True, text=True)
        assert process.returncode == 1 and len(process.stderr.splitlines()) == 1
        assert process.stderr.endswith(f"python -m examples.{task}.{name}\n")


def interrupt(process, ready) -> None:
    """Press Ctrl-C some time after a function returns something true."""
    wait_until(ready)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = finish(process, code=130)
    assert errors.splitlines()[-1] == "interrupted"


@pytest.mark.parametrize(
    ("module", "words", "lock"),
    [
        ("sudoku.train", "sudoku-akorn-tiny --data.num-boards 999999", ".sudoku-train*"),
        ("object_discovery.train", "tetrominoes-attn --data.num-images 99999", ".tetrominoes*"),
    ],
)
def test_ctrl_c_is_heard_while_data_are_made(module, words, lock, tmp_path):
    options = ("--data.root", tmp_path, "--out", tmp_path / "run")
    process = start(f"examples.{module}", *words.split(), *options)
    interrupt(process, lambda: list(tmp_path.glob(lock)))
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_ctrl_c_is_heard_during_a_download(tmp_path):
    with serving(Site(bytes(2_000_000), stall_after=1_000_000)) as site:
        words = ("--dataset", "clevr", "--url", site.url, "--to", tmp_path)
        process = start("examples.object_discovery.download", *words)
        interrupt(process, lambda: site.requests)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("words", ["--help", "tetrominoes-attn --help"])
def test_a_reader_that_stops_reading_is_no_error(words):
    with start("examples.object_discovery.train", *words.split()) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait() == 1
