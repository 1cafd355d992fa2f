"""Ranks of trained filters: uniform when nothing was learned, small when it was."""

import numpy as np
import pytest

from hlnb.metrics import foreign, likeness
from hlnb.seeding import stream

RNG = np.random.default_rng([7, 5])
CASES = 300
FEW, MANY = 8, 58  # Binomial(300, 0.1) is outside with probability 4e-6


def drawn(case, *, n):
    """`n` sets of filters, and patterns that know nothing of each other."""
    rng = np.random.default_rng([case, 2])
    return rng.normal(size=(n, 20, 16)), rng.choice([-1.0, 1.0], size=(2, 16))


RAMP = 0.5 ** np.arange(16)[None]  # its largest pixel is at an end


@pytest.mark.parametrize(
    ("w", "F"),
    [
        (RNG.normal(size=(20, 16)), RNG.choice([-1.0, 1.0], size=(4, 16))),
        (np.eye(16), RAMP),
        (np.eye(16), RAMP[:, ::-1]),
    ],
)
def test_max_correlation_is_numpys_full_correlation(w, F):
    full = [[np.correlate(f, p, mode="full") for p in F] for f in w]
    lengths = np.linalg.norm(w, axis=1)[:, None] * np.linalg.norm(F, axis=1)
    by_hand = (np.abs(full).max(2) / lengths).max(1).mean()
    assert float(likeness.max_correlation(w, F)) == pytest.approx(by_hand, rel=1e-12)


def test_max_correlation_is_blind_to_scale_and_sign_and_forgives_shifts():
    w, F = RNG.normal(size=(20, 16)), RNG.choice([-1.0, 1.0], size=(4, 16))
    score = likeness.max_correlation(w, F)
    each = RNG.uniform(0.1, 9, size=(20, 1)) * RNG.choice([-1, 1], size=(20, 1))
    assert likeness.max_correlation(each * w, -0.3 * F) == pytest.approx(score)
    assert likeness.max_cosine(w, F) <= score <= 1
    for shift in (0, 3, 5):  # a pattern without the pixels that left
        right, left = np.zeros((2, 1, 16))
        right[0, shift:], left[0, : 16 - shift] = F[1, : 16 - shift], F[1, shift:]
        best = pytest.approx(np.sqrt(1 - shift / 16))
        assert likeness.max_correlation(right, F[1:2]) == best
        assert likeness.max_correlation(left, F[1:2]) == best


def test_max_correlation_takes_many_runs_at_once():
    w, F = RNG.normal(size=(3, 20, 16)), RNG.normal(size=(3, 2, 16))
    found = likeness.max_correlation(w, F)
    one_by_one = [float(likeness.max_correlation(w[i], F[i])) for i in range(3)]
    np.testing.assert_allclose(found, one_by_one)
    shared = [float(likeness.max_correlation(w[i], F[0])) for i in range(3)]
    np.testing.assert_allclose(likeness.max_correlation(w, F[:1]), shared)


@pytest.mark.parametrize(
    "statistic", [likeness.max_cosine, likeness.max_correlation, likeness.max_dot]
)
def test_rank_among_moves_is_uniform_for_moves_in_any_direction(statistic):
    """p ≤ 0.1 in 10 % of cases, though filters move by unequal lengths."""
    lengths = np.linspace(0.1, 3, 20)[:, None]
    hits = 0
    for case in range(CASES):
        (start, step), F = drawn(case, n=2)
        step *= lengths / np.linalg.norm(step, axis=1, keepdims=True)
        draws = {"generator": stream(case, "moves"), "n_moves": 99}
        p = foreign.rank_among_moves(statistic, start, start + step, F, **draws)
        hits += p <= 0.1
    assert FEW <= hits <= MANY


@pytest.mark.parametrize("statistic", [likeness.max_cosine, likeness.max_correlation])
def test_rank_among_untrained_is_uniform_for_one_more_untrained(statistic):
    """p ≤ 0.1 in 10 % of cases."""
    hits = 0
    for case in range(CASES):
        filters, F = drawn(case, n=100)
        p = foreign.rank_among_untrained(statistic, filters[0], F, filters[1:])
        hits += p <= 0.1
    assert FEW <= hits <= MANY


def test_moves_towards_a_pattern_get_the_smallest_p():
    (start, *untrained), F = drawn(0, n=100)
    filters = start + 2 * F[RNG.integers(2, size=20)]
    for statistic in (likeness.max_cosine, likeness.max_correlation):
        p = foreign.rank_among_moves(
            statistic, start, filters, F, generator=stream(0, "moves")
        )
        assert p == 1 / 1000
        p = foreign.rank_among_untrained(statistic, filters, F, np.array(untrained))
        assert p == 1 / 100


def test_random_moves_start_and_end_where_they_must():
    """Each filter as far from its start as it was taken, in directions that vary."""
    (start, step), F = drawn(1, n=2)
    seen = []

    def statistic(filters, patterns):
        seen.append(filters)
        return np.zeros(len(filters))

    foreign.rank_among_moves(
        statistic, start, start + step, F, generator=stream(1, "moves"), n_moves=50
    )
    (filters,) = seen
    assert filters.shape == (51, 20, 16)
    moves = filters - start
    lengths = np.broadcast_to(np.linalg.norm(step, axis=1), (51, 20))
    np.testing.assert_allclose(np.linalg.norm(moves, axis=2), lengths)
    directions = moves / lengths[..., None]
    alike = np.abs(np.einsum("...i,nci->...nc", directions[1, 0], directions[2:]))
    assert alike.max() < 0.99


def test_filters_that_stayed_or_broke_are_never_significant():
    (start, *untrained), F = drawn(2, n=30)
    start = start.astype("float32")
    still = foreign.rank_among_moves(
        likeness.max_cosine, start, start, F, generator=stream(2, "moves")
    )
    assert still == 1
    broken = np.full_like(start, np.nan)
    p = foreign.rank_among_untrained(
        likeness.max_correlation, broken, F, np.array(untrained)
    )
    assert p == 1
