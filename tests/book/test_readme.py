"""The README shows a figure of the book as it is, and leads nowhere that is not."""

import base64
import json
import re
from pathlib import Path

from hlnb.publishing import chapters

ROOT = Path(__file__).parents[2]


def test_the_figure_is_the_one_of_the_chapter():
    notebook = ROOT / "book/chapters/01_hierarchical_learning.ipynb"
    outputs = [
        output
        for cell in json.loads(notebook.read_text("utf8"))["cells"]
        for output in cell.get("outputs", [])
        if output.get("metadata", {}).get("hlnb", {}).get("name") == "fig-hl-problem-4"
    ]
    (figure,) = outputs
    png = base64.b64decode("".join(figure["data"]["image/png"]))
    assert png == (ROOT / "book/images/fig-hl-problem-4.png").read_bytes()


def test_links_lead_somewhere():
    for page in ("README.md", "CONTRIBUTING.md", "DECISIONS.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text("utf8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / target).exists(), f"{page} links to {target}"


def test_the_contents_list_every_chapter():
    """A teacher's copy may leave some out; this book does not."""
    assert chapters.left_out(ROOT) == []


def test_the_chapters_of_the_table_are_there():
    text = (ROOT / "README.md").read_text("utf8")
    table = "".join(line for line in text.splitlines() if line.startswith("|"))
    numbers = {path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb")}
    named = set(re.findall(r"\b(\d\d) ", table))
    assert named
    assert named <= numbers
