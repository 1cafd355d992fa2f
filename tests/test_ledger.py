"""The ledger: claims, provenance, and what `hlnb check` finds in executed copies."""

import json

import pytest

from hlnb.publishing import ledger
from hlnb.publishing.chapters import Chapter
from hlnb.publishing.freshness import key
from hlnb.publishing.weaving import CLAIMS, to_bytes, weave
from publishing_fixtures import add_chapter, make_book

CLAIM = {
    **{"id": "a", "source": "§5", "statement": "s", "theirs": 0.6, "ours": 0.7},
    **{"low": 0.6, "high": 0.8, "n": 5, "unit": "1", "verdict": "reproduced"},
}
RECORD = {"date": "2026-01-02", "seconds": 12.3, "cpu": "A CPU"}
FIGURE = {"alt": "Two bars.", "caption": "Bars", "name": "fig-bars"}


@pytest.fixture
def book(tmp_path):
    return make_book(tmp_path / "book")


def display(data, **metadata):
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def execute(root, name, *outputs, claims=(CLAIM,)):
    """A chapter whose executed copy shows `outputs` and makes `claims`."""
    chapter = Chapter(add_chapter(root, name, "seeds"))
    now = key(chapter, {})
    executed = {"cells": [dict(cell) for cell in chapter.cells], "metadata": {}}
    executed["cells"][-2]["outputs"] = list(outputs)
    executed["cells"][-1]["outputs"] = [display({CLAIMS: list(claims)})]
    woven = weave(chapter.notebook, executed, key=now, parameters={})
    path = ledger.executed_path(chapter)
    path.write_bytes(to_bytes(woven))
    record = json.dumps(RECORD | {"key": now})
    path.with_suffix(".provenance.json").write_text(record)
    return path


def test_claims_of_executed_chapters_know_their_chapter(book):
    execute(book, "01_one", claims=[CLAIM, CLAIM | {"id": "b"}])
    add_chapter(book, "02_two")
    found = ledger.claims(book)
    assert [(c["chapter"], c["id"]) for c in found] == [
        ("01_one", "a"),
        ("01_one", "b"),
    ]
    assert found[0] == CLAIM | {"chapter": "01_one"}


def test_provenance_is_read_from_beside_the_copy(book):
    path = execute(book, "01_one")
    assert ledger.provenance(path)["seconds"] == 12.3
    assert ledger.executed_on(path) == "executed 2026-01-02 on A CPU, 12 s"
    path.with_suffix(".provenance.json").write_text("[]")
    assert ledger.provenance(path) is None
    assert ledger.executed_on(path) == "executed at an unknown date"


def test_executions_tell_state_and_provenance_in_order(book):
    add_chapter(book, "02_two")
    execute(book, "01_one")
    one, two = ledger.executions(book)
    assert (one["name"], one["title"], one["state"]) == (
        *("01_one", "Chapter 01_one", "fresh"),
    )
    assert one["provenance"]["date"] == "2026-01-02"
    assert (two["state"], two["provenance"]) == ("missing", None)


def test_a_sound_book_has_no_problem(book):
    image = display({"image/png": "x", "text/plain": "x"}, hlnb=FIGURE)
    execute(book, "01_one", image)
    execute(book, "02_two", claims=[CLAIM | {"id": "b", "low": None, "high": None}])
    assert ledger.check(book) == []


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (
            {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
            "01_one, cell 4: its output is an error, E.",
        ),
        (
            {"output_type": "stream", "name": "stderr", "text": ["x"]},
            "01_one, cell 4: it wrote to stderr.",
        ),
        (
            display({"image/png": "x"}),
            "01_one, cell 4: its image has no alt, caption, name.",
        ),
        (
            display({"image/svg+xml": "x"}, hlnb=FIGURE | {"alt": ""}),
            "01_one, cell 4: its image has no alt.",
        ),
        (
            display({"image/png": "x"}, hlnb=FIGURE | {"alt": "a/b.png"}),
            "01_one, cell 4: the alternative text 'a/b.png' is a path.",
        ),
        (
            display({"image/png": "x"}, hlnb=FIGURE | {"name": "fig:a"}),
            "01_one, cell 4: a colon in the name 'fig:a' breaks scripts of the page.",
        ),
        (
            display({"text/plain": "x" * 1_600_000}),
            "01_one: the executed copy has 1.6 MB, more than 1.5.",
        ),
    ],
)
def test_an_output_that_may_not_be_published_is_named(book, output, problem):
    execute(book, "01_one", output)
    assert ledger.check(book) == [problem]


def test_two_figures_in_a_cell_and_one_name_twice_are_found(book):
    image = display({"image/png": "x"}, hlnb=FIGURE)
    execute(book, "01_one", image, image)
    assert ledger.check(book) == [
        "01_one, cell 4: shows 2 figures; one a cell can be captioned.",
        "Figure fig-bars is shown twice.",
    ]


def test_claims_made_twice_incomplete_or_without_verdict_are_found(book):
    execute(book, "01_one")
    lacking = {k: v for k, v in CLAIM.items() if k != "unit"}
    unsure = CLAIM | {"id": "b", "verdict": "perhaps"}
    execute(book, "02_two", claims=[lacking, unsure])
    assert ledger.check(book) == [
        "02_two, claim a: lacks unit.",
        "02_two, claim b: the verdict 'perhaps' is none of the four.",
        "Claim a is made twice.",
    ]


def test_a_chapter_must_show_claims_and_only_where_its_tags_say(book):
    execute(book, "01_one", claims=[])
    assert ledger.check(book) == ["01_one: shows no claim; page.claims shows some."]
    executed = execute(book, "01_one")
    notebook = json.loads(executed.read_text())
    notebook["cells"][-1]["metadata"]["tags"] = []
    executed.write_text(json.dumps(notebook))
    assert "01_one, cell 5: shows claims, so it needs the tag claims." in ledger.check(
        book
    )


def test_chapters_that_are_not_fresh_are_named_with_the_mend(book):
    add_chapter(book, "01_one")
    execute(book, "02_two")
    execute(book, "03_three", claims=[CLAIM | {"id": "b"}])
    add_chapter(book, "02_two", "seeds", prose="New.")
    add_chapter(book, "03_three", "seeds + 1")
    mend = "`hlnb run {}` mends that."
    assert ledger.check(book) == [
        f"01_one was never executed; {mend.format('01_one')}",
        f"02_two was edited since it was executed; {mend.format('02_two')}",
        "03_three is stale: code it reaches has changed; " + mend.format("03_three"),
    ]
    assert len(ledger.check(book, ["02"])) == 1


def test_unclean_sources_and_folders_are_found_too(book):
    execute(book, "01_one")
    add_chapter(book, "02_two", "!ls")
    (book / "notebooks" / "draft.ipynb").write_text("{}")
    problems = " ".join(ledger.check(book))
    assert "draft.ipynb is not named" in problems
    assert "02_two, cell 4: is not plain Python" in problems


def test_a_broken_copy_is_one_problem_of_many(book):
    execute(book, "01_one").write_text("{")
    add_chapter(book, "02_two")
    problems = " ".join(ledger.check(book))
    assert "01_one is stale" in problems
    assert "is no notebook; restore it or run it anew" in problems
    assert "02_two was never executed" in problems
