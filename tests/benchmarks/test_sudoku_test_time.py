"""Variants of a Sudoku network's run at test time: a table of some, and an unknown name."""

import pytest

from benchmarks import sudoku_test_time as script
from examples.sudoku.data import BoardOptions
from kuramoto_nn import create_model


@pytest.fixture
def given(tmp_path):
    create_model("sudoku-akorn-tiny", channels=16, num_heads=2).save_pretrained(tmp_path / "model")
    data = BoardOptions(name="generated", root=tmp_path, num_boards=2, num_test_boards=2)
    given = {"num_steps": 4, "samples": 2, "device": "cpu", "results": tmp_path / "results"}
    return {"model": str(tmp_path / "model"), "data": data} | given


def test_variants_that_begin_so_are_measured(given):
    only = ("T 1", "symmetries", "restarts", "Langevin, noise 0.1", "symmetric coupling, no")
    script.run(script.TestTimeOptions(**given, only=only))
    page = (given["results"] / "sudoku-test-time.md").read_text()
    rows = [row.split(" | ") for row in page.splitlines() if row.startswith("| ")]
    assert [row[0].removeprefix("| ") for row in rows] == [
        *("variant", "---", "T 16", "T 128", "symmetries of the board"),
        *("restarts of uncertain cells", "Langevin, noise 0.1", "symmetric coupling, no frequency"),
    ]
    assert [row[1] for row in rows[2:]] == ["16", "128", "4", "4", "4", "4"]
    assert "2 boards of generated" in page and all(len(row) == 6 for row in rows)


def test_an_unknown_variant_is_named_before_the_work(given):
    with pytest.raises(ValueError, match="no variant begins with 'TYPO', among T 16, T 32"):
        script.run(script.TestTimeOptions(**given, only=("T 16", "TYPO")))
    assert not given["results"].exists()
