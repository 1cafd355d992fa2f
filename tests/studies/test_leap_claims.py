"""Each verdict that the claims on leaps can give, from numbers made by hand."""

import math

import numpy as np
import pytest

from hlnb.studies.leap import claims

INF = math.inf


def values(*numbers):
    return np.array(numbers, float)


def verdicts(found):
    return {c.id: c.verdict for c in found}


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        ([True, True], "reproduced"),
        ([True, False], "partly"),
        ([False], "not reproduced"),
        ([], "not testable here"),
    ],
)
def test_examples_are_counted(right, verdict):
    assert verdicts(claims.examples(right=right)) == {"leap-examples": verdict}


def four_terms(**changed):
    given = {
        "ours": values(0.01, 0.09),
        "printed": values(0.01, 0.09),
        "passes": np.array([[1.0, 1], [2, 2], [3, 3], [4, 4]]),
        "time": 2000.0,
    }
    return verdicts(claims.four_terms(**given | changed))


def test_four_terms_in_order_are_reproduced():
    assert [*four_terms().values()] == ["reproduced"] * 4


@pytest.mark.parametrize(
    ("risk", "verdict"), [((0.09, 0.1), "partly"), ((0.1, 0.5), "not reproduced")]
)
def test_a_risk_of_a_tenth_is_not_learned(risk, verdict):
    ours = four_terms(ours=values(*risk))
    printed = four_terms(printed=values(*risk))
    assert (ours["msp-learned"], ours["msp-printed"]) == (verdict, "reproduced")
    assert (printed["msp-learned"], printed["msp-printed"]) == ("reproduced", verdict)


@pytest.mark.parametrize(
    ("second", "first", "degrees"),
    [
        ([1, 3, 2, 4], "reproduced", "partly"),  # degree 3 before 2
        ([1, 1, 2, 3], "partly", "reproduced"),  # a tie is no first, and no disorder
        ([1, 2, 3, INF], "reproduced", "partly"),  # the last one never comes
    ],
)
def test_order_is_judged_run_by_run(second, first, degrees):
    passes = np.array([[1, 2, 3, 4], second], float)
    found = four_terms(passes=passes.T)
    assert (found["msp-first"], found["msp-degrees"]) == (first, degrees)
    none = four_terms(passes=np.array([[4.0, 3, 2, 1]] * 2).T)
    assert {none["msp-first"], none["msp-degrees"]} == {"not reproduced"}


@pytest.mark.parametrize(
    ("excess", "escape", "expected"),
    [
        (-1e-10, 400.0, ["reproduced", "reproduced"]),
        (-1e-8, INF, ["not reproduced", "not reproduced"]),
    ],
)
def test_what_is_out_of_reach_leaves_rounding_alone(excess, escape, expected):
    found = claims.out_of_reach(excess=excess, escape=escape, time=1000.0)
    assert [*verdicts(found).values()] == expected
    assert "t = 1000" in found[1].statement


@pytest.mark.parametrize(
    ("slopes", "flat", "steep"),
    [
        ((-0.1, 0.1), "reproduced", "not reproduced"),
        ((0.1, 0.15), "partly", "not reproduced"),
        ((0.2, -0.2), "not reproduced", "not reproduced"),
        ((0.25, 0.5), "not reproduced", "partly"),
        ((0.3, 0.5), "not reproduced", "reproduced"),
    ],
)
def test_leaps_of_three_alone_take_longer_in_more_dimensions(slopes, flat, steep):
    found = claims.escape_times(exponents=dict.fromkeys((1, 2, 3), values(*slopes)))
    assert [c.verdict for c in found] == [flat, flat, steep]
    sources = [c.source for c in found]
    assert sources == ["abbe2022merged, Theorem 9", *["abbe2023leap, conjecture"] * 2]


@pytest.mark.parametrize(
    ("mirrored", "risk", "expected"),
    [
        ([0.0, 0.0], (0.96, 1.0), ["reproduced", "reproduced"]),
        ([0.0, 1e-9], (0.95, 1.0), ["partly", "partly"]),
        ([0.1, 1e-9], (0.95, 0.0), ["not reproduced", "not reproduced"]),
    ],
)
def test_an_odd_activation_is_odd_to_the_bit(mirrored, risk, expected):
    found = claims.odd_activation(mirrored=mirrored, risk=values(*risk), time=500.0)
    assert [*verdicts(found).values()] == expected


@pytest.mark.parametrize(
    ("tangent", "risks", "expected"),
    [
        ((0.8, 1.0), (0.5 - 0.03, 0.9), ["reproduced", "reproduced"]),
        ((0.7, 1.0), (0.46, 0.9), ["partly", "partly"]),
        ((0.7, 0.1), (0.46, 0.1), ["not reproduced", "not reproduced"]),
    ],
)
def test_linear_methods_are_held_against_their_floor(tangent, risks, expected):
    found = claims.linear_methods(
        tangent=values(*tangent),
        risks=np.append(risks, risks[0]),
        floor=0.5,
        n=1000,
        d=30,
    )
    assert [*verdicts(found).values()] == expected
    assert found[1].ours == pytest.approx(np.median([*risks, risks[0]]) - 0.5)


@pytest.mark.parametrize(
    ("fewer", "slopes", "expected"),
    [
        ((True, True), (0.8, 1.2), ["reproduced", "reproduced"]),
        ((True, False), (0.75, 1.2), ["partly", "partly"]),
        ((False, False), (0.75, 1.3), ["not reproduced", "not reproduced"]),
        ((), (1.0,), ["not testable here", "reproduced"]),
    ],
)
def test_fresh_samples_grow_in_proportion(fewer, slopes, expected):
    found = claims.fresh_samples(
        fewer=np.array(fewer, bool), slopes=values(*slopes), ds={30: 1, 60: 2}
    )
    assert [*verdicts(found).values()] == expected
    assert found[0].note == "runs in dimensions 30, 60"
