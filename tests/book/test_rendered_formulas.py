"""The formulas of the rendered book: MathML alone, and no TeX for a reader to see."""

import re

import pytest
from bs4 import BeautifulSoup

TEX = re.compile(r"\\[()\[\]]|\\[A-Za-z]{2,}|\$\$|\$[^$\s][^$\n]*\$")
SETS = re.compile("mathjax|katex|temml|mathml", re.IGNORECASE)
BOXES = "span.math, .hlnb-formula"


@pytest.fixture(scope="module")
def pages(html) -> dict[str, BeautifulSoup]:
    """Every page and deck by its address."""
    found = (p for p in sorted(html.rglob("*.html")) if "_static" not in p.parts)
    return {
        str(p.relative_to(html)): BeautifulSoup(p.read_text("utf8"), "html.parser")
        for p in found
    }


def test_every_formula_is_mathml(pages):
    boxes = [(n, box) for n, soup in pages.items() for box in soup.select(BOXES)]
    assert len(boxes) > 1000
    wrong = [f"{n}: {b}" for n, b in boxes if [c.name for c in b.children] != ["math"]]
    assert not wrong, "\n".join(wrong)


def test_no_page_has_a_script_for_formulas(pages):
    scripts = [(n, str(tag)) for n, soup in pages.items() for tag in soup("script")]
    assert not [found for found in scripts if SETS.search(found[1])]


def test_no_page_shows_tex(pages):
    found = []
    for name, soup in pages.items():
        for tag in soup(["code", "pre", "script", "style"]):
            tag.decompose()
        found += [f"{name}: {m[0]}" for m in TEX.finditer(soup.get_text())]
    assert not found, "\n".join(found)
