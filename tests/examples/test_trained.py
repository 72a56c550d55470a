"""The weights in the repository do what their card says."""

from pathlib import Path

import pytest
import torch

import examples.object_discovery
from examples.object_discovery.data import DataOptions, load
from examples.object_discovery.recipes import Scoring
from examples.object_discovery.segmenter import Segmenter, load_network, segment_images

FOLDER = Path(examples.object_discovery.__file__).parent / "trained" / "tetrominoes-attn-tiny"


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_tetrominoes_model_finds_the_pieces(tmp_path, precision):
    model = load_network(str(FOLDER), device=torch.device("cpu"), precision=precision)
    data = load(DataOptions(name="tetrominoes", root=tmp_path, num_test_images=64), "test")
    segmenter = Segmenter(model=model, scoring=Scoring(num_clusters=4), precision=precision)
    scores = segment_images(segmenter, data).means
    assert scores["fg_ari"] > 85 and scores["mbo"] > 53  # 89.7 and 57.8 on 320 images
