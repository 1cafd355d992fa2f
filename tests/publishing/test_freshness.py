"""Freshness: what makes an executed chapter stale, and what doesn't."""

import json

import pytest

from hlnb.publishing import freshness
from hlnb.publishing.chapters import Chapter
from hlnb.publishing.freshness import keys, state
from hlnb.publishing.notebooks import outputs_digest, to_bytes, weave
from publishing_fixtures import add_chapter, edit, make_book


@pytest.fixture
def package(tmp_path):
    """A small package: a.f → b.g → sub.c.h; `lonely` is reached by nobody."""
    folder = tmp_path / "hlnb"
    (folder / "sub").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text(
        '"""Doc."""\nfrom . import b\n\ndef f():\n    "d"\n    return b.g()\n'
    )
    (folder / "b.py").write_text(
        "def g():\n    from .sub.c import h\n    return h\n\n"
        "def other():\n    return 1\n"
    )
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
    now = keys(source, {}, package=package)
    executed = {"cells": [dict(cell) for cell in source.cells], "metadata": {}}
    for cell in executed["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
            ]
    woven = weave(source.notebook, executed, keys=now, parameters={})
    copy = source.root / "book" / "chapters" / path.name
    copy.write_bytes(to_bytes(woven))
    record = now._asdict() | {"outputs": outputs_digest(woven)}
    copy.with_suffix(".provenance.json").write_text(json.dumps(record))
    return copy


def test_an_executed_chapter_is_fresh(chapter, package):
    assert state(Chapter(chapter), package=package) == freshness.MISSING
    execute(chapter, package)
    assert state(Chapter(chapter), package=package) == freshness.FRESH


def test_trees_are_read_once_while_no_source_changes(chapter, package, monkeypatch):
    execute(chapter, package)
    assert state(Chapter(chapter), package=package) == freshness.FRESH
    read = []
    real = freshness.keys
    monkeypatch.setattr(
        freshness, "keys", lambda *a, **k: read.append(1) or real(*a, **k)
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
        ("b.py", "    return h", "    # a comment\n    return h"),
        ("b.py", "return 1", "return 2"),  # a definition that nobody names
        ("lonely.py", "x = 1", "x = 2"),
        ("errors.py", "E = 1", "E = 2"),  # neutral
    ],
)
def test_what_is_not_reached_or_decides_nothing_leaves_it_fresh(
    chapter, package, file, old, new
):
    execute(chapter, package)
    edit(package / file, old, new)
    assert state(Chapter(chapter), package=package) == freshness.FRESH


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("a.py", "return b.g()", "return -b.g()"),
        ("b.py", "return h", "return -h"),
        ("sub/c.py", "h = 1", "h = 2"),
        ("sub/__init__.py", "import E", "import E\nprint(1)"),
    ],
)
def test_code_in_reach_overtakes_it(chapter, package, file, old, new):
    execute(chapter, package)
    edit(package / file, old, new)
    assert state(Chapter(chapter), package=package) == freshness.OVERTAKEN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Some prose.", "Other prose."),
        ('"seeds"', '"seeds  # a comment"'),
        ("how many runs", "how many"),
        ("see it", "see it well"),
        ('     "claims"', '     "claims", "hide-input"'),  # a tag that only folds
    ],
)
def test_edited_prose_wants_a_new_weaving_alone(chapter, package, old, new):
    execute(chapter, package)
    edit(chapter, old, new)
    assert state(Chapter(chapter), package=package) == freshness.PROSE


def test_edited_prose_is_seen_in_an_overtaken_chapter_too(chapter, package):
    execute(chapter, package)
    edit(package / "b.py", "return h", "return -h")
    edit(chapter, "Some prose.", "Other prose.")
    assert state(Chapter(chapter), package=package) == freshness.PROSE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a.f()", "a.f"),
        ("seeds: int = 2", "seeds: int = 3"),
        ('     "claims"', '     "claims", "raises-exception"'),
        ('     "parameters"', '     "settings"'),
    ],
)
def test_an_edited_cell_is_edited(chapter, package, old, new):
    execute(chapter, package)
    edit(chapter, old, new)
    assert state(Chapter(chapter), package=package) == freshness.EDITED


def test_its_own_code_and_that_of_the_package_have_a_key_each(chapter, package):
    before = keys(Chapter(chapter), {}, package=package)
    assert before != keys(Chapter(chapter), {"seeds": 1}, package=package)
    edit(package / "b.py", "return h", "return -h")
    after = keys(Chapter(chapter), {}, package=package)
    assert (after.key, after.code != before.code) == (before.key, True)
    edit(chapter, "a.f()", "a.f() + 1")
    edited = keys(Chapter(chapter), {}, package=package)
    assert (edited.key != after.key, edited.code) == (True, after.code)


@pytest.mark.parametrize("text", ["", "{}", '{"key": "another"}', "[]"])
def test_provenance_of_another_execution_is_damage(chapter, package, text):
    copy = execute(chapter, package)
    copy.with_suffix(".provenance.json").write_text(text)
    assert state(Chapter(chapter), package=package) == freshness.DAMAGED


@pytest.mark.parametrize("part", ["key", "code"])
def test_a_pair_of_two_executions_is_damage(chapter, package, part):
    path = execute(chapter, package).with_suffix(".provenance.json")
    record = json.loads(path.read_text()) | {part: "0" * 64}
    path.write_text(json.dumps(record))
    assert state(Chapter(chapter), package=package) == freshness.DAMAGED


def test_a_truncated_copy_is_damaged(chapter, package):
    copy = execute(chapter, package)
    copy.write_text(copy.read_text()[:-100])
    assert state(Chapter(chapter), package=package) == freshness.DAMAGED


def test_an_output_changed_by_hand_is_found(chapter, package):
    copy = execute(chapter, package)
    edit(copy, '"1\\n"', '"2\\n"')
    assert state(Chapter(chapter), package=package) == freshness.ALTERED
