"""Each verdict that the claims on hierarchies can give, from numbers made by hand."""

import numpy as np
import pytest

from hlnb.studies.random_hierarchy import claims

REPRODUCED, PARTLY, NOT = "reproduced", "partly", "not reproduced"


def values(*numbers):
    return np.array(numbers, float)


def verdicts(found):
    return {c.id: c.verdict for c in found}


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ([True, True], REPRODUCED),
        ([True, False], PARTLY),
        ([False], NOT),
        ([], "not testable here"),
    ],
)
def test_languages_are_counted(holds, verdict):
    of = {"counted_right": holds, "full": [True]}
    assert verdicts(claims.language(**of)) == {
        "rhm-count": verdict,
        "rhm-maximal": REPRODUCED,
    }
    of = {"counted_right": [True], "full": holds}
    assert verdicts(claims.language(**of)) == {
        "rhm-count": REPRODUCED,
        "rhm-maximal": verdict,
    }


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (((0.51, 0.9), (0.1, 0.34), (0.0, 0.04)), [REPRODUCED] * 3),
        (((0.5, 0.9), (0.1, 0.35), (0.0, 0.05)), [PARTLY] * 3),
        (((0.5, 0.1), (0.9, 0.35), (0.1, 0.05)), [NOT] * 3),
        (((0.5, 0.1), (0.1, 0.34), (0.0, 0.05)), [NOT, REPRODUCED, PARTLY]),
    ],
)
def test_curves_collapse_if_errors_are_on_their_side_of_three_thresholds(
    errors, expected
):
    before, near, after = map(lambda pair: values(*pair), errors)
    found = claims.collapse(
        before=(1.0, before), near_star=(2.0, near), after=(4.0, after)
    )
    assert [c.verdict for c in found] == expected
    assert [c.statement[:7] for c in found] == ["At 1 P*", "At 2 P*", "At 4 P*"]
    assert f"range {before.min():.3f}–{before.max():.3f};" in found[0].note


@pytest.mark.parametrize(
    ("ratios", "slopes", "expected"),
    [
        ((0.34, 1.0, 2.9), (0.8, 1.2), [REPRODUCED, REPRODUCED]),
        ((0.34, 1.0, 3.0), (0.75, 1.2), [PARTLY, PARTLY]),
        ((1 / 3, 0.1, np.inf), (0.75, 1.25), [NOT, NOT]),
    ],
)
def test_strings_needed_are_held_against_the_law(ratios, slopes, expected):
    found = claims.strings_needed(ratios=values(*ratios), slopes=values(*slopes))
    assert verdicts(found) == dict(
        zip(("rhm-star", "rhm-scaling"), expected, strict=True)
    )


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [((0.41, 1), REPRODUCED), ((0.4, 1), PARTLY), ((0.4, 0), NOT)],
)
def test_two_layers_have_not_learned_above_a_threshold(errors, verdict):
    found = claims.two_layers(errors=values(*errors), ratio=4.0, grammar="v = 8")
    assert verdicts(found) == {"rhm-two-layers": verdict}
    assert "(v = 8)" in found[0].statement


@pytest.mark.parametrize(
    ("trained", "verdict"),
    [((0.1, 0.19), REPRODUCED), ((0.1, 0.2), PARTLY), ((0.2, 1.0), NOT)],
)
def test_a_level_is_blind_below_a_fifth(trained, verdict):
    before, blind = values(0.9, 1.0), values(0.0, 0.1)
    found = claims.blind_to_synonyms(
        ends={1: (before, values(*trained)), 2: (before, blind)}, ratio=4.0
    )
    assert verdicts(found) == {"rhm-blind-1": verdict, "rhm-blind-2": REPRODUCED}
    assert found[0].note.startswith("untrained 0.95 [0.90–1.00]; ")


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [((0.81, 1), REPRODUCED), ((0.8, 1), PARTLY), ((0.8, 0), NOT)],
)
def test_a_level_is_not_yet_blind_if_it_keeps_its_sensitivity(shares, verdict):
    found = claims.not_yet_blind(shares=values(*shares), ratio=0.25)
    assert verdicts(found) == {"rhm-not-yet": verdict}


@pytest.mark.parametrize(
    ("crossings", "verdict"),
    [((0.5, 1.5), REPRODUCED), ((1.1, 1.5), PARTLY), ((3, 4), NOT)],
)
def test_label_rates_cross_near_the_law(crossings, verdict):
    found = claims.label_rates(crossings=values(*crossings), draws=9)
    assert verdicts(found) == {"rhm-marks": verdict}


@pytest.mark.parametrize(
    ("medians", "verdict"),
    [((0.91, 1.0), REPRODUCED), ((0.9, 1.0), PARTLY), ((0.9, 0.0), NOT)],
)
def test_nothing_is_learned_if_medians_stay_near_guessing(medians, verdict):
    found = claims.without_correlations(
        medians=values(*medians),
        first=(1.0, values(0.9, 1.0, 1.0)),
        last=(4.0, values(0.0, 0.1, 0.9)),
    )
    assert verdicts(found) == {"rhm-uncorrelated": verdict}
    assert found[0].note.startswith(
        "single runs 0.10 [0.00–0.90]; at 1 P* 1.00 [0.90–1.00]. "
    )
