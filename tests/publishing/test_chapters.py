"""Chapters: names, parameters, the rules of a clean source."""

import json
import re

import nbformat
import pytest

from hlnb import settings
from hlnb.errors import HlnbError
from hlnb.parameters import Parameter, admit_together, parse_parameters
from hlnb.publishing import chapters
from hlnb.publishing.chapters import (
    Chapter,
    chosen,
    clean,
    contents,
    find_root,
    folder_problems,
    is_clean,
    left_out,
    load,
    read_notebook,
    select,
    source_problems,
)
from hlnb.publishing.render.head import admitted
from publishing_fixtures import (
    PARAMETERS,
    add_chapter,
    edit,
    list_chapters,
    make_book,
    save_in_editor,
)


@pytest.fixture
def book(tmp_path):
    root = make_book(tmp_path / "book")
    add_chapter(root, "01_one", "seeds")
    add_chapter(root, "02_two", "lr")
    return root


def parameter(kind):
    return Parameter("x", kind, None, "help")


def test_the_root_is_found_from_below(book):
    assert find_root(book / "book" / "chapters") == book


def test_without_a_book_above_the_installed_one_is_meant(tmp_path, monkeypatch):
    module = make_book(tmp_path / "here") / "src" / "hlnb" / "settings.py"
    monkeypatch.setattr(settings, "__file__", str(module))
    assert find_root("/") == tmp_path / "here"
    monkeypatch.setattr(settings, "__file__", str(tmp_path / "elsewhere.py"))
    with pytest.raises(HlnbError, match="No book above"):
        find_root("/")


@pytest.mark.parametrize("config", ["title: t\n", "", "\xff"])
def test_another_jupyter_book_is_refused_wherever_one_stands_in_it(tmp_path, config):
    root = make_book(tmp_path / "other")
    (root / "_config.yml").write_text(config, "latin-1")
    for place in (root, root / "notebooks"):
        with pytest.raises(HlnbError, match="other is another Jupyter Book"):
            find_root(place)


def test_the_book_has_the_chapters_that_its_contents_list(book):
    add_chapter(book, "03_three")
    assert contents(book) is None
    assert left_out(book) == []
    list_chapters(book, "03_three", "01_one")
    assert [c.name for c in load(book)] == ["03_three", "01_one"]  # its order
    assert [c.name for c in chapters.sources(book)] == ["01_one", "02_two", "03_three"]
    assert left_out(book) == ["02_two"]
    assert [c.name for c in chosen(book, [])] == ["03_three", "01_one"]
    assert [c.name for c in chosen(book, ["2"])] == ["02_two"]  # it may be asked for
    assert folder_problems(book) == []
    list_chapters(book, "01_one", "09_gone")
    told = "_toc.yml lists 09_gone, which has no source in notebooks/."
    assert folder_problems(book) == [told]
    list_chapters(book, "09_gone", "09_gone")
    assert folder_problems(book)[0] == told
    with pytest.raises(HlnbError, match=r"no chapter in .* that _toc\.yml lists"):
        chosen(book, [])


def test_a_page_is_listed_once_and_as_jupyter_book_finds_it(book):
    list_chapters(book, "01_one", "02_two")
    path = book / "_toc.yml"
    written = path.read_text()
    for odd in ("./book/chapters/01_one", "book//chapters/01_one"):
        path.write_text(written.replace("book/chapters/01_one", odd))
        assert left_out(book) == []  # it is meant, and told as what it is
        assert folder_problems(book) == [
            f"_toc.yml writes {odd}, which Jupyter Book does not find: write "
            "book/chapters/01_one."
        ]
    list_chapters(book, "01_one", "02_two", "01_one")  # the last with its ending
    assert [c.name for c in load(book)] == ["01_one", "02_two"]
    told = "_toc.yml lists book/chapters/01_one 2 times: take one out."
    assert folder_problems(book) == [told]
    path.write_text(written.replace("book/intro", "book/how_to"))
    assert folder_problems(book) == [
        "_toc.yml lists book/how_to 2 times: take one out."
    ]


@pytest.mark.parametrize("text", ["{", "a: b: c", "\x00", "[" * 100_000])
def test_a_broken_table_of_contents_is_one_sentence(book, text):
    (book / "_toc.yml").write_text(text)
    with pytest.raises(HlnbError, match="is no table of contents") as caught:
        load(book)
    assert "\n" not in str(caught.value)


def test_chapters_come_in_the_order_of_their_numbers(book):
    add_chapter(book, "00_zero")
    assert [c.name for c in load(book)] == ["00_zero", "01_one", "02_two"]
    assert load(book)[1].title == "Chapter 01_one"


@pytest.mark.parametrize(
    "name", ["02_two", "02", "2", "02_two.ipynb", "notebooks/02_two.ipynb"]
)
def test_a_chapter_is_selected_by_name_number_or_path(book, name):
    assert [c.name for c in select(load(book), [name])] == ["02_two"]


def test_all_chapters_are_selected_by_no_name_and_none_twice(book):
    assert len(select(load(book), [])) == 2
    assert len(select(load(book), ["1", "01_one"])) == 1


def test_an_unknown_chapter_is_refused_with_close_names(book):
    with pytest.raises(HlnbError, match="no chapter '02_tow'; did you mean 02_two"):
        select(load(book), ["02_tow"])
    with pytest.raises(HlnbError, match="no chapter '77'; `hlnb list` names them"):
        select(load(book), ["77"])


@pytest.mark.parametrize("name", ["", ".", "/", ".ipynb"])
def test_what_names_nothing_is_not_taken_for_chapter_00(book, name):
    add_chapter(book, "00_zero")
    with pytest.raises(HlnbError, match="names no chapter"):
        select(load(book), [name])


def test_parameters_have_type_default_and_help():
    found = parse_parameters(PARAMETERS, where="c")
    assert list(found) == ["seeds", "lr", "name", "fast", "widths"]
    assert found["lr"] == Parameter(
        "lr", "float", 0.5, "step size, on the mean squared loss"
    )
    assert found["widths"].default == [1, 2]


def test_papermill_sees_the_same_parameters(book):
    from papermill import inspect_notebook

    theirs = inspect_notebook(book / "notebooks" / "01_one.ipynb")
    ours = load(book)[0].parameters
    assert list(theirs) == list(ours)
    for name, seen in theirs.items():
        assert seen["inferred_type_name"] == ours[name].type
        assert seen["help"] == ours[name].help


@pytest.mark.parametrize(
    "line",
    [
        "lr = 0.5  # no type",
        "lr: float = 0.5",
        "lr: float = 0.5  #",
        "lr: float  # no default",
        "lr: complex = 1j  # another type",
        "lr: int = 0.5  # default of another type",
        "lr: int = True  # a bool is no int",
        "lr: float = 1 / 2  # no literal",
        "lr: float = 1.0  # two signs, as lr=1",
        "lr: list[int] = [1, 2.5]  # mixed",
        "print()  # no parameter",
    ],
)
def test_a_parameters_line_of_another_form_is_refused(line):
    with pytest.raises(HlnbError, match=r"c: the parameters line .* does not read"):
        parse_parameters(line, where="c")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "3", 3),
        ("int", "-3", -3),
        ("float", "1", 1.0),
        ("float", "1e-3", 0.001),
        ("bool", "true", True),
        ("bool", "False", False),
        ("str", "2.5", "2.5"),
        ("list[int]", "1,2", [1, 2]),
        ("list[int]", "[1, 2]", [1, 2]),
        ("list[int]", "[]", []),
        ("list[float]", "[1, 1e-3]", [1.0, 0.001]),
        ("list[float]", "0.1", [0.1]),
        ("list[str]", "a, b", ["a", "b"]),
        ("list[str]", "['a', b]", ["a", "b"]),
        ("list[str]", '["a,b", "c"]', ["a,b", "c"]),
    ],
)
def test_a_typed_value_has_the_type_of_its_parameter(kind, text, value):
    parsed = parameter(kind).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)
    if isinstance(value, list):
        assert [type(item) for item in parsed] == [type(item) for item in value]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "2.5"),
        ("int", "true"),
        ("int", "two"),
        ("float", "fast"),
        ("float", "nan"),
        ("bool", "1"),
        ("bool", "yes"),
        ("list[int]", "1, 2.5"),
        ("list[int]", "[true]"),
        ("list[int]", '["1"]'),
        ("list[str]", "[1]"),
    ],
)
def test_a_value_of_another_type_is_refused(kind, text):
    with pytest.raises(HlnbError, match=r"x is of type .*, which .* is not"):
        parameter(kind).parse(text)


RANGES = {
    "lr": {"range": [0.01, 2], "effect": "Faster."},
    "widths": {"range": [1, 8], "effect": "Larger."},
    "name": {"range": {"choices": ["a", "b"]}, "effect": "Another."},
}


def test_ranges_and_choices_refuse_absurd_values(book):
    known = Chapter(add_chapter(book, "03_three", ranges=RANGES)).parameters
    assert known["lr"].effect == "Faster."
    assert known["lr"].admit(0.01) == 0.01
    assert known["lr"].admit(2.0) == 2.0
    assert known["widths"].admit([1, 8]) == [1, 8]
    assert known["seeds"].admit(10**9) == 10**9  # nothing is said of it
    for name, value, text in [
        ("lr", 2.5, "lr takes values from 0.01 to 2, not 2.5"),
        ("lr", 0.001, "lr takes values from 0.01 to 2, not 0.001"),
        ("widths", [2, 9], "widths takes values from 1 to 8, not 9"),
        ("name", "c", "name takes values one of 'a', 'b', not 'c'"),
    ]:
        with pytest.raises(HlnbError, match=text):
            known[name].admit(value)


CONDITIONS = {
    "widths": {"range": [1, 8], "effect": "", "least": 2, "ascending": True},
    "name": {"range": {"form": "[a-c]"}, "effect": ""},
    "seeds": {"range": [1, 99], "effect": "", "relations": ["widths <= seeds + 5"]},
    "lr": {"range": [0, 9], "effect": "", "relations": ["lr / 2 <= 4  # a why"]},
}


def test_lists_have_conditions_and_parameters_relations(book):
    known = Chapter(add_chapter(book, "03_three", ranges=CONDITIONS)).parameters
    for given in ({"widths": [1, 7]}, {"widths": [1, 8], "seeds": 3}, {"name": "c"}):
        admit_together(known, given)
    for given, text in [
        ({"widths": [1]}, r"widths takes at least 2 values, not \[1\]\."),
        ({"widths": [2, 1]}, r"widths takes values in ascending order, each once, not"),
        ({"widths": [1, 1]}, r"widths takes values in ascending order, each once, not"),
        ({"name": "cc"}, r"name takes values of the form \[a-c\], not 'cc'\."),
        ({"widths": [1, 8]}, r"widths has to keep widths <= seeds \+ 5, which widths"),
        ({"seeds": 1, "widths": [1, 7]}, "which widths = .1, 7. and seeds = 1 do not"),
    ]:
        with pytest.raises(HlnbError, match=text):
            admit_together(known, given)
    assert admitted(known["widths"]) == "1 to 8; at least 2; ascending"
    assert admitted(known["seeds"]) == "1 to 99; `widths <= seeds + 5`"
    assert admitted(known["name"]) == "`[a-c]`"
    assert admitted(known["lr"]) == "0 to 9; `lr / 2 <= 4` (a why)"
    told = r"^Parameter lr = 9.0 is not taken; needed: a why \(lr / 2 <= 4\)\.$"
    with pytest.raises(HlnbError, match=told):
        admit_together(known, {"lr": 9.0})


@pytest.mark.parametrize(
    ("ranges", "text"),
    [
        ({"lr": RANGES["lr"] | {"lest": 1}}, "ranges of lr does not read"),
        ({"lr": RANGES["lr"] | {"least": "1"}}, "ranges of lr does not read"),
        ({"lr": RANGES["lr"] | {"relations": ["lr <"]}}, "ranges of lr does not read"),
        ({"lr": RANGES["lr"] | {"relations": [1]}}, "ranges of lr does not read"),
        ({"lr": RANGES["lr"] | {"relations": ["lr < q"]}}, "'lr < q' names what is no"),
        (
            {"lr": RANGES["lr"] | {"relations": ["len(lr) < 2"]}},
            "does not fit its types",
        ),
        (
            {"lr": RANGES["lr"] | {"relations": ["lr > 1"]}},
            "03_three: defaults do not go together: Parameter lr has to keep lr > 1",
        ),
        ({"lrr": RANGES["lr"]}, "ranges names 'lrr', which is no parameter"),
        ({"lr": {"range": [1]}}, "ranges of lr does not read"),
        ({"lr": {"range": [0.1, 1]}}, "ranges of lr does not read"),
        ({"name": {"range": {"choices": []}, "effect": ""}}, "ranges of name does not"),
        (
            {"lr": {"range": [1, 2], "effect": ""}},
            "03_three: a default is outside its range: Parameter lr takes values",
        ),
        *(
            ({"lr": RANGES["lr"] | {name: value}}, f"gives lr '{name}', which is for")
            for name, value in (("least", 1), ("distinct", True), ("ascending", True))
        ),
    ],
)
def test_ranges_of_another_form_are_problems_of_the_source(book, ranges, text):
    chapter = Chapter(add_chapter(book, "03_three", ranges=ranges))
    assert any(text in line for line in source_problems(chapter))


def test_the_smoke_parameters_are_held_to_their_types(book):
    path = add_chapter(book, "03_three", smoke={"lr": 1})
    assert Chapter(path).smoke() == {"lr": 1.0}
    path = add_chapter(book, "03_three", smoke={"lrr": 1})
    with pytest.raises(HlnbError, match="smoke names 'lrr'"):
        Chapter(path).smoke()
    path = add_chapter(book, "03_three", smoke={"lr": 3}, ranges=RANGES)
    with pytest.raises(
        HlnbError, match=r"^03_three: .*smoke: .* from 0\.01 to 2, not 3"
    ):
        Chapter(path).smoke()
    path = add_chapter(book, "03_three", smoke={"seeds": 2.5})
    with pytest.raises(HlnbError, match=r"seeds the value 2.5, .* not of type int"):
        Chapter(path).smoke()


def test_a_clean_source_has_no_problem(book):
    assert [source_problems(chapter) for chapter in load(book)] == [[], []]
    assert folder_problems(book) == []


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("!ls", "cell 4: is not plain Python"),
        ("%matplotlib inline", "cell 4: is not plain Python"),
        ("import sys\n" + "x = 1\n" * 25, "cell 4: has 26 lines, more than 25"),
        ("x = 1  # " + "x" * 80, "line 1 has 89 columns, more than 88"),
        ("from ipywidgets import interact", "uses interact"),
        ("import ipywidgets as w\nw.interact(print)", "uses interact"),
        ("import ipywidgets as w\nw.Output()", "uses Output"),
        ("from ipywidgets import Output", "uses Output"),
        ("from tqdm.notebook import tqdm", r"uses tqdm\.notebook"),
        ("from tqdm import auto", r"uses tqdm\.auto"),
        ("import sys\nsys.exit(0)", r"uses sys\.exit"),
        ("exit()", "uses exit"),
        ("get_ipython()", "uses get_ipython"),
    ],
)
def test_what_can_not_be_published_is_found(book, code, match):
    add_chapter(book, "03_three", code)
    (problem, *_) = source_problems(load(book)[2])
    with pytest.raises(HlnbError, match=match):
        raise HlnbError(problem)


def test_harmless_code_is_let_through(book):
    add_chapter(book, "03_three", "interaction = 'interact'  # Output(\ninteraction")
    assert source_problems(load(book)[2]) == []


def change(path, edit_notebook):
    notebook = nbformat.read(path, 4)
    edit_notebook(notebook)
    path.write_text(json.dumps(notebook), "utf8")


@pytest.mark.parametrize(
    ("edit_notebook", "match"),
    [
        (lambda n: n.cells[3].pop("id"), "has no id"),
        (lambda n: n.cells[3].update(id="title"), "has no id, or two have the same"),
        (lambda n: n.cells.pop(2), "0 cells tagged parameters"),
        (lambda n: n.cells.append(n.cells[2]), "2 cells tagged parameters"),
        (lambda n: n.cells[2].update(source="a = 1"), "parameters line 'a = 1'"),
        (lambda n: n.cells.pop(), "no cell is tagged claims"),
        (lambda n: n.cells[0].update(source="Text"), "there are 0 titles"),
        (lambda n: n.cells[1].update(source="# Two"), "there are 2 titles"),
        (lambda n: n.metadata.hlnb.pop("goals"), r"hlnb\.goals is not a list"),
        (lambda n: n.metadata.hlnb.update(goals=[]), "names no goal"),
        (lambda n: n.metadata.hlnb.update(needs="x"), r"hlnb\.needs is not a list"),
        (lambda n: n.metadata.hlnb.update(needs=["09_no"]), "needs 09_no, which is no"),
        (lambda n: n.metadata.hlnb.update(smoke={"no": 1}), "smoke names 'no'"),
    ],
)
def test_a_broken_rule_is_named(book, edit_notebook, match):
    path = book / "notebooks" / "01_one.ipynb"
    change(path, edit_notebook)
    with pytest.raises(HlnbError, match=match):
        raise HlnbError(" ".join(source_problems(Chapter(path))))


def test_a_title_in_a_code_fence_is_no_title(book):
    path = add_chapter(book, "01_one", prose="Text\n```python\n# a comment\n```\n")
    assert source_problems(Chapter(path)) == []


def test_what_an_editor_saves_with_a_notebook_is_passed_over_and_tidied(book):
    path = book / "notebooks" / "01_one.ipynb"
    before, source = path.read_bytes(), Chapter(path).notebook
    assert is_clean(Chapter(path))
    assert not clean(Chapter(path))
    assert path.read_bytes() == before
    save_in_editor(path)
    assert not is_clean(Chapter(path))
    saved = Chapter(path)
    assert saved.notebook["cells"] == source["cells"]
    assert saved.notebook["metadata"]["hlnb"] == source["metadata"]["hlnb"]
    assert source_problems(saved) == []
    assert clean(Chapter(path))
    assert is_clean(Chapter(path))
    text = path.read_text("utf8")
    for left in ("stream", "vscode", "editable", "widgets", "3.11.7", ".venv"):
        assert left not in text


def deep(text: str) -> str:
    """A notebook with a hundred thousand brackets in place of a cell."""
    brackets = "[" * 100_000 + "]" * 100_000
    return f'{{"nbformat": 4, "metadata": {{}}, "cells": [{brackets}], "x": "{text}"}}'


def outputs(*given: object) -> str:
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": given}
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]})


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", deep("x"), "[" * 100_000, '{"cells": [], "metadata": {}}'),
        '{"nbformat": 4, "cells": [{}], "metadata": {}}',
        '{"nbformat": 4, "metadata": {"hlnb": []}, "cells": []}',
        outputs("text"),
        outputs({"data": {}}),
        outputs({"output_type": "display_data", "data": ["image/png"]}),
        outputs({"output_type": "display_data", "data": {}, "metadata": "m"}),
        outputs({"output_type": "stream", "text": [1]}),
        outputs({"output_type": "error", "ename": 1, "evalue": ""}),
        '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", '
        '"metadata": {"tags": [1]}, "source": ""}]}',
    ],
)
def test_a_file_that_is_no_notebook_is_one_problem(book, text):
    path = book / "notebooks" / "01_one.ipynb"
    path.write_text(text)
    (problem,) = source_problems(Chapter(path))
    assert "is no notebook" in problem
    assert problem.endswith("restore it (git checkout notebooks/01_one.ipynb).")
    assert "run it anew" not in problem
    with pytest.raises(HlnbError, match="source, which no run makes anew: restore it"):
        is_clean(Chapter(path))


@pytest.mark.parametrize("version", [3, 5, "4", None])
def test_another_format_of_notebooks_is_named(book, version):
    path = book / "notebooks" / "01_one.ipynb"
    notebook = json.loads(path.read_text("utf8"))
    for cells in ({}, {"worksheets": [{"cells": notebook["cells"]}]}):
        text = json.dumps(notebook | {"nbformat": version} | cells)
        path.write_text(text)
        told = (
            rf"another format of Jupyter \(nbformat {version!r}, read is 4\): open it"
        )
        (problem,) = source_problems(Chapter(path))
        assert re.search(told, problem)
        copy = book / "book" / "chapters" / "01_one.ipynb"
        copy.write_text(text)
        with pytest.raises(HlnbError, match=told):
            read_notebook(copy)


def test_misnamed_double_and_orphaned_files_are_found(book):
    add_chapter(book, "02_again")
    edit(book / "notebooks" / "02_again.ipynb", "Some", "More")
    (book / "notebooks" / "draft.ipynb").write_text("{}")
    (book / "book" / "chapters" / "07_gone.ipynb").write_text("{}")
    assert folder_problems(book) == [
        "notebooks/draft.ipynb is not named NN_name.ipynb.",
        "02_again and 02_two have the same number.",
        "book/chapters/07_gone.ipynb has no source in notebooks/.",
    ]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ranges", [1], "is no table of parameters"),
        ("ranges", {"lr": {"range": {"form": "a"}, "effect": "e"}}, "does not read"),
        ("ranges", {"name": {"range": {"form": "("}, "effect": "e"}}, "does not read"),
        ("ranges", {"name": {"range": [0, 1], "effect": "e"}}, "does not read"),
        ("smoke", [1], "is no table of parameters"),
        ("smoke", {"lr": 10**400}, "which is not of type float"),
        ("needs", 5, "needs is not a list"),
        ("needs", [5], "needs is not a list"),
    ],
)
def test_metadata_of_another_form_is_one_sentence(tmp_path, name, value, told):
    path = add_chapter(make_book(tmp_path / "book"), "01_one", "1")
    notebook = json.loads(path.read_text("utf8"))
    notebook["metadata"].setdefault("hlnb", {})[name] = value
    path.write_text(json.dumps(notebook))
    problems = source_problems(Chapter(path))
    assert [p for p in problems if told in p], problems
    assert all(p.endswith(".") and len(p) < 300 for p in problems)
