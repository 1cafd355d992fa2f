"""The table of the notes' pictures, and what it refuses."""

from pathlib import Path

import pytest

import small_book
from hlnb.errors import HlnbError
from hlnb.publishing.notebooks import to_bytes
from hlnb.publishing.render import pictures
from hlnb.publishing.render.executed import Executed

ROW = {"shows": "A curve", "quote": "the curve", "announced": True, "note": "Ours."}


@pytest.fixture(scope="module")
def chapter(tmp_path_factory) -> Executed:
    """A chapter with the figure fig-a."""
    about = {"mystnb": {"figure": {"name": "fig-a", "caption": "A."}}}
    cells = [
        small_book.markdown("# One"),
        small_book.code("draw()") | {"metadata": about},
        small_book.code("1"),
    ]
    notebook = small_book.chapter("01_one", needs=[]) | {"cells": cells}
    path: Path = tmp_path_factory.mktemp("chapters") / "01_one.ipynb"
    path.write_bytes(to_bytes(notebook))
    return Executed(path)


def made(chapter: Executed, *rows: dict) -> str:
    return pictures.of_the_notes([chapter], [*rows])


def test_a_figure_is_named_and_found(chapter):
    assert pictures.names(chapter) == ["fig-a"]


def test_a_row_has_their_words_our_figures_and_a_note(chapter):
    more = {"figures": ["fig-a"], "chapters": ["01_one"], "drawings": ["fig-d"]}
    text = made(chapter, ROW | more, ROW | {"announced": False})
    assert text.startswith("2 places: 1 point at a picture, 1 do not.")
    assert "A curve: “the curve”\n" in text
    assert "A curve: “the curve”. *Not announced.*\n" in text
    shown = "{numref}`fig-a`, {doc}`1 · One </book/chapters/01_one>`, {numref}`fig-d`"
    assert f"{shown} (a drawing)\n" in text
    assert "- No figure\n" in text
    assert text.count("- Ours.\n") == 2


def test_a_drawing_is_no_figure_of_a_chapter(chapter):
    text = made(chapter, ROW | {"drawings": ["fig-d"]})
    assert "- No figure, {numref}`fig-d` (a drawing)\n" in text


def test_rows_stay_in_order(chapter):
    text = made(chapter, *(ROW | {"shows": f"Picture {i}"} for i in (2, 1, 3)))
    at = [text.index(f"Picture {i}") for i in (2, 1, 3)]
    assert at == sorted(at)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"figures": ["fig-b"]}, "No chapter has a figure fig-b, which book/notes_f"),
        ({"chapters": ["02_two"]}, "There is no chapter 02_two, which book/notes_f"),
        ({"note": ""}, "Nothing shows a picture of the notes, A curve: say why"),
    ],
)
def test_what_the_book_does_not_have_is_refused(chapter, more, told):
    with pytest.raises(HlnbError, match=told):
        made(chapter, ROW | more)
