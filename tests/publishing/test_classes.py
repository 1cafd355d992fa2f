"""Written classes: what they name exists, minutes add up, a deck says what they say."""

import re
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

import browser
import small_book
from hlnb.errors import HlnbError
from hlnb.publishing import copies
from hlnb.publishing.render import executed
from hlnb.publishing.slides import classes

ROOT = Path(__file__).parents[2]
REAL = sorted(ROOT.glob(classes.PAGES))


def written(folder: Path, **changes: object) -> Path:
    """The made-up class as a file, fields of its second slide changed."""
    data = yaml.safe_load(small_book.CLASS)
    data["parts"][0]["slides"][1] |= changes
    path = folder / "class_made_up.yml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_minutes_and_numbers_of_slides_add_up(tmp_path):
    made = classes.read(written(tmp_path))
    assert [part.minutes for part in made.parts] == [5, 5]
    assert made.numbers == [3, 4, 6, 7, 8]  # a prediction has two slides
    assert [s.kind for s in made.slides] == [
        *("figure", "predict", "board", "demo", "text"),
    ]
    assert made.number_of("film-2-1") == 5  # where the answer is
    assert made.number_of("fig-notes-fruit") is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"minutes": 5}, "is for 10 minutes, but its slides take 11"),
        ({"right": 3}, "say which choice is right"),
        ({"right": 0}, "say which choice is right"),
        ({"answer": ""}, "a prediction needs its answer"),
        ({"demo": "x", "figure": ""}, "name a figure for where the lab cannot run"),
        ({"colour": "red"}, "is no class: .*colour"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path, changes, told):
    with pytest.raises(HlnbError, match=f"class_made_up.yml.*{told}"):
        classes.read(written(tmp_path, **changes))


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """The sources of a small book."""
    return small_book.make(tmp_path_factory.mktemp("classes") / "book")


def page(book: Path, **changes: object) -> str:
    source = written(book / "book", **changes)
    return classes.page(source, executed.load(book), copies.claims(book))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"figure": "fig-nowhere"}, "'A question': no chapter has the figure fig-now"),
        ({"figure": "film-77-1"}, "no chapter has the figure film-77-1"),
        ({"answer": "{glue:text}`02_toy_problem_1.ipynb::no`"}, "glues no no"),
        ({"answer": "{glue:text}`77_x.ipynb::half`"}, "names no chapter"),
        ({"answer": "{glue:text}`half`"}, "names no chapter"),
        ({"rests_on": {"02-a": "partly"}}, "rests on 02-a being 'partly', and that is"),
        ({"rests_on": {"77-a": "partly"}}, "and that is 'no claim'"),
    ],
)
def test_what_a_class_names_must_exist(book, changes, told):
    with pytest.raises(HlnbError, match=f"class_made_up.yml.*{told}"):
        page(book, **changes)


def test_the_page_of_a_class_has_its_numbers_plan_and_table_of_pictures(book):
    text = page(book)
    assert "It rises to 0.250." in text
    assert "**B.** To 0.25." in text
    rows = re.findall(r"\* - (.+)\n  - (.*)\n  - (.*)", text)
    assert ("Second", "5", "6") in rows
    assert ("**All together**", "**10**", "") in rows
    both = "{numref}`fig-01_hierarchical_learning`, {numref}`fig-notes-dog`"
    assert ("A curve", both, "3, 7") in rows
    assert ("A chapter", "–", "–") in rows


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_the_real_classes_name_what_exists_and_type_no_result(path):
    made = classes.read(path)
    assert made.minutes == {"notes": 90, "report": 60}[made.name]
    classes.page(path, executed.load(ROOT), copies.claims(ROOT))
    for slide in made.slides:
        said = " ".join([slide.text, slide.answer, slide.notes, *slide.steps])
        said = re.sub(r"\{glue:text\}`[^`]*`|\$[^$]*\$", "", said)
        typed = set(re.findall(r"\d+\.\d+", said.replace("Definition 2.1", "")))
        settings = {"0.1", "0.05", "0.2", "0.3", "0.4", "0.15", "1.5"}  # and thresholds
        assert typed <= settings, slide.title
        if slide.choices:
            assert len(slide.choices) >= 3, slide.title
            assert slide.answer.count("{glue:text}"), slide.title
        assert slide.notes, slide.title


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_a_class_tells_no_answer_before_its_question(path):
    shown: set[str] = set()
    for slide in classes.read(path).slides:
        asked = slide.choices and slide.figure
        assert not asked or slide.figure not in shown, slide.title
        shown.add(slide.figure)


@pytest.fixture
def slides(small) -> Path:
    """The folder of the decks of a rendered small book."""
    return small / "_build" / "html" / "slides"


def test_a_deck_says_what_its_class_says_in_order(slides):
    soup = BeautifulSoup((slides / "class_notes.html").read_text("utf8"), "html.parser")
    found = soup.select(".slides > section")
    titles = [" ".join(s.find(["h1", "h2"]).get_text(" ").split()) for s in found]
    assert titles == [
        *("A made-up class", "The plan", "A picture", "A question"),
        *("A question the answer", "A proof", "Live", "The end"),
    ]
    picture, question, answer, proof, live = found[2:7]
    assert "It rises to 0.250." in picture.get_text()
    assert picture.select("figure img")
    assert "Told-to-the-speaker." in picture.select_one(".notes").get_text()
    assert "to a quarter" in question.get_text()
    assert "0.25" not in question.get_text()
    assert "To 0.25." in answer.get_text()
    assert len(answer.select(".frame img")) == 4
    steps = [s.get_text().strip() for s in proof.select(".fragment")]
    assert len(steps) == 2
    assert steps[1] == "Second-step."
    assert proof.select_one(".place a")["href"].endswith("#thm-02-squares")
    assert live.select("img")
    assert [s.get("data-timing") for s in found] == [
        *(None, None, "60", "120", "120", "180", "60", "60"),
    ]


def test_a_sheet_asks_and_does_not_answer(slides):
    text = (slides / "class_notes-sheet.html").read_text("utf8")
    assert "1. A question" in text
    assert "to a quarter" in text
    assert "To 0.25" not in text
    assert "Told-to-the-speaker" not in text


def test_the_speaker_sees_notes_and_a_clock_from_the_disk_too(slides, chromium):
    with browser.visit(
        chromium, f"{(slides / 'class_notes.html').as_uri()}#/2", mode="light"
    ) as (deck, told):
        deck.wait_for_selector(".reveal.ready section.present")
        with deck.context.expect_page() as opened:
            deck.keyboard.press("s")
        view = opened.value
        view.wait_for_selector(".speaker-controls-notes:not(.hidden) .value")
        notes = view.locator(".speaker-controls-notes .value").inner_text()
        assert "Told-to-the-speaker." in notes
        view.wait_for_function("document.querySelector('.pacing').offsetParent")
    assert not told, told
