"""What all demonstrations share: transport, address, refusals, words, numbers."""

import csv
import io
from pathlib import Path

import pytest

import browser
import lab
from hlnb.figures import style

COUNTER = """
hlnbUi.add("counter", {
  title: "A counter",
  settings: {
    start: { label: "start", value: 1, least: 0, most: 9, whole: true },
    by: { label: "by", value: 1, least: 0, most: 5, slider: true, live: true },
    way: { label: "way", value: "up", choices: [["up", "upward"], ["down"]] },
  },
  strides: [["Step", 1], ["Leap", 4]],
  pace: () => 20,
  create(view) {
    let at, by, seen;
    const drawn = view.stage.appendChild(document.createElement("p"));
    return {
      start(values) {
        ({ start: at, by } = values);
        seen = [[0, at]];
      },
      change(key, value) { by = value; },
      async advance(stride) {
        for (let i = 0; i < stride; i++) seen.push([seen.length, at += by]);
        return seen.length < 12;
      },
      draw() { drawn.textContent = at; },
      says: () => `It is ${at}.`,
      table: () => ({ columns: ["step", 'a "count"'], rows: seen }),
    };
  },
});
"""
ROWS = "n => document.querySelectorAll('tbody tr').length === n"
STAGE = ".hlnb-lab-stage p"


@pytest.fixture
def counter(tmp_path):
    """The address of a page on the disk with one demonstration, below some text."""

    def write(**attributes):
        given = "".join(f' data-{name}="{v}"' for name, v in attributes.items())
        (tmp_path / "page.html").write_text(
            '<!doctype html><html lang="en"><title>lab</title>'
            f'<link rel="stylesheet" href="{lab.FOLDER / "lab.css"}">'
            f'<div class="hlnb-lab" data-lab="counter"{given}>'
            '<p id="instead">A film.</p></div>'
            f'<script src="{lab.FOLDER / "ui.js"}"></script><script>{COUNTER}</script>'
        )
        return (tmp_path / "page.html").as_uri()

    return write


def at(page, value):
    page.wait_for_function(
        "([where, value]) => document.querySelector(where).textContent === value",
        arg=[STAGE, str(value)],
    )


def button(page, words):
    return page.get_by_role("button", name=words, exact=True)


def test_it_plays_by_itself_to_its_end_and_anew(chromium, counter):
    with browser.visit(chromium, counter(), mode="light") as (page, problems):
        at(page, 12)
        assert page.get_by_role("status").text_content() == "It is 12."
        assert not page.locator("#instead").is_visible()
        button(page, "Play").click()
        at(page, 12)
        button(page, "Rewind").click()
        at(page, 1)
        assert problems == []


def test_who_asks_for_less_motion_presses_play(chromium, counter):
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(counter())
    page.wait_for_timeout(300)
    at(page, 1)
    button(page, "Play").focus()
    page.keyboard.press("Enter")
    at(page, 12)
    context.close()


def test_a_step_and_a_leap_by_the_keyboard(chromium, counter):
    address = counter(set="wait")
    with browser.visit(chromium, address, mode="light") as (page, _):
        at(page, 1)
        button(page, "Step").focus()
        page.keyboard.press("Space")
        at(page, 2)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        at(page, 6)


def test_the_address_sets_and_hides_and_is_written(chromium, counter):
    address = counter(set="start=3&wait")
    with browser.visit(chromium, address, mode="light") as (page, _):
        at(page, 3)
        page.get_by_label("start").fill("5")
        page.keyboard.press("Enter")
        at(page, 5)
        page.get_by_label("way").select_option("down")
        page.wait_for_function("location.hash.includes('way=down')")
        found = page.url
    assert found.endswith("#counter?start=5&way=down")
    with browser.visit(chromium, f"{found}&hide=way,by", mode="light") as (page, _):
        at(page, 5)
        assert page.get_by_label("start").is_visible()
        assert not page.get_by_label("way").is_visible()
        page.evaluate("location.hash = 'counter?start=7&hide=all'")
        at(page, 7)
        assert not page.get_by_label("start").is_visible()
        assert page.url.endswith("#counter?start=7&hide=all")


def test_a_live_setting_goes_on_and_another_begins_anew(chromium, counter):
    with browser.visit(chromium, counter(set="wait"), mode="light") as (page, _):
        button(page, "Step").click()
        at(page, 2)
        page.get_by_label("by").fill("3")
        button(page, "Step").click()
        at(page, 5)
        page.get_by_label("way").select_option("down")
        at(page, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "start = x: take a whole number from 0 to 9."),
        ("", "start = nothing: take a whole number from 0 to 9."),
        ("2.5", "start = 2.5: take a whole number from 0 to 9."),
        ("10", "start = 10: take a whole number from 0 to 9."),
    ],
)
def test_a_value_that_cannot_be_is_told_in_a_sentence(chromium, counter, text, told):
    with browser.visit(chromium, counter(set="wait"), mode="light") as (page, problems):
        at(page, 1)
        page.get_by_label("start").fill(text)
        page.keyboard.press("Enter")
        page.get_by_text(told).wait_for()
        button(page, "Step").click()
        page.wait_for_timeout(100)
        at(page, 1)
        page.get_by_label("start").fill("4")
        page.keyboard.press("Enter")
        at(page, 4)
        assert page.locator(".hlnb-lab-refused").text_content() == ""
        assert problems == []


def test_the_numbers_are_a_file_and_a_table(chromium, counter):
    with browser.visit(chromium, counter(set="wait"), mode="light") as (page, _):
        button(page, "Leap").click()
        at(page, 5)
        with page.expect_download() as download:
            button(page, "Numbers (CSV)").click()
        assert download.value.suggested_filename == "counter.csv"
        text = Path(download.value.path()).read_text("utf8")
        rows = list(csv.reader(io.StringIO(text)))
        assert rows == [
            ["step", 'a "count"'],
            *([str(i), str(i + 1)] for i in range(5)),
        ]
        page.get_by_text("Table").click()
        page.wait_for_function(ROWS, arg=5)
        button(page, "Step").click()
        page.wait_for_function(ROWS, arg=6)


def test_on_paper_the_fallback_stands(chromium, counter):
    with browser.visit(chromium, counter(set="wait"), mode="light") as (page, _):
        page.emulate_media(media="print")
        assert page.locator("#instead").is_visible()
        assert not page.locator(".hlnb-lab-live").is_visible()


def test_colours_are_those_of_the_figures(chromium, counter):
    with browser.visit(chromium, counter(set="wait"), mode="light") as (page, _):
        for name in lab.SCHEDULES:
            assert (
                page.evaluate("name => hlnbUi.colour(name)", name)
                == style.STYLES[name][0]
            )
        parts = page.evaluate("[0, 1, 2, 3, 4].map(hlnbUi.colour)")
        assert tuple(parts) == style.PART_COLOURS
