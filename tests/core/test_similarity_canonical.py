"""Canonical correlations: what leaves them unchanged, exact cases, chance."""

import numpy as np
import pytest

from hlnb.errors import HlnbError
from hlnb.metrics.similarity import basis, correlations, mean_correlation

RNG = np.random.default_rng(3)
A = RNG.normal(size=(300, 6)) * np.arange(1, 7)
B = np.tanh(A @ RNG.normal(size=(6, 5)) / 5)


def test_a_basis_is_orthonormal_centred_and_as_small_as_suffices():
    found = basis(A, keep=0.9)
    assert np.allclose(found.T @ found, np.eye(found.shape[1]))
    assert np.allclose(found.mean(0), 0)
    centred = A - A.mean(0)
    kept = ((found.T @ centred) ** 2).sum() / (centred**2).sum()
    less = ((found[:, :-1].T @ centred) ** 2).sum() / (centred**2).sum()
    assert less < 0.9 <= kept


def test_everything_is_kept_where_all_variance_is_asked_but_no_rounding():
    copied = np.column_stack([A, A[:, 0] + A[:, 1], np.full(300, 7.0)])
    assert basis(A, keep=1).shape == (300, 6)
    assert basis(copied, keep=1).shape == (300, 6)


def svcca(a, b, *, keep=0.99):
    """The mean canonical correlation of the directions with that share of variance."""
    return mean_correlation(basis(a, keep=keep), basis(b, keep=keep))


@pytest.mark.parametrize("keep", [0, -1, 1.1])
def test_what_is_no_share_is_refused(keep):
    with pytest.raises(HlnbError, match="is no share of the variance"):
        basis(A, keep=keep)


def test_rotation_shift_and_scale_change_nothing():
    turn, _ = np.linalg.qr(RNG.normal(size=(6, 6)))
    assert svcca(A, 3 * A @ turn - 2) == pytest.approx(1)
    assert svcca(A @ turn + 1, B) == pytest.approx(svcca(A, B))
    assert svcca(B, A) == pytest.approx(svcca(A, B))
    assert 0 < svcca(A, B) < 1


def test_with_all_directions_no_invertible_map_changes_anything():
    other = A @ RNG.normal(size=(6, 6))
    assert svcca(A, other, keep=1) == pytest.approx(1)
    assert svcca(A, B, keep=1) == pytest.approx(svcca(other, B, keep=1))


def test_shared_directions_have_correlation_one_and_others_zero():
    q, _ = np.linalg.qr(RNG.normal(size=(300, 7)))
    q -= q.mean(0)
    q, _ = np.linalg.qr(q)
    found = correlations(q[:, :4], q[:, 2:7])
    assert np.allclose(found, [1, 1, 0, 0])
    assert mean_correlation(q[:, :4], q[:, 2:7]) == pytest.approx(0.5)


def test_the_first_correlation_of_single_columns_is_pearsons():
    a, b = A[:, :1], B[:, :1]
    assert svcca(a, b) == pytest.approx(abs(np.corrcoef(a[:, 0], b[:, 0])[0, 1]))


def test_constant_features_are_like_nothing():
    assert svcca(np.ones((9, 2)), A[:9]) == 0


def test_squares_sum_to_what_chance_gives():
    """p q / (n − 1) = 0.2513 on average; 0.03 is over 5 sd of the mean of 200."""
    sums = []
    for _ in range(200):
        a, b = RNG.normal(size=(200, 5)), RNG.normal(size=(200, 10))
        sums.append((correlations(basis(a, keep=1), basis(b, keep=1)) ** 2).sum())
    assert abs(np.mean(sums) - 5 * 10 / 199) < 0.03
