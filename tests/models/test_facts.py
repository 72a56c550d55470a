"""Presets and published scores against the tables of ../shared/facts/akorn.md."""

import re

import pytest

from kuramoto_nn.models import AKOrN, AKOrNClassifier, AKOrNSudoku, ItrSA, ItrSASudoku, list_models

NORMS = {"gn": "group", "none": None, "–": None}
PRESETS = {
    name: preset
    for family in (AKOrN, ItrSA, AKOrNSudoku, ItrSASudoku, AKOrNClassifier)
    for name, preset in family.presets().items()
}
RECIPES = {  # row of the recipes table -> presets, in the order of what the row lists
    "AKOrN attn L=1,2 | CLEVRTex 128²": "clevrtex-attn-l1 clevrtex-attn-l2",
    "Large AKOrN L=2 | CLEVRTex": "clevrtex-large-l2",
    "ItrSA L=1,2 | CLEVRTex": "clevrtex-itrsa-l1 clevrtex-itrsa-l2",
    "ViT | CLEVRTex": "clevrtex-vit",
    "AKOrN attn | Tetrominoes 32², dSprites 64²": "tetrominoes-attn dsprites-attn",
    "AKOrN conv | Tetrominoes (k 5), dSprites (k 7)": "tetrominoes-conv dsprites-conv",
    "AKOrN attn / conv (k 7) | CLEVR 128²": "clevr-attn clevr-conv",
    "Sudoku AKOrN | SATNet 9k boards": "sudoku-akorn",
    "Sudoku ItrSA (T=16, L=1) / Transformer (T=1, L=8) | SATNet": "sudoku-itrsa sudoku-transformer",
}
SCORES = {  # row of a results table -> preset
    "ViT": "clevrtex-vit",
    "ItrSA L=1": "clevrtex-itrsa-l1",
    "ItrSA L=2": "clevrtex-itrsa-l2",
    "AKOrN attn L=1": "clevrtex-attn-l1",
    "AKOrN attn L=2": "clevrtex-attn-l2",
    "AKOrN attn L=2, up-tiling ×4": "clevrtex-attn-l2",
    "Large AKOrN L=2, up-tiling ×4": "clevrtex-large-l2",
    "ItrConv": "tetrominoes-itrconv dsprites-itrconv clevr-itrconv",
    "AKOrN conv": "tetrominoes-conv dsprites-conv clevr-conv",
    "ItrSA": "tetrominoes-itrsa dsprites-itrsa clevr-itrsa",
    "AKOrN attn": "tetrominoes-attn dsprites-attn clevr-attn",
    "AKOrN attn, up-tiling ×4": "tetrominoes-attn dsprites-attn clevr-attn",
    "Transformer": "sudoku-transformer",
    "ItrSA, T_eval 32": "sudoku-itrsa",
    "AKOrN, T_eval 128": "sudoku-akorn",
    "AKOrN, T_eval 128, energy vote of K=100": "sudoku-akorn",
    "AKOrN, T_eval 128, energy vote of K=4096": "sudoku-akorn",
}


@pytest.fixture
def facts(shared) -> str:
    return (shared / "facts" / "akorn.md").read_text(encoding="utf-8")


def cells_of(facts: str, row: str) -> list[str]:
    line = next(line for line in facts.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("row", RECIPES)
def test_sizes_are_those_of_the_recipes(row, facts):
    ch, patch, steps, dim, heads, coupling, norm = cells_of(facts, row)[2:9]
    for name in RECIPES[row].split():
        config = PRESETS[name].config
        assert config.channels == int(ch)
        if patch != "–":
            assert config.patch_size == int(patch)
        transformer = name == "sudoku-transformer"
        assert config.num_steps == int(steps.split(" / ")[-1 if transformer else 0])
        assert (config.coupling == "convolution") == ("conv" in name)
        if config.coupling == "attention":
            assert config.num_heads == int(heads)
            gta = "GTA" in coupling and "no GTA" not in coupling or coupling == "both"
            assert config.position == ("gta" if gta else "sincos")
        else:
            assert f"k {config.kernel_size})" in row and config.position is None
            assert (config.kernel_size == 5) == (name == "tetrominoes-conv")
        if dim != "–":
            assert config.oscillator_dim == int(dim)
            assert config.stimulus_norm == NORMS[norm]
            assert config.step_size == (1.0 if "sudoku" in name else 0.5)
        depth = re.search(r"l(\d)$", name)
        assert config.num_blocks == (8 if transformer else int(depth[1]) if depth else 1)


def test_sudoku_and_classifier_recipes():
    sudoku = PRESETS["sudoku-akorn"].config
    assert (sudoku.frequency, sudoku.frequency_init) == ("shared", 0.5)
    assert sudoku.trainable_step_size and sudoku.readout == "feed-forward"
    classifier = PRESETS["cifar10-akorn"].config
    assert (classifier.channels, classifier.num_steps, classifier.oscillator_dim) == (64, 3, 2)
    assert classifier.kernel_size == (9, 7, 5) and classifier.stimulus_norm == "group"
    mix = PRESETS["cifar10-akorn-mix"].config
    assert [mix.block(i).coupling for i in range(3)] == ["convolution", "convolution", "attention"]
    assert mix.replace(coupling="convolution", position=None) == classifier
    assert PRESETS["cifar10-akorn"].parameters == 7_023_760 + 1  # and the fixed step size


@pytest.mark.parametrize("row", SCORES)
def test_scores_are_the_published_ones(row, facts):
    published = [
        (float(mean), float(deviation))
        for cell in cells_of(facts.split("## Published results")[1], row)[1:]
        for mean, deviation in re.findall(r"([\d.]+)±([\d.]+)", cell)
    ]
    ours = []
    for name in SCORES[row].split():
        for score, value in PRESETS[name].published.items():
            vote = re.search(r"K=(\d+)", row)
            same_tiling = ("up-tiled" in score) == ("up-tiling" in row)
            same_vote = (
                (f"vote of {vote[1]}" if vote else "vote") in score
                if vote
                else ("vote" not in score)
            )
            if same_tiling and same_vote:
                ours.append(value)
    assert ours == published


def test_parameters_count_a_fixed_step_size_once_and_nothing_else():
    assert set(PRESETS) <= set(list_models())
    for name, preset in PRESETS.items():
        model = preset.model_class.from_preset(name)
        own = sum(parameter.numel() for parameter in model.parameters())
        fixed = preset.model_class in (AKOrN, AKOrNClassifier)
        assert preset.parameters == own + fixed, name
