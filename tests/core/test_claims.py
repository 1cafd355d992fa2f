"""Claims keep their numbers in order, and say what judged them."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from hlnb.claims import Claim, as_record, counted, measured, shown
from hlnb.errors import HlnbError
from hlnb.verdicts import exactly, larger, most, number

CLAIM = Claim("a-b", "s", "is so", "4", 5.0, 3.0, 9.0, 5, "epochs", "reproduced")


def test_measured_takes_median_and_range():
    values = np.array([3, 9, 5.0])
    verdict = larger(values, by=4.0)
    claim = measured(
        "id", "s", "is so", theirs="4", values=values, unit="epochs", verdict=verdict
    )
    assert (claim.ours, claim.low, claim.high, claim.n) == (5, 3, 9, 3)
    found = (claim.verdict, claim.rule, claim.needs)
    assert found == ("undecided", "larger", verdict.needs)


def test_censored_times_become_null_in_json():
    values = np.array([3, math.inf, math.inf])
    verdict = number(4, values, cap=20)
    claim = measured(
        "id", "s", "is so", theirs="4", values=values, unit="", verdict=verdict
    )
    assert (claim.ours, claim.low, claim.high) == (None, 3, None)
    assert "Infinity" not in json.dumps(asdict(claim))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"verdict": "true"},
            "'true' is no verdict: use one of reproduced",
        ),
        ({"kind": "rumour"}, "'rumour' is no kind: use one of claim, identity, guess"),
        ({"ours": 2.0}, "outside its own range"),
        ({"low": 10.0}, "outside its own range"),
        ({"n": 0}, "rests on no run"),
    ],
)
def test_refuses_claims_that_contradict_themselves(change, message):
    with pytest.raises(HlnbError, match=message):
        replace(CLAIM, **change)


def test_what_cannot_be_tested_here_needs_no_run():
    nothing = {"ours": None, "low": None, "high": None}
    claim = replace(CLAIM, n=0, verdict="not testable here", **nothing)
    assert claim.n == 0


def test_counted_counts_the_runs_in_which_a_statement_holds():
    holds = np.array([True, False, True])
    claim = counted("id", "s", "is so", theirs="yes", holds=holds, rule=most)
    assert (claim.ours, claim.n, claim.unit) == (2, 3, "of 3 runs")


def test_a_rule_gives_word_interval_and_the_runs_that_would_decide():
    claim = counted("i", "s", "is so", theirs="yes", holds=[True] * 4, rule=most)
    assert (claim.verdict, claim.rule, claim.needs) == ("undecided", "most", 8)
    assert claim.low == pytest.approx(4 * 0.05**0.25)
    assert (claim.ours, claim.high, claim.unit) == (4, 4, "of 4 runs")
    some_unknown = [True, True, None, None, None]
    claim = counted("i", "s", "is so", theirs="yes", holds=some_unknown, rule=most)
    assert (claim.ours, claim.n, claim.verdict) == (2, 5, "undecided")
    claim = counted("i", "s", "is so", theirs="yes", holds=[], rule=most)
    assert (claim.verdict, claim.low) == ("not testable here", None)


def test_a_number_with_a_verdict_leaves_out_runs_that_have_none():
    values = np.array([4.0, np.nan, 6.0, 5.0, np.inf, 5.0])
    verdict = number(5, values)
    claim = measured(
        "i", "s", "is so", theirs="5", values=values, unit="", verdict=verdict
    )
    assert (claim.ours, claim.low, claim.high, claim.n) == (5, 4, None, 6)
    assert (claim.verdict, claim.rule) == (verdict.word, "number")
    nothing = np.full(3, np.nan)
    claim = measured(
        *("i", "s", "is so"),
        **{"theirs": "5", "values": nothing, "unit": "", "kind": "guess"},
        verdict=number(5, nothing),
    )
    assert (claim.ours, claim.verdict, claim.kind) == (
        *(None, "not testable here"),
        "guess",
    )


def test_a_record_has_what_differs_from_the_usual():
    old = as_record(CLAIM)
    assert {**old, "rule": "", "needs": None, "kind": "claim"} == asdict(CLAIM)
    new = replace(CLAIM, rule="most", needs=20, kind="identity")
    assert as_record(new) == asdict(new)


def test_mathematics_is_an_identity_until_a_case_refutes_it():
    how = {"source": "a", "statement": "b", "theirs": "proof", "of": "cases"}
    good, bad = (shown("x", holds=h, **how) for h in ([True] * 3, [True, False]))
    assert (good.verdict, good.kind, good.ours) == ("reproduced", "identity", 3)
    assert (bad.verdict, bad.kind, bad.ours) == ("not as stated", "claim", 1)
    assert good.unit == "of 3 cases"
    assert good.low is good.high is None  # no interval: these are no draws
    how = {"source": "a", "statement": "b", "theirs": "proof", "unit": ""}
    values = np.array([1.0, 1.0, 2.0])
    rows = [
        measured("x", values=values, verdict=exactly(values < above), **how)
        for above in (3, 2)
    ]
    assert [row.kind for row in rows] == ["identity", "claim"]
    assert (rows[0].low, rows[0].high) == (1, 2)
