"""Prose holds no word that tells readers how hard a thing is; the paper cites well."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = re.compile(
    r"\b(eas(y|ily|ier)|clearly|obvious(ly)?|simply|trivial(ly)?|state-of-the-art)\b",
    re.IGNORECASE,
)
PAGES = [
    *(ROOT / "notebooks").glob("*.ipynb"),
    *(ROOT / "book").glob("*.md"),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "paper/paper.md")),
]


def prose(path):
    """The text of a page, or of a notebook's Markdown cells."""
    text = path.read_text("utf8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join(
        "".join(c["source"]) for c in cells if c["cell_type"] == "markdown"
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_no_word_says_how_hard_it_is(path):
    assert not FORBIDDEN.search(prose(path))


def test_the_paper_cites_what_the_bibliography_has():
    cited = set(re.findall(r"@(\w+)", prose(ROOT / "paper" / "paper.md")))
    known = re.findall(
        r"(?m)^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text("utf8")
    )
    assert cited
    assert cited <= {*known}
