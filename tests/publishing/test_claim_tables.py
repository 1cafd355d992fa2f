"""What stands beside a verdict, and under which source a claim counts."""

import re

import pytest

from hlnb.publishing.render.claims import claim_table, claim_tables, total, totals
from hlnb.publishing.render.executed import Executed


def claim(id, **changes):
    return {
        **{"id": id, "source": "glasgow, Table 1", "statement": f"says {id}"},
        **{"theirs": "4", "ours": 5.0, "low": 4.0, "high": 6.0, "n": 5, "unit": ""},
        **{"verdict": "reproduced", "note": "", "chapter": "02"},
        **changes,
    }


class Chapter(Executed):
    """A chapter of which only the title is asked."""

    def __init__(self):
        pass

    numbered_title = "2. Toy problem 1"


KNOWN: dict[str, Executed] = {"02": Chapter()}


@pytest.mark.parametrize(
    ("changes", "beside"),
    [
        ({"rule": "most", "verdict": "undecided", "needs": 10}, "10 such runs would"),
        ({"rule": "most", "verdict": "undecided"}, "far from decided"),
    ],
)
def test_what_a_reader_needs_stands_beside_the_verdict(changes, beside):
    assert beside in claim_table([claim("a", **changes)], known=KNOWN)


@pytest.mark.parametrize("known", [KNOWN, None])
def test_the_id_of_a_claim_is_a_link_to_its_line_in_the_chapter(known):
    table = claim_table([claim("02-A b"), claim("x`<y>")], known=known)
    assert "{ref}`02-A b <at-02-a-b>`" in table
    assert "{ref}`xy <at-x-y>`" in table
    assert ("[says 02-A b]{#at-02-a-b}" in table) == (known is None)


def test_nothing_stands_beside_what_is_decided():
    row = claim_table([claim("a", rule="most")], known=KNOWN)
    assert "- [reproduced]{.verdict .verdict-reproduced}\n" in row


def test_guesses_and_identities_count_for_no_source():
    mixed = [
        claim("a"),
        claim("b", kind="guess", verdict="not reproduced"),
        claim("c", kind="identity"),
        claim("d", source="our guess, this chapter"),
    ]
    parts = claim_tables(mixed, known=KNOWN, titles={"glasgow": "The report"})
    titles = [line for line in parts.splitlines() if line.startswith("## ")]
    assert titles == ["## The report", "## Our own guesses", "## Derived in this book"]
    assert total(mixed).startswith("1 claims of sources: ")
    assert "3 more are guesses or derivations of our own" in total(mixed)
    assert "All sources" not in totals(mixed)  # there is one
    after = totals(mixed).split("{cite:t}`glasgow`")[1]
    assert re.findall(r"\d+", after)[:2] == ["1", "0"]  # reproduced, not reproduced


def test_the_sum_over_sources_leaves_out_what_is_our_own():
    mixed = [claim("a"), claim("b", source="abbe, Section 2"), claim("c", kind="guess")]
    text = totals(mixed)
    sums = text[text.index("All sources") :]
    assert re.findall(r"\d+", sums)[0] == "2"
    assert sums.index("Our own guesses") > 0
    assert "Our own guesses" not in text[: text.index("All sources")]
