"""Verdicts on linear regression follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.linear_regression import claims

N = 10  # runs: enough for each rule that is used
GOOD, BAD = np.full(N, 9e-9), np.full(N, 1.1e-8)
WAYS = ("descent from 0", "descent from length 0.001", "descent from length 1")
ENDS = dict.fromkeys((*WAYS, "SGD from 0"), GOOD)
STILL = dict.fromkeys((WAYS[0], "SGD from 0"), GOOD * 1e-4)
YES, NO = np.full(N, True), np.full(N, False)
MIXED = np.arange(N) % 2 == 0
UP, CALM = np.tile([1, 0], (N, 1)), np.zeros((N, 2))
RATES = {
    "exact": np.ones((2, 3), bool),
    "falls": {1.5: NO, 1.98: YES},
    "grown": {1.98: np.full(N, 0.5), 2.0: np.full(N, 1 + 9e-7), 2.02: np.full(N, 1.5)},
    "flips": {0.5: CALM, 1.0: CALM, 1.02: UP},
    "lost": np.full(N, 1 + 9e-10),
}
SPECTRA = {
    "gaps": {0.5: np.full(N, 0.49), 2: np.full(N, 0.2)},
    "sides": {0.5: 10, 2: 20},
    "ratios": {0.5: np.full(N, 1.14), 2: np.full(N, 0.86)},
    "zeros": YES,
}
GIVEN = {
    claims.about_limits: {"missed": ENDS, "drift": STILL, "passes": 3},
    claims.about_rates: RATES,
    claims.about_spectra: SPECTRA,
    claims.about_square: {
        **{"scaled": np.linspace(0.1, 0.5, 2 * N), "median": 0.3},
        "growth": np.linspace(1.6, 2.4, N),
    },
    claims.about_risk: {
        **{"risks": {"d = 2n": np.linspace(0.5, 1, 2 * N)}, "limits": {"d = 2n": 0.75}},
        **{"peaked": YES, "n_ratios": 2},
    },
}
WRONG, ERRS = "not reproduced", "not as stated"


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


@pytest.mark.parametrize("section", GIVEN)
def test_what_the_notes_say_is_reproduced(section):
    assert {*judged(section).values()} == {"reproduced"}


def test_what_is_proved_counts_for_no_source_and_what_is_refuted_does():
    limits = claims.about_limits(**GIVEN[claims.about_limits])
    assert {c.kind for c in limits} == {"identity"}
    rates = RATES | {"falls": RATES["falls"] | {1.5: YES}}
    kinds = {c.id: c.kind for c in claims.about_rates(**rates)}
    assert {id for id, kind in kinds.items() if kind == "claim"} == {"reg-required"}


def but_one(good, bad):
    """Runs that are `good`, and the first of them `bad`."""
    return np.where(np.arange(N) == 0, bad, good)


@pytest.mark.parametrize(
    ("id", "way"),
    [
        *(("reg-limit", WAYS[0]), ("reg-sgd", "SGD from 0")),
        *(("reg-start", WAYS[1]), ("reg-start", WAYS[2])),
    ],
)
def test_one_run_that_ends_elsewhere_refutes_a_proof(id, way):
    for missed in (BAD, but_one(GOOD, BAD)):
        found = judged(claims.about_limits, missed=ENDS | {way: missed})
        assert {i for i, v in found.items() if v == ERRS} == {id}


def test_either_way_may_leave_the_row_space():
    for way in STILL:
        for size in (BAD, but_one(GOOD, BAD)):
            found = judged(claims.about_limits, drift=STILL | {way: size * 1e-4})
            assert found["reg-span"] == ERRS


GROWN, FLIPS, FALLS = (RATES[name] for name in ("grown", "flips", "falls"))
ALTERED = [
    ("reg-modes", {"exact": np.zeros((2, 3), bool)}),
    ("reg-modes", {"exact": np.eye(2, 3, dtype=bool)}),
    ("reg-stable", {"falls": FALLS | {1.98: NO}}),
    ("reg-stable", {"grown": GROWN | {2.0: but_one(1, 1 + 1.1e-6)}}),
    ("reg-stable", {"grown": GROWN | {2.02: np.full(N, 0.9)}}),
    ("reg-monotone", {"flips": FLIPS | {1.0: UP}}),
    ("reg-monotone", {"flips": FLIPS | {0.5: np.eye(N, 2)}}),
    ("reg-monotone", {"flips": FLIPS | {1.02: CALM}}),
    ("reg-required", {"falls": FALLS | {1.5: YES}}),
    ("reg-required", {"falls": FALLS | {1.5: MIXED}}),
    ("reg-progress", {"lost": but_one(1, 1 + 1.1e-9)}),
    ("reg-progress", {"lost": np.linspace(0.9, 1.1, N)}),
]


@pytest.mark.parametrize(("id", "changed"), ALTERED)
def test_a_claim_on_rates_follows_its_own_number(id, changed):
    found = judged(claims.about_rates, **changed)
    assert found.pop(id) == ERRS
    assert {*found.values()} == {"reproduced"}


def test_spectra_are_held_to_the_law_by_their_smaller_side():
    off = SPECTRA["gaps"] | {2: np.where(MIXED, 0.26, 0.2)}
    assert judged(claims.about_spectra, gaps=off)["reg-law"] == "undecided"
    narrow = judged(claims.about_spectra, sides={0.5: 10, 2: 100})
    assert narrow["reg-law"] == WRONG


def test_a_draw_is_judged_at_all_ratios():
    for off, verdict in ((1.16, WRONG), (np.where(MIXED, 0.84, 1), "undecided")):
        ratios = {0.5: np.ones(N), 2: off * np.ones(N)}
        assert judged(claims.about_spectra, ratios=ratios)["reg-kappa"] == verdict
    for zeros in (NO, MIXED):
        assert judged(claims.about_spectra, zeros=zeros)["reg-zero"] == ERRS


def test_square_matrices():
    for scaled in (np.linspace(0.7, 0.9, N), np.linspace(0.01, 0.1, N)):
        assert judged(claims.about_square, scaled=scaled)["reg-square"] == WRONG
    for slope in (1.4, 2.6):
        found = judged(claims.about_square, growth=np.full(N, slope))
        assert found["reg-growth"] == WRONG


def test_risks():
    for holds, verdict in ((NO, WRONG), (MIXED, "undecided")):
        assert judged(claims.about_risk, peaked=holds)["reg-peak"] == verdict
    far = judged(claims.about_risk, limits={"d = 2n": 0.3})
    assert far["reg-limit-risk-2n"] == WRONG


def test_a_risk_that_vanishes_is_no_number_to_reproduce():
    none = judged(claims.about_risk, limits={"d = 2n": 0.0})
    assert none["reg-limit-risk-2n"] == "not testable here"
