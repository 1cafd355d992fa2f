"""A new chapter touches five places, the ten steps name them, and the checks pass."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hlnb.publishing import freshness, release
from hlnb.publishing.chapters import Chapter, read_notebook
from hlnb.publishing.notebooks import outputs_digest, to_bytes, weave

ROOT = Path(__file__).parents[2]
OLD, NEW = "01_hierarchical_learning", "24_sample"
RULES = ("architecture", "prose", "quality", "readme", "teaching")
# place → the words with which CONTRIBUTING's ten steps name it
PLACES = {
    f"notebooks/{NEW}.ipynb": "`notebooks/`",
    "src/hlnb/studies/sample": "`src/hlnb/studies/NAME`",
    "tests/studies/test_sample.py": "`tests/studies`",
    f"book/chapters/{NEW}": "`book/chapters/`",
    "_toc.yml": "`_toc.yml`",
}


def renamed(text: str) -> str:
    """Chapter 01 as another one: its names are its own, and it uses its study."""
    text = re.sub(r"\b(fig-)?hl-(?=[a-z])", r"\1sample-", text)
    text = text.replace(OLD, NEW).replace("studies.table_1", "studies.sample")
    return text.replace("# Hierarchical learning", "# A sample of a chapter")


def added(root: Path) -> None:
    """A chapter 24 in a copy of the book, as the ten steps have it."""
    source = json.loads(renamed((ROOT / f"notebooks/{OLD}.ipynb").read_text("utf8")))
    notebook = root / "notebooks" / f"{NEW}.ipynb"
    notebook.write_text(json.dumps(source, indent=1, ensure_ascii=False) + "\n")
    study = root / "src/hlnb/studies/sample"
    study.mkdir()
    (study / "__init__.py").write_text('"""A sample (chapter 24)."""\n')
    shutil.copy(ROOT / "src/hlnb/studies/table_1/figures.py", study)
    (root / "tests/studies/test_sample.py").write_text(
        '"""The sample."""\n\nfrom hlnb.studies.sample import figures\n\n\n'
        "def test_it_has_figures():\n    assert figures.errors_figure\n"
    )
    toc = (root / "_toc.yml").read_text()
    last = "      - file: book/chapters/22_related\n"
    (root / "_toc.yml").write_text(
        toc.replace(last, last + f"      - file: book/chapters/{NEW}\n")
    )
    executed(root, Chapter(notebook))


def executed(root: Path, chapter: Chapter) -> None:
    """What `hlnb run 24` leaves, with the outputs of chapter 01."""
    old = ROOT / "book/chapters" / f"{OLD}.ipynb"
    copy = root / "book/chapters" / f"{NEW}.ipynb"
    shutil.copy(old, copy)
    copy.write_text(renamed(copy.read_text("utf8")), "utf8")
    keys = freshness.keys(chapter, {}, package=root / "src" / "hlnb")
    made = weave(chapter.notebook, read_notebook(copy), keys=keys, parameters={})
    copy.write_bytes(to_bytes(made))
    record = json.loads(old.with_suffix(".provenance.json").read_text("utf8"))
    record |= keys._asdict() | {"outputs": outputs_digest(made)}
    copy.with_suffix(".provenance.json").write_text(json.dumps(record))


def files(root: Path) -> dict[str, bytes]:
    return {
        f"{name}/{below}".rstrip("/"): data
        for name in release.SOURCES
        for below, data in (
            release.tree(root / name)
            if (root / name).is_dir()
            else [("", (root / name).read_bytes())]
        )
    }


@pytest.mark.slow
def test_a_chapter_is_added_in_five_places(tmp_path):
    root = tmp_path / "book"
    before = files(ROOT)
    for name, data in before.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    added(root)
    after = files(root)
    changed = {n for n in before.keys() | after if before.get(n) != after.get(n)}
    assert {p for n in changed for p in PLACES if n.startswith(p)} == {*PLACES}
    assert all(any(name.startswith(place) for place in PLACES) for name in changed)
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    tests = [f"tests/book/test_{rule}.py" for rule in RULES]
    run = {"cwd": root, "env": environment, "capture_output": True, "text": True}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests]
    done = subprocess.run([*command, "tests/studies/test_sample.py"], **run)
    assert done.returncode == 0, done.stdout[-3000:]
    check = "from hlnb.publishing.cli import main; raise SystemExit(main(['check']))"
    done = subprocess.run([sys.executable, "-c", check], **run)
    assert "24_sample" not in done.stdout
    assert done.returncode == 0, done.stdout


def test_the_ten_steps_name_the_five_places():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf8")
    steps = text[text.index("ten steps") : text.index("## Blocks for teaching")]
    for words in PLACES.values():
        assert words in steps
