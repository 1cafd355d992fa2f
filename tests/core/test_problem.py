"""No problem takes a number that is infinite or NaN: the whole kind."""

import dataclasses
import importlib
import math
import pkgutil

import pytest

import hlnb.data
from hlnb.data.bars import OneBar
from hlnb.data.boolean import Parity, Polynomial
from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.patterns import PatternProblem, Scene, toy_problem
from hlnb.data.planar import Bent, Stripes
from hlnb.data.problem import Problem
from hlnb.data.quadratic import Quadratic, SquaredQuadratic
from hlnb.data.slabs import Slabs
from hlnb.errors import HlnbError

# One of each problem that has numbers
PROBLEMS = (
    *(OneBar(), Parity(4, 2), Stripes(), Bent(), Quadratic(4, 2)),
    *(Polynomial(3, ((0,), (1,)), (1.0, 2.0)), SquaredQuadratic((1.0, 2.0), 0.5)),
    *(Slabs(pieces=(2, 5), turn=0.0), Slabs(pieces=(1,)), RandomHierarchy(4, 2, 2)),
    toy_problem(2, d=40),
)
WITHOUT = {"SameData", "Shuffled", "Coin", "Digits", "Images"}  # numbers that count


def real(problem) -> dict[str, object]:
    """Its real numbers by name, and its tuples of them."""
    return {
        f.name: value
        for f in dataclasses.fields(problem)
        if type(value := getattr(problem, f.name)) is float
        or (type(value) is tuple and all(type(v) is float for v in value))
    }


def test_no_problem_is_forgotten():
    modules = [m.name for m in pkgutil.iter_modules(hlnb.data.__path__, "hlnb.data.")]
    there = {
        name
        for module in map(importlib.import_module, modules)
        for name, thing in vars(module).items()
        if dataclasses.is_dataclass(thing)
        and thing.__module__ == module.__name__
        and hasattr(thing, "split")
    }
    assert there == {type(problem).__name__ for problem in PROBLEMS} | WITHOUT
    assert all(isinstance(problem, Problem) for problem in PROBLEMS)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("problem", "name"),
    [(p, name) for p in PROBLEMS for name in real(p)],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_a_number_that_is_not_finite_is_refused(problem, name, value):
    before = getattr(problem, name)
    bad = (*before[1:], value) if isinstance(before, tuple) else value
    with pytest.raises(HlnbError, match=str(value)) as refused:
        dataclasses.replace(problem, **{name: bad})
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("weight", [math.nan, math.inf, -0.5])
def test_a_scene_has_a_share_of_its_class(weight):
    with pytest.raises(HlnbError, match=r"weight = .*: take a number from 0 to 1"):
        PatternProblem(((Scene((0,)),), (Scene((1,), weight),)), k=2)
