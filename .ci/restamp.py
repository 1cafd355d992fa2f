"""Proves that a refactoring gives the same bits, and stamps the book with its keys.

    python .ci/restamp.py BASE --whole 02 10 16 18

BASE is the commit before the refactoring, whose chapters were fresh. Old and new code
execute every chapter at smoke size and some chapters whole, side by side on this
machine; all outputs have to be equal to the byte, but those that the old code itself
does not repeat, which are named. Only then do the executed copies get the keys of the
new code, and so do the sets of fresh seeds that the old code executed; what is in them
stays. Chapters that are to be executed anew are left out by `--without`. What the proof
executed lies in `runs/proof` and is not executed again, so that it goes on.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hlnb.publishing import chapters, copies, freshness, replication
from hlnb.publishing.chapters import Chapter, find_root, read_notebook
from hlnb.publishing.notebooks import outputs_digest, to_bytes, weave
from hlnb.storage import write_whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="the commit before the refactoring")
    parser.add_argument("--whole", nargs="*", default=[], metavar="CHAPTER")
    parser.add_argument("--without", nargs="*", default=[], metavar="CHAPTER")
    arguments = parser.parse_args()
    root = find_root()
    base = _output(["git", "rev-parse", arguments.base], root)
    before = root / "runs" / "proof" / base[:12]
    old = before / "book"
    if not old.exists():
        _unpack(root, base, old)
    package = old / "src" / "hlnb"
    stale = [
        chapter.name
        for chapter in chapters.load(old)
        if freshness.state(chapter, package=package) != freshness.FRESH
    ]
    if stale:
        print(
            f"Nothing to prove: at {arguments.base} {', '.join(stale)} are not fresh."
        )
        return 1
    listed = chapters.load(root)
    if arguments.without:
        anew = chapters.select(listed, arguments.without)
        listed = [chapter for chapter in listed if chapter not in anew]
    whole = chapters.select(listed, arguments.whole) if arguments.whole else []
    differ = [
        *_different(listed, old, before / "smoke", "--smoke"),
        *_different(whole, old, before / "whole", "--force"),
    ]
    if differ:
        print(f"Nothing was stamped: {', '.join(differ)} differ.")
        return 1
    for chapter in listed:
        _stamp(chapter)
        replication.restamp(chapter, before=package)
    print(f"Equal to the byte: {len(listed)} chapters small, {len(whole)} whole.")
    return 0


def _unpack(root: Path, commit: str, folder: Path) -> None:
    """Puts the files of a commit into a new folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        archive, book = Path(temporary, "book.tar"), Path(temporary, "book")
        _output(["git", "archive", "-o", str(archive), commit], root)
        with tarfile.open(archive) as packed:
            packed.extractall(book, filter="data")
        book.rename(folder)


def _different(
    listed: Iterable[Chapter], old: Path, proof: Path, option: str
) -> list[str]:
    """The chapters of which old and new code give different outputs."""
    found = []
    for chapter in listed:
        after = proof / freshness.keys(chapter, {}).code[:12]
        before, now = (
            _parts(_executed(book, chapter, folder, option))
            for book, folder in ((old, proof), (chapter.root, after))
        )
        told = "equal"
        if before != now:  # the old code may not repeat itself: a time, a rounded zero
            again = _parts(_executed(old, chapter, proof / "again", option))
            loose = {part for part in before if before[part] != again.get(part)}
            differ = {p for p in before.keys() | now if before.get(p) != now.get(p)}
            told = f"equal but for {sorted(loose)}, which the old code does not repeat"
            if not differ <= loose:
                told = f"DIFFERS in {sorted(differ - loose)}"
                found.append(f"{chapter.name} ({option})")
        print(f"{chapter.name} {option}: {told}", flush=True)
    return found


def _executed(
    book: Path, chapter: Chapter, folder: Path, option: str
) -> dict[str, Any]:
    """A chapter executed by one of the codes, now or by an interrupted proof."""
    path = folder / f"{chapter.name}.ipynb"
    if not path.exists():
        _hlnb(book, "run", chapter.name, option, "--out", str(folder))
    return read_notebook(path)


def _parts(executed: dict[str, Any]) -> dict[str, str]:
    """What a notebook shows, by code cell and output."""
    cells = [c for c in executed["cells"] if c["cell_type"] == "code"]
    found = {"widgets": json.dumps(executed["metadata"].get("widgets"))}
    for number, cell in enumerate(cells):
        for k, output in enumerate(cell["outputs"]):
            found[f"code cell {number}, output {k}"] = json.dumps(output)
    return found


def _stamp(chapter: Chapter) -> None:
    """Gives a published copy the keys of the code as it is now."""
    path = copies.executed_path(chapter)
    executed, record = read_notebook(path), copies.provenance(path) or {}
    keys = freshness.keys(chapter, {})
    woven = weave(chapter.notebook, executed, keys=keys, parameters={})
    record |= keys._asdict() | {"outputs": outputs_digest(executed)}
    text = json.dumps(record, ensure_ascii=False, indent=1)
    write_whole(path, to_bytes(woven))
    write_whole(path.with_suffix(".provenance.json"), f"{text}\n".encode())


def _hlnb(checkout: Path, *arguments: str) -> None:
    """Runs `hlnb` with the package of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "src")}
    command = "from hlnb.publishing.cli import main; raise SystemExit(main())"
    subprocess.run(
        [sys.executable, "-c", command, *arguments],
        cwd=checkout,
        env=environment,
        check=True,
    )


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
