"""The weekly design of unusual parameters holds every pair that a chapter takes."""

import itertools
import json
import random
import sys
import time
from pathlib import Path

import pytest

from hlnb.errors import HlnbError
from hlnb.parameters import Parameter, admit_together
from hlnb.publishing.chapters import load, select

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
pairwise = pytest.importorskip("pairwise")
CHAPTERS = select(load(ROOT), ["01", "18", "19"])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_rows_are_taken_and_hold_every_pair_that_can_be_had(chapter):
    rows = [*pairwise.design(chapter, draw=random.Random(0))]
    assert rows == [*pairwise.design(chapter, draw=random.Random(0))]
    held = set().union(*map(pairwise.pairs, rows))
    usual = {n: p.default for n, p in chapter.parameters.items()} | chapter.smoke()
    assert len(rows) < 60
    for row in rows:
        admit_together(chapter.parameters, row)
        assert row.keys() == chapter.parameters.keys()
    tried = {n: pairwise.levels(p, usual[n]) for n, p in chapter.parameters.items()}
    for one, two in itertools.combinations(tried, 2):
        for a, b in itertools.product(tried[one], tried[two]):
            try:
                admit_together(chapter.parameters, usual | {one: a, two: b})
            except HlnbError:
                continue
            assert pairwise.pairs({one: a, two: b}) <= held


def test_levels_are_the_usual_value_the_low_end_and_half_as_much_again():
    def tried(kind, usual, **about):
        return pairwise.levels(Parameter("x", kind, usual, "help", **about), usual)

    assert tried("int", 4, range=(1, 100)) == [4, 1, 7]
    assert tried("float", 0.5, range=(0.1, 0.6)) == [0.5, 0.1, 0.6]
    assert tried("int", 1, range=(1, 1)) == [1]
    assert tried("list[int]", [2, 4], range=(1, 9), least=1) == [[2, 4], [2], [2, 4, 7]]
    assert tried("list[int]", [2, 4], range=(1, 9), least=2) == [[2, 4], [2, 4, 7]]
    assert tried("str", "cpu", choices=("cpu", "cuda")) == ["cpu"]
    assert tried("bool", True) == [True, False]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_an_end_is_one_parameter_at_the_end_of_its_range(chapter):
    for name, row in pairwise.ends(chapter):
        admit_together(chapter.parameters, chapter.smoke() | row)
        ((parameter, value),) = row.items()
        values = value if isinstance(value, list) else [value]
        assert set(values) & {*chapter.parameters[parameter].range}
        assert name == f"{chapter.name[:2]} {parameter} = {json.dumps(value)}"


def test_the_ends_go_on_from_the_record(tmp_path, monkeypatch, capsys):
    chapter = CHAPTERS[0]
    names = [name for name, _ in pairwise.ends(chapter)]
    found = {"01 seeds = 1000": "slow", names[-1]: "FAILED | why"}
    tried = []

    def execute(_, row, *, timeout, slow):
        tried.append(row)
        name = next(n for n, other in pairwise.ends(chapter) if other == row)
        return found.get(name, "")

    monkeypatch.setattr(pairwise, "RECORD", tmp_path / "ranges.json")
    monkeypatch.setattr(pairwise, "execute", execute)
    kept = {"18 n = 2": {"date": "2026-01-01", "seen": "executed"}}
    gone = {"01 no_such = 3": {"date": "2026-01-01", "seen": "executed"}}
    (tmp_path / "ranges.json").write_text(json.dumps(kept | gone))
    for _ in range(2):
        until, draw = time.monotonic() + 60, random.Random(0)
        assert pairwise.pass_ends([chapter], until=until, draw=draw) == 1
    assert len(tried) == len(names)
    record = json.loads((tmp_path / "ranges.json").read_text("utf8"))
    assert record.keys() == {*names, *kept}
    assert f"{names[-1]}: FAILED | why" in capsys.readouterr().out


def test_the_kept_record_names_ends_of_today_without_a_fault():
    record = json.loads(pairwise.RECORD.read_text("utf8"))
    today = {name for c in load(ROOT) for name, _ in pairwise.ends(c)}
    assert record.keys() <= today
    assert {row["seen"] for row in record.values()} <= {"executed", "slow"}
