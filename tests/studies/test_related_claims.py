"""Verdicts on related works follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.related import claims

ONES = np.ones(14)


def runs(good, bad, n_bad=0):
    """Fourteen runs, some of them bad."""
    return np.array([bad] * n_bad + [good] * (14 - n_bad), float)


def verdicts(found):
    return {c.id.removeprefix("related-"): c.verdict for c in found}


def compression(**changed):
    given = {"off": 0.019 * ONES, "r2": {"log C": 0.9991 * ONES, "D": 0.981 * ONES}}
    return claims.about_compression(**(given | changed))


def test_claims_about_compression_follow_from_the_numbers():
    found = compression()
    assert {*verdicts(found).values()} == {"reproduced"}
    assert [c.kind for c in found] == ["claim", "guess", "claim"]
    assert found[1].high == pytest.approx(1.9)
    edge = compression(off=0.02 * ONES, r2={"log C": 0.999 * ONES, "D": 0.98 * ONES})
    assert {*verdicts(edge).values()} == {"not reproduced"}


def test_a_statement_about_every_layer_needs_nearly_every_run():
    mixed = runs(1, 0, n_bad=3)
    found = compression(off=1 - mixed, r2={"log C": mixed, "D": mixed})
    assert {*verdicts(found).values()} == {"undecided"}
    two_thirds = np.repeat([0.0, 1.0], [70, 140])
    found = compression(off=1 - two_thirds, r2={"log C": two_thirds, "D": two_thirds})
    assert {*verdicts(found).values()} == {"partly"}
    once = compression(off=ONES[:1], r2={"log C": ONES[:1], "D": ONES[:1]})
    assert {*verdicts(once).values()} == {"not testable here"}


def three(two_layers, three_layers):
    both = {"two layers": two_layers, "three layers": three_layers}
    return claims.about_three_layers(errors={2: both, 3: both}, n=9, d=4)


def test_three_layers_are_better_in_most_runs():
    better = three(np.full(5, 0.4), np.linspace(0.1, 0.2, 5))
    assert verdicts(better) == {"three-p2": "reproduced", "three-p3": "reproduced"}
    assert (better[0].low, better[0].high) == pytest.approx((0.25, 0.5))
    assert better[0].note.startswith("d = 4; ")
    assert better[0].statement.endswith("at n = 9")
    same = three(np.full(5, 0.4), np.full(5, 0.4))
    assert {*verdicts(same).values()} == {"not reproduced"}
    mixed = three(np.full(5, 0.4), np.array([0.1, 0.1, 0.1, 0.1, 0.5]))
    assert {*verdicts(mixed).values()} == {"undecided"}


def test_a_feature_is_found_by_units_and_by_sums_apart():
    high, low = np.full(5, 0.81), np.full(5, 0.8)
    found = claims.about_feature(
        units={2: low, 3: high}, sums={2: high, 3: np.append(high[:4], 0.1)}, n=9
    )
    assert verdicts(found) == {
        "three-feature-p2": "not reproduced",
        "three-feature-p3": "reproduced",
        "three-sum-p2": "reproduced",
        "three-sum-p3": "undecided",
    }
    assert [claims.LATER in c.note for c in found] == [False, False, True, True]


def sculpting(**changed):
    yes = [True] * 14
    given = {
        "apart": {"half adders": yes, "decoder": yes},
        "shuffled": [False] * 5 + [True] * 9,
        "dense": 0.74 * ONES,
    }
    return claims.about_sculpting(**(given | changed))


def test_claims_about_pruning_follow_from_the_runs():
    found = sculpting()
    assert {*verdicts(found).values()} == {"reproduced"}
    assert [c.kind for c in found] == ["claim", "claim", "claim", "guess"]
    no = [False] * 14
    apart = {"half adders": no, "decoder": [True] * 9 + [False] * 5}
    found = verdicts(sculpting(apart=apart, dense=0.75 * ONES))
    assert found == {
        "sculpt-dense": "not reproduced",
        "sculpt-adders": "not reproduced",
        "sculpt-decoder": "undecided",
        "sculpt-order": "reproduced",
    }


@pytest.mark.parametrize(
    ("mixed", "n", "verdict"),
    [(3, 14, "undecided"), (0, 40, "not reproduced"), (4, 14, "reproduced")],
)
def test_one_lucky_order_is_no_evidence_that_modules_can_mix(mixed, n, verdict):
    shuffled = [False] * mixed + [True] * (n - mixed)
    (*_, order) = sculpting(shuffled=shuffled)
    assert order.verdict == verdict
    assert order.ours == mixed


def test_a_network_that_learned_nothing_is_of_no_side():
    unknown = [None] * 2 + [True] * 3
    apart = {"half adders": unknown, "decoder": [None] * 5}
    found = verdicts(sculpting(apart=apart, shuffled=[None] * 5))
    assert found["sculpt-adders"] == "undecided"
    assert found["sculpt-decoder"] == found["sculpt-order"] == "not testable here"


def test_words_follow_from_conditions():
    assert claims.straight(np.array([0.98, 0.981])).tolist() == [False, True]
    some = np.array([True, False])
    assert claims.more(some | True) == "More"
    assert claims.more(some) == "More in some runs"
    assert claims.more(some & False) == "Not more"
    assert claims.evenly(np.array([0.9991, 1])).startswith("no layer does most")
    assert claims.evenly(np.array([0.999, 1])).endswith("least R² of a line is 0.999")
    first, last = np.array([1.1, 0.9]), np.array([1.01, 0.8])
    said = claims.direction(first, last)
    assert said == "So D need not rise; it gets nearer to 1 in 1 of 2."
    said = claims.direction(first[1:], last[:1])
    assert said == "Here D never falls, and it gets nearer to 1 in 1 of 1."
    assert "which mix" in claims.spared([True, False])
    assert claims.spared([True, None]).startswith("So no network here mixes")
