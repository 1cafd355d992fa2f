"""What stands above and below a chapter: banner, head, foot."""

import re
import shlex
from typing import Any

from hlnb.parameters import Parameter, in_yaml, with_meaning
from hlnb.publishing import compare, notebooks
from hlnb.publishing.render.claims import badges, link
from hlnb.publishing.render.executed import Executed
from hlnb.publishing.render.tables import escaped, markdown_table, seconds
from hlnb.templates import rendered


def banner(chapter: Executed) -> str:
    """What stands above the head: a re-run, code that has overtaken; or nothing."""
    if rerun := chapter.metadata.get("rerun"):
        published = {p.name: p.default for p in chapter.parameters.values()}
        differing = compare.differing(published, chapter.metadata["parameters"])
        return rendered(
            "publishing/templates/rerun.md",
            n_claims=rerun["n_claims"],
            verdicts=[(link(id), *words) for id, *words in rerun["verdicts"]],
            parameters=differing,
        )
    if not chapter.overtaken:
        return ""
    return rendered(
        "publishing/templates/banner.md",
        number=chapter.name[:2],
        ran=chapter.provenance,
    )


SHORT = re.compile(r"\*\*In short\.\*\* .*(?:\n.+)*")


def after_the_finding(text: str, below: str, chapter: Executed) -> str:
    """A chapter's first text, with its head below the paragraph that says the result.

    Above the text, where no paragraph does. A re-run that moves a verdict on which the
    result rests (`rests_on` of the chapter) has no such paragraph.
    """
    text = text.lstrip()
    short = SHORT.match(text)
    if short is None:
        return f"{below}\n\n{text}"
    moved = {id for id, *_ in chapter.metadata.get("rerun", {}).get("verdicts", [])}
    rest = text[short.end() :]
    if moved & set(chapter.metadata.get("rests_on", [])):
        return f"{below}\n\n{rest}"
    return f":::{{div}} hlnb-short\n{short[0]}\n:::\n\n{below}\n\n{rest}"


def head(chapter: Executed, known: dict[str, Executed], *, claims: list[dict]) -> str:
    """Goals, needs, minutes and verdicts."""
    needs = chapter.metadata.get("needs", [])
    return rendered(
        "publishing/templates/head.md",
        goals=chapter.metadata.get("goals"),
        needs=[known[n].link if n in known else n for n in needs],
        minutes=chapter.minutes,
        badges=badges([c for c in claims if c["chapter"] == chapter.name]),
    )


def downloads(chapter: Executed) -> str:
    """Links to files that the build puts beside the pages, from a chapter's page."""
    files = {
        "notebook": f"downloads/{chapter.name}.ipynb",
        "executed notebook": f"downloads/{chapter.name}-executed.ipynb",
        "slides": f"slides/{chapter.name}.html",
    }
    if notebooks.numbers(chapter.notebook):
        files["numbers of its figures (CSV)"] = f"downloads/{chapter.name}-figures.zip"
    return " · ".join(f'<a href="../../{at}">{text}</a>' for text, at in files.items())


def parameter_table(chapter: Executed) -> str:
    """What can be set, within which range, and what it changes."""
    rows = [
        [
            f"`{p.name}`",
            f"`{p.type}`",
            f"`{p.default!r}`",
            admitted(p),
            " ".join(filter(None, [escaped(p.help) + ".", escaped(p.effect)])),
        ]
        for p in chapter.parameters.values()
    ]
    names = ["Name", "Type", "Default", "Range", "Meaning and effect"]
    return markdown_table(names, rows, label="hlnb-parameters")


def admitted(parameter: Parameter) -> str:
    """Which values a parameter takes, in words."""
    if parameter.range:
        found = ["{:g} to {:g}".format(*parameter.range)]
    elif parameter.choices:
        found = [", ".join(f"`{choice!r}`" for choice in parameter.choices)]
    else:
        found = [f"`{parameter.form}`" if parameter.form else "any"]
    if parameter.least:
        found.append(f"at least {parameter.least}")
    if parameter.ascending or parameter.distinct:
        found.append("ascending" if parameter.ascending else "each once")
    for relation in parameter.relations:
        kept, meaning = with_meaning(relation)
        found.append(f"`{kept}`" + (f" ({meaning})" if meaning else ""))
    return "; ".join(found)


def command(chapter: Executed) -> str:
    """The papermill command that re-runs a chapter with small parameters."""
    words = ["papermill", f"notebooks/{chapter.name}.ipynb", "out.ipynb"]
    for name, value in chapter.smoke().items():
        if isinstance(value, list):
            words += ["-y", f"{name}: {in_yaml(value)}"]
        else:
            words += ["-p", name, str(value)]
    return shlex.join(words)


def foot(chapter: Executed) -> str:
    """What stands at the end: how to run it, and when and with what it was executed."""
    ran = chapter.provenance
    fields = {
        "Executed": f"{ran['date']}, in {duration(ran)}",
        "With": versions(ran),
        "On": machine_in_words(ran),
        **redrawing(ran),
        "Data": data(ran),
        "Key": f"`{chapter.metadata['key'][:12]}`",
    }
    return rendered(
        "publishing/templates/foot.md",
        name=chapter.name,
        downloads=downloads(chapter),
        table=parameter_table(chapter) if chapter.parameters else "",
        command=command(chapter),
        fields=fields,
    )


def redrawing(ran: dict[str, Any]) -> dict[str, str]:
    """When and on what a chapter was drawn again from its kept results, if it was."""
    again = ran.get("redrawn")
    if again is None:
        return {}
    took = f"in {seconds(again['seconds'])} on {escaped(again['cpu'])}"
    return {"Drawn again": f"{again['date']}, from the kept results, {took}"}


KEPT = "\\*"
AT_HAND = f"{KEPT} with training runs at hand from other chapters or before."


def duration(ran: dict[str, Any]) -> str:
    """How long the execution took, and what it did not have to compute."""
    took = seconds(ran["seconds"])
    if kept := ran.get("runs_kept"):
        took += f" (with {kept} training runs at hand from other chapters or before)"
    return took


def marked(ran: dict[str, Any]) -> str:
    """How long the execution took, with the mark that AT_HAND explains."""
    return seconds(ran["seconds"]) + KEPT * bool(ran.get("runs_kept"))


def machine_in_words(ran: dict) -> str:
    """The processor, its cores and the threads used."""
    threads = ran["threads"]
    return (
        f"{escaped(ran['cpu'])} ({ran['cores']} cores, "
        f"{threads} {'thread' if threads == 1 else 'threads'})"
    )


def versions(ran: dict) -> str:
    """Python and the packages that the numbers depend on."""
    packages = [f"{name} {version}" for name, version in ran["packages"].items()]
    return escaped(", ".join([f"Python {ran['python']}", *packages, ran["system"]]))


def data(ran: dict) -> str:
    """The data sets, each with the start of its digest."""
    return "; ".join(map(_datum, ran["data"])) or "made by the chapter"


def _datum(data: dict) -> str:
    note = f", {data['note']}" if data.get("note") else ""
    return f"{escaped(data['name'])} (sha256 `{data['sha256'][:12]}`{escaped(note)})"


def dates(ran: dict[str, Any]) -> str:
    """The date of the execution, and that of a drawing from its results."""
    again = ran.get("redrawn")
    return ran["date"] + (f", drawn again {again['date']}" if again else "")
