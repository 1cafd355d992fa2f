"""The generated parts of the other pages, made from files only."""

import ast
import base64
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hlnb.code import PACKAGE
from hlnb.errors import HlnbError
from hlnb.publishing import chapters, freshness, notebooks
from hlnb.publishing.exercises import AT_HOME
from hlnb.publishing.render.executed import Executed
from hlnb.publishing.render.head import (
    AT_HAND,
    command,
    data,
    dates,
    duration,
    machine_in_words,
    marked,
    parameter_table,
    versions,
)
from hlnb.publishing.render.tables import (
    escaped,
    markdown_table,
    plain_number,
    seconds,
    slug,
)
from hlnb.storage import write_whole
from hlnb.templates import rendered

# Figures that stand on other pages than their chapter's
PICTURES = "_build/staging/pictures"
STATES = {  # what is said of an executed copy; the rest are as the states are called
    freshness.ALTERED: "altered: an output was changed by hand",
    freshness.EDITED: "edited: its own code has changed since",
    freshness.PROSE: "edited: its text has changed since",
    freshness.OVERTAKEN: "overtaken: code of the package has changed since",
}


def parameters(found: list[Executed]) -> str:
    """The parameters of every chapter."""
    listed = [
        {
            "title": c.numbered_title,
            "link": c.link,
            "took": duration(c.provenance),
            "table": parameter_table(c),
            "command": command(c),
        }
        for c in found
    ]
    return rendered("publishing/templates/parameters.md", chapters=listed)


def seminar(found: list[Executed]) -> str:
    """For each chapter: minutes in class and at home, what to run, wrong answers."""
    return rendered("publishing/templates/seminar.md", chapters=[*map(_lesson, found)])


def _lesson(chapter: Executed) -> dict[str, Any]:
    plan = chapter.metadata.get("seminar", {})
    minutes = planned_minutes(chapter)
    sections = [[escaped(name), f"{time}"] for name, time in minutes.items()]
    wrong = [list(pair) for pair in plan.get("wrong", [])]
    names = ["A common wrong answer", "What to say"]
    return {
        "title": chapter.numbered_title,
        "link": chapter.link,
        "number": chapter.name[:2],
        "minutes": sum(minutes.values()),
        "took": duration(chapter.provenance),
        "before": plan.get("before"),
        "sections": markdown_table(["Section", "Minutes"], sections),
        "home": ", ".join(f"{n} {time}" for n, time in home_minutes(chapter).items()),
        "wrong": markdown_table(names, wrong) if wrong else "",
    }


def home_minutes(chapter: Executed) -> dict[str, int]:
    """Minutes that the exercises take at home, by size; computing is not counted."""
    found = "\n".join(map(chapters.text_of, chapter.cells))
    return {n: time for n, time in AT_HOME.items() if f"**{n}.**" in found}


def planned_minutes(chapter: Executed) -> dict[str, int]:
    """Minutes for each section: what the chapter plans, or else the rule; in order."""
    minutes = section_minutes(chapter)
    given = chapter.metadata.get("seminar", {}).get("sections")
    if not given:
        return minutes
    heads = [*minutes]  # a notebook's metadata keep no order of their own
    return {name: given[name] for name in sorted(given, key=heads.index)}


def section_minutes(chapter: Executed) -> dict[str, int]:
    """Minutes for each `##` section, by rule, in steps of five.

    A hundred words a minute, three minutes for each figure or film, five for each
    prediction: the class is to say something.
    """
    found: dict[str, float] = {}
    name = None
    for cell in chapter.cells:
        text = chapters.text_of(cell)
        if cell["cell_type"] != "markdown":
            shows = re.search(r"\b(figure|film\.show|widget\.show)\(", text)
            if name and shows:
                found[name] += 3
            continue
        for piece in re.split(r"(?m)^(?=## )", text):
            if head := re.match(r"## (.+)", piece):
                name = head[1].strip()
                found[name] = 0.0
            if name:
                found[name] += len(piece.split()) / 100
                found[name] += 5 * piece.count("{admonition} Predict")
    passed_over = ("Statement by statement", "Further reading", "Limits", "Exercises")
    return {
        name: 5 * max(1, round(time / 5))
        for name, time in found.items()
        if name not in passed_over
    }


def picture(name: str, found: list[Executed], *, root: Path) -> str:
    """A figure of a chapter, on another page; its image is written below `_build`."""
    for c in found:
        for cell in c.cells:
            for output in notebooks.images(cell.get("outputs", [])):
                about = cell["metadata"].get("mystnb", {})
                if about.get("figure", {}).get("name") != name:
                    continue
                png = base64.b64decode("".join(output["data"]["image/png"]))
                alt = about.get("image", {}).get("alt", "")
                path = root / PICTURES / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, png)
                return "\n".join(
                    [
                        f"```{{figure}} /{PICTURES}/{name}.png",
                        f":name: again-{name}",
                        f":alt: {' '.join(alt.split())}",
                        "",
                        f"{about['figure']['caption']} (From {c.link}.)",
                        "```",
                    ]
                )
    raise HlnbError(f"No chapter has a figure {name}, which a page asks for.")


STATED = re.compile(
    r"(?m)^```+\{prf:(?!proof)\w+\} *(?P<name>.*)\n"
    r"(?::(?!label)[\w-]+:.*\n)*:label: (?P<label>[a-z0-9-]+)$"
)


def theorems(found: list[Executed]) -> str:
    """Definitions and theorems of the chapters, each with its number and its name."""
    rows = [
        [f"{{prf:ref}}`{m['label']}`", m["name"], c.link]
        for c in found
        for cell in c.cells
        if cell["cell_type"] == "markdown"
        for m in STATED.finditer(chapters.text_of(cell))
    ]
    return (
        markdown_table(["Statement", "Name", "Chapter"], rows) if rows else "None yet."
    )


STATEMENTS = re.compile(
    r"(?m)^\| statement of (?P<source>[^|]+?) \| where \| verdict \|\n"
    r"\|[-| ]+\|\n(?P<rows>(?:\|.*\|\n?)+)"
)


def with_cards(text: str) -> str:
    """The text, its table of statements as one whose rows are cards on a phone."""
    return STATEMENTS.sub(_cards, text)


def _cards(match: re.Match[str]) -> str:
    names = [f"Statement of {match['source']}", "Where", "Verdict"]
    rows = [
        [cell.replace(r"\|", "|") for cell in _cells(line)]
        for line in match["rows"].splitlines()
    ]
    return markdown_table(names, rows, label="hlnb-statements") + "\n"


def _cells(line: str) -> list[str]:
    """The three cells of a row of a table of statements."""
    said, where, verdict = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [said.strip(), where.strip(), verdict.strip()]


def statements(found: list[Executed], sources: list[dict[str, Any]]) -> str:
    """Every statement of each source, from the tables of the chapters.

    `sources`: of book/statements.yml, in order: its name in the heads of tables, a
    title, the citation's key, and the chapters whose order the source has, if not that
    of the book. Refuses a table whose source is not listed.
    """
    rows: dict[str, dict[int, list[list[str]]]] = {s["source"]: {} for s in sources}
    for c in found:
        for cell in c.cells:
            if cell["cell_type"] != "markdown":
                continue
            for match in STATEMENTS.finditer(chapters.text_of(cell)):
                if (name := match["source"]) not in rows:
                    raise HlnbError(
                        f"{c.name} has statements of {name}: list it in "
                        "book/statements.yml."
                    )
                for line in c.with_numbers(match["rows"]).splitlines():
                    said, where, verdict = _cells(line)
                    row = [said, f"{c.link}: {where}", verdict]
                    rows[name].setdefault(c.number, []).append(row)
    names = ["Statement", "Where it is shown", "Verdict"]
    made = []
    for about in sources:
        of, first = rows[about["source"]], about.get("chapters", [])
        order = [n for n in first if n in of] + [n for n in of if n not in first]
        if lines := [row for n in order for row in of[n]]:
            table = markdown_table(names, lines, label="hlnb-statements")
            made.append(
                f"## {about['title']}\n\n{{cite:p}}`{about['cite']}`\n\n{table}"
            )
    return "\n\n".join(made) or "None yet."


def source(name: str) -> str:
    """Code of the package as it is, by its dotted name: `training.loop.descend`."""
    module, *inside = name.split(".")
    path = PACKAGE / module
    while path.is_dir():
        path /= inside.pop(0)
    text = path.with_suffix(".py").read_text("utf8")
    node: Any = ast.parse(text)
    try:
        for part in inside:
            node = next(n for n in node.body if getattr(n, "name", None) == part)
    except StopIteration:
        raise HlnbError(f"The package has no {name}, which a page shows.") from None
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return "\n".join(["```python", textwrap.dedent("\n".join(lines)), "```"])


def widget(name: str, found: list[Executed]) -> str:
    """A widget of choices that a chapter shows, on another page."""
    for c in found:
        for cell in c.cells:
            for output in cell.get("outputs", []):
                text = "".join(output.get("data", {}).get("text/html", ""))
                if f'class="hlnb-choices hlnb-{name}"' in text:
                    return f"```{{raw}} html\n{text}\n```\n\nFrom {c.link}."
    raise HlnbError(f"No chapter has a widget {name}, which a page asks for.")


def book_map(rows: list[dict], claims: list[dict], *, known: dict) -> str:
    """Problem by training: what was reached; a row's chapter must be in the book.

    A row names its problem and its chapter, and for each training a text, in which
    `{claim-id}` stands for our number. `known`: the chapters that have a page; numbers
    of others are no links.
    """
    by_id = {c["id"]: c for c in claims}
    trainings = ("alone", "layerwise", "together")
    lines = []
    for row in rows:
        if row["chapter"] not in known:
            continue
        link = f"{{doc}}`{row['problem']} </book/chapters/{row['chapter']}>`"
        cells = [filled(row.get(t, "–"), by_id, known=known) for t in trainings]
        lines.append([link, *cells])
    if not lines:
        return ""
    names = ["Problem", "One layer alone", "Layer by layer", "All layers at once"]
    return markdown_table(names, lines, label="hlnb-map")


def findings(rows: list[dict], claims: list[dict], *, known: dict) -> str:
    """What was found, a sentence or two each, with numbers as in `book_map`.

    A row names its title and the chapter where it is shown, and under `rests_on` the
    verdicts without which its sentences would not be true; if one of them has moved,
    HlnbError says which. Rows of chapters that have no page are left out.
    """
    by_id = {c["id"]: c for c in claims}
    words = {c["id"]: c["verdict"] for c in claims}
    lines = []
    for row in rows:
        if row["chapter"] not in known:
            continue
        for id, found in shaken(row, words).items():
            raise HlnbError(
                f"The finding {row['title']!r} rests on {id} being "
                f"{row['rests_on'][id]!r}, and it is {found!r}: make its sentences "
                "true."
            )
        title = f"**{{doc}}`{row['title']} </book/chapters/{row['chapter']}>`.**"
        text = filled(row["text"], by_id, known=known, reached=False)
        lines.append(f"1. {title} {text}")
    return "\n".join(lines)


def shaken(row: dict[str, Any], verdicts: Mapping[str, str]) -> dict[str, str]:
    """The verdicts of today that differ from those on which a finding rests, by id."""
    found = {id: verdicts.get(id, "no claim") for id in row["rests_on"]}
    return {id: word for id, word in found.items() if word != row["rests_on"][id]}


def filled(
    text: str, by_id: dict[str, dict], *, known: dict, reached: bool = True
) -> str:
    """The text with our numbers, each a link to its line in the list of claims.

    `reached`: whether how many runs got there stands behind a number of epochs.
    """

    def number(match: re.Match) -> str:
        claim = by_id.get(match[1])
        if claim is None:
            raise HlnbError(f"A page names {match[1]}, which is no claim.")
        unit = f" {claim['unit']}" if claim["unit"].startswith("of ") else ""
        ours = claim["ours"]
        shown = "not reached" if ours is None else plain_number(ours) + unit
        many = re.search(r"\d+ of \d+ reached", claim.get("note") or "")
        after = f" ({many[0]})" if many and reached else ""
        if claim["chapter"] in known:
            shown = f"{{ref}}`{shown} <claim-{slug(claim['id'])}>`"
        return f"{shown}{after}"

    return re.sub(r"\{([a-z0-9-]+)\}(?!`)", number, text)  # {ref}`…` is a role


def chapter_list(found: list[Executed]) -> str:
    """The chapters, what each is for, and how long it took."""
    rows = [
        [
            c.link + " ([overtaken](status.md))" * c.overtaken,
            "; ".join(goal.rstrip(".") for goal in c.metadata.get("goals", [])),
            marked(c.provenance),
        ]
        for c in found
    ]
    made = markdown_table(["Chapter", "What you can do after it", "Ran in"], rows)
    return f"{made}\n\n{AT_HAND}"


def status(found: list[Executed]) -> str:
    """How each chapter stands; when, where and with what it was executed."""
    rows = [
        [
            c.link,
            STATES.get(c.state, c.state),
            marked(c.provenance),
            dates(c.provenance),
            versions(c.provenance),
            machine_in_words(c.provenance),
            data(c.provenance),
        ]
        for c in found
    ]
    names = ["Chapter", "State", "Ran in", "On", "Versions", "Processor", "Data"]
    number = sum(c.overtaken for c in found)
    told = f"{number} of {len(found)} chapters are overtaken."
    if number == 1:
        told = f"1 of {len(found)} chapters is overtaken."
    total = sum(c.provenance["seconds"] for c in found)
    after = f"All together: {seconds(total)}. {AT_HAND}"
    return "\n\n".join([told, markdown_table(names, rows), after])
