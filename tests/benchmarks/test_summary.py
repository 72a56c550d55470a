"""The page of results shows every target."""

import json

from benchmarks.options import RESULTS
from benchmarks.summary import summarise


def test_committed_page_is_that_of_the_committed_results():
    assert (RESULTS / "README.md").read_text() == summarise(RESULTS)


def test_files_of_other_scripts_are_passed_over(tmp_path):
    (tmp_path / "curve.json").write_text(json.dumps([{"preset": "a"}]))
    (tmp_path / "half.json").write_text(json.dumps({"rows": [{"seed": 0}]}))
    assert summarise(tmp_path).count("##") == 0
