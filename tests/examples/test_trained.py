"""The weights in the repository do what their card says."""

from pathlib import Path

import pytest

import examples.object_discovery
from examples.object_discovery.data import load
from examples.object_discovery.segment import segment
from kuramoto_nn.models import AKOrN

FOLDER = Path(examples.object_discovery.__file__).parent / "trained" / "tetrominoes-attn-tiny"


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_tetrominoes_model_finds_the_pieces(tmp_path, precision):
    model = AKOrN.from_pretrained(FOLDER).eval()
    data = load("tetrominoes", "test", root=tmp_path, count=64, seed=0)
    scores = segment(model, data, num_clusters=4, precision=precision).scores
    assert scores.fg_ari > 75 and scores.mbo > 50  # 79.3 and 55.0 on 320 images
