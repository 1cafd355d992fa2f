"""The truth is a trace: what is executed is in the closure that keys are made of.

Three cheap chapters and twenty mutations here; where HLNB_TRACE_ALL is set (every week)
all chapters and two hundred.
"""

import ast
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import small_runs
import traced
from hlnb import code
from hlnb.publishing import chapters
from hlnb.training import loop

ALL = [chapter.name for chapter in chapters.load(traced.ROOT)]
CHEAP = ["01_hierarchical_learning", "18_linear_regression", "19_deep_linear"]
NAMES = ALL if os.environ.get("HLNB_TRACE_ALL") else CHEAP
MUTATIONS = 200 if NAMES is ALL else 20
READS_CELLS = "hlnb.publishing.chapters"  # the tracer's own: it reads the notebook


def executed(what: str) -> dict[str, set[code.Definition]]:
    """What a fresh process says that it executed, neutral code left out."""
    command = [sys.executable, str(Path(traced.__file__)), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = {
        n: {code.Definition(*d) for d in v} for n, v in json.loads(done.stdout).items()
    }
    neutral = code.package().is_neutral
    return {n: {d for d in each if not neutral(d.module)} for n, each in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_a_chapter_executes_is_in_its_key(name):
    chapter = chapters.Chapter(traced.ROOT / "notebooks" / f"{name}.ipynb")
    cells = (c for c in chapter.cells if c["cell_type"] == "code")
    reach = code.Cells(code.package(), map(chapters.text_of, cells)).reach()
    found = executed(name)[name]
    missed = {d for d in found - reach if d.module != READS_CELLS}
    assert len(found) > 20
    assert not missed


@pytest.mark.slow
def test_what_a_run_executes_is_in_its_address(monkeypatch, tmp_path):
    monkeypatch.setenv("HLNB_CACHE", str(tmp_path))
    found = executed("runs")
    assert found.keys() == small_runs.RUNS.keys()
    for name, arguments in small_runs.RUNS.items():
        place = small_runs.place(arguments)
        assert not found[name] - code.package().reach(place.roots), name
    lanes = code.Definition("hlnb.training.fast.vectors", "plus")
    assert lanes in found["toy problem"]
    assert loop.train.anew is not loop.train


def mutated(tree: ast.Module, number: random.Random) -> ast.AST | None:
    """A statement of a module of which one constant or operator was changed."""
    statement = number.choice([s for s in tree.body if isinstance(s, MUTABLE)])
    places = [n for n in ast.walk(statement) if _change(n, dry=True)]
    if not places:
        return None
    _change(number.choice(places))
    return statement


MUTABLE = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
OTHER |= {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OTHER |= {ast.Eq: ast.NotEq, ast.Is: ast.IsNot, ast.And: ast.Or, ast.Or: ast.And}


def _change(node: ast.AST, *, dry: bool = False) -> bool:
    """Whether a node can be changed; changes it, unless `dry`."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        if not dry:
            node.value = not node.value if node.value is True else node.value + 1
        return True
    name = "ops" if isinstance(node, ast.Compare) else "op"
    now = getattr(node, name, None)
    kind = type(now[0] if isinstance(now, list) else now)
    if kind not in OTHER:
        return False
    if not dry:
        setattr(
            node, name, [OTHER[kind](), *now[1:]] if name == "ops" else OTHER[kind]()
        )
    return True


@pytest.mark.slow
def test_mutations_move_the_keys_of_what_reaches_them(tmp_path):
    """A chapter moves if and only if the mutated definition is in its closure; with the
    traces above: whatever executes it moves."""
    folder = Path(shutil.copytree(code.PACKAGE, tmp_path / "hlnb"))
    before = code.Package(folder)
    notebooks = (traced.ROOT / "notebooks" / f"{name}.ipynb" for name in NAMES)
    cells = [
        [chapters.text_of(c) for c in chapter.cells if c["cell_type"] == "code"]
        for chapter in map(chapters.Chapter, notebooks)
    ]
    known = [code.Cells(before, texts) for texts in cells]
    keys, reaches = [c.digest() for c in known], [c.reach() for c in known]
    reached = sorted({d.module for reach in reaches for d in reach})
    number, done, moved = random.Random(19), 0, 0
    while done < MUTATIONS:
        module = number.choice(reached)
        path = before._paths[module]
        text = path.read_text("utf8")
        tree = ast.parse(text)
        statement = mutated(tree, number)
        if statement is None:
            continue
        done += 1
        names = {
            name
            for name, statements in before.module(module).names.items()
            if any(s.lineno == statement.lineno for s in statements)
        }
        path.write_text(ast.unparse(tree), "utf8")
        after = code.Package(folder)
        for texts, key, reach in zip(cells, keys, reaches, strict=True):
            touched = any(code.Definition(module, name) in reach for name in names)
            assert (code.Cells(after, texts).digest() != key) == touched, (
                module,
                names,
            )
            moved += touched
        path.write_text(text, "utf8")
    assert moved > MUTATIONS / 4  # chapters that a mutation reached, all in all
