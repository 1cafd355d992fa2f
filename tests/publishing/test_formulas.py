"""Formulas as MathML."""

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document

import small_book
from hlnb.errors import HlnbError
from hlnb.publishing.render.formulas import converter, glued, plain


@pytest.fixture(scope="module")
def mathml(scripts):
    """The converter of this checkout."""
    assert scripts, "The tests of formulas need Temml, which npm fetches."
    with converter(small_book.ROOT) as found:
        yield found


def math(made: str):
    """The formula, whose markup it is."""
    (found,) = BeautifulSoup(made, "html.parser")
    assert found.name == "math"
    return found


def test_a_formula_is_set_in_a_line_or_as_a_block(mathml):
    inside = math(mathml(r"x_i < 1 \text{ für } \Sigma", block=False))
    assert inside.get_text().replace("\xa0", " ") == "xi<1 für Σ"
    assert "display" not in inside.attrs
    assert math(mathml("x", block=True))["display"] == "block"


@pytest.mark.parametrize("tex", [r"\nonsense", r"\frac{1}", "x^", r"\begin{cases} 1"])
def test_what_is_no_formula_is_refused_and_the_next_is_answered(mathml, tex):
    with pytest.raises(HlnbError) as told:
        mathml(tex, block=False)
    assert str(told.value).startswith(f"The formula {tex} cannot be read: ")
    assert "  " not in str(told.value)
    assert "\n" not in str(told.value)
    assert math(mathml("y", block=False)).get_text() == "y"


def test_tex_in_glued_text_is_a_formula():
    page = new_document("page")
    text = "of $S_5$ for $3 or $x$"
    page += nodes.inline(text, text, classes=["pasted-text"])
    page += nodes.inline(text, text)
    glued(None, page, "page")
    first, second = page.children
    assert [n.astext() for n in first.findall(nodes.math)] == ["S_5", "x"]
    assert first.astext() == "of S_5 for $3 or x"
    assert second.astext() == text


def test_without_the_scripts_docutils_converts(tmp_path):
    with converter(tmp_path) as found:
        assert found is plain


@pytest.mark.parametrize(
    "tex", [r"\frac12", r"1, \dots, n", r"\Big(\frac1C\Big)", "40°", "x < y"]
)
def test_what_docutils_does_not_know_is_said_in_other_words(tex):
    assert math(plain(tex, block=False))


def test_what_docutils_cannot_read_is_shown_as_code():
    assert plain(r"\nonsense < 1", block=False) == r"<code>\nonsense &lt; 1</code>"
