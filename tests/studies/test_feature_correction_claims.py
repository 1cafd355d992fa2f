"""Verdicts on backward feature correction follow from what was measured."""

import numpy as np
import pytest

from hlnb.studies.feature_correction import claims

PROBLEMS = {short: f"problem {i}" for i, short in enumerate(claims.PILOT)}
RUNS = 8
UP = dict.fromkeys(PROBLEMS.values(), np.full(RUNS, 0.2))
STRENGTHS = np.array([0.05, 0.1])


def runs(*first, rest):
    """RUNS values: some of their own, and the rest alike."""
    return np.array([*first, *[rest] * (RUNS - len(first))], float)


def flat(value):
    """The same number at both strengths in every run."""
    return np.full((2, RUNS), float(value))


def one_run(values, wrong):
    """The same, with another number in the last target of the last runs."""
    found = np.array(values, float)
    found[-1, -len(wrong) :] = wrong
    return found


TOWER = {
    "angles": {1: flat(9), 2: flat(2), 3: flat(0.1)},
    "exact": {1: np.array([9.0, 9]), 2: np.array([2.0, 2])},
    "squares": {2: flat(0.2), 3: STRENGTHS[:, None] + flat(0.001)},
    "strengths": STRENGTHS,
}
GIVEN = {
    claims.about_toy: {
        "off": flat(0.0019),
        "longer": flat(-0.0019),
        "corrected": flat(0.99991),
    },
    claims.about_tower: TOWER,
    claims.about_frozen: {"problems": PROBLEMS, "change": UP, "beyond": UP},
    claims.about_correction: {"problems": PROBLEMS, "change": UP, "beyond": UP},
    claims.about_depth: {
        "problems": PROBLEMS,
        "errors": dict.fromkeys(UP, np.tile([0.4, 0.3, 0.2], (RUNS, 1))),
    },
}
NO, OPEN = "not reproduced", "undecided"
ALL, FEW = [1.0] * RUNS, [1.0] * 3
ALTERED = [
    ("bfc-formula", {"off": one_run(flat(0), np.multiply(FEW, -0.002))}, OPEN),
    ("bfc-formula", {"off": one_run(flat(0), np.multiply(ALL, 0.002))}, NO),
    ("bfc-not-by-itself", {"longer": one_run(flat(0), FEW)}, OPEN),
    ("bfc-not-by-itself", {"longer": one_run(flat(0), ALL)}, NO),
    ("bfc-corrected", {"corrected": one_run(flat(1), [0.9999] * 3)}, OPEN),
    ("bfc-corrected", {"corrected": one_run(flat(1), [0.9999] * RUNS)}, NO),
    (
        "bfc-tower-exact",
        {"exact": {1: np.array([9.0, 9.5]), 2: np.array([2.0, 2])}},
        NO,
    ),
    (
        "bfc-tower-deeper",
        {"angles": TOWER["angles"] | {3: one_run(flat(0.1), [2.0] * 3)}},
        OPEN,
    ),
    (
        "bfc-tower-deeper",
        {"angles": TOWER["angles"] | {3: one_run(flat(0.1), [2.0] * RUNS)}},
        NO,
    ),
    (
        "bfc-tower-second",
        {"squares": TOWER["squares"] | {3: one_run(flat(0.08), [0.2] * RUNS)}},
        NO,
    ),
    *(
        (f"bfc-{short}{end}", {"beyond": UP | {problem: beyond}}, verdict)
        for short, problem in PROBLEMS.items()
        for end in ("", "-heads")
        for beyond, verdict in (
            (runs(0, 0, 0, rest=1), OPEN),
            (runs(rest=0), NO),
        )
    ),
    *(
        (
            f"bfc-depth-{short}",
            {"errors": GIVEN[claims.about_depth]["errors"] | {problem: errors}},
            verdict,
        )
        for short, problem in PROBLEMS.items()
        for errors, verdict in (
            (np.stack([runs(rest=0.3), runs(0.3, 0.3, 0.3, rest=0.2)], 1), OPEN),
            (np.tile([0.4, 0.3, 0.3], (RUNS, 1)), NO),
        )
    ),
]


def judged(section, **changed):
    return {c.id: c.verdict for c in section(**GIVEN[section] | changed)}


def test_what_the_source_says_is_reproduced():
    found = [v for section in GIVEN for v in judged(section).values()]
    assert found == ["reproduced"] * 15


def test_what_the_source_does_not_say_counts_for_it_in_no_row():
    kinds = {c.id: c.kind for s in GIVEN for c in s(**GIVEN[s])}
    theirs = {id for id, kind in kinds.items() if kind == "claim"}
    assert theirs == {
        *("bfc-corrected", "bfc-not-by-itself"),
        *("bfc-tower-deeper", "bfc-tower-second"),
        *(f"bfc-{short}-heads" for short in PROBLEMS),
    }


@pytest.mark.parametrize(("id", "changed", "verdict"), ALTERED)
def test_a_claim_follows_its_own_number(id, changed, verdict):
    (found,) = (judged(s, **changed) for s in GIVEN if id in judged(s))
    assert found.pop(id) == verdict
    assert {*found.values()} <= {"reproduced"}


def test_one_run_decides_nothing():
    alone = {name: values[:1] for name, values in UP.items()}
    for section in (claims.about_frozen, claims.about_correction):
        found = judged(section, change=alone, beyond=alone)
        assert {*found.values()} == {"not testable here"}


def test_the_worst_target_of_each_run_is_judged():
    values = np.array([[0.1, -0.3], [-0.2, 0.2]])
    assert claims.furthest(values).tolist() == [-0.2, -0.3]


def test_notes_hold_the_numbers_of_their_own_problem():
    change = UP | {"problem 1": runs(-0.1, rest=0.3)}
    given = {"problems": PROBLEMS, "change": change, "beyond": UP}
    _, toy_4, _ = claims.about_frozen(**given)
    assert "seeds 10–12: 0.11–0.17; change by all layers: +0.250 [" in toy_4.note
    _, toy_4, _ = claims.about_correction(**given)
    assert toy_4.note.startswith("change by all layers: +0.250 [")


def test_words_say_how_many_runs_have_a_number():
    some = np.array([0.1, 0.3, np.nan])
    assert claims.mean_in_words(some) == "+0.200 [-1.071 to +1.471], 2 of 3 runs"
    assert claims.mean_in_words(some[2:]) == "undefined in every run"


def test_words_name_the_problems_with_a_decided_row():
    def said(*down):
        beyond = UP | {f"problem {i}": runs(rest=-1) for i in down}
        given = {"problems": PROBLEMS, "change": UP, "beyond": beyond}
        return claims.where(claims.about_correction(**given), PROBLEMS)

    assert said() == "problem 0, problem 1 and problem 2"
    assert said(1) == "problem 0 and problem 2"
    assert said(0, 1) == "problem 2"
    assert said(0, 1, 2) == "none of them"
