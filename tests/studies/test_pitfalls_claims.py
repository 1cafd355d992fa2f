"""Verdicts on the pitfalls of simplicity bias follow from what was measured."""

import math

import numpy as np
import pytest

from hlnb.studies.pitfalls import claims

N, INF, NAN = 5, math.inf, math.nan
YES, NO, OPEN = "reproduced", "not reproduced", "undecided"
GUESSES = {
    *("pit-dose", "pit-forever", "pit-capacity", "pit-better-end", "pit-rate"),
    *("pit-first", "pit-return"),
}


def runs(*values):
    """The values in turn until there are five; one value is that of all runs."""
    return np.resize(np.array(values, float), N)


def auc(standard=1.0, simple=0.5, complex=1.0, error=0.05):
    """The same of all runs, or what is given for each."""
    given = {"standard": standard, "simple": simple, "complex": complex}
    return {k: np.ones(N) * v for k, v in (given | {"error": error}).items()}


GIVEN = {
    claims.about_plane: {
        "by_hand": [0.0, 0.0],
        "then": auc(),
        "steps": {"left": runs(10), "right": runs(21)},
        "starts": {"left": runs(8), "right": runs(8)},
        "hints": {"90 %": runs(1), "95 %": runs(2), "98 %": runs(3)},
        "goal": 0.01,
        "cap": 100,
    },
    claims.about_slabs: {"linear": auc(), "pair": auc(), "alone": runs(0.01)},
    claims.about_noise: {
        "noisy": {"best": auc(), "end": auc()},
        "alone": {"best": auc(error=0.01), "end": auc(error=0.01)},
    },
    claims.about_remedies: {
        **{"none": auc(), "crowd": auc(error=0.059), "faster": auc()},
        **{"first": auc(error=0.009), "duo": auc(error=0.009)},
    },
}
MOST = [NO, OPEN]  # of a rule `most`, where a test fails in all runs, and in one


def judged(section, **changed):
    return {c.id: c for c in section(**GIVEN[section] | changed)}


def words(section, **changed):
    return {k: c.verdict for k, c in judged(section, **changed).items()}


def test_what_the_source_says_is_reproduced():
    found = [c for section in GIVEN for c in judged(section).values()]
    assert {c.id: c.verdict for c in found if c.verdict != YES} == {"pit-forever": NO}
    assert len(found) == 20
    assert {c.id for c in found if c.kind == "guess"} == GUESSES
    assert [c.id for c in found if c.kind == "identity"] == ["pit-represent"]
    assert all(c.rule for c in found)
    assert all(c.n == N for c in found if c.id != "pit-represent")


# id → what changes, to a value in all runs and to the same in one of them
ALTERED = [
    ("pit-latch", "then", lambda v: auc(complex=v), (0.94, 1)),
    ("pit-latch", "then", lambda v: auc(simple=v), (0.61, 0.6)),
    ("pit-harder", "steps", lambda v: {"left": runs(10), "right": v}, (20, 30)),
    ("pit-dose", "hints", lambda v: {"a": runs(2), "b": v}, (2, 3)),
    ("pit-lms", "linear", lambda v: auc(standard=v), (0.97, 1)),
    ("pit-lms-simple", "linear", lambda v: auc(simple=v), (0.53, 0.5)),
    ("pit-lms-simple", "linear", lambda v: auc(simple=v), (0.486, 0.5)),
    ("pit-lms-complex", "linear", lambda v: auc(complex=v), (0.97, 1)),
    ("pit-capacity", "alone", lambda v: v, (0.011, 0)),
    ("pit-pair", "pair", lambda v: auc(complex=v), (0.97, 1)),
    ("pit-pair", "pair", lambda v: auc(simple=v), (0.53, 0.5)),
    ("pit-ensemble", "crowd", lambda v: auc(error=v), (0.0395, 0.05)),
    ("pit-ensemble", "crowd", lambda v: auc(simple=v), (0.53, 0.5)),
    ("pit-rate", "faster", lambda v: auc(error=v), (0.04, 0.05)),
    ("pit-first", "first", lambda v: auc(error=v), (0.01, 0)),
    ("pit-return", "first", lambda v: auc(error=0, simple=v), (0.9, 0.5)),
    ("pit-without", "duo", lambda v: auc(error=v), (0.01, 0)),
]


@pytest.mark.parametrize(("id", "name", "made", "values"), ALTERED)
def test_a_claim_follows_its_own_number(id, name, made, values):
    wrong, right = values
    (section,) = (s for s in GIVEN if id in words(s))
    cases = [runs(wrong), runs(wrong, *[right] * (N - 1))]
    found = [words(section, **{name: made(case)}) for case in cases]
    assert [by.pop(id) for by in found] == MOST
    others = {k: v for k, v in words(section).items() if k != id}
    assert [{**by} for by in found] == [others, others]


def test_a_run_without_a_number_is_of_no_side():
    """Four that hold and one that nobody knows are too few."""
    for id, name, made, (_, right) in ALTERED:
        if id in ("pit-harder", "pit-dose"):  # times are inf and not NaN
            continue
        (section,) = (s for s in GIVEN if id in words(s))
        value = made(runs(NAN, *[right] * (N - 1)))
        assert words(section, **{name: value})[id] == OPEN, id
        nothing = made(runs(NAN))
        assert words(section, **{name: nothing})[id] == "not testable here", id


def test_a_network_by_hand_that_errs_refutes_the_proposition():
    found = judged(claims.about_plane, by_hand=[0.0, 0.1])["pit-represent"]
    assert (found.verdict, found.kind) == ("not as stated", "claim")


def test_hard_to_get_unstuck_is_a_wait_twice_as_long_as_on_the_left():
    def verdict(left, right, starts):
        steps = {"left": runs(left), "right": runs(right)}
        found = words(claims.about_plane, steps=steps, starts=starts)
        return found["pit-unstuck"]

    starts = {"left": runs(5), "right": runs(3)}
    assert verdict(10, 14, starts) == YES  # 11 steps against 5
    assert verdict(10, 13, starts) == NO
    assert verdict(10, INF, starts) == YES  # 97 at least
    assert verdict(80, INF, starts) == "not testable here"  # 97 at least against 75
    slow = starts | {"right": runs(25)}  # 75 steps are left
    assert verdict(42.5, INF, slow) == YES
    assert verdict(43, INF, slow) == "not testable here"
    late = starts | {"right": runs(INF)}
    assert verdict(10, INF, late) == "not testable here"


def test_stuck_for_good_asks_for_every_run():
    def verdict(*right):
        steps = {"left": np.full(len(right), 1.0), "right": np.array(right, float)}
        ones = {"complex": np.ones(len(right)), "simple": np.ones(len(right))}
        return words(
            claims.about_plane,
            steps=steps,
            then=ones,
            starts={side: np.ones(len(right)) for side in steps},
        )["pit-forever"]

    assert verdict(*[INF] * 14) == YES
    assert verdict(*[INF] * 13) == OPEN
    assert verdict(*[INF] * 40, *[9] * 20) == "partly"
    assert verdict(*[9] * 5) == NO


def test_longer_by_censored_times():
    late = np.array([21, 20, 5, INF, INF, INF, NAN, 5])
    early = np.array([10, 10, INF, 10, 60, INF, 1, NAN])
    found = claims.longer(late, early, by=2, cap=100)
    assert found == [True, False, False, True, None, None, None, None]
    assert claims.longer(np.array([2, 2.0]), np.array([2, 1.0]), cap=9) == [False, True]
    ends = np.array([19.0, 20.0])
    assert claims.longer(runs(INF)[:2], runs(10)[:2], by=2, cap=ends) == [None, True]


def test_times_as_many_and_waiting_with_censored_times():
    left, right = np.array([2, 2, INF, INF]), np.array([6, INF, 5, INF])
    found = claims.times_as_many(left, right, cap=10)
    np.testing.assert_array_equal(found, [3, INF, 0.5, NAN])
    begun = np.array([1, 1, INF, INF])
    waited = claims.waiting(begun, np.array([4, INF, 4, INF]))
    np.testing.assert_array_equal(waited, [3, INF, NAN, NAN])


def test_together_is_false_before_it_is_unknown():
    rows = claims.together([True, True, None, None], [True, False, False, True])
    assert rows == [True, False, False, None]


def test_the_dose_needs_every_step_and_more_than_one_set():
    given = {"90 %": runs(1), "95 %": runs(3), "98 %": runs(2)}
    assert words(claims.about_plane, hints=given)["pit-dose"] == NO
    alone = judged(claims.about_plane, hints={"95 %": runs(1)})["pit-dose"]
    assert (alone.verdict, alone.n) == ("not testable here", 0)
    ended = given | {"95 %": runs(INF), "98 %": runs(INF)}
    assert words(claims.about_plane, hints=ended)["pit-dose"] == "not testable here"


def noise(section="noisy", when="end", **changed):
    given = {name: {**v} for name, v in GIVEN[claims.about_noise].items()}
    given[section][when] = auc(**changed)
    return words(claims.about_noise, **given)


def test_accuracy_is_that_of_the_source():
    for error, verdict in ((0.064, YES), (0.038, YES), (0.07, NO), (0.03, NO)):
        found = noise(error=error)
        assert found["pit-noisy"] == verdict
        assert found["pit-better"] == YES
    assert noise(error=runs(0.07, *[0.05] * 4))["pit-noisy"] == OPEN
    assert noise(simple=0.52)["pit-noisy-simple"] == NO
    assert noise("noisy", "best", error=0.07, simple=0.9)["pit-noisy"] == YES


def test_what_is_printed_beside_better_is_the_gain_of_its_own_reading():
    alone = {"best": auc(error=0.01), "end": auc(error=0.02)}
    found = judged(claims.about_noise, alone=alone)
    gains = [found[id].ours for id in ("pit-better", "pit-better-end")]
    assert gains == pytest.approx([0.04, 0.03])


@pytest.mark.parametrize(("when", "id"), [("best", ""), ("end", "-end")])
def test_sometimes_better_is_a_rule_on_some_runs(when, id):
    """Three of five suffice, two do not; none of 29 refutes it."""
    name = "pit-better" + id
    for better, verdict in ((5, YES), (3, YES), (2, OPEN), (0, OPEN)):
        error = np.array([0.02] * better + [0.021] * (N - better))
        found = noise("alone", when, error=error)
        assert found.pop(name) == verdict
        assert {*found.values()} == {YES}
    many = {k: {"error": np.full(29, 0.05), "simple": np.full(29, 0.5)} for k in "ab"}
    many = {"best": many["a"], "end": many["b"]}
    assert words(claims.about_noise, noisy=many, alone=many)[name] == NO
