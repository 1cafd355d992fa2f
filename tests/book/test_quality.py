"""Prose: spelling, numbers typed by hand, sentences that can be read in one breath."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [
    *CHAPTERS,
    *sorted((ROOT / "book").glob("*.md")),
    *sorted((ROOT / "book" / "parts").glob("*.md")),
    *(ROOT / f"{n}.md" for n in ("README", "CONTRIBUTING", "DECISIONS", "CHANGELOG")),
]
NO_PROSE = re.compile(
    r"```(?:python|bash|text)\n.*?```|```|\$\$.*?\$\$|\$[^$]*\$|\{[\w:]+\}`[^`]*`|`[^`]*`",
    re.DOTALL,
)
DECIMAL = re.compile(r"(?<![\w.])(\d*\.\d+)(?!\d)")


def prose(path):
    """The text of a page without formulas, code and roles."""
    text = path.read_text("utf8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join(
            "".join(c["source"]) for c in cells if c["cell_type"] == "markdown"
        )
    return NO_PROSE.sub(" ", text)


def test_words_are_spelled_as_codespell_knows_them(tmp_path):
    for path in PAGES:
        (tmp_path / f"{path.parent.name}-{path.name}.txt").write_text(prose(path))
    command = [sys.executable, "-m", "codespell_lib", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_no_result_is_typed_by_hand(path):
    """A chapter's metadata list every decimal number that its prose states by itself,
    by its kind: published in a source, or a setting, a threshold, an exact value or a
    pilot's.
    """
    typed = {*DECIMAL.findall(prose(path))}
    about = json.loads(path.read_text("utf8"))["metadata"]["hlnb"].get("typed", {})
    assert typed == {n for numbers in about.values() for n in numbers}, (
        "A number in the prose is neither glued nor listed in the notebook's metadata "
        "(hlnb: typed) as published, a setting, a threshold or exact (or one is listed "
        "in vain)."
    )


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_sentences_are_short(path):
    """At most 15 words on average. The chapters had 10 to 12.5 when this was set."""
    text = re.sub(r"(?m)^(\||#|:|```).*$", "", prose(path))
    sentences = [s for s in re.split(r"[.!?:;]\s+|\n\n", text) if len(s.split()) > 2]
    words = sum(len(s.split()) for s in sentences)
    assert words / len(sentences) < 15
