"""The weekly design of unusual parameters holds every pair that a chapter takes."""

import itertools
import random
import sys
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
