"""Each verdict that the claims on leaps can give, from numbers made by hand."""

import math

import numpy as np
import pytest

from hlnb.studies.leap import claims

INF, NAN = math.inf, math.nan


def values(*numbers):
    return np.array(numbers, float)


def runs(*numbers):
    """Ten runs: `numbers` over and over."""
    return np.resize(np.array(numbers, float), 10)


def verdicts(found):
    return {c.id: c.verdict for c in found}


def kinds(found):
    return {c.id: c.kind for c in found}


@pytest.mark.parametrize(
    ("right", "verdict", "kind"),
    [
        ([True, True], "reproduced", "identity"),
        ([True, False], "not as stated", "claim"),
        ([], "not testable here", "identity"),
    ],
)
def test_examples_are_mathematics(right, verdict, kind):
    found = claims.examples(right=right)
    assert verdicts(found) == {"leap-examples": verdict}
    assert kinds(found) == {"leap-examples": kind}


@pytest.mark.parametrize(
    ("held", "escapes", "expected"),
    [
        ([True, True], [400.0] * 6, ["reproduced", "reproduced"]),
        ([True, False], [INF] * 6, ["not as stated", "not reproduced"]),
        ([True, True], [400.0, INF] * 3, ["reproduced", "undecided"]),
    ],
)
def test_what_is_out_of_reach_leaves_rounding_alone(held, escapes, expected):
    found = claims.out_of_reach(held=held, escapes=values(*escapes), time=1000.0)
    assert [*verdicts(found).values()] == expected
    assert "t = 1000" in found[1].statement
    assert found[1].kind == "guess"


FIGURE_S = [1.0, 3, 2, 4]  # when degrees 1 to 4 pass, as in the paper's figure


def four_terms(*, ours=(0.01, 0.09), passes=FIGURE_S):
    times = np.repeat(np.array(passes, float)[:, None], 10, axis=1)
    found = claims.four_terms(ours=runs(*ours), passes=times, time=2000.0)
    return verdicts(found)


def test_the_figure_s_order_is_not_that_of_degrees():
    assert [*four_terms().values()] == [*["reproduced"] * 3, "not reproduced"]
    rising = four_terms(passes=[1, 2, 3, 4])
    assert rising["msp-degrees"] == "reproduced"
    assert rising["msp-order"] == "not reproduced"


@pytest.mark.parametrize(
    ("passes", "first", "order"),
    [
        ([1, 1, 2, 3], "not reproduced", "not reproduced"),  # a tie is no first
        ([2, 3, 1, 4], "not reproduced", "not reproduced"),
        ([1, 4, 3, 2], "reproduced", "not reproduced"),  # degree 4 before 3
        ([1, INF, 2, INF], "reproduced", "reproduced"),
        ([INF] * 4, "not reproduced", "not reproduced"),
    ],
)
def test_order_is_judged_run_by_run(passes, first, order):
    found = four_terms(passes=passes)
    assert (found["msp-first"], found["msp-order"]) == (first, order)


def test_a_last_term_that_never_comes_is_in_no_order_of_degrees():
    assert four_terms(passes=[1, 2, 3, INF])["msp-degrees"] == "not reproduced"


@pytest.mark.parametrize(
    ("risk", "verdict"),
    [((0.09, 0.1), "undecided"), ((0.1,), "not reproduced"), ((0.09,), "reproduced")],
)
def test_a_risk_of_a_tenth_is_not_learned(risk, verdict):
    assert four_terms(ours=risk)["msp-learned"] == verdict
    assert as_printed(printed=runs(*risk))["msp-printed"] == verdict


ONE, TWO, THREE, FOUR, FIVE = SETTINGS = [
    *[(0.5, 150), (0.5, 600), (0.5, 2400)],
    *[(0.125, 150), (0.125, 600)],
]


def as_printed(**changed):
    at = {place: values(*[0.3] * 5) for place in SETTINGS}
    given = {"printed": runs(0.45), "risks": at, "time": 2000.0}
    changed["risks"] = at | changed.pop("risks", {})
    pairs = [(TWO, FOUR), (THREE, FIVE)]
    found = claims.as_printed(**given | changed, pairs=pairs)
    assert [c.kind for c in found] == ["claim", *["guess"] * 3]
    return verdicts(found)


def test_equal_noise_is_compared_pair_by_pair():
    assert as_printed()["msp-alike"] == "reproduced"
    for place in (FOUR, FIVE):  # either pair can speak against it, up or down
        for far in (0.2, 0.4):
            found = as_printed(risks={place: values(*[far] * 5)})
            assert found["msp-alike"] == "not reproduced"
    some = as_printed(risks={FIVE: values(0.3, 0.3, 0.3, 0.3, 0.1)})
    assert some["msp-alike"] == "undecided"


@pytest.mark.parametrize(
    ("place", "id"), [(TWO, "msp-noise"), (FIVE, "msp-step"), (FOUR, None)]
)
def test_less_is_left_is_judged_by_the_sign(place, id):
    for left, word in ((0.2, "reproduced"), (0.3, "not reproduced")):
        found = as_printed(risks={place: values(*[left] * 5)})
        for name in ("msp-noise", "msp-step"):
            assert found[name] == (word if name == id else "not reproduced")


@pytest.mark.parametrize(
    ("slopes", "one", "two", "three"),
    [
        ((-0.1, 0.1), "reproduced", "undecided", "not reproduced"),
        ((0.1,), "reproduced", "reproduced", "not reproduced"),
        ((0.0,), "reproduced", "not reproduced", "not reproduced"),
        ((0.2,), "not reproduced", "reproduced", "not reproduced"),
        ((0.25,), "not reproduced", "not reproduced", "not reproduced"),
        ((0.3,), "not reproduced", "not reproduced", "reproduced"),
        ((0.3, 0.1), "undecided", "undecided", "undecided"),
        ((NAN,), *["not testable here"] * 3),
    ],
)
def test_escape_times_by_leap(slopes, one, two, three):
    given = dict.fromkeys((1, 2, 3), runs(*slopes))
    found = claims.escape_times(exponents=given, flow=runs(0.5), level=0.3)
    assert [c.verdict for c in found] == [one, two, three, "reproduced"]
    assert [c.kind for c in found] == ["claim", *["guess"] * 3]


@pytest.mark.parametrize(
    ("flow", "verdict"),
    [((0.41,), "reproduced"), ((0.3,), "not reproduced"), ((0.7,), "not reproduced")],
)
def test_a_flow_s_slope_is_near_one_half_or_not(flow, verdict):
    given = dict.fromkeys((1, 2, 3), runs(0.1))
    found = claims.escape_times(exponents=given, flow=runs(*flow), level=0.3)
    assert found[-1].verdict == verdict


@pytest.mark.parametrize(
    ("mirrored", "odd", "sigmoid", "expected"),
    [
        ([0.0, 0.0], 30.0, 40.0, ["reproduced", "reproduced"]),
        ([0.0, 1e-9], 40.0, 40.0, ["not as stated", "not reproduced"]),
        ([0.0, 0.0], INF, 40.0, ["reproduced", "not reproduced"]),
        ([0.0, 0.0], 40.0, INF, ["reproduced", "reproduced"]),
        ([0.0, 0.0], INF, INF, ["reproduced", "not testable here"]),
    ],
)
def test_an_odd_activation_is_odd_to_the_bit(mirrored, odd, sigmoid, expected):
    found = claims.odd_activation(
        mirrored=mirrored, odd=runs(odd), sigmoid=runs(sigmoid)
    )
    assert [*verdicts(found).values()] == expected


def test_a_feature_map_below_the_floor_would_refute_it():
    for left, word in ((0.7, "reproduced"), (0.6, "not as stated")):
        (found,) = claims.linear_methods(left=[0.9, left], floor=0.65, q=40)
        assert found.verdict == word


SAMPLES = {
    "exponents": {1: runs(0.9, 1.1), 2: runs(1.1, 1.4), 3: runs(1.6, 2.0)},
    "network": runs(900.0),
    "floor": 1000.0,
    "d": 160,
    "again": {1: (runs(100.0), runs(110.0)), 3: (runs(100.0), runs(85.0))},
}


def fresh_samples(**changed):
    return verdicts(claims.fresh_samples(**SAMPLES | changed))


def test_fresh_samples_as_the_sources_have_them():
    assert {*fresh_samples().values()} == {"reproduced"}
    found = claims.fresh_samples(**SAMPLES)
    sources = [c.source.partition(",")[0] for c in found if c.kind == "claim"]
    assert sources == ["abbe2022merged", *["abbe2023leap"] * 3, "abbe2022merged"]


@pytest.mark.parametrize(("leap", "theirs"), [(1, 1.0), (2, 1.0), (3, 2.0)])
def test_an_exponent_is_the_whole_number_within_one_half(leap, theirs):
    at = f"leap-samples-{leap}"
    for slopes, word in (
        ((theirs - 0.6,), "not reproduced"),
        ((theirs + 0.6,), "not reproduced"),
        ((theirs - 0.4, theirs + 0.4), "reproduced"),
        ((theirs, theirs + 0.6), "undecided"),
        ((NAN,), "not testable here"),
    ):
        changed = SAMPLES["exponents"] | {leap: runs(*slopes)}
        assert fresh_samples(exponents=changed)[at] == word


def test_the_third_leap_has_to_grow_faster_than_both_others():
    for leap in (1, 2):
        changed = SAMPLES["exponents"] | {leap: runs(2.0)}
        found = fresh_samples(exponents=changed)
        assert found["leap-samples-more"] == "not reproduced"


def test_the_network_is_compared_with_the_floor():
    assert fresh_samples(network=runs(1000.0))["leap-fewer"] == "not reproduced"
    assert fresh_samples(network=runs(INF))["leap-fewer"] == "not reproduced"


@pytest.mark.parametrize(
    ("two", "verdict"),
    [(201.0, "not reproduced"), (49.0, "not reproduced"), (199.0, "reproduced")],
)
def test_a_quarter_of_step_and_batch_takes_as_many_samples(two, verdict):
    changed = SAMPLES["again"] | {1: (runs(100.0), runs(two))}
    assert fresh_samples(again=changed)["leap-samples-step"] == verdict
    censored = SAMPLES["again"] | {1: (runs(INF), runs(INF))}
    assert fresh_samples(again=censored)["leap-samples-step"] == "not testable here"
    assert fresh_samples(again={})["leap-samples-step"] == "not testable here"
