"""The rendered book: built whole or not at all, checked, offline, served."""

import html
import http.client
import json
import re
import shutil
import socket
import struct
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import html5lib
import pytest
from bs4 import BeautifulSoup, Tag
from sphinx.errors import ExtensionError

import browser
import small_book
from hlnb.errors import HlnbError
from hlnb.publishing import copies
from hlnb.publishing.cli import main
from hlnb.publishing.render import assets, build, parts, sphinx
from hlnb.publishing.render.executed import Executed
from hlnb.publishing.render.left_out import LeftOut
from publishing_fixtures import edit

OTHER = "another `hlnb`; wait until it has ended.\n"
NPM = '#!/bin/sh\necho "npm error code {code}" >&2\nexit 1\n'


@pytest.fixture
def book(small) -> Path:
    """A rendered book with tiny chapters, to be read."""
    return small


@pytest.fixture
def own(small, tmp_path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(small, tmp_path / "own"))


def page(root: Path, name: str) -> str:
    return (root / "_build" / "html" / f"{name}.html").read_text("utf8")


def fake_npm(folder: Path, monkeypatch, *, code: str | None) -> None:
    """An npm that fails with a code, or no npm at all."""
    folder.mkdir()
    if code:
        (folder / "npm").write_text(NPM.format(code=code))
        (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(assets, "BESIDE", str(folder))


def test_new_pages_replace_the_old_ones_whole_and_leave_nothing_behind(own):
    stray = own / "_build" / "html" / "stray.html"
    stray.touch()
    (own / "_build" / "html.inputs").unlink()
    front = build.build(own)
    assert front == own / "_build" / "html" / "index.html"
    assert "book/intro.html" in front.read_text("utf8")
    assert not stray.exists()
    made = {p.name for p in (own / "_build").iterdir()}
    assert made == {".lock", "assets", "html", "html.inputs"}


def test_a_second_build_at_once_is_refused_and_the_first_is_whole(
    tmp_path, monkeypatch, capsys
):
    root = small_book.make(tmp_path / "book")
    begun, told = threading.Event(), threading.Event()

    def render(root, staging, **_):
        assert not begun.is_set()  # two at once would take each other's files
        begun.set()
        assert told.wait(60)
        pages = staging / "_build" / "html"
        pages.mkdir(parents=True)
        (pages / "index.html").write_text("new")
        return pages

    monkeypatch.chdir(root)
    monkeypatch.setattr(assets, "prepare", lambda _: None)
    monkeypatch.setattr(build, "render", render)
    monkeypatch.setattr(build.release, "downloads", lambda *_: None)
    with ThreadPoolExecutor(1) as first:
        front = first.submit(build.build, root)
        assert begun.wait(60)
        for line in ("build", "build --edition student", "pdf"):
            assert main(line.split()) == 1
            out, err = capsys.readouterr()
            assert (out, err) == ("", f"hlnb: {root} is being built by {OTHER}")
        told.set()
        assert front.result().read_text("utf8") == "<!DOCTYPE html>\nnew"
    assert main(["build"]) == 0  # nothing changed since


def test_where_nothing_changed_nothing_is_rendered(own, monkeypatch):
    front = build.build(own)
    calls = []

    def render(root, staging):
        calls.append(root)
        raise HlnbError("rendered")

    monkeypatch.setattr(build, "render", render)
    assert build.build(own) == front
    assert not calls
    for shown in ("LICENSE", "benchmarks/robust.json"):
        path = own / shown
        kept = path.read_text("utf8") if path.exists() else None
        path.write_text("another one")
        with pytest.raises(HlnbError, match="rendered"):
            build.build(own)
        path.unlink() if kept is None else path.write_text(kept)
    assert build.build(own) == front
    front.unlink()
    with pytest.raises(HlnbError, match="rendered"):
        build.build(own)


def test_a_chapter_has_its_head_its_figure_number_and_its_stamp(book):
    text = page(book, "book/chapters/08_cifar_filters")
    assert "8 · A made-up chapter 08" in text
    assert "Draw one curve." in text
    assert 'href="02_toy_problem_1.html"' in text
    assert "A processor &#64; 2.40GHz (2 cores, 1 thread)" in text
    words = re.sub("<[^>]+>", "", text)
    assert "papermill notebooks/08_cifar_filters.ipynb out.ipynb -p seeds 1" in words
    assert "Fig. 8.1" in text
    assert "The value is 0.250." in words
    assert "2026-11-23, in 12 min" in text


def test_every_page_is_valid_html(book):
    found = []
    for path in sorted((book / "_build" / "html").rglob("*.html")):
        if "_static" not in path.parts:
            parser = html5lib.HTMLParser(strict=False)
            parser.parse(path.read_text("utf8"))
            found += [
                f"{path.name} {place}: {code}" for place, code, _ in parser.errors
            ]
    assert not found, "\n".join(found)


def words(text: str) -> str:
    """The text of a page, without tags."""
    return html.unescape(" ".join(re.sub("<[^>]+>", " ", text).split()))


def test_a_head_sums_up_the_verdicts_and_says_how_long_it_is_to_read(book):
    text = words(page(book, "book/chapters/02_toy_problem_1"))
    assert "1 min to read" in text
    assert "1 reproduced 1 partly 1 not reproduced 1 not testable here" in text


def test_a_chapter_can_be_taken_along(book):
    html = book / "_build" / "html"
    text = page(book, "book/chapters/02_toy_problem_1")
    for place in (
        "downloads/02_toy_problem_1.ipynb",
        "downloads/02_toy_problem_1-executed.ipynb",
        "slides/02_toy_problem_1.html",
    ):
        assert f'href="../../{place}"' in text
        assert (html / place).is_file()
    assert (html / "downloads" / "hlnb-notebooks.zip").is_file()


def test_a_claim_leads_to_the_line_of_the_cell_that_computed_it(book):
    text = page(book, "book/claims")
    for name in small_book.NAMES:
        id, chapter = f"{name[:2]}-b", page(book, f"book/chapters/{name}")
        for where, target in (
            (text, f"chapters/{name}.html#at-{id}"),
            (chapter, f"#at-{id}"),  # its permanent address
        ):
            found = re.findall(rf'href="{target}"[^>]*>(.*?)</a>', where)
            assert id in [words(part).strip() for part in found]
        assert f'id="at-{id}"' in chapter
    assert 'id="claim-08-b"' in text


def test_the_page_of_parameters_has_ranges_effects_and_a_command(book):
    text = words(page(book, "book/parameters"))
    assert text.count("0.001 to 1") == len(small_book.NAMES)
    assert "'cifar10' , 'shapes'" in text
    assert "Larger is faster, up to a point." in text
    assert "published run: 12 min" in text
    assert "papermill notebooks/02_toy_problem_1.ipynb out.ipynb" in text


def test_the_seminar_plan_has_minutes_and_wrong_answers(book):
    text = words(page(book, "book/seminar"))
    assert text.count("A section 20") == len(small_book.NAMES)
    assert "Before class. Run hlnb run 01 --smoke" in text
    assert "It falls. It rises" in text


def test_minutes_of_sections_follow_a_rule(tmp_path):
    predict = "```{admonition} Predict\n:class: tip\nWhat?\n```"
    cells = [
        small_book.markdown("# T\n\n" + "word " * 900),
        small_book.markdown("## One\n\n" + "word " * 900),
        small_book.markdown(f"{predict}\n\n## Two\n\nwords"),
        small_book.code("figure(x)"),
        small_book.code("figure(y)"),
        small_book.markdown("## Limits\n\nnone"),
        small_book.markdown("## Exercises\n\n**Tweak.** A.\n\n**Frob.** B."),
    ]
    path = tmp_path / "01_one.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    found = parts.section_minutes(Executed(path))
    assert found == {"One": 15, "Two": 5}
    assert parts.home_minutes(Executed(path)) == {"Tweak": 20, "Frob": 90}
    plan = {"hlnb": {"seminar": {"sections": {"Two": 20, "One": 10}}}}
    path.write_text(json.dumps({"cells": cells, "metadata": plan, "nbformat": 4}))
    planned = parts.planned_minutes(Executed(path))
    assert [*planned.items()] == [("One", 10), ("Two", 20)]


def test_the_map_has_our_numbers_as_links_and_no_row_of_an_absent_chapter(book):
    text = page(book, "book/contents")
    assert re.search(r'epochs: <a [^>]*href="claims.html#claim-02-a"[^>]*>.*?4<', text)
    assert "less than not reached" in words(text)
    assert "that is not there" not in text


def test_the_front_page_has_findings_with_numbers_and_a_picture(book):
    text = page(book, "book/intro")
    (told,) = re.findall(r"<li>(?:(?!<li>).)*What was found.*?</li>", text, re.DOTALL)
    assert words(told) == "What was found . It takes 4 epochs."
    assert 'href="claims.html#claim-02-a"' in told
    assert 'href="chapters/02_toy_problem_1.html"' in told
    assert "chapter that is not there" not in text
    assert "A parabola that opens upwards." in text


def test_the_front_page_has_the_explorer_of_a_chapter(book):
    text = page(book, "book/intro")
    assert 'class="hlnb-choices hlnb-explorer"' in text
    assert "A card." in text


def test_a_part_opens_with_a_picture_of_a_chapter(book):
    text = page(book, "book/parts/report")
    assert "A parabola that opens upwards." in text
    assert 'href="../chapters/01_hierarchical_learning.html"' in text


LEFT_OUT = "02_toy_problem_1"
REFERS = (  # to a chapter that is left out, and what is said in its place
    (f"{{glue:text}}`{LEFT_OUT}.ipynb::half:.3f`", "0.250"),
    (f"{{numref}}`fig-{LEFT_OUT}`", "a figure of chapter 2"),
    (f"{{numref}}`Fig. %s <fig-{LEFT_OUT}>`", "a figure of chapter 2"),
    (f"{{numref}}`the curve <fig-{LEFT_OUT}>`", "the curve"),
    ("{prf:ref}`thm-02-squares`", "a statement of chapter 2"),
    (f"{{doc}}`{LEFT_OUT}`", "2 · A made-up chapter 02"),
    (f"{{doc}}`the other </book/chapters/{LEFT_OUT}>`", "the other"),
    (f"[a link]({LEFT_OUT}.ipynb#a-section)", "a link"),
)


def leave_out(root: Path, name: str) -> None:
    """Takes a chapter out of the table of contents, and out of nothing else."""
    edit(root / "_toc.yml", f"  - file: book/chapters/{name}\n", "")


def test_a_book_in_part_is_built_whatever_refers_to_the_rest(own):
    leave_out(own, LEFT_OUT)
    asked = "; ".join(asked for asked, _ in REFERS)
    edit(
        own / "book" / "chapters" / "08_cifar_filters.ipynb",
        "See {numref}`fig-08_cifar_filters`",
        f"{asked}; see {{numref}}`fig-08_cifar_filters`",
    )
    edit(
        own / "book/parts/report.md", "fig-01_hierarchical_learning", f"fig-{LEFT_OUT}"
    )
    row = '- problem: P\n  chapter: 08_cifar_filters\n  alone: "{02-a}, {08-a}"\n'
    (own / "book" / "map.yml").write_text(row)
    build.build(own)
    html = own / "_build" / "html"
    taken = [p.name for p in html.rglob("*") if "_images" not in p.parts]
    assert not [name for name in taken if LEFT_OUT in name]
    told = "; ".join(told for _, told in REFERS)
    assert f"{told}; see Fig. 8.1" in words(page(own, "book/chapters/08_cifar_filters"))
    assert "(From 2 · A made-up chapter 02.)" in words(page(own, "book/parts/report"))
    assert "What was found" not in page(own, "book/intro")
    text = page(own, "book/contents")
    assert 'href="claims.html#claim-08-a"' in text
    assert "claim-02-a" not in text
    assert "4, 4" in words(text)
    for name in ("claims", "parameters", "seminar", "status", "statements", "theorems"):
        assert f"chapters/{LEFT_OUT}" not in page(own, f"book/{name}")
    claimed = words(page(own, "book/claims"))
    assert "A made-up chapter 08" in claimed
    assert "A made-up chapter 02" not in claimed


def test_a_mistaken_reference_stops_a_book_in_part_too(own, capsys):
    leave_out(own, LEFT_OUT)
    edit(
        own / "book" / "chapters" / "08_cifar_filters.ipynb",
        "See {numref}`fig-08_cifar_filters`",
        "See {numref}`fig-nowhere`",
    )
    with pytest.raises(HlnbError, match="was not built"):
        build.build(own)
    assert "fig-nowhere" in capsys.readouterr().err


def test_a_whole_book_is_not_touched_by_what_serves_a_part():
    text = " ".join(asked for asked, _ in REFERS)
    assert LeftOut({}).bridged(text) == text


def test_a_page_alone_is_refused_in_one_sentence(own):
    """As `jupyter-book build` of one file asks: the page's folder is the source."""
    app = SimpleNamespace(srcdir=str(own / "book" / "chapters"))
    with pytest.raises(ExtensionError, match="run `hlnb build`"):
        sphinx.offline(app, None)


@pytest.mark.parametrize(
    ("place", "old", "new", "told"),
    [
        ("parts/report.md", "picture fig-", "picture fig-no-", "No chapter has a fig"),
        ("map.yml", "{02-a}", "{02-z}", "names 02-z, which is no claim"),
        ("findings.yml", "{02-a}", "{02-z}", "names 02-z, which is no claim"),
        ("findings.yml", "02-b: not ", "02-b: ", "02-b being 'reproduced', and it is"),
        ("statements.yml", "the notes", "a page", "has statements of the notes: list"),
        ("intro.md", "widget explorer", "widget other", "has a widget other"),
    ],
)
def test_a_picture_or_number_that_no_chapter_has_stops_the_build(
    own, capsys, place, old, new, told
):
    edit(own / "book" / place, old, new)
    with pytest.raises(HlnbError, match="was not built"):
        build.build(own)
    assert told in capsys.readouterr().err


def test_a_film_stands_on_a_page_as_pictures_in_files(book):
    """The page keeps their room and loads no manager of widgets."""
    text = page(book, "book/chapters/08_cifar_filters")
    (film,) = BeautifulSoup(text, "html.parser").select("figure.hlnb-film")
    assert film.select_one(".caption-number").get_text() == "Film 8.1 "
    frames = film.select(".hlnb-film-frames img")
    assert [f["alt"] for f in frames] == [f"Curve {i}." for i in range(4)]
    for frame in frames:
        file = book / "_build/html/book/chapters" / frame["src"]
        assert struct.unpack(">II", file.read_bytes()[16:24]) == (960, 480)
        assert (frame["width"], frame["height"]) == ("480", "240")
        assert frame["loading"] == "lazy"
    assert "hlnb-film.js" in text
    assert "hlnb-film.js" not in page(book, "book/glossary")
    assert "vnd.jupyter.widget" not in text


def test_every_picture_of_a_page_waits_for_its_reader(book):
    text = page(book, "book/chapters/08_cifar_filters")
    assert "data:image/png" not in text
    pictures = BeautifulSoup(text, "html.parser").select("article img")
    assert len(pictures) > 5
    assert {p["loading"] for p in pictures} == {"lazy"}
    figure = BeautifulSoup(text, "html.parser").select_one("figure img[alt^=A]")
    assert (figure["width"], figure["height"]) == ("480", "240")
    assert "style" not in figure.attrs  # the room shrinks with the page


def test_pages_do_without_what_is_heavy_or_left_behind(book):
    """Icons need no script; no page keeps marks of a search, or lacks its colours."""
    for name in ("book/chapters/08_cifar_filters", "book/intro", "search"):
        text = page(book, name)
        assert not re.search("<script[^>]*fontawesome", text)
        assert 'data-theme="light"' in text[:300]
        assert "sphinx_highlight.js" not in text


def test_what_stands_beside_a_figure_is_not_its_caption(book):
    text = page(book, "book/chapters/08_cifar_filters")
    figure, beside = text.index("</figure>"), text.index("the figure")
    assert figure < beside
    assert text.count('id="fig-08-cifar-filters"') == 1


def test_a_table_of_statements_in_a_chapter_is_one_of_cards(book):
    row = r"| $\|w\|$ is *small* | Figure {numref}`a` | {glue:text}`b`, c |"
    head = "| statement of the notes | where | verdict |\n|---|---|---|\n"
    other = "| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n"
    made = parts.with_cards(f"Before.\n\n{head}{row}\n\nAfter.\n\n{other}")
    assert made.startswith("Before.\n\n::::{list-table}\n")
    assert made.endswith(f"::::\n\nAfter.\n\n{other}")
    assert "* - Statement of the notes\n  - Where\n  - Verdict\n" in made
    cells = "* - $|w|$ is *small*\n  - Figure {numref}`a`\n  - {glue:text}`b`, c\n"
    assert cells in made
    for name in small_book.NAMES:
        assert "hlnb-statements" in page(book, f"book/chapters/{name}")


@pytest.mark.parametrize(
    "name", ["chapters/02_toy_problem_1", "claims", "parameters", "statements"]
)
def test_tables_of_many_words_are_cards_on_a_phone(book, chromium, name):
    at = (book / "_build/html/book" / f"{name}.html").as_uri()
    with browser.visit(chromium, at, mode="phone") as (shown, _):
        assert shown.locator("table.hlnb-table").count() > 0
        assert browser.wide_cards(shown) == []
        shown.set_viewport_size({"width": 1300, "height": 900})
        assert browser.wide_cards(shown)  # here they are tables


def test_statements_stand_by_source_in_the_order_of_the_source(book):
    text = page(book, "book/statements")
    at = [words(text).index(f"in {number}") for number in ("08", "02", "01")]
    assert at == sorted(at)  # as book/statements.yml says
    assert "Made-up notes" in words(text)
    for name in small_book.NAMES:
        assert f"in {name[:2]}" in words(text)
        assert f'href="chapters/{name}.html"' in text
    assert words(text).count("A section 0.25") == len(small_book.NAMES)


def test_pictures_of_the_notes_lead_to_figures_chapters_and_drawings(book):
    text = page(book, "book/notes_figures")
    assert "2 places: 1 point at a picture, 1 do not." in words(text)
    assert 'href="chapters/01_hierarchical_learning.html#fig-01-hierarchical' in text
    assert 'href="chapters/02_toy_problem_1.html"' in text
    assert 'href="#fig-notes-dog"' in text


def test_theorems_are_numbered_by_chapter_and_listed(book):
    assert "Theorem 8.1 (Squares)" in words(
        page(book, "book/chapters/08_cifar_filters")
    )
    text = page(book, "book/theorems")
    assert 'href="chapters/02_toy_problem_1.html#thm-02-squares"' in text
    for chapter in (1, 2, 8):
        assert f"Theorem {chapter}.1 Squares" in words(text)


def test_equations_are_numbered_by_chapter_and_terms_linked_once(book):
    text = page(book, "book/chapters/08_cifar_filters")
    assert re.search(r'class="eqno">\(8\.1\)<', text)
    assert text.count('href="../glossary.html#term-toy-problem"') == 1


def test_parameters_figures_and_claims_are_shown_with_their_code_folded(book):
    text = page(book, "book/chapters/02_toy_problem_1")
    parsed = BeautifulSoup(text, "html.parser")
    lines = [fold.summary.get_text() for fold in parsed.select("details.hlnb-fold")]
    assert lines.count("Code") == 4  # parameters, figure, film, claims
    assert "4 statements judged: " in " ".join(lines)
    assert "film(frames)" in parsed.select_one(".cell_input:not(details *)").get_text()
    assert "verdict-not-testable-here" in text  # as badges, not as plain Markdown


def test_the_value_of_a_cells_last_line_is_not_shown():
    value = {"output_type": "execute_result", "data": {"text/plain": "[Claim(id=3)]"}}
    picture = {"output_type": "display_data", "data": {"image/png": ""}}
    assert sphinx.shown_of([value, picture]) == [picture]


def test_the_launch_buttons_open_the_clean_notebook(book):
    text = page(book, "book/chapters/02_toy_problem_1")
    assert "blob/main/notebooks/02_toy_problem_1.ipynb" in text
    assert "blob/main/book/chapters/02_toy_problem_1.ipynb" not in text


def test_the_download_is_the_executed_notebook_as_it_lies_on_the_disk(book):
    name = "book/chapters/02_toy_problem_1.ipynb"
    download = book / "_build" / "html" / "_sources" / name
    assert download.read_bytes() == (book / name).read_bytes()


def test_every_claim_has_a_row_and_every_verdict_a_count(book):
    text = page(book, "book/claims")
    claims = copies.claims(book)
    assert len(claims) == 12
    for claim in claims:
        assert f'id="claim-{claim["id"]}"' in text
    assert text.count("verdict-not-reproduced") == 1 + 3  # one in the totals
    assert "verdict-not-reproduced" in page(book, "book/intro")


def test_the_status_page_says_when_and_on_what(book):
    text = page(book, "book/status")
    assert text.count("2026-11-23") == 3
    assert "CIFAR-10 (sha256" in text


@pytest.fixture(scope="module")
def overtaken(once, small) -> Path:
    """The book after a change of the package; its last chapter was drawn again once."""

    def make(folder):
        shutil.copytree(small, folder, dirs_exist_ok=True)
        small_book.overtake(folder, "02_toy_problem_1")
        again = {"date": "2026-12-01", "seconds": 80, "cpu": "Another one"}
        small_book.overtake(folder, "08_cifar_filters", redrawn=again)
        build.build(folder)

    return once("overtaken", make)


def test_an_overtaken_chapter_says_so_at_its_top_and_the_lists_do_too(book, overtaken):
    assert "overtaken" not in page(book, "book/chapters/02_toy_problem_1")
    assert "0 of 3 chapters are overtaken." in page(book, "book/status")
    root = overtaken
    text = page(root, "book/chapters/02_toy_problem_1")
    (banner,) = re.findall(r'class="[^"]*hlnb-overtaken[^"]*">(.*?)</div>', text, re.S)
    assert "of the execution of 2026-11-23; code" in words(banner)
    assert "hlnb run 02" in words(banner)
    assert "hlnb redraw 02" in words(banner)
    assert text.index("</h1>") < text.index(banner) < text.index("hlnb-head")
    deck = (root / "_build/html/slides/02_toy_problem_1.html").read_text("utf8")
    assert words(deck).count("of the execution of 2026-11-23; code") == 1
    drawn = words(page(root, "book/chapters/08_cifar_filters"))
    assert "of the execution of 2026-11-23, drawn again on 2026-12-01; code" in drawn
    assert "Executed : 2026-11-23, in 12 min" in drawn
    assert "On : A processor @ 2.40GHz" in drawn
    again = "2026-12-01, from the kept results, in 80 s on Another one"
    assert f"Drawn again : {again}" in drawn
    status = words(page(root, "book/status"))
    assert "2 of 3 chapters are overtaken." in status
    assert status.count("overtaken: code of the package has changed since") == 2
    assert "2026-11-23, drawn again 2026-12-01" in status
    assert words(page(root, "book/contents")).count("( overtaken )") == 2
    assert "overtaken" not in page(root, "book/chapters/01_hierarchical_learning")


@pytest.mark.parametrize("mode", browser.MODES)
def test_a_banner_is_accessible_and_fits(overtaken, chromium, mode):
    html = overtaken / "_build/html"
    with browser.served(html) as base:
        for name in ("chapters/08_cifar_filters", "status"):
            at = f"{base}book/{name}.html"
            with browser.visit(chromium, at, mode=mode) as (shown, told):
                told += browser.axe(shown, assets.axe(small_book.ROOT))
                assert not told
                assert browser.overflow(shown) <= 0
                if name != "status":
                    banner = shown.locator(".hlnb-overtaken")
                    assert banner.is_visible()
                    shown.emulate_media(media="print")
                    assert banner.is_visible()


def test_pages_are_rendered_anew_when_a_chapter_is_overtaken(own, monkeypatch):
    monkeypatch.setattr(copies.freshness, "state", lambda chapter: "overtaken")
    monkeypatch.setattr(build, "render", lambda *_: pytest.fail("rendered"))
    with pytest.raises(pytest.fail.Exception, match="rendered"):
        build.build(own)


def test_a_warning_stops_the_build_and_the_last_good_pages_stay(own, capsys):
    front, intro = own / "_build/html/index.html", own / "book/intro.md"
    before = front.stat().st_ino
    intro.write_text(intro.read_text("utf8") + "\n{nosuchrole}`x`\n")
    with pytest.raises(HlnbError, match=r"Jupyter Book gave the . message"):
        build.build(own)
    assert "nosuchrole" in capsys.readouterr().err
    assert front.stat().st_ino == before


def test_an_image_without_words_stops_the_build(own, capsys):
    chapter = own / "book/chapters/01_hierarchical_learning.ipynb"
    notebook = json.loads(chapter.read_text("utf8"))
    (figure,) = [c for c in notebook["cells"] if "mystnb" in c["metadata"]]
    del figure["metadata"]["mystnb"]["image"]["alt"]
    chapter.write_text(json.dumps(notebook))
    with pytest.raises(HlnbError, match="the check of the pages gave"):
        build.build(own)
    assert "is a path" in capsys.readouterr().err


def test_a_chapter_without_provenance_stops_the_build(own, capsys):
    (own / "book/chapters/02_toy_problem_1.provenance.json").unlink()
    with pytest.raises(HlnbError, match="was not built"):
        build.build(own)
    assert "02_toy_problem_1 has no provenance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "notice"),
    [
        (None, "npm is not installed, so formulas will be set more plainly, and"),
        ("ENOTFOUND", "could not fetch the book's scripts (ENOTFOUND), so"),
    ],
)
def test_without_the_scripts_one_line_says_so(
    book, tmp_path, monkeypatch, capsys, code, notice
):
    fake_npm(tmp_path / "bin", monkeypatch, code=code)
    assert assets.prepare(copy(book, tmp_path)) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert notice in line


def test_without_node_alone_one_line_says_so(book, tmp_path, monkeypatch, capsys):
    root = copy(book, tmp_path)
    shutil.copytree(book / assets.FOLDER, root / assets.FOLDER)
    fake_npm(tmp_path / "bin", monkeypatch, code=None)
    assert assets.prepare(root) == root / assets.FOLDER / "static"
    told = "hlnb: Node is not installed, so formulas will be set more plainly.\n"
    assert capsys.readouterr().err == told


def test_without_the_scripts_slides_alone_take_theirs_from_a_public_host(
    book, tmp_path, monkeypatch
):
    root = tmp_path / "book"
    shutil.copytree(book, root, ignore=shutil.ignore_patterns("_build"))
    fake_npm(tmp_path / "bin", monkeypatch, code=None)
    build.build(root)
    found = {
        name: re.findall(r'<(?:script|link)[^>]*"(https://cdn[^"]*)"', page(root, name))
        for name in ("book/chapters/02_toy_problem_1", "slides/02_toy_problem_1")
    }
    on_page, on_slides = found.values()
    assert on_page == []
    assert {address.rsplit("/", 1)[1] for address in on_slides} == {
        "reveal.js",
        "reveal.css",
    }
    (formula,) = formulas(root, "book/chapters/02_toy_problem_1")[:1]
    assert formula.find("math", recursive=False)


def formulas(root: Path, name: str) -> list[Tag]:
    """The boxes of the formulas on a page."""
    soup = BeautifulSoup(page(root, name), "html.parser")
    return soup.select("span.math, .hlnb-formula")


def test_a_formula_that_is_not_understood_stops_the_build_and_is_named(own, capsys):
    glossary = own / "book/glossary.md"
    glossary.write_text(f"{glossary.read_text('utf8')}\nLet $x = \\nonsense$.\n")
    with pytest.raises(HlnbError, match="Jupyter Book gave the 1 message"):
        build.build(own)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"book/glossary\.md:\d+: .*formula x = \\nonsense can", line)


def copy(book: Path, folder: Path) -> Path:
    """The book's recipe for its assets without the fetched files."""
    root = folder / "copy"
    shutil.copytree(book / "book/assets", root / "book/assets", dirs_exist_ok=True)
    return root


def test_altered_scripts_are_refused(book, tmp_path, monkeypatch):
    fake_npm(tmp_path / "bin", monkeypatch, code="EINTEGRITY")
    with pytest.raises(HlnbError, match="does not agree with"):
        assets.prepare(copy(book, tmp_path))


def test_fetched_assets_are_kept_until_the_recipe_changes(book, tmp_path, monkeypatch):
    root = copy(book, tmp_path)
    shutil.copytree(book / assets.FOLDER, root / assets.FOLDER)
    fake_npm(tmp_path / "bin", monkeypatch, code="EINTEGRITY")
    assert assets.prepare(root) == root / assets.FOLDER / "static"
    (root / "book/assets/package.json").write_text("{}")
    with pytest.raises(HlnbError, match="EINTEGRITY"):
        assets.prepare(root)


def test_licences_travel_with_the_scripts(book):
    vendor = book / "_build/html/_static/vendor"
    for name in ("stix/LICENSE", "reveal/LICENSE"):
        assert (vendor / name).is_file()


FIGURE = (
    '<figure><img src="a.png" alt="A cat."><figcaption><span class="caption-number">'
    'Fig. 1</span><span class="caption-text">It sits.</span></figcaption></figure>'
)


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ('<a href="b.html">b</a>', "b.html does not exist"),
        ('<a href="../x.html">x</a>', "does not exist"),
        ('<a href="#nowhere">b</a>', "leads to no place"),
        ('<b data-lab="x"></b><a href="#y?a=1">b</a>', "leads to no place"),
        ('<script src="https://cdn.example/x.js"></script>', "from another host"),
        ('<link href="//cdn.example/x.css">', "from another host"),
        (FIGURE.replace(' alt="A cat."', ""), "no alternative text"),
        (FIGURE.replace("A cat.", " "), "no alternative text"),
        (FIGURE.replace("A cat.", "_images/a.png"), "is a path"),
        (FIGURE.replace("caption-number", "x"), "is no figure with a number"),
        (FIGURE.replace("It sits.", ""), "is no figure with a number"),
        ('<img src="a.png" alt="A cat.">', "is no figure with a number"),
    ],
)
def test_the_check_finds(tmp_path, body, finding):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "a.html").write_text(f"<article>{body}</article>")
    (found,) = build.check(tmp_path)
    assert found.startswith("a.html: ")
    assert finding in found


def test_the_check_accepts_what_is_right(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    links = '<a href="#here" id="here">x</a><a href="https://example.org">y</a>'
    links += '<div data-lab="x"></div><a href="#x?rate=0.1&wait">set</a>'
    (tmp_path / "a.html").write_text(f"<article>{FIGURE}{links}</article>")
    cdn = '<script src="https://cdn.example/x.js"></script>'
    (tmp_path / "b.html").write_text(f'<a href="a.html#here">a</a>{cdn}')
    assert build.check(tmp_path, offline=False) == []
    assert len(build.check(tmp_path)) == 1


def test_serving_needs_a_book_and_a_free_port(book, tmp_path):
    with pytest.raises(HlnbError, match="run `hlnb build` first"):
        build.serve(tmp_path, 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(HlnbError, match=f"Cannot serve on port {port}"):
            build.serve(book, port)
    with pytest.raises(HlnbError, match="port 70000"):
        build.serve(book, 70000)
    with pytest.raises(HlnbError, match=r"another address than 192\.0\.2\.1 with"):
        build.serve(book, 0, "192.0.2.1")  # no address of this machine
    for odd in ("\udcff", "ü..", "a" * 70):
        with pytest.raises(HlnbError, match="Cannot serve on port 0"):
            build.serve(book, 0, odd)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_host_is_the_one_asked_for(tmp_path, host):
    with build._server(tmp_path, 0, host) as server:
        assert server.socket.getsockname()[0] == host


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """The port at which a folder is served."""
    server = build._server(folder, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()  # which waits for what still answers


def test_the_served_front_page_is_the_built_one(book):
    with served(book / "_build/html") as port:
        url = f"http://127.0.0.1:{port}/book/intro.html"
        with urllib.request.urlopen(url) as answer:
            assert answer.read().decode() == page(book, "book/intro")


ODD = ("/%00", "/a%00b/", "/..%00", f"/{'a' * 5000}", "/%FF", "/index.html/")


@pytest.mark.parametrize("path", ODD)
def test_an_odd_address_is_not_found_and_no_traceback(tmp_path, capsys, path):
    (tmp_path / "index.html").write_text("front")
    with served(tmp_path) as port:
        for odd, status in ((path, 404), ("/", 200)):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", odd)
            assert connection.getresponse().status == status
            connection.close()
    assert capsys.readouterr().err == ""


def test_a_reader_who_leaves_in_the_middle_is_no_traceback(tmp_path, capsys):
    (tmp_path / "index.html").write_text("x" * 20_000_000)
    with served(tmp_path) as port:
        reader = socket.create_connection(("127.0.0.1", port))
        reader.sendall(b"GET / HTTP/1.0\r\n\r\n")
        reader.recv(1)
        at_once = struct.pack("ii", 1, 0)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        reader.close()
    assert capsys.readouterr().err == ""


def test_a_fault_of_the_server_itself_is_told(tmp_path, capsys):
    server = build._server(tmp_path, 0)
    try:
        raise RuntimeError("ours")
    except RuntimeError:
        server.handle_error(None, ("127.0.0.1", 1))
    finally:
        server.server_close()
    assert "RuntimeError: ours" in capsys.readouterr().err
