"""What the executed chapters say: provenance, claims, and what is wrong with them."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing import chapters, freshness
from hlnb.publishing.chapters import Chapter, read_notebook, tags_of
from hlnb.publishing.notebooks import CLAIMS, images, payloads

MAX_BYTES = 3_000_000  # of an executed copy: what its page may weigh
STATES = "book/states.json"  # of an edition whose notebooks were cut
VERDICTS = (
    *("reproduced", "partly", "not reproduced", "undecided", "not testable here"),
    "not as stated",
)
FIELDS = (
    *("id", "source", "statement", "theirs", "ours"),
    *("low", "high", "n", "unit", "verdict"),
)
NUMBERS = ("ours", "low", "high")  # of a claim; None is a time that was not reached
DATED = ("date", "cpu")  # texts that each provenance has, beside the seconds


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
        whole = all(isinstance(record[name], str) for name in DATED)
        whole = whole and _is_number(record["seconds"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return record if whole else None


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
        return _brought(brought, [chapter.name for chapter in chapters.load(root)])
    return {chapter.name: freshness.state(chapter) for chapter in chapters.load(root)}


def _brought(path: Path, names: Sequence[str]) -> dict[str, str]:
    """The states that a file says; it must say one of each name."""
    with suppress(ValueError, RecursionError):
        found = json.loads(path.read_text("utf8"))
        texts = isinstance(found, dict) and all(
            isinstance(state, str) for state in found.values()
        )
        if texts and found.keys() >= {*names}:
            return found
    raise HlnbError(
        f"{path} does not say the state of each chapter: delete it, as only an edition "
        "that was cut from a book has one."
    )


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
        for chapter in chapters.chosen(root, ())
    ]


def claims(root: str | Path) -> list[dict[str, Any]]:
    """The claims of the executed chapters in order, each with its chapter."""
    paths = [executed_path(chapter) for chapter in chapters.load(root)]
    return [claim for path in paths if path.exists() for claim in claims_of(path)]


def claims_of(path: Path) -> list[dict[str, Any]]:
    """The claims of one executed notebook, each with its chapter: the file's name."""
    found = _claims(read_notebook(path))
    for claim in found:
        if problem := claim_problem(claim):
            raise HlnbError(f"{path}: {problem}; restore it or run it anew.")
    home = {"chapter": path.stem}
    return [{"id": c["id"]} | home | c | home for c in found]


def _claims(notebook: dict[str, Any]) -> list[Any]:
    listed = payloads(notebook, CLAIMS)
    return [c for found in listed for c in (found if isinstance(found, list) else [0])]


def claim_problem(claim: Any) -> str | None:
    """Why something is no claim as a chapter shows it, in words; None if it is one."""
    if not isinstance(claim, dict):
        return "a claim is no object with the fields of a claim"
    who = f"claim {claim.get('id')}"
    if missing := [name for name in FIELDS if name not in claim]:
        return f"{who} lacks {', '.join(missing)}"
    for name in ("id", "source", "statement"):
        if not isinstance(claim[name], str):
            return f"the {name} of {who} is no text"
    for name in NUMBERS:
        if claim[name] is not None and not _is_number(claim[name]):
            return f"{name} of {who} is no number"
    if type(claim["n"]) is not int or claim["n"] < 0:
        return f"n of {who} is no number of runs"
    if not isinstance(claim["theirs"], str | None) and not _is_number(claim["theirs"]):
        return f"theirs of {who} is neither a number nor a text"
    if not all(isinstance(claim.get(name), str | None) for name in ("unit", "note")):
        return f"the unit or the note of {who} is no text"
    if claim["verdict"] not in VERDICTS:
        return f"the verdict {claim['verdict']!r} of {who} is no verdict of ours"
    return None


def _is_number(value: Any) -> bool:
    """Whether it is a finite number; 10**400, which JSON knows, is none of ours."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def overtaken(root: str | Path, names: Sequence[str] = ()) -> list[str]:
    """The chapters that code of the package has overtaken since their execution."""
    selected = chapters.chosen(root, names)
    return [c.name for c in selected if freshness.state(c) == freshness.OVERTAKEN]


def check(root: str | Path, names: Sequence[str] = ()) -> list[str]:
    """What is wrong with sources and executed copies, one sentence for each.

    Executes nothing. An empty list says that the book may be built; a chapter that the
    package has overtaken (`overtaken`) is built with a banner.
    """
    problems = [] if names else chapters.folder_problems(root)
    ids: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    for chapter in chapters.chosen(root, names):
        problems += chapters.source_problems(chapter)
        try:
            if not chapters.is_clean(chapter):
                problems.append(
                    f"{chapter.name}: the source holds outputs, counts or settings of "
                    f"an editor; `hlnb clean {chapter.name}` takes them out."
                )
            problems += _copy_problems(chapter, ids, figures)
        except HlnbError as error:
            problems.append(str(error))
    problems = list(dict.fromkeys(problems))  # a file that cannot be read is named once
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
        yield f"{chapter.name}: the executed copy has {size:.1f} MB, more than 3."
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
        if isinstance(claim, dict):
            ids[str(claim.get("id"))] += 1
        if problem := claim_problem(claim):
            yield f"{chapter.name}: {problem}."


def _image_problems(
    outputs: list[dict[str, Any]], figures: Counter[str]
) -> Iterator[str]:
    shown = images(outputs)
    if len(shown) > 1:
        yield f"shows {len(shown)} figures; one a cell can be captioned."
    for output in shown:
        figure = output.get("metadata", {}).get("hlnb", {})
        texts = {k: figure.get(k) for k in ("alt", "caption", "name")}
        missing = [k for k, v in texts.items() if not v or not isinstance(v, str)]
        if missing:
            yield f"its image has no {', '.join(missing)}."
            continue
        figures[figure["name"]] += 1
        if ":" in figure["name"]:
            yield f"a colon in the name {figure['name']!r} breaks scripts of the page."
        if figure["alt"].rpartition(".")[2] in {"png", "svg", "jpeg"}:
            yield f"the alternative text {figure['alt']!r} is a path."
