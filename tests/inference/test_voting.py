"""The energy vote: what a plain loop over the samples finds, however they are batched."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from kuramoto_nn import reference
from kuramoto_nn.functional import energy
from kuramoto_nn.inference import (
    confidence,
    energy_before_last_update,
    energy_vote,
    energy_votes,
    last_energy,
    seeded_noise,
    total_energy,
    votes,
)
from kuramoto_nn.models import AKOrNSudoku


def solver():
    torch.manual_seed(0)
    return AKOrNSudoku.from_preset("sudoku-akorn-tiny", channels=16, num_heads=2).eval().double()


@pytest.mark.parametrize("score", [total_energy, last_energy, energy_before_last_update])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@torch.no_grad()
def test_a_vote_is_a_plain_loop_with_the_same_noise(batch_size, score):
    model, samples = solver(), 5
    puzzles = torch.randint(0, 10, (3, 9, 9))
    noise = seeded_noise((16, 9, 9), seed=3)

    def run(puzzles, noise):
        return model.rollout(puzzles, noise=noise.double(), num_steps=4)

    got = dict(
        energy_votes(
            run,
            puzzles,
            noise,
            num_samples=[1, samples, 2],
            scores=[score],
            batch_size=batch_size,
        )
    )
    assert list(got) == [1, 2, samples]
    for size, (vote,) in got.items():
        for board, puzzle in enumerate(puzzles):
            best = float("inf"), -1, torch.empty(0)
            for sample in range(size):
                start = noise(torch.tensor([board]), torch.tensor([sample]))
                logits, energies = run(puzzle[None], start)
                value = score(energies).item()
                if value < best[0]:
                    best = value, sample, logits[0]
            assert vote.samples[board] == best[1]
            assert_close(vote.scores[board].item(), best[0])
            assert_close(vote.outputs[board], best[2])


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 2.0, float("inf")]), min_size=6, max_size=6),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 30),
)
def test_the_least_energy_wins_and_of_equals_the_first(table, batch_size):
    energies = torch.tensor(table)
    rows = torch.arange(len(table))
    found = energy_votes(
        lambda inputs, start: (inputs, start[None]),
        rows,
        lambda inputs, samples: energies[inputs, samples],
        num_samples=range(1, 7),
        scores=[last_energy],
        batch_size=batch_size,
    )
    for size, (vote,) in found:
        assert vote.scores.tolist() == energies[:, :size].amin(1).tolist()
        expected = [row.index(min(row)) for row in energies[:, :size].tolist()]
        assert vote.samples.tolist() == expected
        assert torch.equal(vote.outputs, rows)


def test_no_more_runs_at_once_than_the_batch_size_and_nothing_runs_twice():
    seen = []

    def run(inputs, start):
        seen.append(len(inputs))
        return inputs, torch.zeros(3, len(inputs))

    noise = seeded_noise((2,), seed=0)
    list(
        energy_votes(
            run,
            torch.arange(5),
            noise,
            num_samples=[1, 7],
            scores=[total_energy, last_energy],
            batch_size=8,
        )
    )
    assert max(seen) == 8 and sum(seen) == 5 * 7


@settings(deadline=None)
@given(st.data(), st.integers(1, 30))
def test_a_final_output_wins_and_ends_the_samples_of_its_input(data, batch_size):
    rows, size = data.draw(st.integers(1, 4)), 6
    draw = st.lists(st.lists(st.integers(0, 3), min_size=size, max_size=size), min_size=rows)
    table = torch.tensor(data.draw(draw))[:rows]  # 0 is final
    seen = []

    def run(inputs, values):
        seen.append(len(inputs))
        return values, values.float()

    rounds = votes(
        run,
        torch.arange(rows),
        lambda inputs, samples: table[inputs, samples],
        num_samples=[2, size],
        scores=[lambda values, energies: -energies, lambda values, energies: energies],
        batch_size=batch_size,
        is_final=lambda inputs, values: values == 0,
    )
    for count, (most, least) in rounds:
        for row, values in enumerate(table[:, :count].tolist()):
            if 0 in values:
                for vote in (most, least):
                    assert vote.samples[row] == values.index(0)
                    assert vote.outputs[row] == 0 and vote.scores[row] == -torch.inf
            else:
                assert most.outputs[row] == max(values) and least.outputs[row] == min(values)
    firsts = [row.index(0) + 1 if 0 in row else size for row in table.tolist()]
    assert sum(firsts) <= sum(seen) <= rows * size
    assert batch_size > 1 or sum(seen) == sum(firsts)


def test_confidence_is_the_mean_of_the_largest_probability():
    logits = torch.randn(4, 9, 9, 9, dtype=torch.float64)
    expected = [
        sum(max(cell) for row in board for cell in row) / 81
        for board in (logits.exp() / logits.exp().sum(-1, keepdim=True)).tolist()
    ]
    assert_close(confidence(logits), torch.tensor(expected, dtype=torch.float64))
    assert_close(confidence(logits[:, 0, 0]), logits[:, 0, 0].softmax(-1).amax(-1))


def vote_by_last(energies):
    """The vote whose samples have the energies of a table ``(B, K)`` at their only state."""
    return energy_vote(
        lambda inputs, start: (start, start[None]),
        torch.arange(len(energies)),
        lambda inputs, samples: energies[inputs, samples],
        num_samples=energies.shape[1],
        score=last_energy,
    )


def test_scores_may_be_integers():
    vote = vote_by_last(torch.tensor([[3, 1, 1], [0, 2, 4]]))
    assert vote.samples.tolist() == [1, 0] and vote.scores.tolist() == [1.0, 0.0]


def test_an_energy_that_is_not_a_number_loses():
    vote = vote_by_last(torch.tensor([[float("nan"), 3.0], [float("nan"), float("nan")]]))
    assert vote.samples.tolist() == [1, 0]


def test_scores_are_those_of_the_steps_and_of_the_end():
    energies = torch.tensor([[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]])
    assert total_energy(energies).tolist() == [4.0, 6.0]
    assert last_energy(energies).tolist() == [10.0, 20.0]
    assert energy_before_last_update(energies).tolist() == [3.0, 4.0]


def theirs(x, coupled, stimulus):
    """The authors' energy, without the 1/2, in loops."""
    sites = zip(x.flatten(1), coupled.flatten(1), stimulus.flatten(1), strict=True)
    return torch.stack([-sum(a * (j + c) for a, j, c in zip(*s, strict=True)) for s in sites])


def both(x, coupled, stimulus):
    return torch.stack([e(x, coupled, stimulus) for e in (energy, reference.energy)], -1)


@torch.no_grad()
def test_the_votes_of_the_authors_code_beside_ours():
    """Several energies of one run, each with scores of its own."""
    model, puzzles = solver(), torch.randint(0, 10, (2, 9, 9))
    noise = seeded_noise((16, 9, 9), seed=3)

    def vote_by(energy, *scores):
        def run(puzzles, noise):
            return model.rollout(puzzles, noise=noise.double(), num_steps=3, energy=energy)

        ((_, found),) = energy_votes(run, puzzles, noise, num_samples=[4], scores=scores)
        return found

    scores = [total_energy, energy_before_last_update]
    together = vote_by(both, *(lambda e, s=s, i=i: s(e[..., i]) for i in (0, 1) for s in scores))
    apart = [*vote_by(energy, *scores), *vote_by(theirs, *scores)]
    for ours, expected in zip(together, apart, strict=True):
        for value, wanted in zip(ours, expected, strict=True):
            assert_close(value, wanted)
    with pytest.raises(ValueError, match=r"one number per sample: got shape \(8, 2\), expected"):
        vote_by(both, total_energy)


def test_noise_belongs_to_its_sample_and_seed():
    noise, rows, samples = seeded_noise((3, 2), seed=1), torch.arange(4), torch.tensor([5, 0, 5, 1])
    drawn = noise(rows, samples)
    assert_close(noise(rows.flip(0), samples.flip(0)).flip(0), drawn, rtol=0, atol=0)
    assert len(drawn.unique()) == drawn.numel()
    other = seeded_noise((3, 2), seed=2)(rows, samples)
    assert not torch.isclose(drawn, other).any()
    many = seeded_noise((50,), seed=0)(torch.zeros(2000).long(), torch.arange(2000))
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be.* at least 1: got 0"),
        ({"num_samples": 1, "batch_size": 0}, "`batch_size` must be.* at least 1: got 0"),
    ],
)
def test_wrong_sizes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        energy_vote(lambda x, n: (x, x[None]), torch.arange(2), lambda b, k: b, **options)


def test_no_input_is_named():
    noise = seeded_noise((9,), seed=0)
    with pytest.raises(ValueError, match=r"`inputs` must not be empty: got shape \(0, 9\)"):
        energy_vote(lambda x, n: (x, x[None]), torch.zeros(0, 9), noise, num_samples=1)
