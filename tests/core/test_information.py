"""Information: identities that hold exactly, exact cases, and the bias of counting."""

import math

import numpy as np
import pytest

from hlnb.metrics.information import bias, conditional, explained, information

RNG = np.random.default_rng(1)
A, B, C = RNG.integers(2, size=(3, 500))
D = (A + B * C + RNG.integers(2, size=500)) % 3


def test_a_fair_coin_tells_one_bit_of_itself():
    coin = np.tile([0, 1], 50)
    assert information(coin, coin) == pytest.approx(1)
    assert information(coin, 1 - coin) == pytest.approx(1)
    assert information(coin, np.zeros(100, int)) == pytest.approx(0)


def test_a_known_table():
    """P(0,0) = 1/2, P(0,1) = 0, P(1,0) = P(1,1) = 1/4."""
    a, b = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert information(a, b) == pytest.approx(1 + entropy - 1.5)


def test_information_is_symmetric_and_not_negative():
    for a, b in ((A, B), (A, D), (B, D)):
        assert information(a, b) == pytest.approx(information(b, a))
        assert information(a, b) >= -1e-12
        assert conditional(a, b, C) >= -1e-12


def test_the_chain_rule_is_exact():
    both = 2 * C + B
    whole = information(D, both)
    assert information(D, B) + conditional(D, C, B) == pytest.approx(whole)
    assert explained(D, A, B) + conditional(D, A, B) == pytest.approx(information(D, A))


def test_what_is_explained_is_symmetric_in_all_three():
    values = [
        explained(A, D, B),
        explained(D, B, A),
        explained(B, A, D),
        explained(A, B, D),
    ]
    assert np.allclose(values, values[0])


def test_a_conditioned_average():
    """I(A;B|C) is the average of the informations within the groups of C."""
    inside = [(c == C).mean() * information(A[c == C], D[c == C]) for c in (0, 1)]
    assert conditional(A, D, C) == pytest.approx(sum(inside))


def test_knowing_can_make_answers_tell_more():
    f, other = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert explained(f, f ^ other, other) == pytest.approx(-1)


@pytest.mark.parametrize(("given", "n"), [(1, 200), (2, 400)])
def test_the_bias_is_that_of_independent_coins(given, n):
    """4000 counts: their mean has a standard error of about 2 % of the bias."""
    found = []
    for _ in range(4000):
        a, b, c = RNG.integers(2, size=(3, n))
        found.append(information(a, b) if given == 1 else conditional(a, b, c))
    assert np.mean(found) == pytest.approx(bias(n, given=given), rel=0.1)


def test_bias_grows_with_the_number_of_values():
    assert bias(100, a=3, b=4) == pytest.approx(6 * bias(100))
    assert bias(100) == pytest.approx(1 / (200 * math.log(2)))
