"""The code on which the claims of a notebook depend."""

import ast

import pytest

from hlnb.publishing.slicing import behind_claims

START = "from hlnb.page.show import Film, claims, figure, glue"
CLAIM = "claims(judged(runs))"


def cells(*sources, last=CLAIM):
    """Code cells, of which the last one judges."""
    made = [{"cell_type": "code", "source": s, "metadata": {}} for s in sources]
    judging = {"cell_type": "code", "source": last, "metadata": {"tags": ["claims"]}}
    text = {"cell_type": "markdown", "source": "runs = text", "metadata": {}}
    return [text, *made, judging]


def lines(*sources, last=CLAIM):
    return behind_claims(cells(*sources, last=last)).splitlines()


def test_what_claims_read_is_kept_in_its_order_and_nothing_else():
    found = lines(
        START,
        "from hlnb import grid, sweep",
        "import numpy as np",
        "n = 3\nm = 4",
        "runs = sweep(n)\nglue(n=n)",
        "figure(draw(runs), name='fig-a')",
        "film = Film('epoch')\nfor k in range(m):\n    film.add(runs, k)\nfilm.show()",
    )
    assert found == [
        "from hlnb.page.show import claims",
        "from hlnb import sweep",
        "n = 3",
        "runs = sweep(n)",
        CLAIM,
    ]


@pytest.mark.parametrize(
    "change",
    [
        "runs.append(one)",
        "runs[0] = one",
        "runs.best = one",
        "runs += one",
        "fill(one, runs)",
        "for one in two:\n    runs |= one",
        "if one:\n    runs = 2",
    ],
)
def test_what_may_change_a_value_counts(change):
    kept = lines("runs = start()", change)
    assert kept == [
        "runs = start()",
        *ast.unparse(ast.parse(change)).split("\n"),
        CLAIM,
    ]


def test_a_name_that_is_bound_anew_or_later_does_not_count():
    found = lines("runs = 1", "runs = 2", "other = runs", last=f"{CLAIM}\nruns = 3")
    assert found[0] == "runs = 2"
    drawn = "for runs in films:\n    draw(runs)"
    assert "films" not in " ".join(lines(drawn, "runs = 2"))


def test_what_a_function_reads_may_be_bound_after_it():
    kept = lines("def best(x):\n    return rate * x", "rate = 3", "runs = best(2)")
    assert "rate = 3" in kept


def test_names_of_a_comprehension_are_its_own():
    kept = lines("for one in shown:\n    draw(one)", "runs = [one for one in many]")
    assert kept == ["runs = [one for one in many]", CLAIM]


def test_what_is_expected_does_not_count():
    one, two = (
        behind_claims(cells("runs = 1", last=f"claims(runs, expect={{'a': '{word}'}})"))
        for word in ("reproduced", "partly")
    )
    assert one == two == "runs = 1\nclaims(runs)"


def test_a_cell_that_is_no_python_is_left_to_the_check():
    assert lines("%matplotlib inline", "runs = 1") == ["runs = 1", CLAIM]
