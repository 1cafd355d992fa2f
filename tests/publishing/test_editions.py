"""The student edition: no solution is left, and what is left still makes a book."""

import copy
import json
import re
import zipfile
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import small_book
from hlnb.errors import HlnbError
from hlnb.publishing import copies, editions, exercises, release
from hlnb.publishing.chapters import read_notebook, text_of
from hlnb.publishing.cli import main
from hlnb.publishing.render import executed

ROOT = Path(__file__).parents[2]
NAME = "02_toy_problem_1"
BOX = "```{admonition} Solution\n:class: dropdown\nIt is hidden-words.\n```"
REAL = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("book/chapters/*.ipynb")])
SECRETS = (b"hidden-words", b"hidden_code", b"hidden-frame", b"hidden-plan")


def solved(notebook: dict) -> dict:
    """The notebook with an exercise: a box among text, a tagged cell with a film."""
    notebook = copy.deepcopy(notebook)
    film = small_book.film_of([small_book.picture(0.1)] * 2)
    film.children[1].children[0].value = '<img alt="hidden-frame" src="data:,">'
    embedded = small_book.embed_data(views=[film])
    glued = {"scrapbook": {"mime_prefix": "application/papermill.record/"}}
    glued["scrapbook"]["name"] = "solved"
    notebook["cells"][-1:-1] = [
        small_book.markdown(
            f"## Exercises\n\n**Tweak.** Try it.\n\n{BOX}\n\n**Frob.** Again."
        ),
        small_book.code(
            "hidden_code = film()",
            small_book.display({small_book.VIEW: embedded["view_specs"][0]}),
            small_book.display({"application/papermill.record/text/plain": "7"}, glued),
            tags=["solution"],
        ),
    ]
    about = notebook["metadata"]
    about["hlnb"]["seminar"]["before"] = "hidden-plan"
    if "widgets" in about:
        state = about["widgets"][small_book.STATE]["state"]
        state.update(embedded["manager_state"]["state"])
    return notebook


@pytest.fixture
def book(tmp_path) -> Path:
    """The source of a small book in which one chapter has solutions."""
    root = small_book.make(tmp_path / "book")
    for folder in editions.FOLDERS:
        path = root / folder / f"{NAME}.ipynb"
        notebook = solved(read_notebook(path))
        if folder == "notebooks":
            notebook = small_book.clean(notebook)
        path.write_text(json.dumps(notebook), "utf8")
    intro = root / "book/intro.md"
    plan = "\n\nSee the [plan](seminar.md) and {doc}`that plan <seminar>`.\n"
    intro.write_text(intro.read_text("utf8") + plan)
    return root


def files(folder: Path):
    """Name and bytes of every file, those in zip files too."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield str(path.relative_to(folder)), path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                yield from ((n, archive.read(n)) for n in archive.namelist())


@pytest.mark.usefixtures("scripts")  # before the book, which copies them
def test_the_rendered_edition_holds_no_solution_anywhere(book, monkeypatch, capsys):
    before = dict(files(book / "book"))
    html = editions.build_student(book).parent
    assert html == book / "_build" / "student"
    assert dict(files(book / "book")) == before
    release.downloads(book, html)  # those of the book itself do hold solutions
    assert any(SECRETS[0] in data for _, data in files(html / "downloads"))
    monkeypatch.chdir(book)
    assert main(["build", "--edition", "student"]) == 0
    assert capsys.readouterr().out == f"Built {html / 'index.html'}\n"
    editions.write_source(book, book.parent / "students")
    release.downloads(book.parent / "students", html)
    names = {name for name, _ in files(html)}
    assert f"downloads/{NAME}.ipynb" in names
    assert f"_sources/book/chapters/{NAME}.ipynb" in names
    assert "searchindex.js" in names
    for name, data in files(html):
        assert not [s for s in SECRETS if s in data], name
    assert not [n for n in names if "seminar" in n or "class_" in n]
    text = (html / "book/chapters" / f"{NAME}.html").read_text("utf8")
    assert "Frob." in text
    assert "launch-buttons" not in text
    assert "github.com/hlnb" not in text
    assert "See the plan and that plan." in (html / "book/intro.html").read_text("utf8")
    made = {p.name for p in (book / "_build").iterdir()}
    assert made == {".lock", "assets", "student"}


def test_the_edition_says_which_chapters_are_overtaken(book, tmp_path):
    small_book.overtake(book, NAME)
    states = copies.states(book)
    assert states[NAME] == "overtaken"
    editions.write_source(book, tmp_path / "students")
    assert copies.states(tmp_path / "students") == states


def test_the_edition_has_the_exercises_sealed(book, tmp_path):
    hidden = {"asks": "How far?", "number": "half", "within": 0.1}
    (book / exercises.ANSWERS).write_text(json.dumps({"2-1": hidden}))
    editions.write_source(book, tmp_path / "students")
    assert not (tmp_path / "students" / exercises.ANSWERS).exists()
    found = exercises.catalogue(tmp_path / "students")
    assert found == exercises.catalogue(book)
    asked = {one.id: one.asks for one in found}
    assert (asked["2-1"], asked["2-2"]) == ("How far?", "")
    path = book / "book/chapters" / f"{NAME}.ipynb"
    half = executed.Executed(path).glued["half"]
    assert exercises.check(exercises.named(found, "2-1"), f"{half}") == exercises.RIGHT


def test_the_source_of_the_edition_leaves_the_rest_as_it_is(book, tmp_path):
    editions.write_source(book, tmp_path / "students")
    other = "book/chapters/01_hierarchical_learning.ipynb"
    stripped = read_notebook(tmp_path / "students" / other)
    original = read_notebook(book / other)
    assert stripped["cells"] == original["cells"]
    assert stripped["metadata"]["widgets"] == original["metadata"]["widgets"]
    cells = read_notebook(tmp_path / "students/notebooks" / f"{NAME}.ipynb")["cells"]
    exercise = next(text_of(c) for c in cells if "Exercises" in text_of(c))
    assert exercise == "## Exercises\n\n**Tweak.** Try it.\n\n**Frob.** Again."


def test_a_table_does_not_tell_what_an_exercise_asks_of_a_parameter(tmp_path):
    notebook = small_book.chapter(NAME, needs=[])
    line = (
        "**Tweak.** `papermill notebooks/02.ipynb out.ipynb -p lr 0.2 -p dataset "
        "shapes`: what changes?"  # the first is what it asks about
    )
    notebook["cells"].append(small_book.markdown(line))
    ranges = editions.without_solutions(notebook, name=NAME)["metadata"]["hlnb"][
        "ranges"
    ]
    assert ranges["lr"] == {"range": [0.001, 1], "effect": editions.TOLD}
    assert ranges["dataset"]["effect"] == "Others."


def test_answers_are_left_out_where_they_are_not_wanted():
    box = "```{{admonition}} {}\n:class: tip\n{}\n```\n"
    text = "Before.\n" + box.format("Predict", "How many?")
    whole, cut = (
        text + box.format("Answer", said) + "After."
        for said in ("Seven, since $x$.\n\n* And more.", editions.KEPT)
    )
    assert editions.unanswered(whole) == cut
    assert editions.unanswered(text) == text


@pytest.mark.parametrize("path", REAL, ids=lambda p: "/".join(p.parts[-2:]))
def test_no_line_of_a_real_answer_remains(path):
    for cell in read_notebook(path)["cells"]:
        text = text_of(cell)
        boxes = [t for t in MarkdownIt().parse(text) if t.type == "fence"]
        answers = [b.content for b in boxes if b.info == "{admonition} Answer"]
        left = editions.unanswered(text).splitlines()
        for line in "\n".join(answers).splitlines():
            assert line.startswith(":class:") or not line or line not in left


def test_answers_none_is_of_the_student_edition(capsys):
    assert main(["build", "--answers", "none"]) == 1
    assert "--answers none is of the student edition" in capsys.readouterr().err


@pytest.mark.parametrize("path", REAL, ids=lambda p: "/".join(p.parts[-2:]))
def test_no_line_of_a_real_solution_remains(path):
    notebook = read_notebook(path)
    found = editions.without_solutions(notebook, name=path.stem)
    assert notebook == read_notebook(path)
    left = "\n".join(map(text_of, found["cells"]))
    for cell in notebook["cells"]:
        text = text_of(cell)
        if "solution" in cell["metadata"].get("tags", []):
            assert text not in left
        if cell["cell_type"] == "markdown":
            for line in solution_lines(text):
                assert line not in left
    kept = [c for c in found["cells"] if c["cell_type"] == "code"]
    assert kept == [
        c
        for c in notebook["cells"]
        if c["cell_type"] == "code" and "solution" not in c["metadata"].get("tags", [])
    ]
    assert "seminar" not in found["metadata"]["hlnb"]


def solution_lines(text: str) -> list[str]:
    """The lines of the solution boxes in Markdown, as a Markdown parser sees them."""
    boxes = [t for t in MarkdownIt().parse(text) if t.type == "fence"]
    inside = [b.content for b in boxes if b.info == "{admonition} Solution"]
    lines = [line for content in inside for line in content.splitlines()]
    return [line for line in lines if line and not line.startswith(":class:")]


def test_the_real_chapters_have_solutions():
    texts = [text_of(c) for p in REAL for c in read_notebook(p)["cells"]]
    assert sum(bool(solution_lines(text)) for text in texts) >= 6


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A\n\n```{admonition} Solution\nx\n```\n\nB", "A\n\nB"),
        (":::{admonition} Solution of the first\nx\n:::\nB", "B"),
        ("````{admonition} Solution\n```python\nx\n```\ny\n````\nB", "B"),
        ("- a\n\n  ```{admonition} Solution\n  x\n  ```\n- b", "- a\n\n- b"),
        ("```{admonition} Predict\nx\n```", "```{admonition} Predict\nx\n```"),
        ("Solutions of the equations.  \n", "Solutions of the equations.  \n"),
    ],
)
def test_a_box_is_cut_and_the_text_around_it_stays(text, left):
    assert editions.cut(text, where="a") == left


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```{admonition} Solution\nx", "a: a solution is not closed; end it"),
        ("````{admonition} Solution\nx\n```", "with a line ````"),
        ("```{dropdown} Solution\nx\n```", "would stay in the student edition"),
        ("```{solution} ex\nx\n```", "would stay"),
        ("**Solution.** It is 3.", "would stay"),
        ("### Solution\n\nIt is 3.", "would stay"),
        ("<details><summary>Solution</summary>", "would stay"),
    ],
)
def test_what_cannot_be_cut_is_refused(text, told):
    with pytest.raises(HlnbError, match=re.escape(told)):
        editions.cut(text, where="a")


def test_code_that_needs_a_solution_is_refused():
    needs = small_book.code("print(answer)")
    solution = small_book.code("import os as system\nanswer = 3", tags=["solution"])
    notebook = {"cells": [solution, needs], "metadata": {}}
    with pytest.raises(HlnbError, match="02_a: answer is defined only in a solution"):
        editions.without_solutions(notebook, name="02_a")
    notebook["cells"].insert(0, small_book.code("answer = 2"))
    assert len(editions.without_solutions(notebook, name="02_a")["cells"]) == 2


@pytest.mark.parametrize(
    ("place", "shown", "told"),
    [
        ("book/intro.md", f"chapters/{NAME}.ipynb::solved:.0f", "book/intro.md shows"),
        (
            f"book/chapters/{NAME}.ipynb",
            "solved",
            f"{NAME}, cell 2 shows the number so",
        ),
    ],
)
def test_a_number_that_only_a_solution_computes_is_refused(
    book, tmp_path, place, shown, told
):
    path = book / place
    role = f"{{glue:text}}`{shown}`"
    if path.suffix == ".md":
        path.write_text(path.read_text("utf8") + role)
    else:
        notebook = read_notebook(path)
        notebook["cells"].insert(1, small_book.markdown(role))
        path.write_text(json.dumps(notebook), "utf8")
    with pytest.raises(HlnbError, match=told):
        editions.write_source(book, tmp_path / "students")
