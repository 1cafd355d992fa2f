"""The generated parts of the book, as MyST text, made from files only."""

import ast
import base64
import json
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.files import write_whole
from hlnb.publishing import chapters, freshness, ledger, weaving

# Figures that stand on other pages than their chapter's
PICTURES = "_build/staging/pictures"
# What stands in place of a citation key where a chapter tests a statement of its own
OWN = {"our guess": "Our own guesses", "derived here": "Derived in this book"}
STATES = {  # what is said of an executed copy; the rest are as the states are called
    freshness.ALTERED: "altered: an output was changed by hand",
    freshness.EDITED: "edited: its own code has changed since",
    freshness.PROSE: "edited: its text has changed since",
    freshness.OVERTAKEN: "overtaken: code of the package has changed since",
}


@dataclass(frozen=True)
class Executed(chapters.Chapter):
    """An executed chapter, with the provenance file beside it."""

    state: str = ""  # how the copy stands to source and package; see `freshness`

    @property
    def overtaken(self) -> bool:
        """Whether code of the package has changed since the execution."""
        return self.state == freshness.OVERTAKEN

    @cached_property
    def provenance(self) -> dict:
        """Date, seconds, Python, system, cpu, cores, threads, packages, data."""
        record = ledger.provenance(self.path)
        if record is None:
            raise HlnbError(f"{self.name} has no provenance; run it anew: hlnb run.")
        return record

    @property
    def number(self) -> int:
        """The number that the file name begins with."""
        return int(self.name[:2])

    @property
    def numbered_title(self) -> str:
        return f"{self.number} · {self.title}"

    @property
    def minutes(self) -> int:
        """About how long the text takes to read, at 200 words a minute."""
        texts = [
            chapters.text_of(c) for c in self.cells if c["cell_type"] == "markdown"
        ]
        return max(1, round(len(" ".join(texts).split()) / 200))

    @cached_property
    def glued(self) -> dict[str, Any]:
        """The numbers and words that the chapter's prose is given, by name."""
        return {
            output["metadata"]["scrapbook"]["name"]: ast.literal_eval(
                "".join(output["data"]["application/papermill.record/text/plain"])
            )
            for cell in self.cells
            for output in cell.get("outputs", [])
            if "scrapbook" in output.get("metadata", {})
        }

    def with_numbers(self, text: str) -> str:
        """A text of the chapter for another page, which knows none of its numbers."""
        return re.sub(
            r"\{glue:text\}`(\w+)(?::([^`]*))?`",
            lambda m: format(self.glued[m[1]], m[2] or ""),
            text,
        )

    @property
    def link(self) -> str:
        return f"{{doc}}`{self.numbered_title} </book/chapters/{self.name}>`"


def load(root: Path) -> list[Executed]:
    """The executed chapters of the book, in the order of their numbers."""
    files = sorted((root / "book" / "chapters").glob("*.ipynb"))
    files = [f for f in files if chapters.NAME.fullmatch(f.stem)]
    states = ledger.states(root)
    return [Executed(f, states.get(f.stem, "without a source")) for f in files]


def banner(chapter: Executed) -> str:
    """What stands above the head of a chapter that code has overtaken; or nothing."""
    if not chapter.overtaken:
        return ""
    number, ran = chapter.name[:2], chapter.provenance
    again = f", drawn again on {ran['redrawn']['date']}" if "redrawn" in ran else ""
    lines = [
        ":::{admonition} Code has changed since this page was made",
        ":class: warning hlnb-overtaken",
        f"The numbers and pictures are of the execution of {ran['date']}{again}; code "
        "of the package that this chapter reaches has changed since. "
        f"`hlnb redraw {number}` brings the page up to date from the kept results, "
        f"`hlnb run {number}` by an execution.",
        ":::",
    ]
    return "\n".join([*lines, "", ""])


def head(chapter: Executed, *, known: dict[str, Executed], claims: list[dict]) -> str:
    """What stands below the title: goals, needs, times, verdicts, parameters."""
    ran = chapter.provenance
    goals, needs = chapter.metadata.get("goals"), chapter.metadata.get("needs", [])
    needs = [known[n].link if n in known else n for n in needs]
    parts = ["::::{div} hlnb-head"]
    if goals:
        parts += ["[After this chapter you can]{.hlnb-label}", ""]
        parts += [f"- {goal}" for goal in goals] + [""]
    if needs:
        parts += [f"[You need]{{.hlnb-label}} {' · '.join(needs)}", ""]
    parts += [
        f"[Time]{{.hlnb-label}} {chapter.minutes} min to read; ran in {duration(ran)} "
        f"on {machine(ran)}",
        "",
    ]
    if own := [c for c in claims if c["chapter"] == chapter.name]:
        parts += [f"[Claims]{{.hlnb-label}} {badges(own)}", ""]
    parts += [f"[Take along]{{.hlnb-label}} {downloads(chapter)}", "", "::::", ""]
    if chapter.parameters:
        parts += [
            ":::::{dropdown} Parameters, and how to run this chapter with your own",
            parameter_table(chapter),
            "",
            "From the root of the repository, a quick trial:",
            "",
            "```bash",
            command(chapter),
            "```",
            "",
            "Leave the options out for the published run; `-p` sets a number or a "
            f"string, `-y` a list. `hlnb run {chapter.name} -p name value` does the "
            "same, and checks names and types.",
            ":::::",
        ]
    return "\n".join(parts)


def downloads(chapter: Executed) -> str:
    """Links to files that the build puts beside the pages, from a chapter's page."""
    files = {
        "notebook": f"downloads/{chapter.name}.ipynb",
        "executed notebook": f"downloads/{chapter.name}-executed.ipynb",
        "slides": f"slides/{chapter.name}.html",
    }
    if weaving.numbers(chapter.notebook):
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
            " ".join(filter(None, [plain(p.help) + ".", plain(p.effect)])),
        ]
        for p in chapter.parameters.values()
    ]
    names = ["Name", "Type", "Default", "Range", "Meaning and effect"]
    return table(names, rows, label="hlnb-parameters")


def admitted(parameter: chapters.Parameter) -> str:
    """Which values a parameter takes, in words."""
    if parameter.range:
        return "{:g} to {:g}".format(*parameter.range)
    if parameter.choices:
        return ", ".join(f"`{choice!r}`" for choice in parameter.choices)
    return "any"


def parameters(found: list[Executed]) -> str:
    """The parameters of every chapter."""
    parts = []
    for c in found:
        took = duration(c.provenance)
        parts += [f"## {c.numbered_title}", "", f"{c.link}, published run: {took}.", ""]
        parts += [parameter_table(c), "", "```bash", command(c), "```", ""]
    return "\n".join(parts)


def seminar(found: list[Executed]) -> str:
    """For each chapter: minutes of its sections, what to run before, wrong answers."""
    parts = []
    for c in found:
        plan = c.metadata.get("seminar", {})
        minutes = planned_minutes(c)
        rows = [[plain(name), f"{time}"] for name, time in minutes.items()]
        total = sum(minutes.values())
        parts += [f"## {c.numbered_title}", "", f"{c.link}, {total} minutes.", ""]
        took = duration(c.provenance)
        before = plan.get("before") or (
            f"Run `hlnb run {c.name[:2]} --smoke`, which takes seconds, to see that it "
            f"works; the published run took {took}."
        )
        parts += [f"**Before class.** {before}", ""]
        parts += [table(["Section", "Minutes"], rows), ""]
        if wrong := [list(pair) for pair in plan.get("wrong", [])]:
            parts += [table(["A common wrong answer", "What to say"], wrong), ""]
    return "\n".join(parts)


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
    passed_over = ("Statement by statement", "Further reading", "Limits")
    return {
        name: 5 * max(1, round(time / 5))
        for name, time in found.items()
        if name not in passed_over
    }


def badges(claims: list[dict]) -> str:
    """How many claims of a chapter met which verdict."""
    count = Counter(c["verdict"] for c in claims)
    return " ".join(
        verdict(v, words=f"{count[v]} {v}") for v in ledger.VERDICTS if count[v]
    )


def picture(name: str, found: list[Executed], *, root: Path) -> str:
    """A figure of a chapter, on another page; its image is written below `_build`."""
    for c in found:
        for cell in c.cells:
            for output in weaving.images(cell.get("outputs", [])):
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
    return table(["Statement", "Name", "Chapter"], rows) if rows else "None yet."


STATEMENTS = re.compile(
    r"(?m)^\| statement of the notes \| where \| verdict \|\n"
    r"\|[-| ]+\|\n((?:\|.*\|\n?)+)"
)


def statements(found: list[Executed]) -> str:
    """Every statement of the seminar notes, from the tables of the chapters."""
    rows = []
    for c in found:
        for cell in c.cells:
            if cell["cell_type"] != "markdown":
                continue
            for match in STATEMENTS.finditer(chapters.text_of(cell)):
                for line in c.with_numbers(match[1]).splitlines():
                    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
                    said, where, verdict = (text.strip() for text in cells)
                    rows.append([said, f"{c.link}: {where}", verdict])
    names = ["Statement of the notes", "Where it is shown", "Verdict"]
    return table(names, rows, label="hlnb-statements") if rows else "None yet."


def widget(name: str, found: list[Executed]) -> str:
    """A widget of choices that a chapter shows, on another page."""
    for c in found:
        for cell in c.cells:
            for output in cell.get("outputs", []):
                text = "".join(output.get("data", {}).get("text/html", ""))
                if f'class="hlnb-choices hlnb-{name}"' in text:
                    return f"```{{raw}} html\n{text}\n```\n\nFrom {c.link}."
    raise HlnbError(f"No chapter has a widget {name}, which a page asks for.")


def frames(notebook: dict, view: str) -> list[str]:
    """The pictures of a film, as HTML, from the state of its widgets, in order."""
    models = notebook["metadata"]["widgets"][weaving.STATE]["state"]
    found, waiting, seen = [], [view], set()
    while waiting:
        model = waiting.pop(0)
        if model in seen or model not in models:
            continue
        seen.add(model)
        state = models[model]["state"]
        if "<img" in str(state.get("value", "")):
            found.append(state["value"])
        waiting += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state.get("children", [])))
    return found


def without_script(pictures: list[str]) -> str:
    """What a page shows in place of a film where no script runs: up to three frames."""
    last = len(pictures) - 1
    chosen = sorted({0, last // 2, last})
    shown = "".join(
        pictures[i].replace("<img", '<img class="hlnb-frame"') for i in chosen
    )
    return (
        f"<noscript><p>The slider needs a script. {len(chosen)} of its "
        f"{len(pictures)} pictures, in order:</p>{shown}</noscript>"
    )


def book_map(rows: list[dict], claims: list[dict], *, known: dict) -> str:
    """Problem by training: what was reached; a row's chapter must be in the book.

    A row names its problem and its chapter, and for each training a text, in which
    `{claim-id}` stands for our number.
    """
    by_id = {c["id"]: c for c in claims}
    trainings = ("alone", "layerwise", "together")
    lines = []
    for row in rows:
        if row["chapter"] not in known:
            continue
        link = f"{{doc}}`{row['problem']} </book/chapters/{row['chapter']}>`"
        cells = [filled(row.get(t, "–"), by_id) for t in trainings]
        lines.append([link, *cells])
    if not lines:
        return ""
    names = ["Problem", "One layer alone", "Layer by layer", "All layers at once"]
    return table(names, lines, label="hlnb-map")


def filled(text: str, by_id: dict[str, dict]) -> str:
    """The text with our numbers, each a link to its line in the list of claims."""

    def number(match: re.Match) -> str:
        claim = by_id.get(match[1])
        if claim is None:
            raise HlnbError(f"The map of the book names {match[1]}, which is no claim.")
        unit = f" {claim['unit']}" if claim["unit"].startswith("of ") else ""
        ours = claim["ours"]
        shown = "not reached" if ours is None else plain_number(ours) + unit
        reached = re.search(r"\d+ of \d+ reached", claim.get("note") or "")
        after = f" ({reached[0]})" if reached else ""
        return f"{{ref}}`{shown} <claim-{slug(claim['id'])}>`{after}"

    return re.sub(r"\{([a-z0-9-]+)\}", number, text)


def command(chapter: Executed) -> str:
    """The papermill command that re-runs a chapter with small parameters."""
    words = ["papermill", f"notebooks/{chapter.name}.ipynb", "out.ipynb"]
    for name, value in chapter.smoke().items():
        if isinstance(value, list):
            words += ["-y", f"{name}: {json.dumps(value)}"]
        else:
            words += ["-p", name, str(value)]
    return shlex.join(words)


def stamp(chapter: Executed) -> str:
    """What stands at the end: when, where and with what the chapter was executed."""
    ran = chapter.provenance
    fields = {
        "Executed": f"{ran['date']}, in {duration(ran)}",
        "With": versions(ran),
        "On": machine(ran),
        **redrawing(ran),
        "Data": data(ran),
        "Key": f"`{chapter.metadata['key'][:12]}`",
    }
    lines = [":::{div} hlnb-stamp", "[How this page was made]{.hlnb-label}", ""]
    lines += [f":{name}: {value}" for name, value in fields.items()]
    return "\n".join([*lines, ":::"])


def redrawing(ran: dict[str, Any]) -> dict[str, str]:
    """When and on what a chapter was drawn again from its kept results, if it was."""
    again = ran.get("redrawn")
    if again is None:
        return {}
    took = f"in {seconds(again['seconds'])} on {plain(again['cpu'])}"
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


def seconds(value: float) -> str:
    """A duration for people."""
    if value < 90:
        return f"{value:.0f} s"
    if value < 5400:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.1f} h"


def machine(ran: dict) -> str:
    """The processor, its cores and the threads used."""
    threads = ran["threads"]
    return (
        f"{plain(ran['cpu'])} ({ran['cores']} cores, "
        f"{threads} {'thread' if threads == 1 else 'threads'})"
    )


def versions(ran: dict) -> str:
    """Python and the packages that the numbers depend on."""
    packages = [f"{name} {version}" for name, version in ran["packages"].items()]
    return plain(", ".join([f"Python {ran['python']}", *packages, ran["system"]]))


def data(ran: dict) -> str:
    """The data sets, each with the start of its digest."""
    return "; ".join(map(_datum, ran["data"])) or "made by the chapter"


def _datum(data: dict) -> str:
    note = f", {data['note']}" if data.get("note") else ""
    return f"{plain(data['name'])} (sha256 `{data['sha256'][:12]}`{plain(note)})"


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
    made = table(["Chapter", "What you can do after it", "Ran in"], rows)
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
            machine(c.provenance),
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
    return "\n\n".join([told, table(names, rows), after])


def dates(ran: dict[str, Any]) -> str:
    """The date of the execution, and that of a drawing from its results."""
    again = ran.get("redrawn")
    return ran["date"] + (f", drawn again {again['date']}" if again else "")


def verdict(name: str, *, words: str = "") -> str:
    """A verdict as a badge, which says its name or other words."""
    return f"[{words or name}]{{.verdict .verdict-{name.replace(' ', '-')}}}"


def total(claims: list[dict]) -> str:
    """How many claims met which verdict, of all sources."""
    return f"{len(claims)} claims: {badges(claims)}"


def totals(claims: list[dict]) -> str:
    """How many claims met which verdict, per source."""
    sources = list(dict.fromkeys(map(key, claims)))
    count = Counter((key(c), c["verdict"]) for c in claims)
    rows = [[cite(s), *(str(count[s, v]) for v in ledger.VERDICTS)] for s in sources]
    if len(sources) > 1:
        every = Counter(c["verdict"] for c in claims)
        rows.append(["All sources", *(f"{every[v]}" for v in ledger.VERDICTS)])
    return table(["Source", *map(verdict, ledger.VERDICTS)], rows, label="hlnb-totals")


def claim_tables(
    claims: list[dict], *, known: dict[str, Executed], titles: dict[str, str]
) -> str:
    """One row a claim, in one table a source."""
    parts = []
    for source in dict.fromkeys(map(key, claims)):
        listed = [c for c in claims if key(c) == source]
        title = OWN.get(source) or titles[source]
        parts += [f"## {title}", "", cite(source), ""]
        parts += [claim_table(listed, known=known), ""]
    return "\n".join(parts)


def claim_table(claims: list[dict], *, known: dict[str, Executed] | None = None) -> str:
    """One row a claim; `known` gives the links to the chapters."""
    rows = []
    for claim in claims:
        where = [plain(claim["source"].partition(",")[2].strip())]
        if known:  # to the line of the cell that computed it
            title = known[claim["chapter"]].numbered_title
            where.append(f"{{ref}}`{title} <at-{slug(claim['id'])}>`")
        small = " · ".join(filter(None, where))
        place = f"{'claim' if known else 'at'}-{slug(claim['id'])}"
        rows.append(
            [
                f"[{claim['statement']}]{{#{place}}}"
                + (f" [{small}]{{.hlnb-small}}" if small else ""),
                measured(claim["theirs"], claim["unit"]),
                ours(claim),
                verdict(claim["verdict"]),
            ]
        )
    names = ["Statement", "Theirs", "Ours", "Verdict"]
    return table(names, rows, label="hlnb-claims")


def key(claim: dict) -> str:
    """The citation key of a claim's source, "glasgow" in "glasgow, Table 1"."""
    return claim["source"].split(",")[0].strip()


def cite(source: str) -> str:
    """A reference to the bibliography, or the name of what is our own."""
    return OWN.get(source) or f"{{cite:t}}`{source}`"


def ours(claim: dict) -> str:
    """Our number, its interval, how many runs stand behind it, and the note."""
    parts, spread = [], []
    low, middle, high = (claim[k] for k in ("low", "ours", "high"))
    if middle is not None:
        parts.append(measured(middle, claim["unit"]))
    elif claim["n"]:
        parts.append("not reached")  # a median that is not finite
    if low is not None:
        end = "not reached" if high is None else plain_number(high)
        spread.append(f"[{plain_number(low)} to {end}]{{.hlnb-range}}")
    if claim.get("n"):
        spread.append(f"[n = {claim['n']}]{{.hlnb-range}}")
    if spread:
        parts.append(f"({', '.join(spread)})")
    if claim.get("note"):
        parts.append(f"[{claim['note']}]{{.hlnb-small}}")
    return " ".join(parts) or "not measured"


def measured(value: float | str | None, unit: str | None) -> str:
    """A number with its unit, or the words that stand in its place."""
    if value is None:
        return "not stated"
    if isinstance(value, str):
        return plain(value)
    return f"{plain_number(value)} {plain(unit or '')}".strip()


def plain_number(value: float) -> str:
    """A number with three significant digits, whole numbers whole."""
    whole = value == int(value) and abs(value) < 1e6
    text = str(int(value)) if whole else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def table(names: list[str], rows: list[list[str]], *, label: str = "") -> str:
    """A MyST table whose cells are Markdown."""
    lines = ["::::{list-table}", ":header-rows: 1", f":class: hlnb-table {label}", ""]
    for row in [names, *rows]:
        for i, cell in enumerate(row):
            lines.append(("* - " if i == 0 else "  - ") + " ".join(cell.split()))
    return "\n".join([*lines, "::::"])


def plain(text: str) -> str:
    """Text that MyST shows as it is; only `code` keeps its meaning."""
    pieces = re.split(r"(`[^`]*`)", text)
    pieces[::2] = [re.sub(r"([\\`*_{}\[\]<>$|~#])", r"\\\1", p) for p in pieces[::2]]
    return "".join(pieces)


def slug(text: str) -> str:
    """An identifier for a link."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
