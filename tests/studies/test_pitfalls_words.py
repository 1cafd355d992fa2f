"""Sentences of the chapter on pitfalls turn with the numbers."""

import math

import numpy as np
import pytest

from hlnb.studies.pitfalls import words

INF, NAN = math.inf, math.nan


def test_steps_that_had_not_come_are_above_the_cap():
    assert words.steps(np.array([5, 9, 7.0]), cap=20) == "7 [5–9]"
    assert words.steps(np.array([5, INF, 7.0]), cap=20) == "7 [5–>20]"
    assert words.steps(np.array([5, INF, INF]), cap=20) == ">20 [5–>20]"


def test_a_spread_leaves_out_what_is_no_number_and_says_so():
    assert words.spread(np.array([1, 3, 2.0]), ".1f") == "2.0 [1.0–3.0]"
    assert words.spread(np.array([1, NAN, INF])) == "1.00 [1.00–1.00], 1 of 3 runs"
    assert words.spread(np.array([NAN])) == "no number"


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ([2, 2, INF], "The left one, in 3 of 3 pairs"),
        ([2, 0, 2], "The left one, in 2 of 3 pairs"),
        ([0, 0, 2], "The right one, in 2 of 3 pairs"),
        ([0, 1, 2], "Neither, over 3 pairs"),
    ],
)
def test_which_set_is_sooner(right, said):
    assert words.sooner(np.ones(3), np.array(right, float)) == said


def test_what_is_below_a_threshold_in_most_runs():
    errors = {"a": [0, 0, 0.5], "b": [0, 0.01, 0.5], "c": [0, 0, 0]}
    errors = {k: np.array(v) for k, v in errors.items()}
    assert words.below(errors, 0.01) == "a (2 of 3) and c (3 of 3)"
    assert words.below({"b": errors["b"]}, 0.01) == "none of them"


def test_what_a_network_uses():
    lost = np.array([0.9, 0.97, 0.99])
    assert words.uses(np.ones(3), lost) == "Yes: 2 of 3 lose more than 0.02 of AUC"
    assert words.uses(lost, lost) == "Hardly: 0 of 3 lose more than 0.02 of AUC"


def test_memory_is_a_training_error_well_below_that_of_the_test():
    test = np.array([0.04, 0.05, 0.06])
    assert words.memory(test / 2, test) == "It learns a part of them by heart"
    said = "It gets them wrong in training, too"
    assert words.memory(0.8 * test, test) == said
