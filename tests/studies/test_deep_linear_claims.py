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
FINAL = {"depth 1": 3, "depth 2": 2, "depth 3": 0, "least nuclear norm": 1}
FINAL = {name: np.full(5, float(error)) for name, error in FINAL.items()}
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
ERRS = "not as stated"
ALTERED = [
    ("dln-flow", {"order": np.add(ONE, [[0.06, 0]])}, ERRS),
    ("dln-flow", {"order": ONE + 0.06}, ERRS),
    ("dln-balance", {"wear": np.subtract(ONE, [[0.11, 0]])}, ERRS),
    ("dln-balance", {"wear": ONE - 0.11}, ERRS),
    ("dln-commuting", {"commuting": np.add(FIT, [[0.002, 0]])}, ERRS),
    ("dln-commuting", {"commuting": np.add(FIT, [[0, 2e-10]])}, ERRS),
    ("dln-commuting", {"commuting": FIT + 1}, ERRS),
    ("dln-general", {"general": np.array([[1, 0], [1, 0.011]])}, ERRS),
    ("dln-general", {"general": np.array([[1, 0.5], [1, 0.011]])}, ERRS),
    ("dln-shared", {"shared": at(0, 1.1e-9)}, ERRS),
    ("dln-shared", {"shared": at(1, 1.1e-9)}, ERRS),
    ("dln-exponents", {"powers": at(1, 1 + 1.1e-9)}, ERRS),
    ("dln-exponents", {"powers": at(0, 1.5)}, ERRS),
    ("dln-rates", {"rates": RATES | {2: 2 * RATES[2]}}, ERRS),
    ("dln-rates", {"rates": {n: r + 1e-3 for n, r in RATES.items()}}, ERRS),
    ("dln-bigger", {"ends": {2: at(0, 0.4), 3: at(0, 0.09)}}, ERRS),
    ("dln-bigger", {"ends": {1: at(0, 0.4), 2: at(0, 0.09)}}, ERRS),
    ("dln-smaller", {"ends": {1: at(0.1, 0.2), 2: at(0.09, 0.4)}}, ERRS),
    ("dln-smaller", {"ends": {2: at(0.1, 0.4)}}, ERRS),
    ("dln-metric", {"operators": [np.eye(2), np.diag([1.0, -1.0])]}, ERRS),
    ("dln-metric", {"operators": [np.array([[1, 0.5], [0, 1]])]}, ERRS),
    ("dln-potential", {"asymmetry": np.array([[1, 9e-4], [1, 1]])}, ERRS),
    ("dln-potential", {"asymmetry": np.array([[1, 9e-4], [0, 1]])}, ERRS),
    ("dln-zero-fill", {"kept": [True, False]}, ERRS),
    ("dln-zero-fill", {"kept": [False, False]}, ERRS),
    ("dln-norms", {"norms": {"depth 2": {"a": NORM, "b": -NORM}}}, ERRS),
    ("dln-norms", {"norms": {"depth 2": {"a": NORM - 9 * (LOSS == 0.1)}}}, ERRS),
    ("dln-bound", {"over": np.add(ONE, [[0.06, 0]])}, ERRS),
    ("dln-bound", {"over": ONE - 1e-6}, ERRS),
    ("dln-rank", {"ranks": at(1.011, 1)}, ERRS),
    ("dln-rank", {"ranks": at(1.011, 2)}, ERRS),
    ("dln-sign", {"roots": at(0.6, 1)}, ERRS),
    ("dln-sign", {"roots": at(0.6, 0)}, ERRS),
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


@pytest.mark.parametrize(("id", "better"), [("dln-depth", 1), ("dln-nuclear", 3)])
def test_completion_is_judged_matrix_by_matrix(id, better):
    """`better` of four errors in order; depth 3 beats 2 and the least nuclear norm."""
    runs = 10
    for worse, verdict in ((0, "reproduced"), (5, "undecided"), (10, "not reproduced")):
        final = {k: np.full(runs, float(v[0])) for k, v in FINAL.items()}
        name = "depth 2" if better == 1 else "least nuclear norm"
        final[name][:worse] = -1.0
        found = judged(claims.about_completion, kept=[True] * 2, final=final)
        assert found[id] == verdict


def test_theorems_count_for_no_source():
    kinds = {c.id: c.kind for s in GIVEN for c in s(**GIVEN[s])}
    claimed = {id for id, kind in kinds.items() if kind == "claim"}
    assert claimed == {"dln-depth", "dln-nuclear"}


def test_slips_count_for_their_source():
    given = GIVEN[claims.about_forms] | {"general": np.ones((2, 2))}
    of = {c.id: (c.verdict, c.kind) for c in claims.about_forms(**given)}
    assert of["dln-general"] == (ERRS, "claim")
    assert of["dln-commuting"] == ("reproduced", "identity")


def test_what_is_missed_is_given_in_per_cent():
    _, general, *_ = claims.about_forms(**GIVEN[claims.about_forms])
    assert general.high == pytest.approx(0.9)


def test_depth_1_is_no_part_of_gaps_that_grow():
    _, bigger, smaller = claims.about_growth(**GIVEN[claims.about_growth])
    assert (bigger.n, smaller.n) == (1, 2)
