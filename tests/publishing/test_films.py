"""Films of a page, made from the widgets that an execution left."""

import re

import pytest
from bs4 import BeautifulSoup

import small_book
from hlnb.errors import HlnbError
from hlnb.publishing.render import films


def notebook(*widgets) -> dict:
    """A notebook whose cells show the widgets."""
    embedded = small_book.embed_data(views=widgets)
    cells = [
        small_book.code("x", small_book.display({small_book.VIEW: view}))
        for view in embedded["view_specs"]
    ]
    state = {small_book.STATE: embedded["manager_state"]}
    return {"cells": cells, "metadata": {"widgets": state}}


def pages(notebook) -> list[BeautifulSoup]:
    """What each cell shows in HTML."""
    shown = [cell["outputs"][0]["data"] for cell in notebook["cells"]]
    return [BeautifulSoup(data["text/html"], "html.parser") for data in shown]


def test_films_are_numbered_and_their_widgets_go():
    made = notebook(small_book.film_of(["a", "b"]), small_book.film_of(["c"]))
    films.shown(made, chapter=7)
    assert "widgets" not in made["metadata"]
    captions = [page.figcaption.get_text() for page in pages(made)]
    assert captions == [
        "Film 7.1 2 pictures by epoch, from 1 to 2.",
        "Film 7.2 1 picture by epoch: 1.",
    ]


def test_a_film_shows_one_picture_and_names_each():
    made = notebook(small_book.film_of(["a", "b", "c", "d"]))
    films.shown(made, chapter=7)
    (page,) = pages(made)
    frames = page.select(".hlnb-film-frames img")
    assert [f["alt"] for f in frames] == [f"Curve {i}." for i in range(4)]
    assert [f["data-label"] for f in frames] == ["1", "2", "4", "8"]
    assert [f.has_attr("hidden") for f in frames] == [False, True, True, True]
    assert page.label.get_text(strip=True) == "epoch"
    assert page.input["max"] == "3"


def test_without_a_script_three_pictures_and_a_sentence_are_shown():
    made = notebook(small_book.film_of(["a", "b", "c", "d"]))
    films.shown(made, chapter=7)
    (page,) = pages(made)
    said, more = page.select("noscript")
    assert "3 of its 4 pictures" in said.get_text()
    assert [i["alt"] for i in more.select("img")] == ["Curve 1.", "Curve 3."]
    assert page.select_one(".hlnb-film-controls").has_attr("hidden")


def test_words_of_a_film_are_escaped():
    frame = films.Frame("<i>", "a.png", 'A "<b>".')
    text = films.html("a < b", [frame], number=(1, 1))
    assert not {"<i>", "<b>"} & set(re.findall("<.*?>", text))
    page = BeautifulSoup(text, "html.parser")
    assert page.img["alt"] == 'A "<b>".'
    assert page.select("noscript") == []  # its one picture is shown


@pytest.mark.parametrize(
    "widget",
    [
        small_book.w.IntSlider(),
        small_book.w.VBox([small_book.w.IntSlider(), small_book.w.Stack()]),
        small_book.w.VBox([small_book.w.Label("a")]),
    ],
    ids=["slider", "no labels", "one part"],
)
def test_a_widget_that_is_no_film_is_refused(widget):
    with pytest.raises(HlnbError, match="Chapter 7 shows a widget that is no film"):
        films.shown(notebook(widget), chapter=7)
