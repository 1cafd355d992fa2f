"""Slides: what a chapter's page says, cut to slides that hold it, offline."""

import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import browser
import small_book
from hlnb.errors import HlnbError
from hlnb.publishing.render import assets, films
from hlnb.publishing.slides import decks

NAME = "03_made_up.html"
FIGURE = (
    '<figure id="fig-a"><img alt="A rising line." src="../../_images/a.png">'
    '<figcaption><p><span class="caption-number">Fig. 3.1 </span>'
    '<span class="caption-text">A line.</span><a class="headerlink">#</a></p>'
    "</figcaption></figure>"
)
PREDICT = (
    '<div class="tip admonition"><p class="admonition-title">Predict</p>'
    "<p>Does it rise?</p></div>"
)
SOLUTION = (
    '<div class="dropdown admonition"><p class="admonition-title">Solution</p>'
    "<p>hidden-words</p></div>"
)
CLAIMS = (
    '<table class="hlnb-claims"><thead><tr><th><p>Statement</p></th><th>Ours</th></tr>'
    '</thead><tbody><tr><td><p><span id="at-a">It rises.</span></p></td><td>'
    '<span class="verdict verdict-partly">partly</span></td></tr></tbody></table>'
)


def cell(*outputs: str) -> str:
    """The HTML of a code cell and what it shows."""
    code = '<div class="cell_input"><div class="highlight">the_code()</div></div>'
    shown = "".join(f'<div class="cell_output">{output}</div>' for output in outputs)
    return f'<div class="cell docutils">{code}{shown}</div>'


def page(*blocks: str, title: str = "A section", lead: str = "<p>Lead.</p>") -> str:
    """The HTML of a chapter with one section."""
    head = (
        '<div class="hlnb-head"><p><span class="hlnb-label">After this chapter you can'
        '</span></p><ul><li><p>draw it</p></li></ul><p><span class="hlnb-label">Time'
        "</span> 3 min</p></div>"
    )
    return (
        '<article class="bd-article"><section id="made-up"><h1>3 · Made up<a '
        f'class="headerlink">#</a></h1>{head}{lead}<section id="a-section"><h2>{title}'
        f'<a class="headerlink" href="#a-section">#</a></h2>{"".join(blocks)}'
        '</section><div class="hlnb-stamp"><p>Executed</p></div></section></article>'
    )


def shown(html: str) -> list[tuple[str, str, str]]:
    """Kind, heading and text of each slide."""
    soup = BeautifulSoup(decks.deck(html, NAME), "html.parser")
    return [
        (
            s["class"][0],
            " ".join(s.find(["h1", "h2"]).get_text(" ").split()),
            " ".join(s.find(class_="body").get_text(" ").split()),
        )
        for s in soup.select(".slides > section")
    ]


def test_a_deck_opens_with_title_and_goals_and_ends_with_its_finding_and_verdicts():
    short = '<div class="hlnb-short"><p>In short. It rises.</p></div>'
    statements = CLAIMS.replace("hlnb-claims", "hlnb-statements")
    blocks = ("<p>Text.</p>", statements, cell(CLAIMS), cell(CLAIMS), PREDICT)
    assert shown(page(*blocks, lead=short)) == [
        ("title", "3 · Made up", "Time 3 min"),
        ("goals", "After this chapter you can", "draw it"),
        ("lead", "A section", "Text."),
        ("predict", "Predict A section", "Does it rise?"),
        ("lead", "In short", "In short. It rises."),
        (
            "claims",
            "What was claimed, and what we found",
            "Statement Ours It rises. partly It rises. partly",
        ),
        ("claims", "Statement by statement", "Statement Ours It rises. partly"),
    ]


def test_no_sentence_is_dropped_and_the_answer_comes_after_the_figure():
    method, more = (f"<p>{words * 50}</p>" for words in ("How we. ", "After it. "))
    answer = PREDICT.replace("Predict", "Answer").replace("Does it", "It does")
    deck = shown(page(PREDICT, method, cell(FIGURE), answer, more))
    assert deck[3:] == [
        ("predict", "Predict A section", "Does it rise?"),
        ("text", "A section", ("How we. " * 50).strip()),
        ("figure", "A section", "Fig. 3.1 A line."),
        ("answer", "The answer A section", "It does rise?"),
        ("text", "A section", ("After it. " * 50).strip()),
    ]


def test_a_short_text_after_a_figure_stands_below_it():
    deck = shown(page(cell(FIGURE), "<p>Look at the end.</p>"))
    assert deck[3:] == [("figure", "A section", "Fig. 3.1 A line. Look at the end.")]


def test_a_short_text_stands_above_the_question_or_figure_that_follows():
    deck = shown(page("<p>Now the line.</p>", PREDICT, "<p>Look.</p>", cell(FIGURE)))
    assert deck[3:] == [
        ("predict", "Predict A section", "Now the line. Does it rise?"),
        ("figure", "A section", "Look. Fig. 3.1 A line."),
    ]


def test_definitions_and_proofs_are_whole_on_their_slides():
    words = "A sentence of a proof that is long. " * 12
    title = '<p class="admonition-title">Proof.</p>'
    proof = f'<div class="proof admonition">{title}{{}}</div>'
    fold = f'<details class="hlnb-fold box"><summary>Proof</summary>{proof}</details>'
    theorem = proof.replace("Proof.", "Theorem 1").format("<p>All of it.</p>")
    deck = shown(page(theorem, fold.format(f"<p>{words}</p>")))
    assert deck[3] == ("box", "Theorem 1", "All of it.")
    assert [heading for _, heading, _ in deck[4:]] == ["Proof."] * len(deck[4:])
    assert " ".join(text for *_, text in deck[4:]) == words.strip()


def test_an_aside_is_kept_only_if_it_has_a_formula():
    fold = '<details class="hlnb-fold box"><summary>{}</summary>{}</details>'
    formula = '<div class="math"><math>y</math></div>'
    blocks = [
        fold.format("Settings", "<p>aside-words</p>"),
        fold.format("How it moves", f"<p>By a step:</p>{formula}"),
    ]
    deck = shown(page(*blocks))
    assert deck[3:] == [("box", "How it moves", "By a step: y")]


def test_a_slide_does_not_ask_to_move_its_slider():
    deck = shown(page("<p>Move the slider to see it. The slider shows all.</p>"))
    words = "Step through the pictures to see it. The film shows all."
    assert deck[3:] == [("lead", "A section", words)]


def test_marks_of_an_author_win_over_rules():
    gone = '<div class="hlnb-no-slide"><p>page-only</p></div>'
    fold = '<details class="hlnb-fold box"><summary>Why</summary><p>so.</p></details>'
    kept = f'<div class="hlnb-slide"><p>One slide.</p>{CLAIMS}{fold}</div>'
    code = cell("<p>shown</p>").replace('"cell ', '"cell tag_slide ')
    hidden = cell(FIGURE).replace('"cell ', '"cell tag_no-slide ')
    deck = shown(page(gone, kept, PREDICT, code, hidden))
    assert deck[3:] == [
        ("marked", "A section", "One slide. Statement Ours It rises. partly Why so."),
        ("predict", "Predict A section", "Does it rise?"),
        ("marked", "A section", "the_code() shown"),
    ]


def test_a_widget_of_choices_is_left_to_the_page():
    widget = '<div class="output"><div class="hlnb-choices"><p>Choose</p></div></div>'
    deck = shown(page(cell(widget)))
    assert deck[3:] == [
        ("text", "A section", "Choose and compare: open this place in the book .")
    ]


def test_no_deck_shows_code_solutions_or_what_an_exercise_computes():
    tweak = "<p><strong>Tweak.</strong> Try it.</p>"
    exercises = page(tweak, cell(FIGURE), SOLUTION, title="Exercises")
    assert shown(exercises)[3:] == [("lead", "Exercises", "Tweak. Try it.")]
    html = decks.deck(page(PREDICT, cell(FIGURE), SOLUTION), NAME)
    assert "hidden-words" not in html
    assert "the_code" not in html
    assert "Executed" not in html


def test_pictures_and_links_hold_from_the_folder_of_the_slides():
    links = (
        '<p>See <a href="../glossary.html#term-a">a</a>, <a href="#fig-a">b</a>, '
        '<a href="02_other.html">c</a> and <a href="https://example.org/x">d</a>.</p>'
    )
    html = decks.deck(page(links, cell(FIGURE)), NAME)
    assert 'src="../_images/a.png"' in html
    assert 'alt="A rising line."' in html
    for address in (
        "../book/glossary.html#term-a",
        f"../book/chapters/{NAME}#fig-a",
        "../book/chapters/02_other.html",
        "https://example.org/x",
        f"../book/chapters/{NAME}#a-section",
    ):
        assert f'href="{address}"' in html
    assert 'id="' not in html  # of a page; copies of a block would repeat it


def test_a_long_paragraph_goes_on_at_a_sentence_and_keeps_its_formulas():
    math = "<math><mi>x</mi><mo>&lt;</mo><mn>1</mn></math>"
    formula = f'<span class="math">{math}</span>'
    sentence = f"Let {formula}. It holds, e.g. for a&lt;b&gt;c. "
    html = decks.deck(page(f"<p>{sentence * 40}</p>"), NAME)
    soup = BeautifulSoup(html, "html.parser")
    parts = [p.decode_contents() for p in soup.select(".body > p")]
    *_, first, second = parts
    assert {p.count("for a&lt;b&gt;c. ") for p in (first, second)} <= {19, 20, 21}
    assert html.count("<mn>1</mn>") == 40


def test_a_full_stop_stays_with_the_formula_before_it():
    text = '<p>Take <span class="math"><math>v</math></span>, then go on.</p>'
    html = decks.deck(page(text), NAME)
    assert '<span class="together"><span class="math"><math>v</math></span>,' in html


@pytest.mark.parametrize("tag", ["ul", "ol"])
def test_a_long_list_goes_on_and_keeps_its_numbers(tag):
    items = "".join(f"<li><p>{i} {'word ' * 25}</p></li>" for i in range(13))
    deck = decks.deck(page(f"<{tag}>{items}</{tag}>"), NAME)
    assert deck.count('<span class="more"> continued</span>') == 2
    assert [int(n) for n in re.findall(r"<li><p>(\d+)", deck)] == list(range(13))
    numbers = re.findall(r'<ol start="(\d+)"', deck)
    assert numbers == (["1", "6", "11"] if tag == "ol" else [])


def test_a_long_table_is_split_and_each_part_has_the_head():
    rows = "".join(f"<tr><td>row-{i}</td><td>1</td></tr>" for i in range(25))
    head = "<thead><tr><th>Name</th><th>Value</th></tr></thead>"
    table = f"<table>{head}<tbody>{rows}</tbody></table>"
    parts = [text for kind, _, text in shown(page(cell(table))) if kind == "table"]
    assert [part.count("row-") for part in parts] == [9, 9, 7]  # about equal
    assert all(part.startswith("Name Value") for part in parts)
    assert re.findall(r"row-(\d+)", " ".join(parts)) == [str(i) for i in range(25)]


def test_a_film_is_stepped_through():
    frames = [films.Frame(f"{i + 1}", "", f"Curve {i}.") for i in range(2)]
    html = page(cell(films.html("epoch", frames, number=(3, 1))))
    film = [text for kind, _, text in shown(html) if kind == "film"]
    assert film == ["epoch 1 epoch 2"]
    deck = BeautifulSoup(decks.deck(html, NAME), "html.parser")
    assert [f["class"][2] for f in deck.select(".frame")] == [
        "fade-out",
        "current-visible",
    ]
    assert [i["alt"] for i in deck.select(".frame img")] == ["Curve 0.", "Curve 1."]


def test_what_is_no_chapter_is_refused():
    with pytest.raises(HlnbError, match=f"{NAME} is no rendered chapter"):
        decks.deck("<article><p>Nothing.</p></article>", NAME)


def test_without_the_scripts_a_deck_takes_its_own_from_a_public_host():
    html = decks.deck(page(), NAME, offline=False)
    assert f"https://cdn.jsdelivr.net/npm/reveal.js@{decks.REVEAL}/dist/reveal" in html
    assert "formulas.css" not in html  # it asks for a font that is not there


def test_the_version_of_reveal_is_the_locked_one():
    recipe = small_book.json.loads(
        (small_book.ROOT / "book/assets/package.json").read_text("utf8")
    )
    assert recipe["dependencies"]["reveal.js"] == decks.REVEAL


@pytest.fixture(scope="module")
def rendered(tmp_path_factory, scripts) -> Path:
    """A rendered book of one chapter, with the scripts of the real one."""
    html = tmp_path_factory.mktemp("rendered")
    assert scripts, "The tests of the slides need reveal.js, which npm fetches."
    shutil.copytree(scripts, html / "_static")
    shutil.copy(small_book.ROOT / "book/static/formulas.css", html / "_static")
    (html / "_images").mkdir()
    png = small_book.base64.b64decode(small_book.picture(0.5))
    (html / "_images/a.png").write_bytes(png)
    half = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
    formula = f'<div class="math"><math display="block">{half}</math></div>'
    long = f"<ul>{'<li><p>A point that takes a line or two.</p></li>' * 20}</ul>"
    text = page("<p>A formula:</p>", formula, PREDICT, cell(FIGURE), cell(CLAIMS), long)
    for name in (NAME, "02_other.html"):
        path = html / decks.CHAPTERS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = decks.make(html)
    assert [path.name for path in made] == ["02_other.html", NAME]
    return html


SLIDE = """() => { const s = document.querySelector('section.present');
    const b = s.querySelector('.body'), inside = s.getBoundingClientRect();
    const out = [...b.querySelectorAll('p, li, figure, img, table, figcaption')]
        .some(e => e.getBoundingClientRect().bottom > inside.bottom);
    return [s.className.split(' ')[0], out || b.scrollHeight > b.clientHeight + 1]; }"""


def test_a_deck_is_offline_quiet_accessible_and_holds_its_slides(rendered, chromium):
    with (
        browser.served(rendered) as base,
        browser.visit(chromium, f"{base}slides/{NAME}", mode="light") as (deck, told),
    ):
        deck.wait_for_selector(".reveal.ready section.present")
        assert deck.evaluate("document.fonts.check('1em \"STIX Two Math\"')")
        kinds = []
        for _ in range(deck.locator(".slides > section").count()):
            kind, overfull = deck.evaluate(SLIDE)
            assert not overfull, kind
            told += browser.axe(deck, assets.axe(small_book.ROOT))
            kinds.append(kind)
            deck.keyboard.press("ArrowRight")
        assert browser.overflow(deck) <= 0
    assert not told, told
    kinds_of_section = ["predict", "figure", *["text"] * 3]
    assert kinds == ["title", "goals", "lead", *kinds_of_section, "claims"]


def test_a_deck_works_from_the_disk(rendered, chromium):
    url = (rendered / "slides" / NAME).as_uri()
    with browser.visit(chromium, url, mode="light") as (deck, told):
        deck.wait_for_selector(".reveal.ready section.present")
        assert deck.locator("section.present h1").inner_text() == "3 · Made up"
    assert not told, told


def test_what_a_slide_cannot_hold_scrolls_with_the_keyboard(rendered, chromium):
    path = rendered / "slides" / "overfull.html"
    text = (rendered / "slides" / NAME).read_text("utf8")
    path.write_text(text.replace("Does it rise?", "Does it rise? " * 200))
    with browser.visit(chromium, f"{path.as_uri()}#/3", mode="light") as (deck, _):
        deck.wait_for_selector(".reveal.ready section.present")
        assert deck.locator("section.present .body").get_attribute("tabindex") == "0"


def test_a_demonstration_has_a_slide_with_its_scripts_and_its_fallback():
    lab = (
        '<div class="hlnb-lab" data-lab="counter" data-set="by=2"><figure>'
        '<img alt="Dots." src="../../_images/a.png"></figure></div>'
    )
    head = (
        '<link href="../../_static/lab/lab.css?v=1" rel="stylesheet">'
        '<script src="../../_static/lab/ui.js?v=2"></script>'
        '<script src="../../_static/hlnb.js"></script>'
    )
    soup = BeautifulSoup(decks.deck(head + page("<p>A.</p>", lab), NAME), "html.parser")
    (box,) = soup.select("section.lab .hlnb-lab")
    assert (box["data-lab"], box["data-set"]) == ("counter", "by=2")
    assert box.img["src"] == "../_images/a.png"
    assert soup.find("link", href="../_static/lab/lab.css?v=1")
    assert soup.find("script", src="../_static/lab/ui.js?v=2")
    assert not soup.find("script", src=re.compile("hlnb.js"))


def test_a_deck_without_a_demonstration_loads_no_script_of_them():
    assert "_static/lab" not in decks.deck(page("<p>A.</p>"), NAME)
