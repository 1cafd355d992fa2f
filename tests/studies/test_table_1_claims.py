"""Claims over all problems of Table 1 follow from the numbers."""

import numpy as np
import pytest

from hlnb.studies.table_1 import claims
from hlnb.studies.table_1.nulls import NULLS, SCORES

READINGS = ("printed", "unit")
FAST, SLOW = np.full(20, 4.0), np.full(20, 60.0)


def verdicts(found):
    return {claim.id: claim.verdict for claim in found}


def test_speed_is_judged_over_the_runs_of_all_problems():
    found = verdicts(claims.speed_claims({r: {1: FAST, 2: SLOW} for r in READINGS}))
    assert found["t1-first-unit"] == "reproduced"  # in every seed
    assert found["t1-25-unit"] == "undecided"  # half of the runs need 60
    assert found["t1-four-unit"] == "undecided"
    found = verdicts(claims.speed_claims({r: {1: FAST, 2: FAST} for r in READINGS}))
    assert set(found.values()) == {"reproduced"}
    assert len(found) == 6
    never = np.full(20, np.inf)
    found = verdicts(claims.speed_claims({r: {1: never, 2: never} for r in READINGS}))
    assert found["t1-first-unit"] == "not testable here"
    assert found["t1-four-unit"] == "not reproduced"


def test_two_layers_are_alike_in_some_cases_or_in_none():
    found = verdicts(
        claims.two_layers_claims(
            {"printed": [True] * 4 + [False] * 4, "unit": [False] * 60}, note="x"
        )
    )
    assert found == {
        "t1-two-layers-printed": "reproduced",
        "t1-two-layers-unit": "not reproduced",
    }


def test_shuffling_moves_the_second_number_or_does_not():
    (claim,) = claims.shuffled_claims(np.full(20, 1e-9))
    assert (claim.verdict, claim.kind) == ("reproduced", "identity")
    (claim,) = claims.shuffled_claims(np.full(20, 0.5))
    assert claim.verdict == "not reproduced"


def test_travel_at_any_rate_batch_size_and_online():
    near, far = np.zeros(10, bool), np.ones(20, bool)
    found = claims.any_rate_claims(
        {r: {0.1: near, 0.5: far} for r in READINGS}, {16: near, 8: near}, far, lr=0.3
    )
    assert [c.id for c in found][2:] == ["t1-batch", "t1-online"]
    assert [c.n for c in found] == [30, 30, 20, 20]
    assert [c.verdict for c in found][2:] == ["not reproduced", "reproduced"]
    assert "reproduced" not in [c.verdict for c in found][:2]  # ten exceptions
    assert "batches of 16 or 8" in found[2].statement


def test_filters_are_nearer_where_the_report_says_so():
    ranks = {
        (n, r, null, score): np.full(8, 0.001)
        for n in (1, 3)
        for r in READINGS
        for null in NULLS
        for score in SCORES
    }
    found = claims.nearer_claims(ranks, level=0.05)
    assert [c.id for c in found[::2]] == [
        f"t1-interpretable-{n}-printed" for n in (1, 3)
    ]
    assert [c.theirs for c in found] == ["does not"] * 2 + ["holds"] * 2
    assert [c.verdict for c in found] == ["not reproduced"] * 2 + ["reproduced"] * 2
    assert "are not significantly nearer" in found[0].statement


def test_layerwise_training_is_judged_by_its_last_errors():
    ways = ("layer-wise", "layer-wise, rate of greedy", "greedy")
    good, bad = np.full(5, 0.05), np.full(5, 0.3)
    ends = {n: dict(zip(ways, (bad, good, bad), strict=True)) for n in range(1, 6)}
    found = verdicts(claims.remedy_claims(ends))
    assert found["t1-layerwise-rates-3"] == "not reproduced"
    assert found["t1-layerwise-greedy-3"] == "reproduced"
    guesses = claims.guess_claims({1: 0.0, 2: 0.5}, ends)
    assert [c.verdict for c in guesses] == ["reproduced", "not reproduced"]
    assert {c.kind for c in guesses} == {"guess"}
    assert "fails on problem 1" in guesses[0].statement
    assert "succeeds on problem 2" in guesses[1].statement


def test_kernels_are_judged_on_inputs_they_have_not_seen():
    unseen = {2: {"tangent kernel": np.array([0.2, 0.3, 0.2, 0.3, 0.2])}}
    (claim,) = claims.kernel_claims(unseen, n_train=99)
    assert (claim.id, claim.verdict) == ("t1-tangent-2", "reproduced")
    assert claim.high == 0.3
    assert "among 99 examples" in claim.statement
    nobody = {2: {"tangent kernel": np.full(5, np.nan)}}
    (claim,) = claims.kernel_claims(nobody, n_train=99)
    assert claim.verdict == "not testable here"


@pytest.mark.parametrize(
    ("together", "in_turn", "with_heads", "wanted"),
    [
        ([0.0, 0.1], [0.11, 0.3], [0.0, 0.1], ["reproduced"] * 3),
        ([0.1, 0.11], [0.1, 0.3], [0.1, 0.11], ["undecided"] * 3),
        (  # a tenth of the inputs, as a sum of float32 may give it, is a tenth
            [0.1 + 9e-9] * 2,
            [0.1 + 9e-9] * 2,
            [0.1 + 9e-9] * 2,
            ["reproduced", "not reproduced", "reproduced"],
        ),
        ([0.2, 0.11], [0.1, 0.0], [0.2, 0.11], ["not reproduced"] * 3),
    ],
)
def test_three_orders_are_judged_at_an_error_of_a_tenth(
    together, in_turn, with_heads, wanted
):
    ends = (np.repeat(errors, 5) for errors in (together, in_turn, with_heads))
    made = claims.about_orders(*ends, epochs=7, note="lr 0.1")
    assert [claim.verdict for claim in made] == wanted
    assert {claim.kind for claim in made} == {"guess"}
    assert [claim.note for claim in made] == [
        "after 7 epochs, lr 0.1",
        "after 7 epochs a layer, lr 0.1",
        "after 7 epochs a phase, lr 0.1",
    ]


@pytest.mark.parametrize(
    ("errors", "weights", "verdict"),
    [
        (1e-4, 1e-3, "reproduced"),
        (2e-4, 0.0, "not as stated"),
        (0.0, 2e-3, "not as stated"),
        (np.nan, np.nan, "not as stated"),
    ],
)
def test_two_loops_are_the_same_if_both_trainings_are(errors, weights, verdict):
    (claim,) = claims.same_claims(
        np.array([0.0, errors]), np.array([0.0, weights]), note=""
    )
    assert claim.verdict == verdict
    assert (claim.kind == "identity") == (verdict == "reproduced")
