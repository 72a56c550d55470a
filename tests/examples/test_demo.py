"""The main job from end to end, as small as it gets."""

import json
import math

import pytest
import torch

from examples.object_discovery.demo import DemoOptions, demo
from kuramoto_nn.models import AKOrN

KEYS = {
    *("fg_ari", "mbo", "fg_ari_untrained", "fg_ari_uptiled", "images_seen", "seconds"),
    *("device", "seed", "mbo_untrained", "mbo_uptiled", "steps", "recipe", "torch"),
}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    options = {"out": folder / "demo", "data_root": folder / "data", "time_limit": 1.0}
    return {**options, "num_images": 128, "num_test_images": 8, "compile": "off", "device": "cpu"}


def test_demo_writes_results_and_report_and_resumes(options):
    results = demo(DemoOptions(**options))
    assert results.keys() >= KEYS
    assert json.loads((options["out"] / "results.json").read_text()) == results
    assert 0 < results["steps"] and results["seconds"] >= 1
    assert results["images_seen"] % results["steps"] == 0
    for name in ("fg_ari", "mbo", "fg_ari_untrained", "fg_ari_uptiled"):
        assert math.isfinite(results[name])
    model = AKOrN.from_pretrained(options["out"] / "model")
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 64)
    card = (options["out"] / "model" / "README.md").read_text()
    assert results["command"] in card and f"FG-ARI {results['fg_ari']:.1f}" in card
    page = (options["out"] / "report.html").read_text()
    assert f"{results['fg_ari']:.1f}" in page

    again = demo(DemoOptions(**options))
    assert again["steps"] == results["steps"]  # its time was used up
    assert again["fg_ari"] == results["fg_ari"]


def test_demo_compares_with_the_control(options):
    results = demo(DemoOptions(**options, compare=True))
    assert results.keys() >= {"fg_ari_control", "mbo_control", "fg_ari_control_uptiled"}
    assert (options["out"] / "control" / "model" / "config.json").exists()
