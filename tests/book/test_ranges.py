"""Ranges are true: what a chapter cannot take is refused before a kernel starts.

Nothing is executed. Both ends of each parameter, and each list empty, doubled,
reversed, shortened and with NaN, pass through what `hlnb run` asks first.
"""

import re
from pathlib import Path

import pytest

from hlnb.errors import HlnbError
from hlnb.parameters import admit_together
from hlnb.publishing.chapters import Chapter, load, select

CHAPTERS = load(Path(__file__).parents[2])
EVERY = [(c, p) for c in CHAPTERS for p in c.parameters.values()]
LISTS = [(c, p) for c, p in EVERY if p.type.startswith("list[")]


def called(found):
    return [f"{chapter.name[:2]} {parameter.name}" for chapter, parameter in found]


def refusal(chapter: Chapter, **values) -> str:
    """Why a chapter does not take values beside its defaults; empty if it does."""
    try:
        given = {n: chapter.parameters[n].take(v) for n, v in values.items()}
        admit_together(chapter.parameters, given)
    except HlnbError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(("chapter", "parameter"), EVERY, ids=called(EVERY))
def test_each_end_is_taken_or_its_relation_is_named(chapter, parameter):
    ends = parameter.range or parameter.choices or ()
    assert ends or parameter.form
    for place, end in zip((0, -1), ends, strict=False):
        value = end
        if parameter.type.startswith("list["):
            value = [*parameter.default]
            value[place] = end
        said = refusal(chapter, **{parameter.name: value})
        told = rf"Parameter {parameter.name} (has to keep |= .* does not go with )"
        assert not said or re.match(told, said)
        assert said.count("\n") == 0


@pytest.mark.parametrize(("chapter", "parameter"), EVERY, ids=called(EVERY))
def test_beyond_its_ends_it_is_refused(chapter, parameter):
    wrong = ["no such thing", "", 2]
    if parameter.range:
        low, high = parameter.range
        wrong = [low - 1, high + 1, float("nan"), float("inf"), True, None, "2"]
    for value in wrong:
        given = [value] if parameter.type.startswith("list[") else value
        said = refusal(chapter, **{parameter.name: given})
        assert said.startswith(f"Parameter {parameter.name} "), value


@pytest.mark.parametrize(("chapter", "parameter"), LISTS, ids=called(LISTS))
def test_a_list_is_neither_empty_nor_doubled(chapter, parameter):
    name, values = parameter.name, parameter.default
    for wrong in ([], values * 2):
        said = refusal(chapter, **{name: wrong})
        assert said.startswith(f"Parameter {name} "), wrong
    backwards = refusal(chapter, **{name: values[::-1]})
    assert re.search("^$|ascending|has to keep|does not go with", backwards)
    if any(f"len({name})" in relation for relation in relations_of(chapter)):
        said = refusal(chapter, **{name: values[:-1]})
        assert said.startswith(f"Parameter {name} ")


def relations_of(chapter):
    return [r for p in chapter.parameters.values() for r in p.relations if "==" in r]


@pytest.mark.parametrize(
    ("number", "given", "text"),
    [
        ("02", {"lrs": "[]"}, "lrs takes at least 1 value, not []."),
        ("02", {"lrs": "[0.1,0.1]"}, "lrs takes each value once, not [0.1, 0.1]."),
        ("02", {"n_train": "0"}, "n_train takes values from 64 to 1e+06, not 0."),
        ("02", {"d": "10"}, "d has to keep T <= d, which d = 10 and T = 16 do not."),
        ("10", {"n": "4", "k": "12"}, "has to keep k <= n, which k = 12 and n = 4"),
        ("10", {"heights": "[]"}, "heights takes at least 1 value, not []."),
        ("11", {"noise": "10"}, "noise takes values from 0.0001 to 0.05, not 10.0."),
        ("23", {"sparse_k": "[2]"}, "sparse_k = [2] does not go with sparse_d = ["),
        ("23", {"sparse_d": "[4]", "sparse_k": "[6]"}, "from 2 to 3, not 6."),
        ("12", {"ds": "[50,50]"}, "ds takes values in ascending order, each once, not"),
        ("12", {"flow_ds": "[]"}, "flow_ds takes at least 1 value, not []."),
        ("13", {"depths": "[2]"}, "depths takes at least 2 values, not [2]."),
        ("13", {"depths": "[2,3]"}, "; needed: a depth for each grammar (len(depths)"),
        (
            "13",
            {"ratios": "1,64"},
            "; needed: a tenth of all strings is left for tests",
        ),
        ("13", {"vocab_sizes": "[]"}, "vocab_sizes takes at least 2 values, not []."),
        ("14", {"grammars": '["<b>x</b>-2"]'}, "grammars takes values of the form"),
        ("14", {"grammars": '["0-2"]'}, "grammars takes values of the form"),
        ("18", {"square_ns": "[25,25]"}, "values in ascending order, each once, not"),
        ("19", {"rank": "100"}, "rank has to keep rank <= size, which rank = 100 and"),
        ("21", {"shared": "[0,500]"}, "keep shared < epochs, which shared = [0, 500] "),
    ],
)
def test_what_once_failed_in_a_cell_is_refused_by_name(number, given, text):
    """The re-runs that a review made; each took seconds to tens of seconds to fail."""
    (chapter,) = select(CHAPTERS, [number])
    parsed = {n: chapter.parameters[n].parse(v) for n, v in given.items()}
    said = refusal(chapter, **parsed)
    assert said.startswith("Parameter ")
    assert text in said
