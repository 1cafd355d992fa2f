"""Verdicts on deep linear networks follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.deep_linear import claims

START = np.array([0.1, 0.2])
RATES = {n: n * START ** (2 - 2 / n) for n in (1, 2)}
NORM = np.array([5.0, 1.0, 2.0, 3.0])  # the first at a loss of 0.4
LOSS = np.array([0.4, 0.2, 0.1, 0.01])
ONE = np.ones((2, 2))


def at(first, second):
    """Values of two runs, or of two depths."""
    return np.array([first, second], float)


FIT = np.array([[1.0, 0.0], [1.009, 9e-10]])  # factor and share missed, by run
FINAL = {"depth 1": at(3, 3), "depth 2": at(2, 2), "depth 3": at(0, 0)}
FINAL["least nuclear norm"] = at(1, 1)
GIVEN = {
    claims.about_steps: {
        "order": np.add(ONE, [[0.04, -0.04]]),
        "wear": np.add(ONE, [[0.09, -0.09]]),
    },
    claims.about_forms: {
        **{"commuting": FIT, "general": np.array([[1, 0.0], [1, 0.009]])},
        **{"shared": at(0, 9e-10), "powers": at(1, 1 + 9e-10)},
    },
    claims.about_growth: {
        **{"start": START, "ends": {1: at(0.05, 0.1), 2: at(0.09, 0.4)}},
        "rates": RATES,
    },
    claims.about_geometry: {"operators": [np.eye(2)] * 2, "asymmetry": ONE * 1.1e-3},
    claims.about_completion: {"kept": [True, True], "final": FINAL},
    claims.about_corner: {
        **{"norms": {"depth 2": {"a": NORM, "b": NORM}}, "loss": {"depth 2": LOSS}},
        **{"over": ONE, "scaled": ONE, "ranks": at(1, 1.009), "roots": at(0.61, 1)},
    },
}
NO, SOME = "not reproduced", "partly"
ALTERED = [
    ("dln-flow", {"order": np.add(ONE, [[0.06, 0]])}, SOME),
    ("dln-flow", {"order": ONE + 0.06}, NO),
    ("dln-balance", {"wear": np.subtract(ONE, [[0.11, 0]])}, SOME),
    ("dln-balance", {"wear": ONE - 0.11}, NO),
    ("dln-commuting", {"commuting": np.add(FIT, [[0.002, 0]])}, SOME),
    ("dln-commuting", {"commuting": np.add(FIT, [[0, 2e-10]])}, SOME),
    ("dln-commuting", {"commuting": FIT + 1}, NO),
    ("dln-general", {"general": np.array([[1, 0], [1, 0.011]])}, SOME),
    ("dln-general", {"general": np.array([[1, 0.5], [1, 0.011]])}, NO),
    ("dln-shared", {"shared": at(0, 1.1e-9)}, SOME),
    ("dln-shared", {"shared": at(1, 1.1e-9)}, NO),
    ("dln-exponents", {"powers": at(1, 1 + 1.1e-9)}, SOME),
    ("dln-exponents", {"powers": at(0, 1.5)}, NO),
    ("dln-rates", {"rates": RATES | {2: 2 * RATES[2]}}, SOME),
    ("dln-rates", {"rates": {n: r + 1e-3 for n, r in RATES.items()}}, NO),
    ("dln-bigger", {"ends": {2: at(0, 0.4), 3: at(0, 0.09)}}, SOME),
    ("dln-bigger", {"ends": {1: at(0, 0.4), 2: at(0, 0.09)}}, NO),
    ("dln-smaller", {"ends": {1: at(0.1, 0.2), 2: at(0.09, 0.4)}}, SOME),
    ("dln-smaller", {"ends": {2: at(0.1, 0.4)}}, NO),
    ("dln-metric", {"operators": [np.eye(2), np.diag([1.0, -1.0])]}, SOME),
    ("dln-metric", {"operators": [np.array([[1, 0.5], [0, 1]])]}, NO),
    ("dln-potential", {"asymmetry": np.array([[1, 9e-4], [1, 1]])}, SOME),
    ("dln-potential", {"asymmetry": np.array([[1, 9e-4], [0, 1]])}, NO),
    ("dln-zero-fill", {"kept": [True, False]}, SOME),
    ("dln-zero-fill", {"kept": [False, False]}, NO),
    ("dln-depth", {"final": FINAL | {"depth 1": at(2, 3)}}, SOME),
    ("dln-depth", {"final": FINAL | {"depth 2": at(0, 4)}}, NO),
    ("dln-nuclear", {"final": FINAL | {"least nuclear norm": at(0, 1)}}, SOME),
    ("dln-nuclear", {"final": FINAL | {"least nuclear norm": at(0, 0)}}, NO),
    ("dln-norms", {"norms": {"depth 2": {"a": NORM, "b": -NORM}}}, SOME),
    ("dln-norms", {"norms": {"depth 2": {"a": NORM - 9 * (LOSS == 0.1)}}}, NO),
    ("dln-bound", {"over": np.add(ONE, [[0.06, 0]])}, SOME),
    ("dln-bound", {"over": ONE - 1e-6}, NO),
    ("dln-rank", {"ranks": at(1.011, 1)}, SOME),
    ("dln-rank", {"ranks": at(1.011, 2)}, NO),
    ("dln-sign", {"roots": at(0.6, 1)}, SOME),
    ("dln-sign", {"roots": at(0.6, 0)}, NO),
    ("dln-sign", {"roots": np.zeros(0)}, "not testable here"),
]


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


def test_what_the_sources_say_is_reproduced():
    found = [v for section in GIVEN for v in judged(section).values()]
    assert found == ["reproduced"] * 18


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_follows_its_own_number(id, changed, verdict):
    (found,) = (judged(s, **changed) for s in GIVEN if id in judged(s))
    assert found.pop(id) == verdict
    assert {*found.values()} <= {"reproduced"}


def test_what_is_missed_is_given_in_per_cent():
    _, general, *_ = claims.about_forms(**GIVEN[claims.about_forms])
    assert general.high == pytest.approx(0.9)


def test_depth_1_is_no_part_of_gaps_that_grow():
    _, bigger, smaller = claims.about_growth(**GIVEN[claims.about_growth])
    assert (bigger.n, smaller.n) == (1, 2)
