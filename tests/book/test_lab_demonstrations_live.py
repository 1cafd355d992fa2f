"""The five demonstrations on a page from the disk: played, dragged, preset, told."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

import browser
import lab
from hlnb.publishing.render import labs
from hlnb.publishing.slides import decks
from hlnb.studies.linear_regression import experiment as reg

NEEDED = labs.scripts(lab.FOLDER.parents[2])
NAMES = ("step", "latch", "depth", "stripes", "parity")
SHARED = {"streams", "dense", "ui"}
KILOBYTES = 8  # of a demonstration, packed, beyond what all share
MILLISECONDS = 50  # of a task on the page's thread
each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def page_of(tmp_path):
    """The address of a page with one demonstration, preset so."""

    def write(name, given="wait"):
        tags = (f'<script src="{lab.FOLDER / s}.js"></script>' for s in NEEDED[name])
        (tmp_path / "page.html").write_text(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>lab</title>'
            '<meta name="viewport" content="width=device-width">'
            f'<link rel="stylesheet" href="{lab.FOLDER / "lab.css"}">'
            f'<div class="hlnb-lab" data-lab="{name}" data-set="{given}"><p>A film.</p>'
            f"</div>{''.join(tags)}"
        )
        return (tmp_path / "page.html").as_uri()

    return write


def told(page, pattern):
    """Waits until the live line has this; what it says then."""
    page.wait_for_function(
        "pattern => new RegExp(pattern).test("
        "document.querySelector('.hlnb-lab-says').textContent)",
        arg=pattern,
        timeout=60_000,
    )
    return page.get_by_role("status").text_content()


def press(page, words, *, times=1):
    for _ in range(times):
        page.get_by_role("button", name=words, exact=True).click()


@each
@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_it_plays_by_itself_and_tells(chromium, page_of, name, mode):
    with browser.visit(chromium, page_of(name, ""), mode=mode) as (page, problems):
        first = told(page, ".")
        page.wait_for_function(
            "first => document.querySelector('.hlnb-lab-says').textContent !== first",
            arg=first,
        )
        press(page, "Pause")
        page.get_by_text("Table").click()
        page.wait_for_function("document.querySelectorAll('tbody tr').length > 1")
        assert problems == []
        assert browser.overflow(page) <= 0


@each
def test_no_task_holds_up_the_page(chromium, page_of, tmp_path, name):
    """By the processor's clock, after the page has come up: others use it too."""
    with browser.visit(chromium, page_of(name, ""), mode="light") as (page, _):
        told(page, ".")
        page.wait_for_timeout(1500)
        chromium.start_tracing(page=page, categories=["toplevel"])
        page.wait_for_timeout(2500)
        events = json.loads(chromium.stop_tracing())["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("args", {}).get("name") == "CrRendererMain"
    }
    took = [
        event["tdur"] / 1000
        for event in events
        if (event["pid"], event["tid"]) in main
        and event["name"].endswith("RunTask")
        and "tdur" in event
    ]
    assert len(took) > 10
    assert max(took) < MILLISECONDS


@each
def test_it_fits_on_a_slide(chromium, page_of, tmp_path, name):
    page_of(name)
    path, styles = tmp_path / "page.html", Path(decks.__file__).with_name("slides.css")
    text = path.read_text("utf8")
    box = re.search(r'<div class="hlnb-lab".*?</div>', text)[0]
    slide = (
        f'<link rel="stylesheet" href="{styles}"><main class="reveal ready">'
        '<div class="slides"><section class="lab present"><h2>A title</h2>'
        f'<div class="body">{box}</div></section></div></main>'
    )
    path.write_text(text.replace(box, slide))
    with browser.visit(chromium, path.as_uri(), mode="light") as (page, problems):
        page.set_viewport_size({"width": 1280, "height": 720})
        told(page, ".")
        press(page, "Play")
        page.wait_for_timeout(1500)
        body = page.locator(".body")
        high, room = body.evaluate("b => [b.scrollHeight, b.clientHeight]")
        assert 300 < high <= room + 1
        assert page.locator("canvas").last.evaluate("c => c.clientHeight") > 100
        assert problems == []


@each
def test_it_is_small(name):
    own = [lab.FOLDER / f"{s}.js" for s in NEEDED[name] if s not in SHARED]
    packed = gzip.compress(b"".join(path.read_bytes() for path in own))
    assert len(packed) <= 1000 * KILOBYTES


def test_the_start_is_dragged_and_what_lies_along_the_line_stays(chromium, page_of):
    with browser.visit(chromium, page_of("step"), mode="light") as (page, _):
        press(page, "Step", times=2)
        told(page, "^Step 2 ")
        plane = page.locator("canvas").nth(1)
        plane.focus()
        page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press("ArrowRight")
        w1, w2 = (page.locator(f"input[name={w}]") for w in ("w1", "w2"))
        assert (w1.input_value(), w2.input_value()) == ("-0.1", "2")
        line = told(page, "thousandth")
        page.get_by_text("Table").click()
        last = page.locator("tbody tr").last.locator("td")
        last.nth(5).wait_for(state="attached")
        cells = last.all_text_contents()
    along = float(re.search(r"start is ([\d.]+) along", line)[1])
    x = lab.engine(
        "return lab.regression({ n: 2, d: 2, seed: 2, noise: 0 }).x[0]",
        scripts=("streams", "step"),
    )
    ends = [float(cell.replace("−", "-")) for cell in cells[4:6]]
    for w in ([-0.1, 2.0], ends):
        across = abs(x[1] * w[0] - x[0] * w[1]) / (x[0] ** 2 + x[1] ** 2) ** 0.5
        assert across == pytest.approx(along, abs=0.06)


@pytest.mark.parametrize("rate", [1.5, 1.79, 2.1])
def test_a_step_size_by_hand_and_in_the_address(chromium, page_of, rate):
    whole = reg.gaussian_regression(2, 2, seed=2)
    lr, start = rate / reg.modes(whole.x)[0][0], np.array([-0.2, 1.7])
    w = reg.descent(whole.x, whole.y, lr=lr, steps=60, start=start)
    far = reg.distances(whole, w)
    arrived = int(np.argmax(far <= far[0] / 1000))
    expected = f" {arrived} with two examples" if arrived else "examples it runs away"
    address = f"{page_of('step')}#step?rate={rate}&wait"
    with browser.visit(chromium, address, mode="light") as (page, _):
        press(page, "Play")
        told(page, expected)


def test_the_hint_is_taken_away_while_it_learns(chromium, page_of):
    with browser.visit(chromium, page_of("latch"), mode="light") as (page, _):
        press(page, "100 steps", times=2)
        line = told(page, "^Step 200")
        assert "says the same on 100 %" in line
        page.get_by_label("the hint is there").uncheck()
        line = told(page, "switched off at step 200")
        assert float(re.search(r"the other has: error ([\d.]+\d)", line)[1]) > 0.3


def test_one_layer_leaves_the_holes_and_three_fill_them(chromium, page_of):
    with browser.visit(chromium, page_of("depth", "depth=1"), mode="light") as (
        page,
        _,
    ):
        assert " 1 in the holes" in told(page, "^One layer, [1-9]")
        page.evaluate("location.hash = 'depth?depth=3'")
        press(page, "100 steps", times=5)
        line = told(page, "^3 layers, (5|4[5-9])")
        assert float(re.search(r"([\d.]+) in the holes", line)[1]) < 0.05


def test_a_value_is_dragged_by_keys(chromium, page_of):
    with browser.visit(chromium, page_of("depth"), mode="light") as (page, _):
        told(page, "0.05 to 0.076")
        page.locator("canvas").first.focus()
        page.keyboard.press("ArrowRight")  # from the largest round to the smallest
        page.keyboard.press("Shift+ArrowUp")
        told(page, "grows from 0.075 ")
        page.get_by_label("five values").fill("0.5 1 2")
        page.keyboard.press("Enter")
        page.get_by_text("take five numbers from 0.001 to below 1.").wait_for()


def test_wide_stripes_are_for_a_line(chromium, page_of):
    with browser.visit(chromium, page_of("stripes"), mode="light") as (page, _):
        line = told(page, "^Step 0")
        assert float(re.search(r"straight line on ([\d.]+) %", line)[1]) > 40
        page.evaluate("location.hash = 'stripes?width=4&units=2'")
        line = told(page, "straight line on [0-5][.% ]")
        press(page, "100 steps")
        told(page, "^Step 100")


def test_a_secret_set_is_chosen_and_gauss_tells_it(chromium, page_of):
    with browser.visit(chromium, page_of("parity", "d=6&wait"), mode="light") as (
        page,
        _,
    ):
        told(page, "^Step 0")
        page.get_by_text("Choose the secret set").click()
        for i in range(1, 7):
            chosen = page.get_by_role("button", name=str(i), exact=True)
            if (chosen.get_attribute("aria-pressed") == "true") != (i in (2, 5)):
                chosen.click()
                page.wait_for_timeout(200)
        press(page, "Gauss")
        told(page, "Gauss: 16 examples, .* ms, and the set is 2, 5\\.")
        press(page, "1000 steps")
        told(page, "SGD has learned it after .*: the set is 2, 5\\.")


def test_a_teacher_hides_the_set_and_a_wrong_one_is_refused(chromium, page_of):
    address = page_of("parity", "d=6&set=2.5&hide=set&wait")
    with browser.visit(chromium, address, mode="light") as (page, _):
        told(page, "^Step 0")
        assert not page.get_by_text("Choose the secret set").is_visible()
        page.evaluate("location.hash = 'parity?set=2.9'")
        page.get_by_text("set = 2.9: take whole numbers from 1 to d = 6.").wait_for()
