"""Each verdict that the claims on hierarchies can give, from numbers made by hand."""

import math

import numpy as np
import pytest

from hlnb.studies.random_hierarchy import claims

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"
UNDECIDED, FALSE, NONE = "undecided", "not as stated", "not testable here"


def values(*numbers):
    return np.array(numbers, float)


def mixed(good, n_good, bad, n_bad=0):
    """So many runs on one side of a threshold, and so many on the other."""
    return np.array([good] * n_good + [bad] * n_bad, float)


def verdicts(found):
    return {c.id: c.verdict for c in found}


def test_known_values_are_numbers():
    assert claims.known(values(1, math.nan, 2, math.inf)).tolist() == [1, 2]
    assert np.isnan(claims.known(values(math.nan, math.inf))).tolist() == [True]


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [([True, True], REPRODUCED), ([True, False], FALSE), ([], NONE)],
)
def test_languages_are_identities(holds, verdict):
    found = claims.language(counted_right=holds, full=[True])
    assert verdicts(found) == {"rhm-count": verdict, "rhm-maximal": REPRODUCED}
    assert found[1].kind == "identity"
    found = claims.language(counted_right=[True], full=holds)
    assert verdicts(found) == {"rhm-count": REPRODUCED, "rhm-maximal": verdict}


@pytest.mark.parametrize(
    ("n_good", "n_bad", "verdict"),
    [(14, 0, REPRODUCED), (13, 12, UNDECIDED), (33, 17, PARTLY), (2, 12, NOT)],
)
def test_curves_collapse_if_errors_are_on_their_side_of_three_thresholds(
    n_good, n_bad, verdict
):
    sides = {"before": (0.51, 0.5), "near_star": (0.34, 0.35), "after": (0.04, 0.05)}
    found = claims.collapse(
        **{
            name: (ratio, mixed(good, n_good, bad, n_bad))
            for ratio, (name, (good, bad)) in zip(
                (1.0, 2.0, 4.0), sides.items(), strict=True
            )
        }
    )
    assert [c.verdict for c in found] == [verdict] * 3
    assert [c.statement[:7] for c in found] == ["At 1 P*", "At 2 P*", "At 4 P*"]
    assert found[0].note.startswith("0.5")


@pytest.mark.parametrize(
    ("n_bad", "verdict"), [(0, REPRODUCED), (4, UNDECIDED), (25, NOT)]
)
@pytest.mark.parametrize("bad", [3.0, 1 / 3, math.inf])
def test_strings_for_a_tenth_are_near_the_law_within_a_factor_of_three(
    bad, n_bad, verdict
):
    ratios = mixed(2.9, 25 - n_bad, bad, n_bad)
    assert verdicts(claims.near_star(ratios=ratios)) == {"rhm-star": verdict}


NEAR = np.linspace(0.8, 1.2, 8)


@pytest.mark.parametrize(
    ("slopes", "verdict"),
    [
        (NEAR, REPRODUCED),
        (NEAR + 0.5, UNDECIDED),
        (NEAR + 2, NOT),
        (NEAR - 0.8, NOT),
        (NEAR * math.nan, NONE),
    ],
)
@pytest.mark.parametrize("name", ["classes", "synonyms", "levels"])
def test_exponents_of_the_law_are_one(name, slopes, verdict):
    names = ("classes", "synonyms", "levels")
    found = claims.exponents({**dict.fromkeys(names, NEAR), "vocabulary": 0 * NEAR})
    assert verdicts(found)[f"rhm-exponent-{name}"] == REPRODUCED
    given = {**dict.fromkeys(names, NEAR), "vocabulary": 0 * NEAR, name: slopes}
    found = verdicts(claims.exponents(given))
    assert found.pop(f"rhm-exponent-{name}") == verdict
    assert set(found.values()) == {REPRODUCED}


@pytest.mark.parametrize(
    ("slopes", "verdict"),
    [
        (mixed(-0.49, 7, 0.5, 1), REPRODUCED),
        (mixed(0.49, 4, 0.5, 4), UNDECIDED),
        (mixed(0.49, 1, -0.5, 7), NOT),
        (mixed(0.1, 4, math.nan, 4), UNDECIDED),
    ],
)
def test_the_vocabulary_has_no_exponent(slopes, verdict):
    names = ("classes", "synonyms", "levels")
    found = claims.exponents({**dict.fromkeys(names, NEAR), "vocabulary": slopes})
    assert verdicts(found)["rhm-exponent-vocabulary"] == verdict


@pytest.mark.parametrize(
    ("rival", "verdict"),
    [
        (mixed(2.1, 7, 1.9, 1), REPRODUCED),
        (mixed(2.1, 4, 1.9, 4), UNDECIDED),
        (mixed(2.1, 1, 2.0, 7), NOT),
    ],
)
def test_a_law_is_better_than_the_best_of_its_rivals(rival, verdict):
    spreads = {"n_c m^L": np.full(8, 2.0), "m^L": np.full(8, 9.0), "√P_max": rival}
    (found,) = claims.law(spreads=spreads)
    assert found.verdict == verdict
    assert found.statement.endswith("than any of m^L, √P_max")
    spreads["m^L"][0] = math.nan  # a run that did not get there: of one seed, not all
    (found,) = claims.law(spreads=spreads)
    assert "m^L: 9.0 [9.0–9.0]" in found.note
    assert "n_c m^L: 2.0 [2.0–2.0]" in found.note


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        (mixed(0.41, 5, 1), REPRODUCED),
        (mixed(0.41, 4, 0.4, 1), UNDECIDED),
        (mixed(0.4, 5, 1), NOT),
    ],
)
def test_two_layers_have_not_learned_above_a_threshold(errors, verdict):
    same = values(0.8, 0.9, 1, 1.1, 1.2)
    found = claims.two_layers(
        errors=errors,
        ratio=4.0,
        grammar="v = 8",
        across={"vocabulary": same, "depth": same / 10},
    )
    assert verdicts(found) == {
        "rhm-two-layers": verdict,
        "rhm-two-layers-vocabulary": REPRODUCED,
        "rhm-two-layers-depth": NOT,
    }
    assert "(v = 8)" in found[0].statement
    assert "L = 3 as at L = 2" in found[2].statement


@pytest.mark.parametrize(
    ("trained", "verdict"),
    [
        (mixed(0.19, 9, 0.2, 1), REPRODUCED),
        (mixed(0.19, 5, 0.2, 5), UNDECIDED),
        (mixed(0.2, 10, 0), NOT),
    ],
)
def test_a_level_is_blind_below_a_fifth(trained, verdict):
    before, blind = mixed(0.9, 5, 1.0, 5), mixed(0.1, 10, 0)
    found = claims.blind_to_synonyms(
        ends={1: (before, trained), 2: (before, blind)}, ratio=4.0
    )
    assert verdicts(found) == {"rhm-blind-1": verdict, "rhm-blind-2": REPRODUCED}
    assert found[0].note.startswith("untrained 0.95 [0.90–1.00]; ")


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        (mixed(0.81, 14, 0), REPRODUCED),
        (mixed(0.81, 8, 0.8, 6), UNDECIDED),
        (mixed(0.8, 14, 0), NOT),
    ],
)
def test_a_level_is_not_yet_blind_if_it_keeps_its_sensitivity(shares, verdict):
    found = claims.not_yet_blind(shares=shares, ratio=0.25)
    assert verdicts(found) == {"rhm-not-yet": verdict}


@pytest.mark.parametrize(
    ("crossings", "verdict"),
    [
        (np.linspace(0.7, 1.5, 50), REPRODUCED),
        (np.linspace(1.1, 1.5, 59), PARTLY),
        (np.linspace(1.1, 1.5, 9), UNDECIDED),
        (np.full(50, math.inf), NOT),
    ],
)
def test_label_rates_cross_near_the_law(crossings, verdict):
    found = claims.label_rates(crossings=crossings, cap=4.0)
    assert verdicts(found) == {"rhm-marks": verdict}


def test_a_crossing_that_was_cut_off_early_says_nothing():
    found = claims.label_rates(crossings=np.full(50, math.inf), cap=2.0)
    assert verdicts(found) == {"rhm-marks": NONE}


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        (mixed(0.91, 7, 0.9, 1), REPRODUCED),
        (mixed(0.91, 4, 0.9, 4), UNDECIDED),
        (mixed(0.9, 8, 1), NOT),
    ],
)
def test_nothing_is_learned_if_errors_stay_near_guessing(errors, verdict):
    same = {"grammar": "v = 6, L = 3"}
    found = claims.without_correlations(
        few=(1.0, np.ones(8)), many=(4.0, errors), **same
    )
    assert verdicts(found) == {
        "rhm-uncorrelated-few": REPRODUCED,
        "rhm-uncorrelated": verdict,
    }
    found = claims.without_correlations(few=(1.0, errors), many=(4.0, errors), **same)
    assert verdicts(found)["rhm-uncorrelated-few"] == verdict


@pytest.mark.parametrize(
    ("errors", "slopes", "expected"),
    [
        (mixed(0.1, 49, 0.2, 1), NEAR, [REPRODUCED, REPRODUCED]),
        (mixed(0.1, 40, 0.2, 10), NEAR + 0.5, [UNDECIDED, UNDECIDED]),
        (mixed(0.1, 33, 0.2, 17), NEAR + 2, [PARTLY, NOT]),
        (mixed(0.11, 50, 0), NEAR * math.nan, [NOT, NONE]),
    ],
)
def test_the_learner_with_a_proof(errors, slopes, expected):
    found = claims.level_by_level(errors=errors, ratio=32, slopes=slopes)
    assert [c.id for c in found] == ["rhm-levels-learned", "rhm-levels-scaling"]
    assert [c.verdict for c in found] == expected
