"""The search changes one choice; what is said of first layers and kernels is right."""

from dataclasses import replace

import numpy as np
import pytest

from hlnb.data.patterns import toy_problem
from hlnb.seeding import stream
from hlnb.studies.table_1.experiment import LEVEL, Protocol, reproduce
from hlnb.studies.table_1.nulls import (
    counts,
    likeness_ranks,
    untrained_filters,
)
from hlnb.studies.table_1.variants import (
    alone_at_each_rate,
    batch_moves,
    changes,
    first_step,
    informativeness,
    layerwise_variants,
    network_errors,
    search,
    searched,
)
from hlnb.training.executors import Here

SMALL = Protocol(
    d=44,
    T=6,
    n_train=64,
    seeds=2,
    more_seeds=2,
    lrs=(0.3,),
    slow_lrs=(0.1,),
    epochs=2,
    phase_epochs=3,
    alone_epochs=2,
)


@pytest.fixture(scope="module")
def row():
    return reproduce(1, "unit", SMALL, executor=Here())


def test_the_search_covers_each_choice_and_its_problems():
    found = search(SMALL, lr=0.3, seeds=1, executor=Here())
    concerned = {
        (name, n) for name, change in changes(SMALL).items() for n in change.only
    }
    assert set(found) == concerned
    specs = {key: result.spec for key, result in found.items()}
    base = specs["unit length, as in this book", 2]
    assert base["problem"]["scale"] == pytest.approx(6**-0.5)
    seen = {str({k: v for k, v in specs[key].items()}) for key in found if key[1] == 2}
    assert len(seen) == sum(key[1] == 2 for key in found)  # no two choices are alike
    times, moves = searched(found, lr=0.3)
    assert set(times) == set(moves) == concerned
    assert all(len(values) == 1 for values in times.values())


@pytest.mark.parametrize(
    ("number", "expected"), [(1, 1.0), (2, 0.0), (4, 5 / 9), (5, 0.0)]
)
def test_what_one_pattern_says_about_the_class(number, expected):
    """By hand. Problem 4: present decides, absent leaves 4/9: a distance of 5/9."""
    says = informativeness(toy_problem(number))
    assert says == pytest.approx(np.full(len(says), expected))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_what_one_pattern_says_agrees_with_a_sample(number):
    """20,000 rows; each frequency is within 6 sd (0.5 / √2,000): false alarm 1e-7."""
    problem = toy_problem(number, d=60, T=8, gap=8)
    batch = problem.sample(20_000, generator=stream(1, "sample"))
    there = present(problem, batch.x.numpy())
    labels = np.eye(problem.n_classes)[batch.y.numpy()]
    for k, says in enumerate(informativeness(problem)):
        yes, no = (labels[there[:, k] == v].mean(0) for v in (True, False))
        assert abs(np.abs(yes - no).sum() / 2 - says) < 6 * 0.5 / np.sqrt(2000)


def present(problem, x):
    """Which patterns each row without noise contains."""
    F = problem.patterns.numpy()
    windows = np.lib.stride_tricks.sliding_window_view(x, problem.T, axis=1)
    best = (windows @ F.T).max(1)  # ‖F‖² only where the window is the pattern
    return best > (F**2).sum(1) * (1 - 1e-4)


def test_scaling_data_up_and_filters_down_moves_them_by_the_square(row):
    one = first_step(row, scale=1.0)
    assert first_step(row, scale=2.0) / one == pytest.approx(4, rel=1e-10)
    assert first_step(row, scale=4.0) / one == pytest.approx(16, rel=1e-10)
    assert first_step(row, scale=1.0, lr=0.2) / one == pytest.approx(2, rel=1e-10)


def test_ways_of_training_move_one_thing_each(row):
    found = layerwise_variants(row, SMALL, seeds=1, executor=Here())
    assert {run["lr"] for way in found.values() for run in way.runs} == {row.best}
    assert {run["seed"] for way in found.values() for run in way.runs} == {400}
    learns = {
        name: [phase["learns"] for phase in way.spec["schedule"]["phases"]]
        for name, way in found.items()
    }
    assert learns == {
        "layer-wise, rate of greedy": [["conv"], ["hidden"], ["readout"]],
        "greedy": [["conv", "conv_head"], ["hidden", "readout"]],
        "greedy, filters as drawn": [["hidden", "readout"]],
        "two layers": [["conv", "readout"]],
    }
    still = found["greedy, filters as drawn"].of("filters")
    assert (still == still[:, :1]).all()
    for way in found.values():
        assert {"train", "seen", "unseen", "test"} <= set(way.traces)


def test_a_layer_alone_is_tried_at_each_rate(row):
    found = alone_at_each_rate(row, SMALL, seeds=2, executor=Here())
    assert list(found) == ["conv", "hidden", "readout"]
    for each in found.values():
        assert list(each) == [0.3]
        assert each[0.3].shape == (2,)


def test_networks_are_trained_on_each_size(row):
    errors = network_errors(row, SMALL, sizes=[16, 32], seeds=2, executor=Here())
    assert list(errors) == ["all", "seen", "unseen"]
    for values in errors.values():
        assert values.shape == (2, 2)
        assert ((values >= 0) & (values <= 1)).all()


def test_other_batch_sizes_are_other_trainings(row):
    long = replace(SMALL, epochs=40)
    how = {"seeds": 1, "executor": Here()}
    small, large = (batch_moves(row, long, size=size, **how) for size in (4, 64))
    assert np.isfinite(small).all()  # 16 times the steps: it arrives
    assert (small != large).all()


def test_untrained_filters_pass_their_own_test_at_its_level(row):
    """Ranks of untrained networks among others are uniform: 40 runs, binomial tail.

    P(Binomial(40, 0.05) ≥ 9) is 1e-4: the false-alarm rate of this test.
    """
    fresh = untrained_filters(row.model, n=239)
    below = 0
    for i in range(40):
        traces = row.together.traces["filters"].copy()
        traces[:] = fresh[i][:, None]
        fake = replace(row.together, traces={**row.together.traces, "filters": traces})
        ranks = likeness_ranks(replace(row, together=fake), fresh[40:], n_moves=9)
        below += ranks["untrained", "cosine"][i % 2] <= LEVEL
    assert below < 9


def test_counts_add_up_and_correct_for_the_number_of_tests():
    ranks = {("a",): np.full(10, 0.01), ("b",): np.full(10, 0.5)}
    found = counts(ranks)
    assert found["a",][:2] == (10, 10)
    assert found["a",][2] == pytest.approx(2 * 0.05**10)
    assert found["b",] == (0, 10, 1.0)
