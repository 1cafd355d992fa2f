"""What the executed chapters say: provenance, claims, and what is wrong with them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing import chapters, freshness
from hlnb.publishing.chapters import Chapter, read_notebook, tags_of
from hlnb.publishing.notebooks import CLAIMS, images, payloads

MAX_BYTES = 1_500_000
STATES = "book/states.json"  # of an edition whose notebooks were cut
VERDICTS = ("reproduced", "partly", "not reproduced", "not testable here")
FIELDS = (
    *("id", "source", "statement", "theirs", "ours"),
    *("low", "high", "n", "unit", "verdict"),
)


def executed_path(chapter: Chapter) -> Path:
    """Where the published copy of a chapter lies, executed or not yet."""
    return chapter.root / "book" / "chapters" / f"{chapter.name}.ipynb"


def provenance(path: str | Path) -> dict[str, Any] | None:
    """When, how long and on what the notebook at `path` was executed; None if unknown.

    Keys: date (UTC), seconds, runs_kept, python, system, cpu, cores, threads, packages,
    data, profile; key, code and outputs (see `freshness`); results (a digest of the
    list of kept results) and, if it was drawn again from them, redrawn (what drew it).
    """
    try:
        text = Path(path).with_suffix(".provenance.json").read_text("utf8")
        record = json.loads(text)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "date" in record else None


def executed_on(path: str | Path) -> str:
    """`executed DATE on CPU, SECONDS s` of the notebook at `path`."""
    record = provenance(path)
    if record is None:
        return "executed at an unknown date"
    return "executed {date} on {cpu}, {seconds:.0f} s".format(**record)


def states(root: str | Path) -> dict[str, str]:
    """The state of each chapter's executed copy (see `freshness.state`), by its name.

    The student edition brings those of the book from which its notebooks were cut.
    """
    brought = Path(root) / STATES
    if brought.is_file():
        return json.loads(brought.read_text("utf8"))
    return {chapter.name: freshness.state(chapter) for chapter in chapters.load(root)}


def executions(root: str | Path) -> list[dict[str, Any]]:
    """For each chapter in order: name, title, state, provenance (or None)."""
    found = states(root)
    return [
        {
            "name": chapter.name,
            "title": chapter.title,
            "state": found[chapter.name],
            "provenance": provenance(executed_path(chapter)),
        }
        for chapter in chapters.load(root)
    ]


def claims(root: str | Path) -> list[dict[str, Any]]:
    """The claims of the executed chapters in order, each with its chapter."""
    return [
        {"id": claim["id"], "chapter": chapter.name} | claim
        for chapter in chapters.load(root)
        if executed_path(chapter).exists()
        for claim in _claims(read_notebook(executed_path(chapter)))
    ]


def _claims(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [claim for listed in payloads(notebook, CLAIMS) for claim in listed]


def overtaken(root: str | Path, names: Iterable[str] = ()) -> list[str]:
    """The chapters that code of the package has overtaken since their execution."""
    selected = chapters.select(chapters.load(root), names)
    return [c.name for c in selected if freshness.state(c) == freshness.OVERTAKEN]


def check(root: str | Path, names: Iterable[str] = ()) -> list[str]:
    """What is wrong with sources and executed copies, one sentence for each.

    Executes nothing. An empty list says that the book may be built; a chapter that the
    package has overtaken (`overtaken`) is built with a banner.
    """
    names = list(names)
    selected = chapters.select(chapters.load(root), names)
    problems = [] if names else chapters.folder_problems(root)
    ids: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    for chapter in selected:
        problems += chapters.source_problems(chapter)
        try:
            problems += _copy_problems(chapter, ids, figures)
        except HlnbError as error:
            problems.append(str(error))
    problems += [f"Claim {name} is made twice." for name in _repeated(ids)]
    problems += [f"Figure {name} is shown twice." for name in _repeated(figures)]
    return problems


def _repeated(counter: Counter[str]) -> list[str]:
    return [name for name, count in counter.items() if count > 1]


def _copy_problems(
    chapter: Chapter, ids: Counter[str], figures: Counter[str]
) -> Iterator[str]:
    path = executed_path(chapter)
    hint = f"`hlnb run {chapter.name}` mends that"
    match freshness.state(chapter):
        case freshness.MISSING:
            yield f"{chapter.name} was never executed; {hint}."
            return
        case freshness.DAMAGED:
            yield (
                f"{chapter.name}: the executed copy and its provenance are damaged, or "
                f"not of one execution; {hint}."
            )
        case freshness.ALTERED:
            yield (
                f"{chapter.name}: an output of the executed copy was changed by hand; "
                f"{hint}."
            )
        case freshness.EDITED:
            yield f"{chapter.name}: its code was edited since it was executed; {hint}."
        case freshness.PROSE:
            yield f"{chapter.name}: its text was edited since it was executed; {hint}."
    notebook = read_notebook(path)
    if path.stat().st_size > MAX_BYTES:
        size = path.stat().st_size / 1e6
        yield f"{chapter.name}: the executed copy has {size:.1f} MB, more than 1.5."
    for number, cell in enumerate(notebook["cells"], start=1):
        where = f"{chapter.name}, cell {number}"
        outputs = cell.get("outputs", [])
        for output in outputs:
            if output["output_type"] == "error":
                yield f"{where}: its output is an error, {output['ename']}."
            if output.get("name") == "stderr":
                yield f"{where}: it wrote to stderr."
        yield from (f"{where}: {text}" for text in _image_problems(outputs, figures))
        if "claims" not in tags_of(cell) and _claims({"cells": [cell]}):
            yield f"{where}: shows claims, so it needs the tag claims."
    if not _claims(notebook):
        yield f"{chapter.name}: shows no claim; page.claims shows some."
    for claim in _claims(notebook):
        ids[str(claim.get("id"))] += 1
        yield from _claim_problems(chapter, claim)


def _image_problems(
    outputs: list[dict[str, Any]], figures: Counter[str]
) -> Iterator[str]:
    shown = images(outputs)
    if len(shown) > 1:
        yield f"shows {len(shown)} figures; one a cell can be captioned."
    for output in shown:
        figure = output.get("metadata", {}).get("hlnb", {})
        missing = [k for k in ("alt", "caption", "name") if not figure.get(k)]
        if missing:
            yield f"its image has no {', '.join(missing)}."
            continue
        figures[figure["name"]] += 1
        if ":" in figure["name"]:
            yield f"a colon in the name {figure['name']!r} breaks scripts of the page."
        if figure["alt"].rpartition(".")[2] in {"png", "svg", "jpeg"}:
            yield f"the alternative text {figure['alt']!r} is a path."


def _claim_problems(chapter: Chapter, claim: dict[str, Any]) -> Iterator[str]:
    where = f"{chapter.name}, claim {claim.get('id')}"
    if missing := [name for name in FIELDS if name not in claim]:
        yield f"{where}: lacks {', '.join(missing)}."
    elif claim["verdict"] not in VERDICTS:
        yield f"{where}: the verdict {claim['verdict']!r} is none of the four."
