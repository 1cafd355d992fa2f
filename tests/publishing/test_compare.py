"""A re-run beside the published run: which claims moved."""

import json

import pytest

from hlnb.errors import HlnbError
from hlnb.publishing import compare
from hlnb.publishing.cli import main
from hlnb.publishing.notebooks import CLAIMS
from publishing_fixtures import SPOILED, add_chapter, make_book


def claim(id="a", ours=2.0, low=1.0, high=3.0, **more):
    known = {
        "chapter": "01_one",
        "id": id,
        "source": "s",
        "statement": "t",
        "theirs": "2",
        "ours": ours,
        "low": low,
        "high": high,
        "n": 5,
        "unit": "epochs",
        "verdict": "reproduced",
        "note": "",
    }
    return known | more


def states(before, after):
    return {c.id: c.state for c in compare.compare(before, after)}


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        ({}, {"ours": 3.0}, compare.WITHIN),
        ({}, {"ours": 1.0}, compare.WITHIN),
        ({}, {"ours": 3.1}, compare.MOVED),
        ({}, {"ours": 0.9}, compare.MOVED),
        ({}, {"ours": None}, compare.MOVED),
        ({"ours": None, "high": None}, {"ours": None}, compare.WITHIN),
        ({"ours": None, "high": None}, {"ours": 2.0}, compare.MOVED),
        ({"high": None}, {"ours": 99.0}, compare.WITHIN),
        ({}, {"verdict": "partly"}, compare.VERDICT),
        ({}, {"ours": 9.0, "verdict": "partly"}, compare.VERDICT),
    ],
)
def test_a_number_moves_when_it_leaves_the_published_range(old, new, state):
    assert states([claim(**old)], [claim(**new)]) == {"a": state}


def test_counts_are_compared_as_shares_of_runs():
    count = {"low": None, "high": None}
    old = claim(ours=5, unit="of 5 runs", **count)
    assert states([old], [claim(ours=2, n=2, unit="of 2 runs", **count)]) == {
        "a": compare.WITHIN
    }
    assert states([old], [claim(ours=1, n=2, unit="of 2 runs", **count)]) == {
        "a": compare.MOVED
    }
    pairs = claim(ours=9, low=0, high=18, unit="of 45 pairs")  # a median of counts
    assert states([pairs], [claim(ours=8, unit="of 20 pairs")]) == {"a": compare.WITHIN}
    assert states([pairs], [claim(ours=9, unit="of 20 pairs")]) == {"a": compare.MOVED}
    value = claim(ours=9, low=None, unit="of the untrained value")
    assert states([value], [value | {"n": 2}]) == {"a": compare.WITHIN}


def test_a_unit_that_no_number_can_hold_is_no_count():
    odd = claim(ours=3.0, low=2.0, high=4.0, unit=f"of {'9' * 5000} runs")
    (change,) = compare.compare([odd], [odd])
    assert (change.state, change.by) == (compare.WITHIN, 0)


def test_what_is_absent_or_new_is_told_and_other_chapters_are_left_out():
    before = [claim("a"), claim("b"), claim("c", chapter="02_two")]
    after = [claim("a", chapter="out"), claim("d")]
    assert states(before, after) == {
        "a": compare.WITHIN,
        "b": compare.MISSING,
        "d": compare.NEW,
    }
    assert states(before, [claim("z")]) == {"z": compare.NEW}


def test_by_how_much():
    first, second = compare.compare(
        [claim("a"), claim("b", ours=None, high=None)],
        [claim("a", ours=5.5), claim("b")],
    )
    assert first.by == 3.5
    assert second.by is None
    assert compare.moved([first, second]) == [first, second]


@pytest.mark.parametrize(
    ("ours", "n", "by", "shown"),
    [(2, 2, 0, "+0 %"), (1, 2, -0.5, "-50 %"), (0, 0, None, "-")],
)
def test_a_count_moves_by_its_share_of_runs(ours, n, by, shown):
    count = {"low": None, "high": None}
    (change,) = compare.compare(
        [claim(ours=5, unit="of 5 runs", **count)],
        [claim(ours=ours, n=n, unit=f"of {n} runs", **count)],
    )
    assert change.by == by
    _, row = compare.rows([change])
    assert row[3:] == ("5 of 5 runs", "-", f"{ours} of {n} runs", shown, f"5 → {n}")


def test_rows_have_the_moved_ones_first():
    rows = compare.rows(
        compare.compare(
            [claim("a"), claim("b"), claim("c")],
            [claim("a"), claim("b", ours=9.0), claim("c", verdict="partly")],
        )
    )
    assert [row[0] for row in rows] == ["CLAIM", "b", "c", "a"]
    assert rows[1][2:] == ("reproduced", "2", "[1, 3]", "9", "+7", "5")
    assert rows[2][2] == "reproduced → partly"


@pytest.fixture
def listed(tmp_path):
    def write(name, claims):
        path = tmp_path / name
        path.write_text(json.dumps(claims))
        return path

    return write


def test_the_command_says_what_moved_and_ends_with_three(listed, capsys):
    old, new = listed("old.json", [claim()]), listed("new.json", [claim(ours=9.0)])
    assert main(["diff", str(new), "--against", str(old)]) == 3
    out, err = capsys.readouterr()
    assert "moved" in out
    assert "1 of 1 claims moved." in err
    assert main(["diff", str(old), "--against", str(old), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["state"] == compare.WITHIN
    assert found[0]["by"] == 0


def test_notebooks_and_folders_are_read(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {CLAIMS: [claim(chapter="x")]},
    }
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [output]}
    del output["data"][CLAIMS][0]["chapter"]
    notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4})
    (folder / "01_one.ipynb").write_text(notebook)
    (folder / "02_two.failed.ipynb").write_text(notebook)
    for place in (folder, folder / "01_one.ipynb"):
        (found,) = compare.read(place)
        assert found["chapter"] == "01_one"


LAID = "seeds: int = 5  # runs\nlr: float = 0.5  # step size\nd: int = 100  # pixels"


def executed(path, *, claims, written_by="hlnb", cell=LAID, **parameters):
    """An executed copy with claims, and what it was executed with."""
    output = {"output_type": "display_data", "metadata": {}, "data": {CLAIMS: claims}}
    tags = {"tags": ["parameters"]}
    cells = [
        {"cell_type": "code", "metadata": tags, "source": cell, "outputs": []},
        {"cell_type": "code", "metadata": {}, "source": "", "outputs": [output]},
    ]
    about = {written_by: {"parameters": parameters}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": about, "nbformat": 4}))
    return path


@pytest.mark.parametrize("writer", ["hlnb", "papermill"])
def test_the_command_says_which_parameters_differ(
    tmp_path, monkeypatch, capsys, writer
):
    book = make_book(tmp_path / "book")
    add_chapter(book, "01_one")
    executed(book / "book" / "chapters" / "01_one.ipynb", claims=[claim()])
    monkeypatch.chdir(book)
    run = {"seeds": 5, "d": 64}  # the seeds are those of the published run
    again = executed(tmp_path / "out.ipynb", claims=[claim()], written_by=writer, **run)
    assert main(["diff", str(again)]) == 0
    first, *table = capsys.readouterr().out.splitlines()
    assert first == "01_one: d = 64 (published 100)"
    assert table[0].split()[:3] == ["CLAIM", "STATE", "VERDICT"]
    assert main(["diff", str(again), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)[0]["id"] == "a"
    assert told.err.splitlines()[0] == first
    same = executed(tmp_path / "same.ipynb", claims=[claim()])
    assert main(["diff", str(same)]) == 0
    assert capsys.readouterr().out.startswith("01_one: no parameter differs\n")


def test_who_says_nothing_of_parameters_is_not_spoken_for(tmp_path):
    own = executed(tmp_path / "a" / "01_one.ipynb", claims=[claim()])
    foreign = executed(tmp_path / "b.ipynb", claims=[claim()], cell="x = 1")
    (tmp_path / "list.json").write_text(json.dumps([claim()]))
    for rerun in (foreign, tmp_path / "list.json"):
        told = compare.told_parameters(
            [claim()], [claim(chapter=rerun.stem)], published=own.parent, rerun=rerun
        )
        assert told == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_list_in_any_encoding_of_json_is_read(tmp_path, encoding):
    """A shell of Windows that writes standard output to a file takes UTF-16."""
    path = tmp_path / "list.json"
    text = json.dumps([claim(statement="≥ √")], ensure_ascii=False)
    path.write_text(text, encoding)
    (found,) = compare.read(path)
    assert found["statement"] == "≥ √"


@pytest.mark.parametrize("spoiled", SPOILED)
def test_claims_of_another_form_are_one_sentence(tmp_path, capsys, spoiled):
    sound = executed(tmp_path / "sound.ipynb", claims=[claim()])
    for bad in (
        executed(tmp_path / "bad.ipynb", claims=[spoiled]),
        tmp_path / "bad.json",
    ):
        (tmp_path / "bad.json").write_text(json.dumps([spoiled]))
        assert main(["diff", str(bad), "--against", str(sound)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
        assert main(["diff", str(sound), "--against", str(bad)]) == 1
        assert capsys.readouterr().err.count("\n") == 1


def test_what_is_no_rerun_is_refused(tmp_path, listed, capsys, monkeypatch):
    homeless = {k: v for k, v in claim().items() if k != "chapter"}
    empty = tmp_path / "empty"
    empty.mkdir()
    cases = {
        empty: "holds no claims",
        tmp_path / "absent.json": "Cannot read",
        listed("bad.json", [{"id": "a"}]): "is no list of claims",
        listed("none.json", {"a": 1}): "is no list of claims",
        listed("number.json", 3): "is no list of claims",
        listed("homeless.json", [homeless]): "claim a names no chapter",
    }
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "latin.json").write_bytes(b'[{"id": "\xe4"}]')
    for name in ("deep.json", "latin.json"):
        cases[tmp_path / name] = "is no list of claims"
    for place, text in cases.items():
        with pytest.raises(HlnbError, match=text):
            compare.read(place)
    monkeypatch.chdir(make_book(tmp_path / "book"))
    other = listed("other.json", [])
    assert main(["diff", str(other)]) == 1
    assert "holds no claims" in capsys.readouterr().err
