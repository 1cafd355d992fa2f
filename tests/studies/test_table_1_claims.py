"""Claims over all problems of Table 1 follow from the numbers."""

import numpy as np
import pytest

from hlnb.studies.table_1 import claims, nulls

READINGS = ("printed", "unit")
FAST, SLOW = np.array([3.0, 4, 5]), np.array([40.0, 40, np.inf])


def verdicts(found):
    return {claim.id: claim.verdict for claim in found}


def test_speed_is_judged_by_medians_over_problems():
    found = verdicts(claims.speed_claims({r: {1: FAST, 2: SLOW} for r in READINGS}))
    assert found["t1-first-unit"] == "reproduced"  # in every seed
    assert found["t1-25-unit"] == "partly"  # the second problem needs 40
    assert found["t1-four-unit"] == "reproduced"
    assert len(found) == 6


def test_shuffling_moves_the_second_number_or_does_not():
    (claim,) = claims.shuffled_claims(np.array([0.0, 1e-9]))
    assert claim.verdict == "not reproduced"
    (claim,) = claims.shuffled_claims(np.array([0.5, 1e-9]))
    assert claim.verdict == "partly"


def test_properties_are_asked_of_the_problems_that_the_report_grants_them():
    has = {
        (n, r): {p: np.array([n != 1, True]) for p in (1, 2, 3, 4)}
        for n in range(1, 6)
        for r in READINGS
    }
    found = {c.id: c for c in claims.shared_claims(has)}
    assert {c.verdict for c in found.values()} == {"reproduced"}  # 1 is never asked
    assert "problems 2, 3, 4 (" in found["t1-property-1-unit"].statement
    assert found["t1-property-3-unit"].n == 8
    assert "p = 0.0039" in found["t1-property-3-unit"].note  # 2⁻⁸


def test_travel_at_any_rate_and_online():
    far = {r: {0.1: np.array([False]), 0.5: np.array([True, True])} for r in READINGS}
    found = claims.any_rate_claims(far, np.array([True]), lr=0.3)
    assert [c.verdict for c in found] == ["partly", "partly", "reproduced"]
    assert [c.n for c in found] == [3, 3, 1]
    assert found[-1].note == "lr 0.3"


def test_filters_are_nearer_where_the_report_says_so():
    ranks = {
        (n, r, null, score): np.array([0.001, 0.9])
        for n in (1, 3)
        for r in READINGS
        for null in nulls.NULLS
        for score in nulls.SCORES
    }
    found = claims.nearer_claims(ranks)
    assert [c.id for c in found[::2]] == [
        f"t1-interpretable-{n}-printed" for n in (1, 3)
    ]
    assert [c.theirs for c in found] == ["does not"] * 2 + ["holds"] * 2
    assert {c.ours for c in found} == {1}  # one network each way


def test_layerwise_training_is_judged_by_its_last_errors():
    ways = ("layer-wise", "layer-wise, best rates", "greedy")
    good, bad = np.array([0.05, 0.05]), np.array([0.3, 0.4])
    ends = {n: dict(zip(ways, (bad, good, bad), strict=True)) for n in range(1, 6)}
    found = verdicts(claims.remedy_claims(ends))
    assert found["t1-layerwise-rates-3"] == "not reproduced"
    assert found["t1-layerwise-greedy-3"] == "reproduced"
    guesses = claims.guess_claims({1: 0.0, 2: 0.5}, ends)
    assert [c.verdict for c in guesses] == ["reproduced", "not reproduced"]
    assert "fails on problem 1" in guesses[0].statement
    assert "succeeds on problem 2" in guesses[1].statement


def test_kernels_are_judged_at_the_largest_size():
    errors = {2: {"tangent kernel": np.array([[0.0, 0.2], [0.0, 0.05]])}}
    (claim,) = claims.kernel_claims(errors, n_train=99)
    assert (claim.id, claim.verdict) == ("t1-tangent-2", "partly")
    assert claim.high == 0.2
    assert "with 99 examples" in claim.statement


@pytest.mark.parametrize(
    ("together", "in_turn", "wanted"),
    [
        ([0.0, 0.1], [0.11, 0.3], ["reproduced", "reproduced"]),
        ([0.1, 0.11], [0.1, 0.3], ["partly", "partly"]),
        ([0.2, 0.11], [0.1, 0.0], ["not reproduced", "not reproduced"]),
    ],
)
def test_both_ways_are_judged_at_an_error_of_a_tenth(together, in_turn, wanted):
    made = claims.about_both(
        np.array(together), np.array(in_turn), epochs=7, note="lr 0.1"
    )
    assert [claim.verdict for claim in made] == wanted
    assert [claim.note for claim in made] == [
        *("after 7 epochs, lr 0.1", "after 7 epochs a layer, lr 0.1")
    ]
