"""The generated parts of the book, as MyST text, made from files only."""

import json
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.publishing import chapters, ledger

# What stands in place of a citation key where a chapter tests a statement of its own
OWN = {"our guess": "Our own guesses", "derived here": "Derived in this book"}


@dataclass(frozen=True)
class Executed(chapters.Chapter):
    """An executed chapter, with the provenance file beside it."""

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
    def link(self) -> str:
        return f"{{doc}}`{self.numbered_title} </book/chapters/{self.name}>`"


def load(root: Path) -> list[Executed]:
    """The executed chapters of the book, in the order of their numbers."""
    files = sorted((root / "book" / "chapters").glob("*.ipynb"))
    return [Executed(f) for f in files if chapters.NAME.fullmatch(f.stem)]


def head(chapter: Executed, *, known: dict[str, Executed]) -> str:
    """What stands below the title: goals, prerequisites, time, parameters."""
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
        f"[Time]{{.hlnb-label}} ran in {duration(ran)} on {machine(ran)}",
        "::::",
        "",
    ]
    if chapter.parameters:
        rows = [
            [f"`{p.name}`", f"`{p.type}`", f"`{p.default!r}`", plain(p.help)]
            for p in chapter.parameters.values()
        ]
        parts += [
            ":::::{dropdown} Parameters, and how to run this chapter with your own",
            table(
                ["Name", "Type", "Default", "Meaning"], rows, label="hlnb-parameters"
            ),
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
        "Data": data(ran),
        "Key": f"`{chapter.metadata['key'][:12]}`",
    }
    lines = [":::{div} hlnb-stamp", "[How this page was made]{.hlnb-label}", ""]
    lines += [f":{name}: {value}" for name, value in fields.items()]
    return "\n".join([*lines, ":::"])


def duration(ran: dict[str, Any]) -> str:
    """How long the execution took, and what it did not have to compute."""
    took = seconds(ran["seconds"])
    if kept := ran.get("runs_kept"):
        took += f" (with {kept} training runs at hand from other chapters or before)"
    return took


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


def chapter_map(found: list[Executed]) -> str:
    """The chapters, what each is for, and how long it took."""
    rows = [
        [
            c.link,
            "; ".join(goal.rstrip(".") for goal in c.metadata.get("goals", [])),
            seconds(c.provenance["seconds"]),
        ]
        for c in found
    ]
    return table(["Chapter", "What you can do after it", "Ran in"], rows)


def status(found: list[Executed]) -> str:
    """When, where and with what each chapter was executed."""
    rows = [
        [
            c.link,
            seconds(c.provenance["seconds"]),
            c.provenance["date"],
            versions(c.provenance),
            machine(c.provenance),
            data(c.provenance),
        ]
        for c in found
    ]
    names = ["Chapter", "Ran in", "On", "Versions", "Processor", "Data"]
    total = sum(c.provenance["seconds"] for c in found)
    return f"{table(names, rows)}\n\nAll together: {seconds(total)}."


def verdict(name: str) -> str:
    """A verdict as a badge."""
    return f"[{name}]{{.verdict .verdict-{name.replace(' ', '-')}}}"


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
        where += [known[claim["chapter"]].link] if known else []
        small = " · ".join(filter(None, where))
        rows.append(
            [
                f"[{claim['statement']}]{{#claim-{slug(claim['id'])}}}"
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
