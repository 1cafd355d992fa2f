"""Verdicts on linear regression follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.linear_regression import claims

GOOD, BAD = np.array([9e-9, 0.0]), np.array([1.1e-8, 1.0])
WAYS = ("descent from 0", "descent from length 0.001", "descent from length 1")
ENDS = dict.fromkeys((*WAYS, "SGD from 0"), GOOD)
STILL = dict.fromkeys((WAYS[0], "SGD from 0"), GOOD * 1e-4)
YES, NO, MIXED = (np.array(holds) > 0 for holds in ([1, 1], [0, 0], [1, 0]))
UP, CALM = np.array([[1, 0], [2, 0]]), np.zeros((2, 2))
RATES = {
    "exact": np.ones((2, 3), bool),
    "falls": {1.5: NO, 1.98: YES},
    "grown": {1.98: np.full(2, 0.5), 2.0: np.full(2, 1 + 9e-7), 2.02: np.full(2, 1.5)},
    "flips": {0.5: CALM, 1.0: CALM, 1.02: UP},
    "lost": np.array([1, 1 + 9e-10]),
}
SPECTRA = {
    "gaps": {0.5: np.array([0.49, 0.1]), 2: np.array([0.2, 0.2])},
    "sides": {0.5: 10, 2: 20},
    "ratios": {0.5: np.array([1.1, 1.2]), 2: np.array([0.9, 1])},
    "zeros": YES,
}
GIVEN = {
    claims.about_limits: {"missed": ENDS, "drift": STILL, "passes": 3},
    claims.about_rates: RATES,
    claims.about_spectra: SPECTRA,
    claims.about_square: {"fits": np.full(2, 0.011), "growth": (2.2, 1.9, 2.4), "n": 7},
    claims.about_risk: {
        **{"covered": YES, "peaked": YES, "n_ratios": 2},
        "ratio": np.array([0.9, 1.1]),
    },
}


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


@pytest.mark.parametrize("section", GIVEN)
def test_what_the_notes_say_is_reproduced(section):
    assert {*judged(section).values()} == {"reproduced"}


def some(values):
    """The first run of `values`, and one that is as it should be."""
    return np.array([values[0], GOOD[1]])


@pytest.mark.parametrize(
    ("id", "way"),
    [
        *(("reg-limit", WAYS[0]), ("reg-sgd", "SGD from 0")),
        *(("reg-start", WAYS[1]), ("reg-start", WAYS[2])),
    ],
)
def test_an_end_is_judged_run_by_run(id, way):
    ends = {ENDS[way].size: BAD, 1: some(BAD)}
    for missed, verdict in zip(
        ends.values(), ("not reproduced", "partly"), strict=True
    ):
        found = judged(claims.about_limits, missed=ENDS | {way: missed})
        assert {i for i, v in found.items() if v == verdict} == {id}


def test_either_way_may_leave_the_row_space():
    for way in STILL:
        for size, verdict in ((BAD, "not reproduced"), (some(BAD), "partly")):
            found = judged(claims.about_limits, drift=STILL | {way: size * 1e-4})
            assert found["reg-span"] == verdict


GROWN, FLIPS, FALLS = (RATES[name] for name in ("grown", "flips", "falls"))
ALTERED = [
    ("reg-modes", {"exact": np.zeros((2, 3), bool)}, "not reproduced"),
    ("reg-modes", {"exact": np.eye(2, 3, dtype=bool)}, "partly"),
    ("reg-stable", {"falls": FALLS | {1.98: NO}}, "not reproduced"),
    ("reg-stable", {"grown": GROWN | {2.0: np.array([1, 1 + 1.1e-6])}}, "partly"),
    ("reg-stable", {"grown": GROWN | {2.02: np.array([0.9, 0.9])}}, "not reproduced"),
    ("reg-monotone", {"flips": FLIPS | {1.0: UP}}, "not reproduced"),
    ("reg-monotone", {"flips": FLIPS | {0.5: np.eye(2)[:1] * [[1], [0]]}}, "partly"),
    ("reg-monotone", {"flips": FLIPS | {1.02: CALM}}, "not reproduced"),
    ("reg-required", {"falls": FALLS | {1.5: YES}}, "not reproduced"),
    ("reg-required", {"falls": FALLS | {1.5: MIXED}}, "partly"),
    ("reg-progress", {"lost": np.array([1, 1 + 1.1e-9])}, "partly"),
    ("reg-progress", {"lost": np.array([0.9, 1.1])}, "not reproduced"),
]


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_on_rates_follows_its_own_number(id, changed, verdict):
    found = judged(claims.about_rates, **changed)
    assert found.pop(id) == verdict
    assert {*found.values()} == {"reproduced"}


def test_spectra_are_held_to_the_law_by_their_smaller_side():
    far = {0.5: np.array([0.51, 0.1]), 2: np.array([0.26, 0.3])}
    assert judged(claims.about_spectra, gaps=far)["reg-law"] == "partly"
    narrow = judged(claims.about_spectra, sides={0.5: 100, 2: 100})
    assert narrow["reg-law"] == "not reproduced"


def test_condition_numbers_are_judged_by_their_median():
    off = np.array([1.1, 1.3])
    half = judged(claims.about_spectra, ratios={0.5: off, 2: np.ones(2)})
    assert half["reg-kappa"] == "partly"
    none = judged(claims.about_spectra, ratios={0.5: off, 2: off})
    assert none["reg-kappa"] == "not reproduced"
    for zeros, verdict in ((NO, "not reproduced"), (MIXED, "partly")):
        assert judged(claims.about_spectra, zeros=zeros)["reg-zero"] == verdict


def test_square_matrices():
    for fits, verdict in (([0.009, 0.5], "partly"), ([0.0, 0.0], "not reproduced")):
        found = judged(claims.about_square, fits=np.array(fits))
        assert found["reg-square"] == verdict
    for slope in (1.7, 2.3):
        found = judged(claims.about_square, growth=(slope, 1.6, 2.4))
        assert found["reg-growth"] == "not reproduced"
    growth = claims.about_square(**GIVEN[claims.about_square])[1]
    assert (growth.ours, growth.low, growth.high, growth.n) == (2.2, 1.9, 2.4, 7)


@pytest.mark.parametrize(("name", "id"), [("covered", "risk"), ("peaked", "peak")])
def test_risks_are_counted(name, id):
    for holds, verdict in ((NO, "not reproduced"), (MIXED, "partly")):
        found = judged(claims.about_risk, **{name: holds})
        assert found[f"reg-{id}"] == verdict


def test_a_risk_is_near_its_limit_within_15_per_cent():
    for ratio, verdict in (([0.84, 1], "partly"), ([0.8, 1.2], "not reproduced")):
        found = judged(claims.about_risk, ratio=np.array(ratio))
        assert found["reg-limit-risk"] == verdict
