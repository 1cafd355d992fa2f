"""The search changes one choice; what is said of first layers and kernels is right."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hlnb.data.patterns import toy_problem
from hlnb.metrics.kernels import PENALTIES
from hlnb.models.networks import toy_network
from hlnb.seeding import stream
from hlnb.studies.table_1 import variants
from hlnb.studies.table_1.experiment import Protocol, reproduce
from hlnb.studies.table_1.nulls import (
    LEVEL,
    counts,
    likeness_ranks,
    share,
    untrained_filters,
)
from hlnb.studies.table_1.variants import (
    changes,
    detection_error,
    first_step,
    informativeness,
    kernel_errors,
    layerwise_variants,
    network_errors,
    present,
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
    sweep_epochs=2,
    epochs=3,
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


def test_patterns_are_found_where_they_are():
    problem = toy_problem(3, d=40, T=8)
    x = torch.zeros(4, 40)
    F = problem.patterns
    x[0, 3:11], x[1, 20:28], x[2, 0:8], x[2, 8:16] = F[0], F[1], F[0], F[1]
    found = present(problem, x.numpy())
    assert found.tolist() == [[True, False], [False, True], [True, True], [False] * 2]


def test_filters_equal_to_the_patterns_detect_them_and_blank_ones_do_not():
    """Noise of half an entry: a pattern of 10 pixels stands out by √10 / 0.5 sd."""
    problem = toy_problem(4, d=60, T=10)
    F = problem.with_seed(3).patterns.numpy()
    assert detection_error(problem, F, seed=3, noise=0.5) < 0.03
    assert detection_error(problem, F, seed=3, noise=2.0) > 0.2
    assert detection_error(problem, F, seed=3, noise=0.5, classes=True) < 0.15
    one = detection_error(problem, F[:1], seed=3, noise=0.5, classes=True)
    assert one > 0.3  # a fifth of one class
    blank = detection_error(problem, np.zeros_like(F), seed=3)
    assert blank == pytest.approx(0.5)


def test_scaling_data_up_and_filters_down_moves_them_by_the_square(row):
    one = first_step(row, scale=1.0)
    assert first_step(row, scale=2.0) / one == pytest.approx(4, rel=1e-10)
    assert first_step(row, scale=4.0) / one == pytest.approx(16, rel=1e-10)
    assert first_step(row, scale=1.0, lr=0.2) / one == pytest.approx(2, rel=1e-10)


def test_phases_choose_their_rates_on_validation_data(row, monkeypatch):
    """The errors are made up: rate 0.5 is best first, 0.1 above it."""
    seen = []
    original = variants.sweep

    def spy(problem, model, schedule, runs, **settings):
        result = original(problem, model, schedule, runs, **settings)
        rates = [p.lr or runs[0].lr for p in schedule.phases]
        if schedule.name == "layer-wise":
            seen.append(rates)
            errors = np.full_like(result.of("validation"), 0.5)
            errors[:, 3] = 0.4 if rates[0] == 0.5 else 0.45
            errors[:, -1] = 0.2 if rates[1] == 0.1 else 0.3
            result = replace(result, traces={**result.traces, "validation": errors})
        return result

    monkeypatch.setattr(variants, "sweep", spy)
    found = layerwise_variants(row, SMALL, lrs=[0.1, 0.5], seeds=2, executor=Here())
    assert seen == [[0.1] * 3, [0.5] * 3, [0.5, 0.1, 0.1]]
    chosen = found["layer-wise, best rates"].spec["schedule"]["phases"]
    assert [phase["lr"] for phase in chosen] == [0.5, 0.1, 0.1]
    heads = found["greedy"].spec["schedule"]["phases"]
    assert [phase["learns"] for phase in heads] == [
        ["conv", "conv_head"],
        ["hidden", "readout"],
    ]
    assert {run["lr"] for run in found["greedy"].runs} == {row.best}


def test_kernels_see_the_sizes_they_are_given():
    """On distinct rows that are all in the training set a kernel makes no error."""
    problem = toy_problem(1, d=24, T=6, scale=6**-0.5)
    model = toy_network(d=24, n_classes=2, T=6, channels=4, hidden=8)
    errors = kernel_errors(problem, model, 0, [8, 300], width=100)
    assert set(errors) == {"random features", "tangent kernel"}
    for small, large in errors.values():
        assert large == 0 <= small
    assert len(PENALTIES) > 1


def test_networks_are_trained_on_each_size(row):
    errors = network_errors(row, SMALL, sizes=[16, 32], seeds=2, executor=Here())
    assert errors.shape == (2, 2)
    assert ((errors >= 0) & (errors <= 1)).all()


def test_shares_carry_their_interval_and_p_value():
    five = share([True] * 5)
    assert (five.k, five.n, five.high) == (5, 5, 1.0)
    assert five.low == pytest.approx(0.025**0.2)  # Clopper–Pearson at k = n
    assert five.p == pytest.approx(1 / 32)


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
