"""Intervals and p-values: identities against counting."""

import itertools
import math

import numpy as np
import pytest

from hlnb.errors import HlnbError
from hlnb.metrics.chance import (
    holm,
    interval,
    mean_interval,
    rank_sum,
    tail,
)

NEVER = math.inf


def binomial(n, p):
    """P(Binomial(n, p) = k) for k = 0 … n, by counting."""
    return np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])


def test_tail_is_the_sum_over_the_outcomes():
    for k in range(8):
        assert tail(k, 7, p=0.3) == pytest.approx(binomial(7, 0.3)[k:].sum())
    assert tail(0, 7, p=0.3) == 1
    assert tail(8, 7, p=0.3) == 0


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_clopper_pearson_inverts_the_tail(confidence):
    beyond = (1 - confidence) / 2
    for n in (1, 10):
        for k in range(n + 1):
            low, high = interval(k, n, confidence=confidence)
            if k > 0:
                assert tail(k, n, p=low) == pytest.approx(beyond)
            if k < n:
                assert 1 - tail(k + 1, n, p=high) == pytest.approx(beyond)
    assert interval(0, 10)[0] == 0
    assert interval(10, 10)[1] == 1


def test_clopper_pearson_covers_every_share():
    """Summed over all outcomes, not simulated."""
    ends = np.array([interval(k, 12) for k in range(13)])
    for p in np.linspace(0.005, 0.995, 100):
        covered = (ends[:, 0] <= p) & (p <= ends[:, 1])
        assert binomial(12, p) @ covered >= 0.95


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_refuses_counts_that_are_none(k, n):
    with pytest.raises(HlnbError, match=f"{k} of {n} is not a count"):
        interval(k, n)


def test_holm_is_the_closed_test_of_bonferroni():
    """Adjusted p of i: the largest of min(1, |S| min_S p) over all sets S with i."""
    rng = np.random.default_rng(5)
    cases = [rng.random(size) ** 3 for size in (1, 2, 3, 5, 7)]
    for p in (*cases, np.array([0.02, 0.01, 0.02, 0.9])):
        tests = range(len(p))
        sets = [
            np.array(s) for m in tests for s in itertools.combinations(tests, m + 1)
        ]
        by_hand = [
            max(min(1, len(s) * p[s].min()) for s in sets if i in s) for i in tests
        ]
        np.testing.assert_allclose(holm(p), by_hand)
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])


def pairs(a, b):
    """How often a value of `a` is the smaller one, ties half."""
    return sum((x < y) + (x == y) / 2 for x in a for y in b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 2, 3, 4], [5, 6, 7]),
        ([1, 1, 2, 9], [1, 5, 9, 9, 9]),
        ([3, NEVER, NEVER], [1, 2, 2, NEVER, 3]),
        ([NEVER] * 3, [NEVER] * 4),
    ],
)
def test_rank_sum_counts_every_split_ties_and_inf_included(a, b):
    pooled, n = [*a, *b], len(a)
    scores = []
    for chosen in itertools.combinations(range(len(pooled)), n):
        rest = [v for i, v in enumerate(pooled) if i not in chosen]
        scores.append(pairs([pooled[i] for i in chosen], rest))
    real, scores = pairs(a, b), np.array(scores)
    by_hand = min(1, 2 * min((scores <= real).mean(), (scores >= real).mean()))
    assert rank_sum(np.array(a), np.array(b)) == pytest.approx(by_hand)


def test_rank_sum_of_large_samples_is_the_normal_approximation():
    """|U − nm/2| − 1/2 over U's standard deviation, which ties make smaller."""
    rng = np.random.default_rng(6)
    a, b = rng.integers(30, size=25).astype(float), rng.integers(40, size=30) + 0.0
    a[a > 20], b[b > 20] = NEVER, NEVER
    n, m, N = len(a), len(b), len(a) + len(b)
    _, ties = np.unique([*a, *b], return_counts=True)
    spread = n * m / 12 * (N + 1 - (ties**3 - ties).sum() / (N * (N - 1)))
    z = (abs(pairs(a, b) - n * m / 2) - 0.5) / math.sqrt(spread)
    by_hand = math.erfc(z / math.sqrt(2))
    assert rank_sum(a, b) == pytest.approx(by_hand)
    assert rank_sum(b, a) == pytest.approx(by_hand)
    assert rank_sum(np.full(20, NEVER), np.full(20, NEVER)) == 1


def test_rank_sum_of_equal_laws_is_rarely_small():
    """p ≤ 0.1 with probability ≤ 0.1 (normal approximation, ties, censored values).

    400 cases: Binomial(400, 0.1) is above 70 with probability 2e-6.
    """
    rng = np.random.default_rng(8)
    times = rng.integers(12, size=(400, 2, 20)).astype(float)
    times[times > 9] = NEVER
    small = sum(rank_sum(*case) <= 0.1 for case in times)
    assert small <= 70


def test_mean_interval_covers_the_mean():
    """95 % of 2,000 samples of 3: below 1,830 or above 1,960 with probability 1e-8."""
    rng = np.random.default_rng(9)
    found = [mean_interval(rng.normal(7, 2, 3)) for _ in range(2000)]
    assert 1830 <= sum(low <= 7 <= high for _, low, high in found) <= 1960
    middle, low, high = mean_interval(np.array([1.0, 2.0, 3.0]), confidence=0.9)
    assert middle == 2
    assert high - 2 == pytest.approx(2.9199856 / math.sqrt(3))  # t table, 2 d.f.
    assert 2 - low == pytest.approx(high - 2)
    assert np.isnan(mean_interval(np.ones(1))[1:]).all()


@pytest.mark.parametrize("values", [np.array([1.0, math.nan]), np.array([])])
def test_refuses_samples_with_nan_or_nothing(values):
    with pytest.raises(HlnbError, match="none of them NaN"):
        mean_interval(values)
    for samples in ((values, np.ones(3)), (np.ones(3), values)):
        with pytest.raises(HlnbError, match="none of them NaN"):
            rank_sum(*samples)
