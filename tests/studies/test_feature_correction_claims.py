"""Verdicts on backward feature correction follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.feature_correction import claims


def runs(first, second):
    return np.array([first, second], float)


PROBLEMS = {id: f"problem {i}" for i, id in enumerate(claims.PILOT)}
UP = dict.fromkeys(PROBLEMS.values(), runs(0.1, 0.3))
GIVEN = {
    claims.about_formula: {"off": runs(0.0019, -0.0019), "seeds": 5},
    claims.about_toy: {"corrected": runs(1, 0.99991), "longer": runs(0.0019, -0.0019)},
    claims.about_correction: {"problems": PROBLEMS, "change": UP, "beyond": UP},
    claims.about_layerwise: {"gaps": UP},
}
NO, SOME = "not reproduced", "partly"
ALTERED = [
    ("bfc-formula", {"off": runs(0.002, 0)}, SOME),
    ("bfc-formula", {"off": runs(0.002, -0.002)}, NO),
    ("bfc-corrected", {"corrected": runs(0.9999, 1)}, SOME),
    ("bfc-corrected", {"corrected": runs(0.9999, 0)}, NO),
    ("bfc-not-by-itself", {"longer": runs(0.002, 0)}, SOME),
    ("bfc-not-by-itself", {"longer": runs(0.002, -0.002)}, NO),
    *(
        (id, {"beyond": UP | {problem: runs(0, last)}}, verdict)
        for id, problem in PROBLEMS.items()
        for last, verdict in ((1, SOME), (-1, NO))
    ),
    ("bfc-layerwise-errs", {"gaps": UP | {"problem 0": runs(0, 1)}}, SOME),
    ("bfc-layerwise-errs", {"gaps": {"problem 0": runs(0, -1)}}, NO),
]


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


def test_what_the_source_says_is_reproduced():
    found = [v for section in GIVEN for v in judged(section).values()]
    assert found == ["reproduced"] * 8


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_follows_its_own_number(id, changed, verdict):
    (found,) = (judged(s, **changed) for s in GIVEN if id in judged(s))
    assert found.pop(id) == verdict
    assert {*found.values()} <= {"reproduced"}


def test_notes_hold_the_numbers_of_their_own_problem():
    change = UP | {"problem 1": runs(-0.1, 0.3)}
    _, heads, *_ = claims.about_correction(problems=PROBLEMS, change=change, beyond=UP)
    assert "−0.08–0.03; change by all layers: +0.100 [-2.441 to +2.641]" in heads.note
    (formula,) = claims.about_formula(off=runs(0, 0), seeds=5)
    assert formula.note.startswith("2 targets, 5 runs each.")


def test_words_say_how_many_runs_have_a_number():
    some = np.array([0.1, 0.3, np.nan])
    assert claims.mean_in_words(some) == "+0.200 [-1.071 to +1.471], 2 of 3 runs"
    assert claims.mean_in_words(some[2:]) == "undefined in every run"
