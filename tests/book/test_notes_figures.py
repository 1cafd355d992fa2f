"""The page of the notes' pictures: none left out, each link real, drawings legible."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from hlnb.publishing.render import pictures
from hlnb.publishing.render.executed import Executed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book" / "notes_figures.md").read_text("utf8")
ROWS = yaml.safe_load((ROOT / "book" / "notes_figures.yml").read_text("utf8"))
DRAWINGS = sorted((ROOT / "book" / "images").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
# Where the text of the notes points at a picture, or speaks of what one would draw;
# from its first line to its last.
PLACES = [
    ("following data distribution", True),
    ("features that are highly correlated with the input", True),
    ("edge detectors", False),
    ("heads", True),
    ("The following figure tracks", True),
    ("In the following cartoon", True),
    ("The two datasets", True),
    ("Geometrically", False),
    ("spectrum", False),
    ("these two models", False),
    ("like the following cartoon", True),
    ("combine two good edge detectors", False),
    ("specialize", False),
    ("In the figure below", True),
    ("poor loss", True),
    ("similar loss", True),
]


def test_every_picture_of_the_notes_has_its_row_in_their_order():
    assert len(ROWS) == len(PLACES)
    for row, (words, announced) in zip(ROWS, PLACES, strict=True):
        assert words in row["quote"]
        assert row["announced"] is announced


def test_every_figure_and_chapter_is_in_the_book():
    files = sorted((ROOT / "book" / "chapters").glob("[0-9]*.ipynb"))
    table = pictures.of_the_notes([Executed(file) for file in files], ROWS)
    assert table.count("{numref}") == sum(
        len(row.get(kind, [])) for row in ROWS for kind in ("figures", "drawings")
    )


def test_every_drawing_is_on_the_page_with_a_caption_and_in_the_table():
    shown = re.findall(
        r"(?m)^```\{figure\} images/(.+)\n:name: (.+)\n:figclass: hlnb-drawing\n"
        r":alt: (.+)\n\n(.+)$",
        PAGE,
    )
    assert [f"{ROOT / 'book' / 'images' / file}" for file, *_ in sorted(shown)] == [
        f"{path}" for path in DRAWINGS
    ]
    assert len(shown) == PAGE.count("```{figure}")
    named = [name for row in ROWS for name in row.get("drawings", [])]
    assert [name for _, name, *_ in shown] == named
    style = (ROOT / "book" / "static" / "hlnb.css").read_text("utf8")
    whole = r"figure:is\(\.hlnb-drawing\b.*?\) img[^{]*\{\s*max-width: 100%"
    assert re.search(whole, style)  # on a phone
    for file, name, alt, _ in shown:
        assert name == f"fig-{Path(file).stem}"
        assert 100 < len(alt) < 500


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts
    ]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda p: p.stem)
def test_a_drawing_is_legible_and_takes_nothing_from_elsewhere(path):
    """Letters of 11 pixels on a phone 350 pixels wide, dark on white paper of its own;
    every colour of a line stands out from that paper.
    """
    text = path.read_text("utf8")
    drawing = ET.fromstring(text)
    left, top, width, height = map(float, drawing.get("viewBox").split())
    assert (left, top) == (0, 0)
    assert (drawing.get("width"), drawing.get("height")) == (
        f"{width:g}",
        f"{height:g}",
    )
    paper = drawing.find(f"{SVG}rect")
    assert paper.attrib == {"width": f"{width:g}", "height": f"{height:g}"} | {
        "fill": "#ffffff"
    }
    assert drawing.find(f"{SVG}title").text
    assert text.count("font-size") == 1
    letters = float(drawing.get("font-size"))
    assert letters * 350 / width >= 11
    assert drawing.get("fill") == "#222222"
    for element in drawing.iter(f"{SVG}text"):
        assert element.get("fill") is None
        x, y = float(element.get("x")), float(element.get("y"))
        anchor = {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor")]
        wide = 0.65 * letters * len(element.text)  # of bold letters, and more
        assert x - anchor * wide >= 0
        assert x + (1 - anchor) * wide <= width
        assert letters <= y <= height - 0.25 * letters
    for colour in {*re.findall(r'stroke="(#\w+)"', text)}:
        assert 1.05 / (luminance(colour) + 0.05) >= 2.8, colour
    for address in re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', text):
        assert "".join(address).startswith("#")
    assert not {e.tag for e in drawing.iter()} & {f"{SVG}script", f"{SVG}style"}
