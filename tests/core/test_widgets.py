"""Widgets of choices: a card for each combination, chosen by rules of style alone."""

import base64
import io
import re
from functools import partial
from itertools import product

import pytest
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from hlnb.errors import HlnbError
from hlnb.page.widgets import Choices, Ticks

pytestmark = pytest.mark.usefixtures("closed")
GROUPS = {"Problem": ["one", "two"], "Rate": ["0.1", "1"]}


def figure():
    fig = Figure(figsize=(2, 1))
    fig.subplots().plot([0, 1])
    return fig


def filled(**groups):
    widget = Choices("test", groups or GROUPS)
    for choice in widget._combinations():
        words = f"This is {' & '.join(choice)}."
        widget.add(*choice, words=words, fig=figure(), alt=f"Card {' '.join(choice)}")
    return widget


def test_every_combination_has_a_card_and_a_rule():
    html = filled().html(first=("two", "0.1"))
    assert html.count('class="hlnb-choice ') == 4
    rules = re.findall(
        r"\.hlnb-test((?::has\(#[\w-]+:checked\))+) \.hlnb-test-(\d)", html
    )
    assert len(rules) == 4
    assert len({conditions for conditions, _ in rules}) == 4
    assert rules[2] == (":has(#hlnb-test-0-1:checked):has(#hlnb-test-1-0:checked)", "2")
    assert "This is two &amp; 0.1." in html.split("hlnb-test-2")[2]


def test_the_first_choice_is_checked_and_each_group_is_named():
    html = filled().html(first=("two", "0.1"))
    checked = re.findall(r'id="([\w-]+)" checked', html)
    assert checked == ["hlnb-test-0-1", "hlnb-test-1-0"]
    assert re.findall(r"<legend>(\w+)</legend>", html) == ["Problem", "Rate"]
    for box in re.findall(r'<input [^>]*id="([\w-]+)"', html):
        assert f'<label for="{box}">' in html


def test_a_question_names_the_places_of_its_answer():
    widget = Choices("test", GROUPS, presets={"Is <two> enough?": ("two", "0.1")})
    for choice in widget._combinations():
        widget.add(*choice, words="w", fig=figure(), alt="a")
    html = widget.html(first=("one", "1"))
    assert 'data-choice="1,0">Is &lt;two&gt; enough?</button>' in html
    assert "hlnb-presets" not in filled().html(first=("one", "1"))


def test_pictures_have_words_and_few_colours():
    html = filled().html(first=("one", "1"))
    alts = re.findall(r'class="hlnb-frame" alt="([^"]+)"', html)
    assert alts == ["Card one 0.1", "Card one 1", "Card two 0.1", "Card two 1"]
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "P"


def test_what_is_shown_says_what_it_is(capsys):
    filled().show(first=("one", "1"))
    assert "Problem: one, two; Rate: 0.1, 1" in capsys.readouterr().out


def ticks(**changed):
    cards = {ticked: f"{ticked} &" for ticked in product((False, True), repeat=2)}
    boxes = ["<b>", Markup("<i>x</i>")]
    given = {"name": "t", "label": "All", "boxes": boxes, "cards": cards}
    return Ticks(**given | changed)


def test_each_set_of_ticked_boxes_shows_its_card():
    html = ticks().html(ticked=[False, True])
    rules = re.findall(r"#hlnb-t-0:(\S+) ~ #hlnb-t-1:(\S+) ~ div \.hlnb-t-(\d)", html)
    shown = dict(re.findall(r'hlnb-choice hlnb-t-(\d)">([^<]+)<', html))
    on = {"checked": True, "not(:checked)": False}
    found = {(on[one], on[two]): shown[number] for one, two, number in rules}
    assert found == {k: v.replace("&", "&amp;") for k, v in ticks().cards.items()}
    assert re.findall(r'id="([\w-]+)" checked', html) == ["hlnb-t-1"]
    assert '<label for="hlnb-t-0">&lt;b&gt;</label>' in html
    assert '<label for="hlnb-t-1"><i>x</i></label>' in html
    assert 'aria-label="All"' in html


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda: Choices("No Name", GROUPS), "lower case, digits, hyphens"),
        (
            lambda: Choices("test", GROUPS, presets={"Is it?": ("two", "2")}),
            "is no choice of test",
        ),
        (lambda: ticks(name="No Name"), "lower case, digits, hyphens"),
        (lambda: ticks(boxes=["a"]), "needs a card for each set of boxes"),
        *(
            (partial(ticks().html, ticked=t), r"ticked = .*of each of the 2 boxes of t")
            for t in ([], [True], [True] * 3)
        ),
        (lambda: Choices("test", GROUPS).html(first=("one", "1")), "no card for"),
        (lambda: filled().html(first=("one", "2")), "is no choice of test"),
        (
            lambda: Choices("test", GROUPS).add(
                "three", "1", words="w", fig=figure(), alt="a"
            ),
            "is no choice of test",
        ),
        (
            lambda: Choices("test", GROUPS).add(
                "one", "1", words="w", fig=figure(), alt=" "
            ),
            "needs words and an alternative",
        ),
    ],
)
def test_what_is_incomplete_is_refused(act, text):
    with pytest.raises(HlnbError, match=text):
        act()
