"""A re-run beside the published run: which claims moved."""

import json

import pytest

from hlnb.errors import HlnbError
from hlnb.publishing import compare
from hlnb.publishing.cli import main
from publishing_fixtures import make_book


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


def test_rows_have_the_moved_ones_first():
    rows = compare.rows(
        compare.compare(
            [claim("a"), claim("b"), claim("c")],
            [claim("a"), claim("b", ours=9.0), claim("c", verdict="partly")],
        )
    )
    assert [row[0] for row in rows] == ["CLAIM", "b", "c", "a"]
    assert rows[1][2:] == ("2", "[1, 3]", "9", "+7", "reproduced")
    assert rows[2][-1] == "reproduced → partly"


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
        "data": {"application/vnd.hlnb.claims+json": [claim(chapter="x")]},
    }
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [output]}
    del output["data"]["application/vnd.hlnb.claims+json"][0]["chapter"]
    notebook = json.dumps({"cells": [cell], "metadata": {}})
    (folder / "01_one.ipynb").write_text(notebook)
    (folder / "02_two.failed.ipynb").write_text(notebook)
    for place in (folder, folder / "01_one.ipynb"):
        (found,) = compare.read(place)
        assert found["chapter"] == "01_one"


def test_what_is_no_rerun_is_refused(tmp_path, listed, capsys, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    cases = {
        empty: "holds no claims",
        tmp_path / "absent.json": "Cannot read",
        listed("bad.json", [{"id": "a"}]): "is no list of claims",
        listed("none.json", {"a": 1}): "is no list of claims",
    }
    for place, text in cases.items():
        with pytest.raises(HlnbError, match=text):
            compare.read(place)
    monkeypatch.chdir(make_book(tmp_path / "book"))
    other = listed("other.json", [])
    assert main(["diff", str(other)]) == 1
    assert "holds no claims" in capsys.readouterr().err
