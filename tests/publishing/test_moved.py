"""Places that have moved to another chapter: old addresses lead on."""

import re
from pathlib import Path

import pytest
import yaml

from hlnb.publishing import chapters, copies
from hlnb.publishing.render.moved import leading_on

ROOT = Path(__file__).parents[2]
MOVES = yaml.safe_load((ROOT / "book/moved.yml").read_text("utf8"))
MOVE = {"from": "01_one", "to": "02_two", "places": {"old": "new", "fig-a": "fig-b"}}
TITLES = {"01_one": "1 · One", "02_two": "2 · Two <and>"}


def test_each_old_place_leads_to_its_new_one():
    html = leading_on("01_one", "<p>", [MOVE], titles=TITLES)
    links = re.findall(r'<a id="([^"]+)" href="([^"]+)">([^<]+)</a>', html)
    assert links == [
        ("old", "02_two.html#new", "1"),
        ("fig-a", "02_two.html#fig-b", "1"),
    ]
    assert re.search(r"Sections:\s+<a id=\"old\"", html)
    assert re.search(r"Figures:\s+<a id=\"fig-a\"", html)
    assert '<a href="02_two.html">2 · Two &lt;and&gt;</a>' in html


@pytest.mark.parametrize(
    ("name", "body", "titles"),
    [
        ("02_two", "", TITLES),  # nothing has left it
        ("01_one", "", {"01_one": "1 · One"}),  # the other has no page
        ("01_one", '<p id="old"><figure id="fig-a">', TITLES),  # nothing is gone
    ],
)
def test_a_page_that_lost_no_place_to_a_page_says_nothing(name, body, titles):
    assert leading_on(name, body, [MOVE], titles=titles) == ""


def test_an_id_that_the_page_has_is_not_given_twice():
    html = leading_on("01_one", '<p id="old">', [MOVE], titles=TITLES)
    assert 'id="old"' not in html
    assert 'id="fig-a"' in html


def test_a_page_of_the_book_leads_on(small):
    page = small / "_build/html/book/chapters/01_hierarchical_learning.html"
    text = page.read_text("utf8")
    assert '<a id="gone" href="02_toy_problem_1.html#a-section">1</a>' in text
    assert text.count('id="a-section"') == 1


def ids(chapter):
    """Of sections, figures and claims of an executed chapter, as a page has them."""
    path = copies.executed_path(chapter)
    notebook = chapters.read_notebook(path)
    text = "\n".join(map(chapters.text_of, notebook["cells"]))
    heads = re.findall(r"(?m)^##+ (.+)$", text)
    found = {re.sub(r"[^a-z0-9]+", "-", head.lower()).strip("-") for head in heads}
    found |= {f"at-{claim['id']}" for claim in copies.claims_of(path)}
    return found | set(re.findall(r'name="(fig-[a-z0-9-]+)"', text))


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move["to"])
def test_each_place_that_moved_is_where_the_list_says(move):
    known = {chapter.name: chapter for chapter in chapters.load(ROOT)}
    new = ids(known[move["to"]])
    assert {*move["places"].values()} <= new
    assert not {*move["places"]} & ids(known[move["from"]])
