"""The ledger: claims, provenance, and what `hlnb check` finds in executed copies."""

import json

import pytest

from hlnb.code import digest
from hlnb.publishing import copies, freshness
from hlnb.publishing.chapters import Chapter, read_notebook
from hlnb.publishing.cli import main
from hlnb.publishing.notebooks import CLAIMS, STATE, to_bytes, weave
from publishing_fixtures import (
    CLAIM,
    SPOILED,
    add_chapter,
    edit,
    list_chapters,
    make_book,
)

RECORD = {"date": "2026-01-02", "seconds": 12.3, "cpu": "A CPU"}
FIGURE = {"alt": "Two bars.", "caption": "Bars", "name": "fig-bars"}


@pytest.fixture
def book(tmp_path):
    return make_book(tmp_path / "book")


def display(data, **metadata):
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def execute(root, name, *outputs, claims=(CLAIM,), code=""):
    """A chapter whose executed copy shows `outputs` and makes `claims`.

    `code`: another key of the package than that of now.
    """
    chapter = Chapter(add_chapter(root, name, "seeds"))
    keys = freshness.keys(chapter, {})
    executed = {"cells": [dict(cell) for cell in chapter.cells], "metadata": {}}
    executed["cells"][-2]["outputs"] = list(outputs)
    executed["cells"][-1]["outputs"] = [display({CLAIMS: list(claims)})]
    if code:
        keys = keys._replace(code=code)
    woven = weave(chapter.notebook, executed, keys=keys, parameters={})
    path = copies.executed_path(chapter)
    path.write_bytes(to_bytes(woven))
    return stamp(path)


def stamp(path):
    """The copy at `path`, whose provenance is now what an execution would say."""
    executed = read_notebook(path)
    keys = freshness.known_keys(executed)._asdict()
    digests = {"outputs": freshness.outputs_digest(executed), "results": digest([])}
    path.with_suffix(".provenance.json").write_text(json.dumps(RECORD | keys | digests))
    return path


def test_claims_of_executed_chapters_know_their_chapter(book):
    execute(book, "01_one", claims=[CLAIM, CLAIM | {"id": "b"}])
    add_chapter(book, "02_two")
    found = copies.claims(book)
    assert [(c["chapter"], c["id"]) for c in found] == [
        ("01_one", "a"),
        ("01_one", "b"),
    ]
    assert found[0] == CLAIM | {"chapter": "01_one"}


def test_provenance_is_read_from_beside_the_copy(book):
    path = execute(book, "01_one")
    assert copies.provenance(path)["seconds"] == 12.3
    assert copies.executed_on(path) == "executed 2026-01-02 on A CPU, 12 s"
    path.with_suffix(".provenance.json").write_text("[]")
    assert copies.provenance(path) is None
    assert copies.executed_on(path) == "executed at an unknown date"


def test_executions_tell_state_and_provenance_in_order(book):
    add_chapter(book, "02_two")
    execute(book, "01_one")
    one, two = copies.executions(book)
    assert (one["name"], one["title"], one["state"]) == (
        *("01_one", "Chapter 01_one", "fresh"),
    )
    assert one["provenance"]["date"] == "2026-01-02"
    assert (two["state"], two["provenance"]) == ("missing", None)


def test_a_sound_book_has_no_problem(book):
    image = display({"image/png": "x", "text/plain": "x"}, hlnb=FIGURE)
    execute(book, "01_one", image)
    execute(book, "02_two", claims=[CLAIM | {"id": "b", "low": None, "high": None}])
    assert copies.check(book) == []


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
            display({"text/plain": "x" * 3_100_000}),
            "01_one: the executed copy has 3.1 MB, more than 3.",
        ),
    ],
)
def test_an_output_that_may_not_be_published_is_named(book, output, problem):
    execute(book, "01_one", output)
    assert copies.check(book) == [problem]


def test_two_figures_in_a_cell_and_one_name_twice_are_found(book):
    image = display({"image/png": "x"}, hlnb=FIGURE)
    execute(book, "01_one", image, image)
    assert copies.check(book) == [
        "01_one, cell 4: shows 2 figures; one a cell can be captioned.",
        "Figure fig-bars is shown twice.",
    ]


def test_claims_made_twice_incomplete_or_without_verdict_are_found(book):
    execute(book, "01_one")
    lacking = {k: v for k, v in CLAIM.items() if k != "unit"}
    unsure = CLAIM | {"id": "b", "verdict": "perhaps"}
    execute(book, "02_two", claims=[lacking, unsure])
    assert copies.check(book) == [
        "02_two: claim a lacks unit.",
        "02_two: the verdict 'perhaps' of claim b is no verdict of ours.",
        "Claim a is made twice.",
    ]


@pytest.mark.parametrize("spoiled", SPOILED)
def test_what_is_no_claim_is_one_sentence_of_every_command(
    book, monkeypatch, capsys, spoiled
):
    execute(book, "01_one", claims=[spoiled])
    (problem,) = copies.check(book)
    assert problem.startswith("01_one: ")
    monkeypatch.chdir(book)
    (book / "rerun.json").write_text(json.dumps([CLAIM]))
    for line, status in (
        (["list"], 0),
        (["check"], 1),
        (["claims"], 1),
        (["claims", "--json"], 1),
        (["diff", "rerun.json"], 1),
    ):
        assert main(line) == status
        told = capsys.readouterr()
        if line != ["list"]:
            assert (told.out + told.err).count("\n") == 1


BROKEN = ["", "{", "[]", "[" * 100_000, '{"nbformat": 4, "cells": [1], "metadata": {}}']


@pytest.mark.parametrize("text", BROKEN)
def test_a_copy_that_cannot_be_read_is_damaged_to_every_command(
    book, monkeypatch, capsys, text
):
    """Not stale: its code says nothing of it."""
    execute(book, "01_one").write_text(text)
    monkeypatch.chdir(book)
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["01_one", "damaged"]
    assert main(["check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "damaged" in lines[0]
    assert "01_one.ipynb is no notebook; restore it or run it anew." in lines[1]
    assert main(["claims"]) == 1
    assert capsys.readouterr().err.endswith(
        "01_one.ipynb is no notebook; restore it or run it anew.\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        *(*BROKEN, '{"date": 1, "seconds": 2, "cpu": "c"}', '{"date": "d"}'),
        *(
            f'{{"date": "d", "seconds": {seconds}, "cpu": "c"}}'
            for seconds in ("NaN", "1e999", "true", '"2"', "9" * 400)
        ),
    ],
)
def test_a_provenance_that_cannot_be_read_is_none(book, monkeypatch, capsys, text):
    path = execute(book, "01_one").with_suffix(".provenance.json")
    path.write_text(text)
    assert copies.provenance(path) is None
    monkeypatch.chdir(book)
    assert main(["list"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split() == ["01_one", "damaged", "-", "-", "-"]
    assert main(["check"]) == 1


@pytest.mark.parametrize("text", [*BROKEN, "{}", '{"01_one": 1}', '["01_one"]'])
def test_states_that_no_edition_wrote_are_named(book, monkeypatch, capsys, text):
    execute(book, "01_one")
    path = book / copies.STATES
    path.write_text(text)
    monkeypatch.chdir(book)
    assert main(["list"]) == 1
    told = f"hlnb: {path} does not say the state of each chapter: delete it, as only"
    said = capsys.readouterr().err
    assert said.startswith(told)
    assert said.count("\n") == 1


def test_chapters_left_out_of_the_contents_are_no_part_of_what_is_said(book):
    execute(book, "01_one")
    execute(book, "02_two", claims=[CLAIM | {"id": "b"}])
    list_chapters(book, "01_one")
    assert [c["id"] for c in copies.claims(book)] == ["a"]
    assert copies.states(book) == {"01_one": "fresh"}
    (book / "notebooks" / "02_two.ipynb").write_text("{")
    assert copies.check(book) == []  # it is not asked of them
    (problem,) = copies.check(book, ["02"])
    assert "is no notebook" in problem


def test_a_chapter_must_show_claims_and_only_where_its_tags_say(book):
    execute(book, "01_one", claims=[])
    assert copies.check(book) == ["01_one: shows no claim; page.claims shows some."]
    executed = execute(book, "01_one")
    notebook = json.loads(executed.read_text())
    notebook["cells"][-1]["metadata"]["tags"] = []
    executed.write_text(json.dumps(notebook))
    assert "01_one, cell 5: shows claims, so it needs the tag claims." in copies.check(
        book
    )


def test_chapters_that_are_not_fresh_are_named_with_the_mend(book):
    add_chapter(book, "01_one")
    execute(book, "02_two")
    execute(book, "03_three", claims=[CLAIM | {"id": "b"}])
    add_chapter(book, "02_two", "seeds", prose="New.")
    add_chapter(book, "03_three", "seeds + 1")
    assert copies.check(book) == [
        "01_one was never executed; `hlnb run 01_one` mends that.",
        "02_two: its text was edited since it was executed; `hlnb run 02_two` mends "
        "that.",
        "03_three: its code was edited since it was executed; `hlnb run 03_three` "
        "mends that.",
    ]
    assert len(copies.check(book, ["02"])) == 1


def test_an_overtaken_chapter_passes_and_is_named(book):
    execute(book, "01_one")
    execute(book, "02_two", claims=[CLAIM | {"id": "b"}], code="c" * 64)
    assert copies.check(book) == []
    assert copies.overtaken(book) == ["02_two"]
    assert copies.overtaken(book, ["01"]) == []
    assert copies.states(book) == {"01_one": "fresh", "02_two": "overtaken"}
    add_chapter(book, "02_two", "seeds", prose="New.")  # the text comes first
    assert copies.overtaken(book) == []
    assert len(copies.check(book)) == 1


def test_an_edition_says_of_its_chapters_what_the_book_says(book):
    execute(book, "01_one")
    (book / copies.STATES).write_text('{"01_one": "overtaken"}')
    assert copies.states(book) == {"01_one": "overtaken"}
    assert [e["state"] for e in copies.executions(book)] == ["overtaken"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"verdict": "reproduced"', '"verdict": "partly"'),
        ('"ours": 0.7', '"ours": 0.71'),
        ("seen", "unseen"),
        ("iVBORw0", "iVBORx0"),
        ('"caption": "Bars"', '"caption": "Bears"'),
        ('"selected_index": 0', '"selected_index": 1'),
    ],
)
def test_an_output_that_was_changed_by_hand_is_found(book, old, new):
    """A claim, a text, a picture, a caption, the state of a widget."""
    text = {"output_type": "stream", "name": "stdout", "text": ["seen\n"]}
    image = display({"image/png": "iVBORw0"}, hlnb=FIGURE)
    path = execute(book, "01_one", text, image)
    notebook = json.loads(path.read_text("utf8"))
    notebook["metadata"]["widgets"] = {STATE: {"state": {"a": {"selected_index": 0}}}}
    chapter = Chapter(book / "notebooks" / "01_one.ipynb")
    keys = freshness.known_keys(notebook)
    path.write_bytes(
        to_bytes(weave(chapter.notebook, notebook, keys=keys, parameters={}))
    )
    stamp(path)
    assert copies.check(book) == []
    edit(path, old, new)
    assert copies.check(book) == [
        "01_one: an output of the executed copy was changed by hand; `hlnb run 01_one` "
        "mends that."
    ]


def test_unclean_sources_and_folders_are_found_too(book):
    execute(book, "01_one")
    add_chapter(book, "02_two", "!ls")
    (book / "notebooks" / "draft.ipynb").write_text("{}")
    problems = " ".join(copies.check(book))
    assert "draft.ipynb is not named" in problems
    assert "02_two, cell 4: is not plain Python" in problems


def test_a_broken_copy_is_one_problem_of_many(book):
    execute(book, "01_one").write_text("{")
    add_chapter(book, "02_two")
    problems = " ".join(copies.check(book))
    assert "01_one: the executed copy and its provenance are damaged" in problems
    assert "is no notebook; restore it or run it anew" in problems
    assert "02_two was never executed" in problems
