"""Elimination modulo 2 agrees with brute force, and says what equations determine."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from hlnb.errors import HlnbError
from hlnb.studies.parity import gf2

RNG = np.random.default_rng([11, 0])


def systems(trials=200):
    """Small systems of all shapes, low ranks and inconsistent ones among them."""
    for _ in range(trials):
        n, d = RNG.integers(1, 8), RNG.integers(1, 7)
        bits = RNG.integers(0, 2, (n, d))
        if RNG.random() < 0.5:  # repeated rows, in both senses
            bits = bits[RNG.integers(0, n, n)]
        yield bits, RNG.integers(0, 2, n)


def every(d):
    """All vectors of d bits."""
    return np.array([*itertools.product((0, 1), repeat=d)])


def test_solutions_are_those_of_brute_force():
    kinds = set()
    for bits, b in systems():
        candidates = every(bits.shape[1])
        right = candidates[((bits @ candidates.T) % 2 == b[:, None]).all(0)]
        found = gf2.solve(bits, b)
        assert found.consistent == bool(len(right))
        assert found.unique == (len(right) == 1)
        assert len(right) in (0, 2 ** (bits.shape[1] - found.rank))
        if found.consistent:
            assert (right == found.s).all(1).any()
        else:
            assert found.s is None
        kinds.add((found.consistent, found.unique))
    assert kinds == {(True, True), (True, False), (False, False)}


def test_rank_counts_the_sums_of_rows():
    for bits, _ in systems(60):
        sums = every(len(bits)) @ bits % 2
        assert 2 ** gf2.rank(bits) == len(np.unique(sums, axis=0))


@pytest.mark.parametrize("d", [63, 64, 65, 127, 128, 130])
def test_words_hold_64_coefficients_and_the_sums_behind_them(d):
    bits, s = RNG.integers(0, 2, (d + 20, d)), RNG.integers(0, 2, d).astype(bool)
    found = gf2.solve(bits, bits @ s % 2)
    assert found.unique
    assert (found.s == s).all()
    wrong = bits @ s % 2
    wrong[3] ^= 1
    assert gf2.solve(bits, wrong) == (d, False, None, False)


def test_pack_puts_bit_j_at_place_j():
    bits = RNG.integers(0, 2, (5, 70))
    words = gf2.pack(bits)
    assert words.shape == (5, 2)
    back = [int(words[r, 0]) | int(words[r, 1]) << 64 for r in range(5)]
    assert [[value >> j & 1 for j in range(70)] for value in back] == bits.tolist()


def test_input_stays_as_it_was():
    bits, b = RNG.integers(0, 2, (6, 5)), RNG.integers(0, 2, 6)
    kept = bits.copy(), b.copy()
    gf2.solve(bits, b)
    gf2.rank(bits)
    gf2.ranks(bits[None])
    assert (bits == kept[0]).all()
    assert (b == kept[1]).all()


def test_many_ranks_at_once_are_the_ranks_one_by_one():
    for n, d in ((3, 5), (5, 3), (4, 4), (9, 8), (66, 64)):
        bits = RNG.integers(0, 2, (40, n, d), dtype=np.uint8)
        bits[::3, : n // 2] = bits[::3, -1:]  # low ranks too
        assert gf2.ranks(bits).tolist() == [gf2.rank(one) for one in bits]


def test_the_law_counts_matrices():
    for n, d in ((1, 1), (2, 2), (3, 2), (4, 3), (2, 3)):
        rows = every(d)
        full = [
            gf2.rank(np.array(choice)) == d
            for choice in itertools.product(rows, repeat=n)
        ]
        assert gf2.full_rank_probability(n, d) == pytest.approx(np.mean(full))


def test_noise_leaves_the_share_that_the_law_says():
    # False alarm 1e-4: exact binomial test, fixed draws.
    d, n, noise, trials = 6, 9, 0.1, 1500
    hits = 0
    for _ in range(trials):
        bits, s = RNG.integers(0, 2, (n, d)), RNG.integers(0, 2, d).astype(bool)
        b = (bits @ s + (RNG.random(n) < noise)) % 2
        found = gf2.solve(bits, b)
        hits += found.unique and bool((found.s == s).all())
    p = gf2.clean_probability(n, d, noise=noise)
    assert binomtest(hits, trials, p).pvalue > 1e-4
    assert p == pytest.approx(0.9**n * gf2.full_rank_probability(n, d))


def test_systems_are_tried_until_one_is_clean():
    d, n = 10, 300
    bits, s = RNG.integers(0, 2, (n, d)), RNG.integers(0, 2, d).astype(bool)
    b = bits @ s % 2
    b[:30] ^= 1
    dirty, clean = np.arange(25, 55), np.arange(100, 130)  # five wrong sums, and none
    systems = [(bits[rows], b[rows]) for rows in (dirty, clean, dirty)]
    found = gf2.solve_noisy(systems, held=(bits, b))
    assert found.tries == 2
    assert (found.s == s).all()
    assert gf2.solve_noisy(systems[::2], held=(bits, b)) == (None, 2)
    assert gf2.solve_noisy([], held=(bits, b)) == (None, 0)


def test_a_solution_of_wrong_equations_is_not_taken():
    d, n = 10, 300
    bits, s = RNG.integers(0, 2, (n, d)), RNG.integers(0, 2, d).astype(bool)
    b = bits @ s % 2
    wrong = np.eye(d, dtype=int), ~s  # solved by the complement of s
    assert gf2.solve(*wrong).unique
    assert gf2.solve_noisy([wrong], held=(bits, b)).s is None


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: gf2.solve(np.array([[1, -1]]), np.array([1])), "made of 0 and 1"),
        (lambda: gf2.rank(np.array([[2, 0]])), "made of 0 and 1"),
        (lambda: gf2.ranks(np.zeros((1, 2, 65), int)), "65 columns do not fit"),
        (lambda: gf2.full_rank_probability(3, 0), "d = 0: take a whole number"),
    ],
)
def test_what_is_no_system_is_refused(call, match):
    with pytest.raises(HlnbError, match=match):
        call()
