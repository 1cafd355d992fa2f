"""Each verdict that the claims on staircases can give, from numbers made by hand."""

import numpy as np
import pytest

from hlnb.studies.staircase import claims

LEARNED = {
    "k": 10,
    "staircase": np.array([0.01, 0.05]),
    "last_term": np.array([0.99, 1.0]),
    "coefficient": np.array([0.01, 0.04]),
    "ends": (np.array([0.5, 0.98]), np.array([1.2, 1.1])),
    "disordered": np.array([0.0, 0.0]),
    "slack": 7,
}


def learning(**changed):
    return {c.id: c for c in claims.learning(**LEARNED | changed)}


def test_what_is_learned_as_stated_is_reproduced():
    found = learning()
    assert {c.verdict for c in found.values()} == {"reproduced"}
    assert "S_10" in found["staircase-learned"].statement
    assert found["staircase-order"].unit == "of 45 pairs in the wrong order"
    assert "slack 7" in found["staircase-order"].note


@pytest.mark.parametrize(
    ("id", "changed", "verdict"),
    [
        ("staircase-learned", {"staircase": [0.05, 0.06]}, "partly"),
        ("staircase-learned", {"staircase": [0.06, 0.07]}, "not reproduced"),
        ("staircase-last-term", {"last_term": [0.98, 1.0]}, "partly"),
        ("staircase-last-term", {"coefficient": [0.01, 0.05]}, "partly"),
        ("staircase-last-term", {"last_term": [0.9, 0.9]}, "not reproduced"),
        ("staircase-order", {"disordered": [0.0, 1.0]}, "partly"),
        ("staircase-order", {"disordered": [3.0, 1.0]}, "not reproduced"),
    ],
)
def test_runs_that_miss_a_threshold_change_that_verdict_alone(id, changed, verdict):
    changed = {name: np.array(values) for name, values in changed.items()}
    verdicts = {name: c.verdict for name, c in learning(**changed).items()}
    assert verdicts.pop(id) == verdict
    assert {*verdicts.values()} == {"reproduced"}


@pytest.mark.parametrize(
    ("training", "test", "verdict"),
    [
        ([0.5, 0.99], [1.2, 1.1], "partly"),  # not by heart
        ([0.5, 0.5], [1.2, 1.0], "partly"),  # not worse than guessing
        ([0.99, 0.5], [1.2, 1.0], "not reproduced"),
    ],
)
def test_by_heart_is_a_low_training_error_and_a_bad_test_error(training, test, verdict):
    found = learning(ends=(np.array(training), np.array(test)))
    assert found["staircase-memory"].verdict == verdict


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ([True, True], "reproduced"),
        ([True, False], "partly"),
        ([False, False], "not reproduced"),
        ([], "not testable here"),
    ],
)
def test_growth_is_counted_over_runs(holds, verdict):
    grown, alone = claims.growth(all_terms=holds, nothing=[True], threshold=0.15)
    assert (grown.verdict, alone.verdict) == (verdict, "reproduced")
    assert "threshold 0.15" in grown.note
    grown, alone = claims.growth(all_terms=[True], nothing=holds, threshold=0.15)
    assert (grown.verdict, alone.verdict) == ("reproduced", verdict)


def test_each_height_is_judged_alone():
    left = {3: [0.0, 0.1], 5: [0.1, 0.2], 10: [0.2, 3.0]}
    found = claims.layer_by_layer(
        left={height: np.array(values) for height, values in left.items()}, depth=5
    )
    assert {c.id: c.verdict for c in found} == {
        "staircase-lwt-3": "reproduced",
        "staircase-lwt-5": "partly",
        "staircase-lwt-10": "not reproduced",
    }
