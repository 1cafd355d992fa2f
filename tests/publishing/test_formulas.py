"""Formulas for a browser without scripts."""

import pytest
from bs4 import BeautifulSoup

from hlnb.publishing.render.formulas import mathml, readable

START = 'class="math notranslate nohighlight"'


def test_mathml_waits_beside_the_tex_of_a_formula():
    made = readable(rf"<p>Let <span {START}>\(x_i &lt; 1\)</span>.</p>")
    page = BeautifulSoup(made, "html.parser")
    assert page.select_one(".hlnb-tex").get_text() == r"\(x_i < 1\)"
    assert page.select_one("noscript > math").get_text() == "xi<1"


def test_an_equation_keeps_its_place_and_its_number():
    number = '<span class="eqno">(1.1)<a href="#equation-a">#</a></span>'
    div = f'<div {START} id="equation-a">\n{number}\\[y = x^2\\]</div>'
    page = BeautifulSoup(readable(div), "html.parser")
    assert page.div["id"] == "equation-a"
    assert page.select_one("div > .eqno").get_text() == "(1.1)#"
    assert page.select_one("noscript > math")["display"] == "block"


@pytest.mark.parametrize(
    "tex",
    [r"\(\frac12\)", r"\(1, \dots, n\)", r"\[\Big(\frac1C\Big)\]", r"\(40°\)", "x"],
)
def test_what_docutils_does_not_know_is_said_in_other_words(tex):
    assert mathml(tex, block=False).startswith("<math")


def test_a_formula_that_is_not_understood_stays_as_it_is():
    body = rf"<span {START}>\(\nonsense\)</span>"
    assert readable(body) == body
