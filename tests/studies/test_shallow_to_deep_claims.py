"""Each verdict that the chapter's claims can give, from numbers made by hand."""

import numpy as np
import pytest

from hlnb.studies.shallow_to_deep import claims

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
OPEN, UNTESTED = "undecided", "not testable here"


def values(*numbers):
    return np.array(numbers, float)


def of(yes, no=0, *, good=0.0, bad=1.0):
    """So many runs with a good value, and so many with a bad one."""
    return np.array([good] * yes + [bad] * no)


def verdicts(found):
    return {c.id: c.verdict for c in found}


def about_tests(**changed):
    given = {
        "by_coin": of(5, good=0.21),
        "untrained": of(5, good=0.4),
        "no_test": of(14, good=0.09),
        "test": of(14, good=0.1),
        "least": 0.1,
    }
    return verdicts(claims.about_tests(**given | changed))


def by_clusters(**changed):
    given = {
        "deviations": values(1e-16, 1e-13),
        "one_step": {2: of(5, good=0.1), 3: of(5)},
        "top": 4.0,
        "fewer": of(5, good=True).astype(bool),
        "without_wrong": of(10, good=0.05),
        "many_wrong": of(4, good=0.11),
    }
    return verdicts(claims.by_clusters(**given | changed))


def about_conditions(**changed):
    errors = {"conditions": of(5), "signal alone": of(5, good=0.1)}
    given = {
        "wrong": of(14, good=0.05),
        "never": [True] * 14,
        "errors": errors | {"constant": of(5, good=0.2)},
    }
    return verdicts(claims.about_conditions(**given | changed))


def about_networks(**changed):
    areas = {"conditions": of(5, good=0.9), "signal alone": of(5, good=0.8)}
    given = {
        "greedy": of(5, good=0.1),
        "top": 4.0,
        "more": of(5, good=0.1),
        "middle": 2.0,
        "areas": areas | {"strings / P*": of(5, good=0.7)},
    }
    return verdicts(claims.about_networks(**given | changed))


@pytest.mark.parametrize("made", [about_tests, about_conditions, about_networks])
def test_all_hold_as_stated(made):
    assert {*made().values()} == {REPRODUCED}


def test_learners_by_clusters_do_as_stated_and_one_row_is_not_tested():
    found = by_clusters()
    assert found.pop("chain-root") == UNTESTED
    assert {*found.values()} == {REPRODUCED}


MISSES = [
    (about_tests, "chain-needs-labels", {"by_coin": of(5, good=0.2)}, NOT),
    (about_tests, "chain-needs-labels", {"by_coin": of(2, 3, good=0.3, bad=0)}, OPEN),
    (about_tests, "chain-no-test", {"no_test": of(14, good=0.1)}, NOT),
    (about_tests, "chain-no-test", {"no_test": of(13, 1)}, OPEN),
    (about_tests, "chain-no-test", {"no_test": of(40, 20)}, PARTLY),
    (about_tests, "chain-a-test", {"test": of(5, good=0.09)}, NOT),
    (about_tests, "chain-a-test", {"test": of(13, good=0.1)}, OPEN),
    (about_tests, "chain-a-test", {"test": of(40, 20, good=1, bad=0)}, PARTLY),
    (by_clusters, "chain-table", {"deviations": values(0, 1e-11)}, "not as stated"),
    (by_clusters, "chain-one-step-2", {"one_step": {2: of(5, good=0.2)}}, NOT),
    (by_clusters, "chain-one-step-2", {"one_step": {2: of(4, 1)}}, OPEN),
    (by_clusters, "chain-one-step-2", {"one_step": {2: values()}}, UNTESTED),
    (by_clusters, "chain-all-patches", {"fewer": np.zeros(5, bool)}, NOT),
    (by_clusters, "chain-all-patches", {"fewer": np.ones(4, bool)}, OPEN),
    (by_clusters, "chain-wrong-clusters", {"without_wrong": of(10, 9)}, OPEN),
    (
        *(by_clusters, "chain-wrong-clusters"),
        *({"without_wrong": of(5, good=0.06), "many_wrong": of(5, good=0.1)}, NOT),
    ),
    (by_clusters, "chain-wrong-clusters", {"without_wrong": of(40, 20)}, PARTLY),
    (about_conditions, "chain-signal", {"wrong": of(5, good=0.06)}, NOT),
    (about_conditions, "chain-signal", {"wrong": of(13, 1)}, OPEN),
    (about_conditions, "chain-signal", {"wrong": of(40, 20)}, PARTLY),
    (about_conditions, "chain-signal", {"wrong": values()}, UNTESTED),
    (about_conditions, "chain-never", {"never": [False] * 5}, NOT),
    (about_conditions, "chain-never", {"never": [True] * 13}, OPEN),
    (about_conditions, "chain-never", {"never": [True] * 40 + [False] * 20}, PARTLY),
    (about_networks, "chain-greedy", {"greedy": of(5, good=0.11)}, NOT),
    (about_networks, "chain-greedy", {"greedy": of(4, good=0.1)}, OPEN),
    (about_networks, "chain-greedy-needs", {"more": of(5)}, NOT),
    (about_networks, "chain-greedy-needs", {"more": of(3, 2)}, OPEN),
]


@pytest.mark.parametrize(("made", "id", "changed", "verdict"), MISSES)
def test_what_misses_a_threshold_changes_that_verdict(made, id, changed, verdict):
    found = made(**changed)
    assert found[id] == verdict
    usual = made()
    assert all(usual[name] == word for name, word in found.items() if name != id)


@pytest.mark.parametrize(
    ("short", "name"), [("signal", "signal alone"), ("constant", "constant")]
)
@pytest.mark.parametrize(("rival", "verdict"), [((0.0,) * 5, NOT), ((1, 0) * 3, OPEN)])
def test_conditions_can_lose_to_either_baseline(short, name, rival, verdict):
    errors = {k: of(len(rival)) for k in ("conditions", "signal alone", "constant")}
    found = about_conditions(errors=errors | {name: values(*rival)})
    assert found[f"chain-when-{short}"] == verdict


@pytest.mark.parametrize(
    ("short", "name"), [("signal", "signal alone"), ("size", "strings / P*")]
)
@pytest.mark.parametrize(
    ("rival", "verdict"),
    [((0.9,) * 5, NOT), ((0.8, 0.9, 0.8, 0.9, 0.8), OPEN), ((np.nan,) * 5, UNTESTED)],
)
def test_conditions_can_rank_no_better_than_a_baseline(short, name, rival, verdict):
    names = ("conditions", "signal alone", "strings / P*")
    areas = {k: of(5, good=0.9) for k in names} | {name: values(*rival)}
    assert about_networks(areas=areas)[f"chain-auc-{short}"] == verdict


def test_names_in_words():
    assert claims.in_prose("staircase $S_5$") == "staircase S₅"
    assert claims.in_prose("hierarchy, L = 2") == "hierarchy (L = 2)"
    assert claims.in_prose("toy problem 1") == "toy problem 1"
