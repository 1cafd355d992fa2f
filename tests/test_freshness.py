"""Freshness: what makes an executed chapter stale, and what doesn't."""

import ast
import json

import pytest

from hlnb.publishing import freshness
from hlnb.publishing.chapters import Chapter
from hlnb.publishing.freshness import canonical, cell_tree, imports, key, reach, state
from hlnb.publishing.weaving import to_bytes, weave
from publishing_fixtures import add_chapter, edit, make_book


def tree(source):
    return canonical(ast.parse(source))


@pytest.fixture
def package(tmp_path):
    """A small package: a → b → sub.c; `lonely` is imported by nobody."""
    folder = tmp_path / "hlnb"
    (folder / "sub").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text('"""Doc."""\nfrom . import b\n\ndef f():\n    "d"\n')
    (folder / "b.py").write_text("def g():\n    from .sub.c import h\n    return h\n")
    (folder / "sub" / "__init__.py").write_text("from ..errors import E\n")
    (folder / "sub" / "c.py").write_text("h = 1\n")
    (folder / "errors.py").write_text("E = 1\n")
    (folder / "lonely.py").write_text("x = 1\n")
    return folder


@pytest.fixture
def chapter(tmp_path):
    root = make_book(tmp_path / "book")
    return add_chapter(root, "01_one", "from hlnb import a\na.f()", "seeds")


def execute(path, package):
    """An executed copy, as a run would write it."""
    source = Chapter(path)
    now = key(source, {}, package=package)
    executed = {"cells": [dict(cell) for cell in source.cells], "metadata": {}}
    for cell in executed["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
            ]
    woven = weave(source.notebook, executed, key=now, parameters={})
    copy = source.root / "book" / "chapters" / path.name
    copy.write_bytes(to_bytes(woven))
    copy.with_suffix(".provenance.json").write_text(json.dumps({"key": now}))
    return copy


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1  # a", "x  =  1\n\n# b"),
        ('"""Doc."""\nx = 1', "x = 1"),
        ('def f():\n    """Doc."""\n    return 1', "def f(): return 1"),
        ('class A:\n    """Doc."""\n    x = 1', "class A: x = 1"),
        ('async def f():\n    "d"\n    return 1', "async def f(): return 1"),
        ("x = 'a'", 'x = u"a"'),
        ("x = [\n  1,\n]", "x = [1]"),
    ],
)
def test_what_readers_see_alone_does_not_count(one, other):
    assert tree(one) == tree(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = None", "x = 0"),
        ("x = ''", "x = None"),
        ("x = 'a'", "x = b'a'"),
        ("f(a)", "f(*a)"),
        ("{**a}", "{None: a}"),
        ("def f(): return 1", "def f(): yield 1"),
        ("def f(): return 1", "async def f(): return 1"),
        ("x: int = 1", "x = 1"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("x = f'{a:.1f}'", "x = f'{a:.2f}'"),
        ("def f():\n    x\n    'text'", "def f():\n    x"),
        ("a - b", "b - a"),
    ],
)
def test_code_counts(one, other):
    assert tree(one) != tree(other)


def test_the_empty_texts_that_python_3_12_adds_do_not_count():
    plain = ast.parse("f'{a:>{b}}'")
    padded = ast.parse("f'{a:>{b}}'")
    padded.body[0].value.values[0].format_spec.values.append(ast.Constant(value=""))
    assert canonical(plain) == canonical(padded)


def test_fields_that_newer_pythons_add_do_not_count_when_empty():
    newer = ast.parse("def f(): return 1")
    newer.body[0]._fields = (*newer.body[0]._fields, "type_params")
    newer.body[0].type_params = []
    assert canonical(newer) == tree("def f(): return 1")


def test_the_last_text_of_a_cell_is_an_output_and_so_is_no_docstring():
    assert cell_tree("'shown'") != cell_tree("")
    assert cell_tree("'shown'") != cell_tree("'other'")


def test_a_closing_semicolon_hides_an_output():
    assert cell_tree("x") != cell_tree("x;")
    assert cell_tree("x;") == cell_tree("x ;  # comment")
    assert cell_tree("x; y") == cell_tree("x\ny")


def test_imports_are_found_in_each_form():
    code = "import a.b\nfrom c import d\ndef f():\n    from .e import g\n    import h"
    assert imports(ast.parse(code), module="p.q") == {
        *("a.b", "c", "c.d", "p.e", "p.e.g", "h")
    }


@pytest.mark.parametrize(
    ("code", "is_package", "base"),
    [
        ("from . import x", False, "p.q"),
        ("from . import x", True, "p.q.r"),
        ("from .. import x", True, "p.q"),
        ("from ..y import x", False, "p.y"),
    ],
)
def test_relative_imports_start_at_the_module(code, is_package, base):
    found = imports(ast.parse(code), module="p.q.r", is_package=is_package)
    assert found == {base, f"{base}.x"}


ALL = ["hlnb", "hlnb.a", "hlnb.b", "hlnb.errors", "hlnb.sub", "hlnb.sub.c"]


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("import hlnb", ["hlnb"]),
        ("import hlnb.a", ALL),
        ("from hlnb import a", ALL),
        ("from hlnb.a import f", ALL),
        ("from hlnb.sub import c", ["hlnb", "hlnb.errors", "hlnb.sub", "hlnb.sub.c"]),
        ("import hlnb.sub.c as c", ["hlnb", "hlnb.errors", "hlnb.sub", "hlnb.sub.c"]),
        ("from hlnb.sub import *", ["hlnb", "hlnb.errors", "hlnb.sub", "hlnb.sub.c"]),
        ("if x:\n    import hlnb.lonely", ["hlnb", "hlnb.lonely"]),
        ("import hlnb.no, numpy, hlnbx", ["hlnb"]),
        ("import numpy", []),
        ("!ls", []),
    ],
)
def test_reach_follows_imports_through_files(code, modules, package):
    assert list(reach([code], package=package)) == modules


def test_reach_finds_the_package_itself():
    assert "hlnb.errors" in reach(["from hlnb.publishing import ledger"])


def test_an_executed_chapter_is_fresh(chapter, package):
    assert state(Chapter(chapter), package=package) == freshness.MISSING
    execute(chapter, package)
    assert state(Chapter(chapter), package=package) == freshness.FRESH


def test_trees_are_read_once_while_no_source_changes(chapter, package, monkeypatch):
    execute(chapter, package)
    assert state(Chapter(chapter), package=package) == freshness.FRESH
    read = []
    real = freshness.key
    monkeypatch.setattr(
        freshness, "key", lambda *a, **k: read.append(1) or real(*a, **k)
    )
    assert state(Chapter(chapter), package=package) == freshness.FRESH
    assert not read
    edit(package / "lonely.py", "x = 1", "x = 2")
    assert state(Chapter(chapter), package=package) == freshness.FRESH
    assert len(read) == 1
    (kept,) = (Chapter(chapter).root / "runs" / "keys").iterdir()
    for torn in ("", "a b c", kept.read_text("ascii")[:90], "\xff"):
        kept.write_bytes(torn.encode("latin-1"))
        assert state(Chapter(chapter), package=package) == freshness.FRESH
    assert len(read) == 5


def test_a_folder_that_cannot_keep_keys_is_no_obstacle(chapter, package):
    execute(chapter, package)
    (Chapter(chapter).root / "runs").write_text("not a folder")
    assert state(Chapter(chapter), package=package) == freshness.FRESH


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("a.py", "Doc.", "Another docstring."),
        ("a.py", '"d"', '"another docstring"'),
        ("b.py", "    return", "    # a comment\n    return"),
        ("lonely.py", "x = 1", "x = 2"),
    ],
)
def test_docstrings_comments_and_unreached_modules_leave_it_fresh(
    chapter, package, file, old, new
):
    execute(chapter, package)
    edit(package / file, old, new)
    assert state(Chapter(chapter), package=package) == freshness.FRESH


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("b.py", "return h", "return -h"),
        ("sub/c.py", "h = 1", "h = 2"),
        ("errors.py", "E = 1", "E = 2"),
        ("a.py", "from . import b", "from . import b, lonely"),
    ],
)
def test_code_in_reach_makes_it_stale(chapter, package, file, old, new):
    execute(chapter, package)
    edit(package / file, old, new)
    assert state(Chapter(chapter), package=package) == freshness.STALE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Some prose.", "Other prose."),
        ('"seeds"', '"seeds  # a comment"'),
        ("how many runs", "how many"),
        ("see it", "see it well"),
    ],
)
def test_edited_prose_wants_a_new_weaving_alone(chapter, package, old, new):
    execute(chapter, package)
    edit(chapter, old, new)
    assert state(Chapter(chapter), package=package) == freshness.PROSE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a.f()", "a.f"),
        ("seeds: int = 2", "seeds: int = 3"),
        ('     "claims"', '     "claims", "hide-input"'),  # a tag
    ],
)
def test_an_edited_cell_makes_it_stale(chapter, package, old, new):
    execute(chapter, package)
    edit(chapter, old, new)
    assert state(Chapter(chapter), package=package) == freshness.STALE


def test_parameters_are_in_the_key(chapter, package):
    one = key(Chapter(chapter), {"seeds": 1}, package=package)
    assert one != key(Chapter(chapter), {}, package=package)
    assert one != key(Chapter(chapter), {"seeds": 2}, package=package)


@pytest.mark.parametrize("text", ["", "{}", '{"key": "another"}'])
def test_provenance_of_another_execution_makes_it_stale(chapter, package, text):
    copy = execute(chapter, package)
    copy.with_suffix(".provenance.json").write_text(text)
    assert state(Chapter(chapter), package=package) == freshness.STALE


def test_a_broken_copy_is_stale(chapter, package):
    copy = execute(chapter, package)
    copy.write_text(copy.read_text()[:-100])
    assert state(Chapter(chapter), package=package) == freshness.STALE
