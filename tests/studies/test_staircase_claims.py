"""Each verdict that the claims on staircases can give, from numbers made by hand."""

import math

import numpy as np
import pytest

from hlnb.studies.staircase import claims

N = 10  # runs
WORDS = {10: "reproduced", 5: "undecided", 0: "not reproduced"}  # by runs that hold


def runs(good, bad, n=N):
    """N runs, `n` of them good."""
    return np.array([good] * n + [bad] * (N - n), float)


LEARNED = {
    "k": 10,
    "staircase": runs(0.05, 1),
    "last_term": runs(0.99, 1),
    "coefficient": runs(0.04, 1),
    "ends": (runs(0.98, 1), runs(1.1, 1)),
    "disordered": runs(0, 1),
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
    assert [id for id, c in found.items() if c.kind == "guess"] == ["staircase-memory"]


@pytest.mark.parametrize(("n", "verdict"), WORDS.items())
@pytest.mark.parametrize(
    ("id", "name", "good", "bad"),
    [
        ("staircase-learned", "staircase", 0.05, 0.06),
        ("staircase-last-term", "last_term", 0.99, 0.98),
        ("staircase-last-term", "coefficient", 0.04, 0.05),
        ("staircase-order", "disordered", 0, 1),
    ],
)
def test_runs_that_miss_a_threshold_change_that_verdict_alone(
    id, name, good, bad, n, verdict
):
    found = learning(**{name: runs(good, bad, n)})
    verdicts = {key: c.verdict for key, c in found.items()}
    assert verdicts.pop(id) == verdict
    assert {*verdicts.values()} == {"reproduced"}


@pytest.mark.parametrize(
    ("training", "test", "verdict"),
    [
        (0.99, 1.2, "not reproduced"),
        (0.5, 1.0, "not reproduced"),
        (0.5, 1.1, "reproduced"),
    ],
)
def test_by_heart_is_a_low_training_error_and_a_bad_test_error(training, test, verdict):
    found = learning(ends=(runs(training, 1), runs(test, 1)))
    assert found["staircase-memory"].verdict == verdict


@pytest.mark.parametrize(("n", "verdict"), WORDS.items())
def test_growth_is_counted_over_runs(n, verdict):
    holds, all_hold = (runs(1, 0, n) > 0).tolist(), [True] * N
    grown, alone = claims.growth(all_terms=holds, nothing=all_hold, threshold=0.15)
    assert (grown.verdict, alone.verdict) == (verdict, "reproduced")
    assert "threshold 0.15" in grown.note
    grown, alone = claims.growth(all_terms=all_hold, nothing=holds, threshold=0.15)
    assert (grown.verdict, alone.verdict) == ("reproduced", verdict)


def test_each_height_is_judged_alone():
    left = {3: runs(0.1, 1), 5: runs(0.1, 0.2, 5), 10: runs(0.2, math.inf, 5)}
    found = claims.layer_by_layer(left=left, depth=5, lr=0.01)
    words = ["reproduced", "undecided", "not reproduced"]
    assert [c.verdict for c in found] == words
    assert [c.id for c in found] == [f"staircase-lwt-{h}" for h in left]
    two = claims.two_phases(left=left, steps=400, faster=runs(3, 3))
    assert [c.verdict for c in two] == [*words, "reproduced"]
    assert "400 steps" in two[0].note


def test_a_last_term_alone_takes_more_than_twice_as_many_steps():
    left = {3: runs(0, 0)}
    for faster, word in ((2.1, "reproduced"), (2.0, "not reproduced")):
        *_, last = claims.two_phases(left=left, steps=9, faster=runs(faster, 1))
        assert (last.verdict, last.kind) == (word, "guess")
    *_, never = claims.two_phases(left=left, steps=9, faster=runs(math.inf, 1))
    assert never.verdict == "reproduced"
    *_, neither = claims.two_phases(left=left, steps=9, faster=runs(math.nan, 1))
    assert neither.verdict == "not testable here"
