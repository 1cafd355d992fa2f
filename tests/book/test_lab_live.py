"""Demonstrations in a live notebook: one module each, whose values Python reads."""

import ast
import subprocess
import sys

import pytest

import browser
import hlnb
import lab
from hlnb.page import live

NAMES = ["playground", "step", "latch", "depth", "stripes", "parity"]
RENDERED = """async ([text, preset]) => {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const { default: { render } } = await import(address);
  const el = document.body.appendChild(document.createElement("div"));
  const has = { preset, values: {} }, view = { saved: 0, has };
  const model = { get: (k) => has[k], set: (k, v) => { has[k] = v; },
    save_changes: () => { view.saved++; } };
  view.end = render({ model, el });
  (self.views ??= []).push(view);
}"""


@pytest.fixture
def page(chromium):
    """An empty page, dark as JupyterLab says it."""
    with browser.visit(chromium, lab.FOLDER.as_uri(), mode="light") as (page, problems):
        page.set_content('<body data-jp-theme-light="false"></body>')
        yield page
        assert not problems


def shown(page, widget) -> None:
    page.add_style_tag(content=widget._css)
    page.evaluate(RENDERED, [widget._esm, widget.preset])


@pytest.mark.parametrize("name", NAMES)
def test_each_runs_from_its_module_alone_and_ends_with_its_cell(page, name):
    shown(page, hlnb.lab(name))
    page.locator(".hlnb-lab-live").wait_for()
    step = page.locator(".hlnb-lab-transport button").nth(1)
    page.wait_for_function("!!document.querySelector('.hlnb-lab-says').textContent")
    before = page.locator(".hlnb-lab-says").inner_text()
    step.click()
    page.wait_for_function(
        "(was) => document.querySelector('.hlnb-lab-says').textContent !== was",
        arg=before,
    )
    assert not page.evaluate("Object.keys(window).filter((k) => k.startsWith('hlnb'))")
    page.evaluate("views[0].end()")


def test_python_reads_the_values_of_now_and_two_do_not_mix(page):
    one, two = hlnb.lab(problem=2, rate=0.25), hlnb.lab(problem=3)
    shown(page, one)
    shown(page, two)
    rates = page.locator("input[name=rate]")
    assert [rates.nth(i).input_value() for i in (0, 1)] == ["0.25", "0.5"]
    rates.nth(1).fill("0.125")
    rates.nth(1).press("Enter")
    page.wait_for_function("views[1].has.values.rate === 0.125")
    first, second = page.evaluate("views.map(({ has }) => has.values)")
    assert (first["problem"], first["rate"]) == ("2", 0.25)
    assert (second["problem"], second["training"]) == ("3", "simultaneous")
    page.wait_for_timeout(400)  # a page of the book would write its address by now
    assert page.evaluate("location.hash") == ""


def test_a_value_that_its_control_does_not_take_is_refused_in_the_demonstration(page):
    shown(page, hlnb.lab(rate=-1))
    page.wait_for_function("!!document.querySelector('.hlnb-lab-refused').textContent")
    refusal = page.locator(".hlnb-lab-refused").inner_text()
    assert refusal == "Learning rate = -1: take a number from 0.0001 to 100."


def test_the_list_of_names_is_the_book_s():
    with pytest.raises(hlnb.HlnbError) as refused:
        hlnb.lab("nothing")
    assert str(refused.value).startswith("There is no demonstration nothing: take ")
    assert all(name in str(refused.value) for name in NAMES)
    assert set(live._needed()) == set(NAMES)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            "sys.modules['anywidget'] = None",
            "A demonstration in a notebook needs the package anywidget: "
            "pip install anywidget, and start the kernel again.",
        ),
        (
            "live.FILES = live.FILES / 'gone'",
            "The demonstrations are files of the book, and {} is not there: work in a "
            "clone, with the package installed from it (make book).",
        ),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(given, sentence):
    code = f"""import sys
from hlnb.errors import HlnbError
from hlnb.page import live
{given}
try:
    live.lab("step")
except HlnbError as error:
    print([type(error).__name__, str(error)])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    missing = live.FILES / "gone" / "scripts.yml"
    assert ast.literal_eval(done.stdout) == ["HlnbError", sentence.format(missing)]
