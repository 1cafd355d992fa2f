"""The search of the rendered book, and its left bar, in a browser."""

import re
from urllib.parse import quote

import pytest
import yaml

import browser
from hlnb.publishing.render import assets

ROOT = browser.ROOT
LAYERWISE = "09_cifar_layerwise|07_table_1|glossary.html#term-layer-wise-training"
WHY = "07_table_1.html#why-layer-wise-training-fails"
FIRST = {  # a query, and what the address of its first hit matches
    "leap": "12_leap",
    "layer-wise": LAYERWISE,
    "LWT": LAYERWISE,
    "parity": "11_parity",
    "NTK": "glossary.html#term-tangent-kernel",
    "SVCCA": "glossary.html#term-SVCCA",
    "learning rate": "#property-3-|of-the-learning-rate$|#term-learning-rate",
    "truck": "01_hierarchical_learning",
    "double descent": "18_linear_regression.html#the-double-descent",
    "Table 1": "07_table_1.html$",
    "staircase": "10_staircase",
    "why does layer-wise training fail": WHY,
    "fails layer-wise training": WHY,
    "parameters": "parameters.html$",
}
HITS = """() => [...document.querySelectorAll("ol.search > li")].map(li => ({
    to: li.querySelector("a").getAttribute("href"),
    title: li.querySelector("a").textContent,
    says: li.querySelector("p")?.textContent || ""}))"""
CODE = re.compile(  # of a cell, of TeX, or of HTML
    r"^(from|import) \w+|\b\w+ = \w+\(|\bdef \w+\(|\\[a-z]+\b|<\w+[ >]|\balt=|\$"
)


@pytest.fixture(scope="module")
def search(html, chromium):
    """What a query finds, read from the disk."""

    def found(query):
        url = f"{(html / 'search.html').as_uri()}?q={quote(query)}"
        with browser.visit(chromium, url, mode="light") as (page, problems):
            page.wait_for_selector("#search-results [role=status]")
            assert not problems
            return page.evaluate(HITS)

    return found


@pytest.mark.parametrize("query", FIRST)
def test_what_is_asked_for_comes_first_and_in_words(search, query):
    hits = search(query)
    assert re.search(FIRST[query], hits[0]["to"])
    assert hits[0]["says"]
    assert [hit["says"] for hit in hits if CODE.search(hit["says"])] == []


def test_a_term_is_shown_with_its_definition(search):
    said = {hit["to"]: hit["says"] for hit in search("leap")}
    definition = "The largest number of new coordinates in one step"
    assert said["book/glossary.html#term-leap"].startswith(definition)


def test_a_name_that_chapters_have_in_a_title_leads_to_them_first(html, search):
    """Lists at the back repeat all titles, and come after them."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    back = {f"{page['file']}.html" for page in contents["parts"][-1]["chapters"]}
    assert back
    for query in ("random hierarchy", "deep linear", "simplicity", "claims", "cifar"):
        hits = search(query)
        titled = [
            i
            for i, hit in enumerate(hits)
            if "chapters/" in hit["to"] and query in hit["title"].lower()
        ]
        behind = [i for i, hit in enumerate(hits) if hit["to"].split("#")[0] in back]
        terms = [i for i in behind if "#term-" in hits[i]["to"]]
        assert min({*behind} - {*terms}, default=99) > max(titled, default=-1), query


def test_other_names_stand_for_terms_of_the_glossary(html, search):
    aliases = yaml.safe_load((ROOT / "book/aliases.yml").read_text("utf8"))
    terms = (html / "book/glossary.html").read_text("utf8")
    for alias, term in aliases.items():
        anchor = f"term-{term.replace(' ', '-')}"
        assert f'id="{anchor}"' in terms, term
        assert any(hit["to"].endswith(f"#{anchor}") for hit in search(alias)), alias


def test_what_is_in_no_page_is_said_to_be(html, chromium):
    url = f"{(html / 'search.html').as_uri()}?q=qqqq"
    with browser.visit(chromium, url, mode="light") as (page, _):
        status = page.locator("#search-results [role=status]")
        assert status.inner_text() == "Nothing in the book has these words."


@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_hits_are_accessible_and_fit(html, chromium, scripts, mode):
    url = f"{(html / 'search.html').as_uri()}?q=layer-wise%20training"
    with browser.visit(chromium, url, mode=mode) as (page, _):
        page.wait_for_selector("ol.search li")
        assert browser.axe(page, assets.axe(ROOT)) == []
        assert browser.overflow(page) <= 0


def test_the_search_says_that_it_needs_a_script(html, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((html / "search.html").as_uri())
    assert "activate JavaScript" in page.locator("article, main").first.inner_text()
    context.close()


@pytest.mark.parametrize("scripted", [True, False])
def test_the_left_bar_shows_the_pages_of_the_part_that_is_read(
    html, chromium, scripted
):
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    captions = [part["caption"] for part in contents["parts"]]
    for caption in (captions[1], captions[-1]):
        part = next(p for p in contents["parts"] if p["caption"] == caption)
        context = chromium.new_context(java_script_enabled=scripted)
        page = context.new_page()
        page.goto((html / f"{part['chapters'][1]['file']}.html").as_uri())
        summaries = page.locator(".bd-links summary")
        shown = page.locator(".bd-links a:visible")
        assert [s.strip() for s in summaries.all_inner_texts()] == captions
        assert shown.count() == len(part["chapters"])
        closed = summaries.nth(captions.index(caption) - 1)
        closed.focus()
        page.keyboard.press("Enter")
        before = contents["parts"][captions.index(caption) - 1]["chapters"]
        assert shown.count() == len(part["chapters"]) + len(before)
        context.close()
