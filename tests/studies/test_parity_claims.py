"""Each verdict that the claims on parities can give, from numbers made by hand."""

import math

import numpy as np
import pytest

from hlnb.studies.parity import claims

INF = math.inf
HELD = [
    ([True, True], "reproduced"),
    ([True, False], "partly"),
    ([False, False], "not reproduced"),
    ([], "not testable here"),
]


def values(*numbers):
    return np.array(numbers, float)


def verdicts(found):
    assert len({c.id for c in found}) == len(found)
    return [c.verdict for c in found]


@pytest.mark.parametrize(("holds", "verdict"), HELD)
def test_elimination_and_representation_are_counted(holds, verdict):
    of = {"found": holds, "ds": [4, 8], "law": [0.95], "spare": [1]}
    recovered, full = claims.elimination(**of)
    assert (recovered.verdict, full.verdict) == (verdict, "reproduced")
    assert recovered.note == "d from 4 to 8, |I| = d/2"
    found = claims.representation(exact=holds, silent=[True], ds=[4])
    assert verdicts(found) == [verdict, "reproduced"]
    found = claims.representation(exact=[True], silent=holds, ds=[4])
    assert verdicts(found) == ["reproduced", verdict]


@pytest.mark.parametrize(
    ("law", "verdict"),
    [([0.94, 0.95], "partly"), ([0.1, 0.94], "not reproduced")],
)
def test_full_rank_is_likely_from_95_percent_on(law, verdict):
    of = {"found": [True], "ds": [4], "law": law, "spare": [1, 2]}
    assert claims.elimination(**of)[1].verdict == verdict


@pytest.mark.parametrize(
    ("p", "verdict"),
    [
        ([0.011, 0.5], "reproduced"),
        ([0.01, 0.5], "partly"),
        ([0.01, 0.001], "not reproduced"),
    ],
)
def test_the_rank_law_holds_unless_a_p_value_is_small(p, verdict):
    of = {"gaps": values(0.1, 0.2), "seconds": [0.5], "d_large": 9}
    law, fast = claims.rank_law(p_values=values(*p), **of)
    assert (law.verdict, fast.verdict) == (verdict, "reproduced")
    assert f"{min(p):.2f}" in law.note


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [([0.9, 0.1], "reproduced"), ([0.9, 1], "partly"), ([1, 2], "not reproduced")],
)
def test_fast_is_below_a_second(seconds, verdict):
    of = {"gaps": values(0.1), "p_values": values(0.5), "d_large": 9}
    assert claims.rank_law(seconds=seconds, **of)[1].verdict == verdict


@pytest.mark.parametrize(
    ("found", "tries", "expected"),
    [
        (0, (1, 2, 4), ["reproduced", "reproduced"]),
        (1, (5, 6, 7), ["partly", "not reproduced"]),
        (3, (1, 5, 5), ["not reproduced", "partly"]),
        (0, (INF, INF, INF), ["reproduced", "not reproduced"]),
    ],
)
def test_noise_counts_failures_and_holds_tries_against_their_law(
    found, tries, expected
):
    of = {"problems": 3, "expected": 2.0, "noise": 0.01, "d": 8}
    assert verdicts(claims.with_noise(found=found, tries=values(*tries), **of)) == (
        expected
    )


@pytest.mark.parametrize(
    ("deviations", "verdict"),
    [
        ((1e-12, 0), "reproduced"),
        ((2e-12, 0), "partly"),
        ((2e-12, 1), "not reproduced"),
    ],
)
def test_the_lemma_holds_up_to_rounding(deviations, verdict):
    equal, bound = claims.lemma(deviations=values(*deviations), bounded=[True])
    assert (equal.verdict, bound.verdict) == (verdict, "reproduced")


@pytest.mark.parametrize(("holds", "verdict"), HELD)
def test_the_lemma_s_bound_is_counted(holds, verdict):
    found = claims.lemma(deviations=values(0), bounded=holds)
    assert verdicts(found) == ["reproduced", verdict]


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [((0.5, 0.9), "reproduced"), ((0.5, 1), "partly"), ((1, 2), "not reproduced")],
)
def test_a_dense_share_is_held_against_the_mean(shares, verdict):
    assert verdicts(claims.dense_share(shares=values(*shares), d=12)) == [verdict]


@pytest.mark.parametrize(
    ("steps", "errors", "expected"),
    [
        ((50, 100), (0.46, 0.5), ["reproduced", "reproduced"]),
        ((50, INF), (0.45, 0.5), ["partly", "partly"]),
        ((INF, INF), (0.45, 0.0), ["not reproduced", "not reproduced"]),
        ((), (), ["not testable here", "not testable here"]),
    ],
)
def test_the_budget_solves_small_ones_and_is_at_chance_on_large_ones(
    steps, errors, expected
):
    chance = claims.by_chance(lowest=0.4871, runs=2)
    found = claims.within_budget(
        steps=values(*steps, *steps), errors=values(*errors), d=20, chance=chance
    )
    assert verdicts(found) == expected
    assert found[1].note == "lowest error with random labels: 0.487 (2 runs)"


@pytest.mark.parametrize(
    ("errors", "growth", "expected"),
    [
        ((0.46, 0.5), (0.1, 0.5), ["reproduced", "reproduced"]),
        ((0.45, 0.5), (0.0, 0.5), ["partly", "partly"]),
        ((0.45, 0.0), (0.0, -1), ["not reproduced", "not reproduced"]),
    ],
)
def test_the_cost_grows_and_the_largest_dimension_fails(errors, growth, expected):
    of = {"d": 30, "ds": [8, 10], "chance": ""}
    found = claims.cost(errors=values(*errors), growth=values(*growth), **of)
    assert verdicts(found) == expected
    assert found[1].unit == "doublings a coordinate, d in [8, 10]"


@pytest.mark.parametrize(
    ("half", "leads", "expected"),
    [
        ((0.46, 0.5), (0.7, 0.7), ["reproduced", "reproduced"]),
        ((0.45, 0.5), (0.8, 0.7), ["partly", "partly"]),
        ((0.45, 0.1), (0.8, INF), ["not reproduced", "not reproduced"]),
        ((), (), ["not testable here", "not testable here"]),
    ],
)
def test_progress_is_hidden_if_the_signal_leads_before_the_error_falls(
    half, leads, expected
):
    found = claims.sparse(
        d=30,
        k=3,
        half_error=values(*half),
        leads_from=values(*leads),
        falls_at=np.full(len(half), 0.8),
        runs=5,
        chance="by chance",
    )
    assert verdicts(found) == expected
    assert found[0].note == f"{len(half)} of 5 runs learned it; by chance"


@pytest.mark.parametrize(
    ("epochs", "intervals", "verdict"),
    [
        ((9, 8), [(0.4, 0.5), (0.5, 0.6)], "reproduced"),
        ((9, INF), [(0.4, 0.6), (0.4, 0.6)], "partly"),
        ((9, 8), [(0.4, 0.6), (0.3, 0.4)], "partly"),
        ((9, INF), [(0.6, 0.7), (0.4, 0.6)], "not reproduced"),
    ],
)
def test_by_heart_is_no_training_error_and_a_coin_in_test(epochs, intervals, verdict):
    found = claims.memory(epochs=values(*epochs), intervals=intervals)
    assert verdicts(found) == [verdict]
    assert "0.0 runs of 2" in found[0].note
