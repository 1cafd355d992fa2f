"""Alignment and probes: what leaves them unchanged, and what they find."""

import numpy as np
import pytest

from hlnb.errors import HlnbError
from hlnb.metrics.probes import probe_accuracy
from hlnb.metrics.similarity import linear_cka

RNG = np.random.default_rng(5)
A = RNG.normal(size=(400, 6))


def test_alignment_ignores_rotation_shift_and_scale():
    turn, _ = np.linalg.qr(RNG.normal(size=(6, 6)))
    assert linear_cka(A, 3 * A @ turn + 7) == pytest.approx(1)
    B = A @ RNG.normal(size=(6, 4))
    assert linear_cka(A, B) == pytest.approx(linear_cka(B, A))
    assert linear_cka(A, B) == pytest.approx(linear_cka(5 * A @ turn, B - 1))
    assert 0 < linear_cka(A, B) < 1


def test_alignment_is_that_of_the_centred_kernels():
    B = np.tanh(A @ RNG.normal(size=(6, 5)))
    centre = np.eye(400) - 1 / 400
    K, L = (centre @ x @ x.T @ centre for x in (A, B))
    expected = (K * L).sum() / np.sqrt((K * K).sum() * (L * L).sum())
    assert linear_cka(A, B) == pytest.approx(expected)


def test_unrelated_features_are_hardly_aligned():
    """Mean over 50 pairs: about √(6·8)/400 = 0.017; 0.05 would be 40 sigma away."""
    pairs = [(RNG.normal(size=(400, 6)), RNG.normal(size=(400, 8))) for _ in range(50)]
    assert np.mean([linear_cka(*pair) for pair in pairs]) < 0.05


def data(n=300, noise=1.0):
    """Three classes, told by the first of 10 features, whose scales differ."""
    features, labels = {}, {}
    for on in ("train", "validation", "test"):
        y = RNG.integers(3, size=n)
        x = RNG.normal(size=(n, 10)) * 10.0 ** np.arange(10)
        x[:, 0] = (y == 1) + noise * RNG.normal(size=n)
        x[:, 1] = 1e6 * ((y == 2) + noise * RNG.normal(size=n))
        features[on], labels[on] = x, y
    return features, labels


def test_a_probe_finds_what_is_linear_whatever_its_scale():
    features, labels = data(noise=0.01)
    assert probe_accuracy(features, labels) == 1
    shuffled = {on: RNG.permutation(y) for on, y in labels.items()}
    assert probe_accuracy(features, shuffled) < 0.5  # chance is 1/3, sd 0.03


def test_validation_alone_chooses_the_penalty():
    features, labels = data(n=60)
    one_each = [
        probe_accuracy(features, labels, penalties=[penalty]) for penalty in (1e-3, 1e6)
    ]
    validation = {**features, "test": features["validation"]}
    on_validation = {**labels, "test": labels["validation"]}
    scores = [
        probe_accuracy(validation, on_validation, penalties=[penalty])
        for penalty in (1e-3, 1e6)
    ]
    chosen = probe_accuracy(features, labels, penalties=[1e-3, 1e6])
    assert chosen == one_each[int(scores[1] >= scores[0])]
    with pytest.raises(HlnbError, match=r"penalties = \[\]: take"):
        probe_accuracy(features, labels, penalties=[])


def test_what_is_the_same_for_every_input_is_aligned_with_nothing():
    """0.1 three times has a mean that is not 0.1: rounding is no feature either."""
    for constant in (0.0, 0.1):
        same = np.full((3, 2), constant)
        assert linear_cka(same, same) == 0
        assert linear_cka(A[:3], same) == linear_cka(same, A[:3]) == 0
