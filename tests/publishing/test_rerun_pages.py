"""A re-run as a page: what differs stands on top, and the published book stays."""

import copy
import json
import re
import shutil
from pathlib import Path

import pytest

import small_book
from hlnb.errors import HlnbError
from hlnb.publishing import copies, freshness, notebooks, reruns
from hlnb.publishing.chapters import Chapter, read_notebook
from hlnb.publishing.cli import main
from hlnb.publishing.run import execute

NAME = "02_toy_problem_1"


@pytest.fixture
def book(tmp_path) -> Path:
    return small_book.make(tmp_path / "book")


def rerun(book: Path, parameters: dict, verdict: str = "partly") -> Path:
    """A folder with a re-run of a chapter, whose first claim has that verdict."""
    chapter = Chapter(book / "notebooks" / f"{NAME}.ipynb")
    published = copies.executed_path(chapter)
    executed = copy.deepcopy(read_notebook(published))
    notebooks.payloads(executed, notebooks.CLAIMS)[0][0]["verdict"] = verdict
    keys = freshness.keys(chapter, parameters)
    woven = notebooks.weave(
        chapter.notebook, executed, keys=keys, parameters=parameters
    )
    folder = book / "runs"
    (folder / f"{NAME}.ipynb").write_bytes(notebooks.to_bytes(woven))
    record = copies.provenance(published) | keys._asdict()
    record["outputs"] = notebooks.outputs_digest(woven)
    (folder / f"{NAME}.provenance.json").write_text(json.dumps(record))
    return folder


@pytest.mark.usefixtures("scripts")  # before the book, which copies them
def test_a_rerun_is_a_page_that_says_what_differs(once, tmp_path):
    book = small_book.make(tmp_path / "book")
    before = {p: p.read_bytes() for p in (book / "book/chapters").iterdir()}
    page = reruns.build_run(book, rerun(book, {"seeds": 2, "lr": 0.1}))
    assert page == book / "_build/run/book/chapters" / f"{NAME}.html"
    banner = page.read_text("utf8").partition("Verdicts that differ")[2]
    assert 'href="#at-02-a"' in banner.partition("</ul>")[0]
    text = re.sub(r"<[^>]+>", "", page.read_text("utf8"))
    assert re.search(r"differ:\s+seeds = 2 \(published 5\)\s+Num", text)  # lr: equal
    assert "Verdicts that differ: 1 of 4." in text
    assert "02-a: reproduced → partly" in text
    assert "The value is 0.250." in text  # its numbers are in its sentences
    assert "shows a re-run of chapter 02" in text
    other = page.with_name("01_hierarchical_learning.html").read_text("utf8")
    assert "shows a re-run of chapter 02" in other
    assert "not the published run" not in other
    assert {p: p.read_bytes() for p in (book / "book/chapters").iterdir()} == before
    assert not (book / "_build" / "run.source").exists()


def test_only_verdicts_of_both_runs_are_counted(book):
    folder = rerun(book, {"seeds": 2})
    file = folder / f"{NAME}.ipynb"
    executed = read_notebook(file)
    listed = notebooks.payloads(executed, notebooks.CLAIMS)[0]
    del listed[1]
    listed.append(listed[0] | {"id": "02-new"})
    file.write_bytes(notebooks.to_bytes(executed))
    told = reruns.with_differences(file, copies.claims(book))
    about = told["metadata"]["hlnb"]["rerun"]
    assert about == {"n_claims": 3, "verdicts": [["02-a", "reproduced", "partly"]]}
    assert read_notebook(file) == executed
    assert "rerun" not in executed["metadata"]["hlnb"]


def test_what_is_no_rerun_of_the_book_is_refused_before_any_work(book):
    folder = rerun(book, {"seeds": 2})
    place = folder / f"{NAME}.ipynb"
    with pytest.raises(HlnbError, match="nowhere is not there: name a copy"):
        reruns.build_run(book, book / "nowhere")
    with pytest.raises(HlnbError, match="holds no executed chapter: `hlnb run NN"):
        reruns.build_run(book, book / "notebooks" / "..")
    with pytest.raises(HlnbError, match="holds no executed chapter"):
        reruns.build_run(book, folder, ["08"])
    shutil.copy(place, folder / "77_other.ipynb")
    with pytest.raises(HlnbError, match=r"77_other\.ipynb is of no chapter"):
        reruns.build_run(book, folder)
    (folder / "77_other.ipynb").unlink()
    source = book / "notebooks" / f"{NAME}.ipynb"
    text = source.read_text("utf8")
    source.write_text(text.replace("draw(curve)", "draw(other)"))
    with pytest.raises(HlnbError, match="has other code than the book has now"):
        reruns.build_run(book, place)
    source.write_text(text)
    copy_of = place.read_text("utf8")
    for old, new in (("reproduced", "Reproduced"), ('"draw(curve)"', '"pass"')):
        assert old in copy_of
        place.write_text(copy_of.replace(old, new))
        with pytest.raises(HlnbError, match="was changed after its execution"):
            reruns.build_run(book, place)
    place.with_suffix(".provenance.json").unlink()
    with pytest.raises(HlnbError, match="was not executed by `hlnb run`; `hlnb run 02"):
        reruns.build_run(book, place)
    assert not (book / "_build" / "run").exists()


def test_the_command_shows_a_rerun(book, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        "hlnb.publishing.reruns.build_run",
        lambda root, place, names=(): asked.append((str(place), names)) or "page",
    )
    monkeypatch.setattr(execute, "run", lambda *_, **__: execute.Outcome())
    monkeypatch.chdir(book)
    assert main(["build", "--run", "runs"]) == 0
    assert main(["run", "02", "-p", "seeds", "2", "--show"]) == 0
    assert main(["run", "02", "--smoke", "--out", "elsewhere", "--show"]) == 0
    assert asked == [
        ("runs", ()),
        (str(book / "runs"), ["02"]),
        ("elsewhere", ["02"]),
    ]
    assert capsys.readouterr().out == "Built page\n" * 3
    assert main(["run", "02", "--show"]) == 1
    assert "--show is for a re-run" in capsys.readouterr().err
    assert main(["build", "--run", "runs", "--edition", "student"]) == 1
    assert "leave --edition student out" in capsys.readouterr().err
    monkeypatch.setattr(execute, "run", lambda *_, **__: execute.Outcome(failed=1))
    assert main(["run", "02", "--smoke", "--show"]) == 1
    assert len(asked) == 3
    moved = execute.Outcome(moved={NAME: ["02-a: partly"]})
    monkeypatch.setattr(execute, "run", lambda *_, **__: moved)
    assert main(["run", "02", "--smoke", "--show"]) == 3
    assert len(asked) == 4


def test_a_download_has_the_numbers_in_its_text(book):
    from hlnb.publishing.render import executed

    known = {chapter.name: chapter for chapter in executed.load(book)}
    first, second = known["01_hierarchical_learning"], known[NAME]
    text = (
        "{glue:text}`half:.1%` and "
        "{glue:text}`chapters/02_toy_problem_1.ipynb::half` {cite}`x`"
    )
    assert first.with_numbers(text, known) == "25.0% and 0.25 {cite}`x`"
    filled = second.filled(known)
    assert "glue:text" not in json.dumps(filled["cells"])
    for cell, original in zip(filled["cells"], second.cells, strict=True):
        assert cell["cell_type"] == "markdown" or cell == original
