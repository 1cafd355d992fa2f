"""The toy problems: exact where they can be listed, refused where absurd."""

import math

import pytest
import torch

from hlnb.data.patterns import PatternProblem, Scene, toy_problem
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.seeding import stream

NUMBERS = (1, 2, 3, 4, 5)
# Short rows keep the enumeration small: T = 6, d = 40, gap = T.
SLOTS = 40 - 6 + 1
PAIR = (40 - 10) * (40 - 11)  # ordered choices of two slots for two patterns


def small(number, **settings):
    return toy_problem(number, **{"d": 40, "T": 6, **settings})


def found_patterns(problem, row):
    """(start, pattern) of every pattern in a row, read from left to right."""
    patterns, found, p = problem.patterns, [], 0
    while p < problem.d:
        if row[p] == 0:
            p += 1
            continue
        window = row[p : p + problem.T]
        (match,) = (patterns == window).all(1).nonzero()[:, 0].tolist()
        found.append((p, match))
        p += problem.T
    return found


def truth(number, found, problem):
    """The class that Section 4 of the report assigns to what was found."""
    kinds = [kind for _, kind in found]
    if number == 1:
        return kinds[0]
    if number == 2:
        return int(len(kinds) == 1)
    if number == 3:
        if len(kinds) == 1:
            return 1
        return {(0, 1): 0, (0, 0): 2, (1, 1): 3}[tuple(sorted(kinds))]
    if number == 4:
        return int(kinds[0] >= problem.k // 2)
    (a, kind_a), (b, kind_b) = found
    assert b - a == 2 * problem.T  # one pattern, then a gap of T
    return {(0, 1): 0, (2, 3): 0, (0, 2): 1, (1, 3): 1}[kind_a, kind_b]


@pytest.mark.parametrize("number", NUMBERS)
def test_labels_follow_the_report(number):
    problem = small(number, seed=5)
    batch = problem.sample(300, generator=stream(0, "sample"))
    for row, label in zip(batch.x, batch.y, strict=True):
        assert truth(number, found_patterns(problem, row), problem) == label


@pytest.mark.parametrize(
    ("number", "count"),
    [
        (1, 2 * SLOTS),
        (2, PAIR + 1 + 2 * SLOTS),
        (3, PAIR + 2 * SLOTS + 2 * (PAIR // 2)),
        (4, 10 * SLOTS),
        (5, 4 * (40 - 3 * 6 + 1)),
    ],
)
def test_every_distinct_input_is_listed_once(number, count):
    problem = small(number)
    batch = problem.distinct()
    assert len(batch.x) == len(batch.x.unique(dim=0)) == count
    assert math.isclose(float(batch.weight.sum()), 1, rel_tol=1e-5)
    shares = [float(batch.weight[batch.y == c].sum()) for c in range(problem.n_classes)]
    assert shares == pytest.approx([1 / problem.n_classes] * problem.n_classes)


@pytest.mark.parametrize("number", NUMBERS)
def test_samples_follow_the_listed_probabilities(number):
    """Every listed input's count against its probability, chi-squared.

    n / distinct inputs is at least 5; the statistic's 6-sigma bound has a false-alarm
    rate below 1e-6 (the seed is fixed, so the test either passes always or never).
    """
    problem = toy_problem(number, d=22, T=6, gap=2)
    listed = problem.distinct()
    n = 40 * len(listed.x)
    sample = problem.sample(n, generator=stream(1, "chi-squared"))
    rows, inverse = torch.cat([listed.x, sample.x]).unique(dim=0, return_inverse=True)
    assert len(rows) == len(listed.x)  # nothing outside the list
    counts = torch.zeros(len(rows)).index_add_(
        0, inverse[len(listed.x) :], torch.ones(n)
    )
    expected = torch.zeros(len(rows))
    expected[inverse[: len(listed.x)]] = n * listed.weight
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = len(rows) - 1
    assert abs(statistic - freedom) < 6 * math.sqrt(2 * freedom)


def test_share_of_nothing():
    problem = small(2, nothing=0.25)
    batch = problem.distinct()
    empty = (batch.x == 0).all(1)
    assert float(batch.weight[empty]) == pytest.approx(0.5 * 0.25)
    assert not (small(2, nothing=0).distinct().x == 0).all(1).any()
    assert len(small(2, nothing=1).distinct().x) == 1 + 2 * SLOTS


def test_patterns_differ_in_more_than_their_sign():
    # T = 4 has 8 patterns up to sign; with k = 8 all of them must appear.
    for seed in range(5):
        patterns = toy_problem(4, d=20, T=4, k=8, seed=seed).patterns
        products = (patterns @ patterns.T).abs() - 4 * torch.eye(8)
        assert products.max() < 4


def test_patterns_are_drawn_once_per_seed_and_scaled():
    one, two = small(1, seed=1), small(1, seed=1, scale=0.25)
    assert torch.equal(0.25 * one.patterns, two.patterns)
    assert not torch.equal(one.patterns, small(1, seed=2).patterns)
    assert torch.equal(one.patterns, small(1).with_seed(1).patterns)


def test_noise_fills_only_the_other_pixels():
    problem = small(1, noise=0.1)
    x = problem.sample(500, generator=stream(0, "noise")).x
    on_pattern = x.abs() == 1
    assert (on_pattern.sum(1) == problem.T).all()
    rest = x[~on_pattern]
    # sd of the sd over m values is 0.1 / sqrt(2 m); 6 sigma, false alarm 2e-9.
    assert abs(float(rest.std()) - 0.1) < 6 * 0.1 / math.sqrt(2 * len(rest))
    assert (rest != 0).all()


def test_split_is_fixed_by_the_seed_and_tests_exactly():
    problem = toy_problem(1)
    assert isinstance(problem, Problem)
    split = problem.split(7, n_train=64)
    again = problem.split(7, n_train=64)
    assert all(torch.equal(split[k].x, again[k].x) for k in split)
    assert len(split["test"].x) == 170  # 2 (d - T + 1) at d = 100, T = 16
    assert not torch.equal(split["train"].x, split["validation"].x[:64])
    noisy = toy_problem(1, noise=0.1).split(7, n_train=64)
    assert noisy["test"].weight is None
    assert len(noisy["test"].x) == 1024


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"number": 6}, "toy problems 1 to 5, not 6"),
        ({"number": 1, "d": 15}, "d = 15 pixels is too small"),
        ({"number": 2, "d": 31}, "need 32 pixels"),
        ({"number": 5, "d": 47}, "need 48 pixels"),
        ({"number": 5, "gap": -1}, "gap = -1 would make patterns overlap"),
        ({"number": 1, "k": 3}, "defined for k = 2"),
        ({"number": 4, "k": 5}, "even number of patterns"),
        ({"number": 4, "T": 3, "k": 6}, "not k = 6 patterns of length T = 3"),
        ({"number": 1, "scale": 0.0}, "scale = 0.0"),
        ({"number": 1, "noise": -1.0}, "noise = -1.0"),
        ({"number": 2, "nothing": 1.5}, "nothing = 1.5: take a number from 0 to 1"),
    ],
)
def test_refuses_absurd_problems(settings, message):
    with pytest.raises(HlnbError, match=message):
        toy_problem(**settings)


def test_refuses_to_list_what_cannot_be_listed():
    with pytest.raises(HlnbError, match="noise > 0"):
        small(1, noise=0.1).distinct()
    with pytest.raises(HlnbError, match="more than the limit of 100"):
        small(4).distinct(limit=100)
    with pytest.raises(HlnbError, match="more than can be listed"):
        toy_problem(2, d=1000).distinct()


def test_three_patterns_never_overlap():
    scene = Scene((0, 1, 1), 1.0)
    problem = PatternProblem(((scene,),), k=2, d=20, T=5)
    batch = problem.distinct()
    # 20 - 3·4 = 8 slots; 8·7·6 ordered choices, of which swaps of equals make half.
    assert len(batch.x) == len(batch.x.unique(dim=0)) == 8 * 7 * 6 / 2
    assert {len(found_patterns(problem, row)) for row in batch.x} == {3}


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_inputs_are_counted_without_listing_them(number):
    problem = toy_problem(number, d=40, T=4, k=4 if number == 4 else None)
    n = len(problem.distinct().x)
    assert problem.why_not_listed(limit=n) is None
    assert f"are {n} distinct inputs" in problem.why_not_listed(limit=n - 1)


def test_a_test_batch_is_sampled_for_a_reason_that_is_told(monkeypatch):
    """And for no other: a refusal of another kind is not taken for one."""
    noisy = toy_problem(1, d=40, noise=0.1)
    assert "noise" in noisy.why_not_listed(limit=noisy.n_listed)
    assert noisy.split(0, n_train=2)["test"].weight is None

    def broken(*_):
        raise HlnbError("The pattern is torn.")

    monkeypatch.setattr(PatternProblem, "_placements", broken)
    with pytest.raises(HlnbError, match="torn"):
        toy_problem(1, d=40).split(0, n_train=2)
