"""Claims and verdicts as tables and badges."""

import re
from collections import Counter

from hlnb.publishing import copies
from hlnb.publishing.render.executed import Executed
from hlnb.publishing.render.tables import escaped, markdown_table, plain_number, slug

# What stands in place of a citation key where a chapter tests a statement of its own
OWN = {"our guess": "Our own guesses", "derived here": "Derived in this book"}
KINDS = {"identity": "derived here", "guess": "our guess"}  # count for no source


def badges(claims: list[dict]) -> str:
    """How many claims of a chapter met which verdict."""
    count = Counter(c["verdict"] for c in claims)
    return " ".join(
        verdict(v, words=f"{count[v]} {v}") for v in copies.VERDICTS if count[v]
    )


def verdict(name: str, *, words: str = "") -> str:
    """A verdict as a badge, which says its name or other words."""
    classes = " ".join(f".{label}" for label in verdict_classes(name))
    return f"[{words or name}]{{{classes}}}"


def verdict_classes(name: str) -> list[str]:
    """What a style knows a verdict's badge by."""
    return ["verdict", f"verdict-{name.replace(' ', '-')}"]


def total(claims: list[dict]) -> str:
    """How many claims of sources met which verdict, and how many more are our own."""
    named = [c for c in claims if key(c) not in OWN]
    own = len(claims) - len(named)
    return f"{len(named)} claims of sources: {badges(named)}" + (
        f" ({own} more are guesses or derivations of our own)" if own else ""
    )


def _sources(claims: list[dict]) -> list[str]:
    """Sources in the order of their first claims; what is our own comes last."""
    found = dict.fromkeys(map(key, claims))
    return sorted(found, key=OWN.__contains__)


def totals(claims: list[dict]) -> str:
    """How many claims met which verdict, per source, and of all sources.

    What is our own is counted apart, below.
    """
    count = Counter((key(c), c["verdict"]) for c in claims)
    named = [s for s in _sources(claims) if s not in OWN]
    words = [v for v in copies.VERDICTS if any(c["verdict"] == v for c in claims)]

    def row(source: str) -> list[str]:
        return [cite(source), *(str(count[source, v]) for v in words)]

    rows = [row(source) for source in named]
    if len(named) > 1:
        every = (sum(count[source, v] for source in named) for v in words)
        rows.append(["All sources", *map(str, every)])
    rows += [row(source) for source in _sources(claims) if source in OWN]
    return markdown_table(["Source", *map(verdict, words)], rows, label="hlnb-totals")


def claim_tables(
    claims: list[dict], *, known: dict[str, Executed], titles: dict[str, str]
) -> str:
    """One row a claim, in one table a source."""
    parts = []
    for source in _sources(claims):
        listed = [c for c in claims if key(c) == source]
        title = OWN.get(source) or titles[source]
        parts += [f"## {title}", "", cite(source), ""]
        parts += [claim_table(listed, known=known), ""]
    return "\n".join(parts)


def claim_table(claims: list[dict], *, known: dict[str, Executed] | None = None) -> str:
    """One row a claim; `known` gives the links to the chapters."""
    rows = []
    for claim in claims:
        where = [escaped(claim["source"].partition(",")[2].strip())]
        if known:  # to the line of the cell that computed it
            title = known[claim["chapter"]].numbered_title
            where.append(f"{{ref}}`{title} <at-{slug(claim['id'])}>`")
        where.append(link(claim["id"]))
        small = " · ".join(filter(None, where))
        place = f"{'claim' if known else 'at'}-{slug(claim['id'])}"
        rows.append(
            [
                f"[{claim['statement']}]{{#{place}}}"
                + (f" [{small}]{{.hlnb-small}}" if small else ""),
                measured(claim["theirs"], claim["unit"]),
                ours(claim),
                " ".join([verdict(claim["verdict"]), *beside(claim)]),
            ]
        )
    names = ["Statement", "Theirs", "Ours", "Verdict"]
    return markdown_table(names, rows, label="hlnb-claims")


def link(id: str) -> str:
    """A claim's id, by which the commands name it, as a link to its line in a chapter.

    There it is the permanent address of the line itself.
    """
    return f"{{ref}}`{re.sub('[`<>]', '', id)} <at-{slug(id)}>`"


def beside(claim: dict) -> list[str]:
    """What stands beside a verdict: runs that would decide, and other sets."""
    words = []
    if claim["verdict"] == "undecided":
        needs = claim.get("needs")
        words.append(f"{needs} such runs would decide" if needs else "far from decided")
    if "sets" in claim:
        words.append(claim["sets"])
    return [f"[{text}]{{.hlnb-small}}" for text in words]


def key(claim: dict) -> str:
    """The citation key of a claim's source, "glasgow" in "glasgow, Table 1".

    An identity and a guess count for no source, and stand with what is our own.
    """
    named = claim["source"].split(",")[0].strip()
    return KINDS.get(claim.get("kind", ""), named)


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
        return escaped(value)
    return f"{plain_number(value)} {escaped(unit or '')}".strip()
