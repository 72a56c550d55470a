"""Sweeps: reading a list, the table, and a real one of two variants."""

import pytest

from benchmarks.sweep import Sweep, SweepOptions, run_variant, sweep
from examples.common.files import write_json

LIST = """# Which temperature?
object_discovery.train tetrominoes-attn-tiny --max-steps 2 --data.num-images 16 --data.root {root} \
--training.batch-size 8 --compile off --device cpu

object_discovery.evaluate MODEL --data.name tetrominoes --data.num-test-images 4 --data.root {root}
# A comment between the variants belongs to the text as well.
--training.temperature 0.2
"""


@pytest.fixture
def options(tmp_path):
    variants = tmp_path / "temperature.txt"
    variants.write_text(LIST.format(root=tmp_path / "data"))
    return SweepOptions(variants=variants, out=tmp_path / "runs", results=tmp_path)


def test_a_list_has_text_commands_and_variants(options):
    given = Sweep.read(options.variants)
    assert given.text[0] == "Which temperature?" and len(given.text) == 2
    assert given.train[:3] == ["object_discovery.train", "tetrominoes-attn-tiny", "--max-steps"]
    assert [words[0] for words in given.evaluations] == ["object_discovery.evaluate"]
    assert given.variants == ["", "--training.temperature 0.2"]


@pytest.mark.parametrize("text", ["", "--seed 1\n", "object_discovery.evaluate MODEL\n"])
def test_a_list_begins_with_a_training(tmp_path, text):
    (tmp_path / "wrong.txt").write_text(text)
    with pytest.raises(ValueError, match=r"wrong\.txt must begin with a command such as"):
        Sweep.read(tmp_path / "wrong.txt")


def test_a_command_that_fails_is_named(options, capfd):
    given = Sweep.read(options.variants)
    with pytest.raises(ValueError, match=r"examples\.object_discovery\.train .* code 2"):
        run_variant(given, "--training.temperature 0", options.out)
    assert "--training.temperature must be positive" in capfd.readouterr().err


@pytest.mark.slow
def test_variants_are_trained_scored_and_kept(options, capsys):
    sweep(options)
    lines = (options.results / "sweep-temperature.md").read_text().splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == ["| as above", "| `--training.temperature 0.2`"]
    assert {row[1] for row in rows[2:]} == {"2"} and rows[2][3] != rows[3][3]
    assert all("FG-ARI" in row[4] and "MBO" in row[4] for row in rows[2:])
    for kept in options.out.glob("*/row.json"):
        write_json(kept, {"variant": "kept", "score 1": "kept"})
    capsys.readouterr()
    sweep(options)  # trains and scores nothing: the rows are those that were kept
    assert capsys.readouterr().out.count("| kept | kept |") == 2
