"""Each verdict that the chapter's claims can give, from numbers made by hand."""

import numpy as np
import pytest

from hlnb.studies.shallow_to_deep import claims

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
UNTESTED = "not testable here"
NONE = np.array([], bool)


def values(*numbers):
    return np.array(numbers, float)


def verdicts(found):
    return {c.id: c.verdict for c in found}


def by_clusters(**changed):
    given = {
        "deviations": values(1e-16, 1e-13),
        "one_step": values(0.0, 0.1, 0.05),
        "top": 4.0,
        "gains": values(0.67, 2.0),
        "fewer": np.array([True, True]),
        "without_wrong": values(0.0, 0.05),
        "many_wrong": values(0.11),
    }
    return verdicts(claims.by_clusters(**given | changed))


def test_learners_by_clusters_do_as_stated():
    assert {*by_clusters().values()} == {REPRODUCED}


@pytest.mark.parametrize(
    ("id", "changed", "verdict"),
    [
        ("chain-table", {"deviations": values(0, 1e-12)}, PARTLY),
        ("chain-table", {"deviations": values(1, 1e-12)}, NOT),
        ("chain-one-step", {"one_step": values(0.1, 0.11)}, PARTLY),
        ("chain-one-step", {"one_step": values(0.2, 0.11)}, NOT),
        ("chain-root", {"gains": values(0.66, 1)}, PARTLY),
        ("chain-root", {"gains": values(0.66, 0)}, NOT),
        ("chain-all-patches", {"fewer": np.array([True, False])}, PARTLY),
        ("chain-all-patches", {"fewer": np.array([False])}, NOT),
        ("chain-all-patches", {"fewer": NONE}, UNTESTED),
        ("chain-wrong-clusters", {"without_wrong": values(0.05, 0.06)}, PARTLY),
        ("chain-wrong-clusters", {"many_wrong": values(0.1, 0.2)}, PARTLY),
        (
            "chain-wrong-clusters",
            {"without_wrong": values(0.06), "many_wrong": values(0.1)},
            NOT,
        ),
        (
            "chain-wrong-clusters",
            {"without_wrong": values(), "many_wrong": values()},
            UNTESTED,
        ),
    ],
)
def test_what_misses_a_threshold_changes_that_verdict_alone(id, changed, verdict):
    found = by_clusters(**changed)
    assert found.pop(id) == verdict
    assert {*found.values()} == {REPRODUCED}


@pytest.mark.parametrize(
    ("greedy", "more", "expected"),
    [
        ((0.0, 0.1), (True, True), [REPRODUCED, REPRODUCED]),
        ((0.11, 0.1), (True, False), [PARTLY, PARTLY]),
        ((0.11, 0.9), (False, False), [NOT, NOT]),
    ],
)
def test_greedy_training_suffices_and_costs_strings(greedy, more, expected):
    found = claims.by_networks(greedy=values(*greedy), top=4.0, more=np.array(more))
    assert [*verdicts(found).values()] == expected


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        ((0.0, 0.05), REPRODUCED),
        ((0.0, 0.06), PARTLY),
        ((0.5, 0.06), NOT),
        ((), UNTESTED),
    ],
)
def test_a_signal_of_twice_the_noise_misplaces_a_twentieth_at_most(wrong, verdict):
    found = claims.three_conditions(wrong=values(*wrong), lowest={"toy problem 1": 1})
    assert verdicts(found) == {"chain-signal": verdict, "chain-exclusive": REPRODUCED}


@pytest.mark.parametrize(
    ("lowest", "verdict"),
    [
        ({"toy problem 1": 1.0, "toy problem 5": 0.9}, REPRODUCED),
        ({"toy problem 1": 0.9, "parity of 3": 0.9}, PARTLY),
        ({"toy problem 1": 0.9, "toy problem 2": 1.0}, NOT),
        ({}, UNTESTED),
    ],
)
def test_three_fixed_problems_and_no_other_violate_a_condition(lowest, verdict):
    found = claims.three_conditions(wrong=values(0), lowest=lowest)
    assert verdicts(found)["chain-exclusive"] == verdict


@pytest.mark.parametrize(
    ("right", "verdict", "words"),
    [
        ({"a": True, "b": True}, REPRODUCED, "none"),
        ({"a": False, "b": True, "c": False}, PARTLY, "a, c"),
        ({"a": False}, NOT, "a"),
        ({}, UNTESTED, "none"),
    ],
)
def test_predictions_name_the_problems_that_they_miss(right, verdict, words):
    strict, other = claims.predictions(
        right={"strict": ("layer-wise", right), "other": ("a gap", {"a": True})}
    )
    assert (strict.id, strict.verdict) == ("chain-prediction-strict", verdict)
    assert strict.statement.endswith("all three conditions hold: layer-wise")
    assert strict.note.endswith(f"; wrong: {words}")
    assert other.verdict == REPRODUCED


@pytest.mark.parametrize(
    ("by_coin", "verdict"),
    [
        ((0.21, 0.3), REPRODUCED),
        ((0.2, 0.3), PARTLY),
        ((0.2, 0.0), NOT),
        ((), UNTESTED),
    ],
)
def test_labels_are_needed_if_a_coin_costs_half_of_the_worth(by_coin, verdict):
    untrained = np.full(len(by_coin), 0.4)
    found = claims.labels_needed(by_coin=values(*by_coin), untrained=untrained)
    assert verdicts(found) == {"chain-needs-labels": verdict}
