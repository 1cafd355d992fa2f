"""The page that walks through the package: its code runs and gives what it says."""

import ast
import re
from pathlib import Path

import pytest

import hlnb
from hlnb.training.executors import Here

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "package.md").read_text("utf8")
API = (ROOT / "book" / "api.md").read_text("utf8")
SAYS = re.compile(r"  # → (.+)$")


def test_the_walk_gives_what_it_says(monkeypatch):
    monkeypatch.setattr("hlnb.training.sweep.processes", lambda: Here())
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    known, held = {}, 0
    for block in blocks:
        lines = block.splitlines()
        for node in ast.parse(block).body:
            said = SAYS.search(lines[node.end_lineno - 1])
            source = ast.unparse(node)
            if said is None:
                exec(source, known)
            else:
                assert repr(eval(source, known)) == said[1], source
                held += 1
    assert held >= 8


def test_the_walk_imports_from_the_face_alone():
    for node in ast.walk(
        ast.parse("".join(re.findall(r"```python\n(.*?)```", PAGE, re.S)))
    ):
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("hlnb", "hlnb.claims", "hlnb.verdicts")


@pytest.mark.parametrize("name", hlnb.__all__)
def test_each_name_of_the_face_is_on_the_page_of_names(name):
    thing = getattr(hlnb, name)
    thing = getattr(thing, "anew", thing)
    assert re.search(rf":: {thing.__module__}\.{name}(\(\))?\n", API)
    assert thing.__doc__


@pytest.mark.parametrize("path", re.findall(r"`([a-z_/]+\.py)`", PAGE))
def test_the_files_to_read_are_there(path):
    assert (ROOT / "src" / "hlnb" / path).is_file()
