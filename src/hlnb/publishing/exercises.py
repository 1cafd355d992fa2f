"""The exercises of the chapters, each with its start, and a check of an answer.

What counts as right is in `book/exercises.yml`, by exercise: `18-2` is the second of
chapter 18. An entry `asks` for one number or one word, and takes it from what the
executed chapter glues:

* `number`: a glued name, or arithmetic of such; right is what lies `within` so much
  of it, or, without `within`, in the range behind it; `exact: true` for counts;
* `words`: choices in order; the first whose condition holds is right, and the last
  needs none. A condition is a relation of `hlnb.relations`, or {name: text}.

A number comes as `name`, its range as `name_low` and `name_high`, counts of runs as
`name_reached` and `name_runs`. The check knows digests only, so that a student edition
can carry it: a fold that keeps an answer from being read, and no lock.
"""

import ast
import hashlib
import json
import math
import re
import textwrap
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hlnb import relations
from hlnb.errors import HlnbError
from hlnb.publishing import chapters, copies
from hlnb.publishing.chapters import tags_of, text_of
from hlnb.publishing.render.executed import Executed
from hlnb.publishing.render.head import duration
from hlnb.publishing.render.tables import markdown_table
from hlnb.storage import write_whole

ANSWERS = "book/exercises.yml"  # in clear: not in a student edition
SEALED = "book/exercises.json"  # in a student edition and its download
AT_HOME = {"Tweak": 20, "Twiddle": 45, "Frob": 90}  # minutes: our guess, not measured
RIGHT, NEAR, NOT_YET = "right", "near", "not yet"
SAYS = {
    RIGHT: "Right.",
    NEAR: "Near: what the book found is not far from it.",
    NOT_YET: "Not yet.",
}
NEARLY = 3  # so many times as far off as what is right
ASKED = re.compile(r"(?m)^\*\*(Tweak|Twiddle|Frob)\.\*\* (.*)$")
LINE = re.compile(r"`(papermill [^`]+)`")
ROLE = re.compile(r"\{[\w:]+\}`(?:([^`<]+?) *<[^`>]*>|([^`]*))`")
N = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"
SPREAD = re.compile(rf"({N})(?: \[>?({N})(?:–| to )>?({N})\])?")
COUNT = re.compile(r"(\d+) of (\d+) reached")


@dataclass(frozen=True)
class Exercise:
    """One exercise as a student sees it; `right` and `near` are digests.

    id: `18-2`. minutes: at home, without computing. line: the command that it prints,
    or "". start: a cell to begin with. asks: what to answer, or "" where nothing is
    checked. took: how long the published chapter ran.
    choices: the words to choose from, or none for a number, which is rounded
    to `step` first.
    """

    id: str
    chapter: str
    title: str
    size: str
    minutes: int
    question: str
    line: str
    start: str
    took: str
    asks: str = ""
    choices: list[str] = field(default_factory=list)
    step: float = 0.0
    right: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)


def catalogue(root: str | Path) -> list[Exercise]:
    """All exercises in the order of the book, ready to be checked.

    A student edition brings them sealed; the book makes them from its answers and its
    executed chapters. Refuses an answer that names what no chapter glues.
    """
    root = Path(root)
    if (root / SEALED).is_file():
        return [
            Exercise(**one) for one in json.loads((root / SEALED).read_text("utf8"))
        ]
    answers: dict[str, Any] = {}
    if (root / ANSWERS).is_file():
        answers = yaml.safe_load((root / ANSWERS).read_text("utf8")) or {}
    found = []
    for chapter in chapters.chosen(root, ()):
        path = copies.executed_path(chapter)
        if path.is_file():
            found += _of_chapter(Executed(path), answers)
    return found


def listed(found: Iterable[Executed], exercises: Iterable[Exercise]) -> str:
    """The table of exercises for a page: where each stands, and if it is checked."""
    known = {chapter.name: chapter for chapter in found}
    rows = [
        [
            f"`{one.id}`",
            known[one.chapter].link,
            one.size,
            f"{one.minutes}",
            "one line" if one.line else "a cell",
            "yes" if one.asks else "–",
        ]
        for one in exercises
        if one.chapter in known
    ]
    names = ["Exercise", "Chapter", "Size", "Minutes", "Begins with", "Checked"]
    return markdown_table(names, rows) if rows else "None yet."


def seal(exercises: Iterable[Exercise], folder: Path) -> None:
    """Writes exercises into the source of a student edition, without the answers."""
    text = json.dumps([asdict(one) for one in exercises], ensure_ascii=False, indent=1)
    write_whole(folder / SEALED, f"{text}\n".encode())
    (folder / ANSWERS).unlink(missing_ok=True)


def named(exercises: Iterable[Exercise], name: str) -> Exercise:
    """The exercise of that name, or HlnbError."""
    known = {one.id: one for one in exercises}
    short = re.sub(r"\b0(?=\d)", "", name)
    if short not in known:
        raise HlnbError(
            f"There is no exercise {name!r}: `hlnb exercise` lists them, as 18-1 for "
            "the first of chapter 18."
        )
    return known[short]


def check(exercise: Exercise, answer: str) -> str:
    """RIGHT, NEAR or NOT_YET; HlnbError for an answer that cannot be one.

    Of a word nothing is near.
    """
    if not exercise.asks:
        raise HlnbError(
            f"Exercise {exercise.id} has no single answer, so none is checked; show "
            "yours to somebody who has done it."
        )
    if exercise.choices:
        word = " ".join(answer.split()).casefold()
        if word not in map(str.casefold, exercise.choices):
            words = ", ".join(map(repr, exercise.choices))
            raise HlnbError(f"{answer!r} is no choice: take one of {words}.")
        return RIGHT if _digest(exercise.id, word) in exercise.right else NOT_YET
    try:
        number = float(answer.strip().replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise HlnbError(f"{answer!r} is no number: write it like 0.5 or 1.2e-3.")
    cell = _digest(exercise.id, f"{round(number / exercise.step)}")
    if cell in exercise.right:
        return RIGHT
    return NEAR if cell in exercise.near else NOT_YET


def told(exercise: Exercise) -> str:
    """An exercise for a terminal: the question, where to begin, what to answer."""
    notebook = f"notebooks/{exercise.chapter}.ipynb"
    pieces = [
        f"{exercise.id} · {exercise.size} · about {exercise.minutes} minutes, without "
        f"computing · {exercise.title}",
        textwrap.fill(exercise.question, 88, break_on_hyphens=False),
    ]
    if exercise.line:
        told = f"Begin with (the whole chapter, as published, took {exercise.took})"
        pieces.append(f"{textwrap.fill(told, 88)}\n\n    {exercise.line}")
    else:
        pieces.append(
            f"Begin with `jupyter lab {notebook}`:\nrun its cells down to Exercises, "
            "and go on in a new cell."
        )
    if exercise.start:
        pieces.append(textwrap.indent(exercise.start, "    "))
    if exercise.asks:
        pieces += [
            textwrap.fill(f"Answer: {exercise.asks}", 88),
            f"    hlnb exercise {exercise.id} --answer "
            + ("WORD" if exercise.choices else "NUMBER"),
        ]
    else:
        pieces.append("It has no single answer, so none is checked.")
    return "\n\n".join(pieces)


def numbers(glued: Mapping[str, Any]) -> dict[str, float]:
    """What glued numbers and texts say, with ranges and counts; see the module."""
    found: dict[str, float] = {}
    for name, value in glued.items():
        if isinstance(value, int | float):
            found[name] = float(value)
            continue
        text = str(value).replace("\N{MINUS SIGN}", "-")
        if match := SPREAD.match(text):
            parts = zip(("", "_low", "_high"), match.groups(), strict=True)
            found |= {f"{name}{k}": float(v.replace(",", "")) for k, v in parts if v}
        if match := COUNT.search(text):
            found |= {f"{name}_reached": float(match[1])}
            found |= {f"{name}_runs": float(match[2])}
            found.setdefault(name, math.inf)  # not reached
    return found


def _of_chapter(chapter: Executed, answers: Mapping[str, Any]) -> list[Exercise]:
    found: list[Exercise] = []
    for size, question, solution in _asked(chapter.cells):
        id = f"{chapter.number}-{len(found) + 1}"
        line = LINE.search(question)
        about: dict[str, Any] = {
            "id": id,
            "chapter": chapter.name,
            "title": chapter.title,
            "size": size,
            "minutes": AT_HOME[size],
            "question": _plain(chapter, question),
            "line": line[1] if line else "",
            "took": duration(chapter.provenance),
            "start": _start(chapter.cells, solution),
        }
        if answer := answers.get(id):
            about |= _sealed(id, answer, chapter.glued)
        found.append(Exercise(**about))
    return found


def _asked(cells: list[dict[str, Any]]) -> list[tuple[str, str, list[str]]]:
    """Size, question and solving code of each exercise of a chapter."""
    found: list[tuple[str, str, list[str]]] = []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            found += [(m[1], m[2], []) for m in ASKED.finditer(text_of(cell))]
        elif found and "solution" in tags_of(cell):
            found[-1][2].append(text_of(cell))
    return found


def _plain(chapter: Executed, text: str) -> str:
    """A question with its numbers, and with the words of roles for a terminal."""
    with suppress(KeyError):  # a number of another chapter
        text = chapter.with_numbers(text)
    return ROLE.sub(lambda m: m[1] or m[2], text)


def _start(cells: Iterable[dict[str, Any]], solution: Iterable[str]) -> str:
    """A cell that brings what the package has for an exercise, and solves nothing."""
    homes: dict[str, tuple[str, str]] = {}  # module and import of a name in the code
    for cell in (c for c in cells if c["cell_type"] == "code"):
        for node in ast.walk(ast.parse(text_of(cell))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for a in node.names:
                    alias = f"{a.name} as {a.asname}" if a.asname else a.name
                    homes[a.asname or a.name] = node.module, alias
    tools: dict[str, str] = {}  # what the solution calls, and the name that brings it
    for node in ast.walk(ast.parse("\n".join(solution))):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                tools[name] = name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                tools[f"{name}.{attr}"] = name
    tools = {k: n for k, n in tools.items() if _is_tool(*homes.get(n, ("", n)))}
    if not tools:
        return ""
    brought: dict[str, set[str]] = {}
    for name in tools.values():
        module, alias = homes[name]
        brought.setdefault(module, set()).add(alias)
    lines = [f"from {m} import {', '.join(sorted(n))}" for m, n in brought.items()]
    return "\n".join([*sorted(lines), f"# for you: {', '.join(sorted(tools))}"])


def _is_tool(module: str, name: str) -> bool:
    """Whether a name of a module computes, and does not lay out or judge."""
    inside = {*module.split("."), name.split()[0]}
    return "hlnb" in inside and not inside & {"page", "claims", "words", "figures"}


def _sealed(id: str, answer: Mapping[str, Any], glued: Mapping[str, Any]) -> dict:
    """What the check keeps of an answer."""
    known = numbers(glued)
    try:
        if "words" in answer:
            word = next(
                w for w, c in answer["words"].items() if _holds(c, known, glued)
            )
            return {
                "asks": answer["asks"],
                "choices": sorted(map(str, answer["words"])),  # no order that tells
                "right": [_digest(id, str(word).casefold())],
            }
        number = relations.value(str(answer["number"]), known)
        if answer.get("exact"):
            low = high = number
        elif "within" in answer:
            low, high = number - answer["within"], number + answer["within"]
        else:
            low, high = (known[f"{answer['number']}{e}"] for e in ("_low", "_high"))
    except (KeyError, StopIteration, TypeError) as error:
        raise HlnbError(
            f"{ANSWERS}, {id}: the chapter does not give this answer ({error}); run "
            "it, or mend the entry."
        ) from error
    if not all(map(math.isfinite, (low, high))):
        raise HlnbError(f"{ANSWERS}, {id}: the answer is no finite number.")
    width = high - low
    step = 10.0 ** math.floor(math.log10(width / 8)) if width else 1e-6
    middle, off = (low + high) / 2, NEARLY * width / 2
    inside = _cells(id, low / step, high / step)
    around = _cells(id, (middle - off) / step, (middle + off) / step)
    return {
        "asks": answer["asks"],
        "step": step,
        "right": sorted(inside),
        "near": sorted(around - inside),
    }


def _cells(id: str, low: float, high: float) -> set[str]:
    return {_digest(id, f"{cell}") for cell in range(round(low), round(high) + 1)}


def _holds(
    condition: Any, known: Mapping[str, float], glued: Mapping[str, Any]
) -> bool:
    if condition is None:
        return True
    if isinstance(condition, dict):
        return all(glued[name] == text for name, text in condition.items())
    return relations.holds(condition, known)


def _digest(id: str, answer: str) -> str:
    return hashlib.sha256(f"hlnb exercise {id}: {answer}".encode()).hexdigest()[:16]
