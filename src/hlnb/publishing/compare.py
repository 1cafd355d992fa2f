"""A re-run beside the published book: which claims moved, and by how much."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlnb.errors import HlnbError
from hlnb.parameters import parse_parameters
from hlnb.publishing import copies, places
from hlnb.publishing.chapters import read_notebook, tags_of, text_of

Claims = Sequence[Mapping[str, Any]]
Parameters = Mapping[str, Any]  # a chapter's parameters by name
WITHIN, MOVED, VERDICT = "within its spread", "moved", "another verdict"
MISSING, NEW = "not made", "new"
COUNT = re.compile(r"of (\d{1,15}) ")  # the unit of a count says of how many


@dataclass(frozen=True)
class Change:
    """One claim in both runs; numbers are None where a time was not reached."""

    id: str
    state: str  # WITHIN, MOVED, VERDICT, MISSING or NEW
    before: Mapping[str, Any] | None  # the published claim
    after: Mapping[str, Any] | None  # that of the re-run

    @property
    def by(self) -> float | None:
        """Our number of the re-run less the published one; None where one is absent.

        Of counts, the difference of the shares of runs, a number from -1 to 1.
        """
        numbers = [c and _share(c, "ours") for c in (self.before, self.after)]
        return None if None in numbers else numbers[1] - numbers[0]


def compare(published: Claims, rerun: Claims) -> list[Change]:
    """For each claim of either: whether it is where the published run left it.

    A claim moved when its number lies outside the published range, from `low` to
    `high`, or when it is reached in one run only. Without a range (a count of runs) any
    other share of runs is a move. Another verdict counts as such, whatever the number.
    Published claims of chapters of which the re-run has none are left out.
    """
    before, after = ({c["id"]: c for c in found} for found in (published, rerun))
    again = {before[i]["chapter"] for i in before.keys() & after.keys()}
    changes = []
    for i in [*before, *(i for i in after if i not in before)]:
        old, new = before.get(i), after.get(i)
        if new is None and old["chapter"] not in again:
            continue
        if old is None or new is None:
            state = NEW if old is None else MISSING
        elif old["verdict"] != new["verdict"]:
            state = VERDICT
        else:
            state = WITHIN if _inside(old, new) else MOVED
        changes.append(Change(i, state, old, new))
    return changes


def _inside(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    low, before, high = (_share(old, name) for name in ("low", "ours", "high"))
    after = _share(new, "ours")
    if before is None or after is None:
        return before is None and after is None
    if low is None:
        return abs(before - after) < 1e-9
    return low <= after and (high is None or after <= high)


def _share(claim: Mapping[str, Any], name: str) -> float | None:
    """A number of a claim as it is compared: a count as a share of what it counts."""
    number, count = claim[name], COUNT.match(claim["unit"] or "")
    if number is None or count is None:
        return number
    return number / int(count[1]) if int(count[1]) else None


def moved(changes: Sequence[Change]) -> list[Change]:
    """The changes that are none of chance's: everything but WITHIN."""
    return [c for c in changes if c.state != WITHIN]


def read(place: str | Path) -> list[dict[str, Any]]:
    """The claims of an executed notebook, of a folder of them, or of a JSON list."""
    place = places.named(place)
    if files := _notebooks(place):
        found = [claim for file in files for claim in copies.claims_of(file)]
    else:
        found = [] if place.is_dir() else _listed(place)
    if not found:
        raise HlnbError(f"{place} holds no claims: give an executed chapter of hlnb.")
    return found


def _notebooks(place: Path) -> list[Path]:
    """The executed notebooks at a place: one, those of a folder, or none."""
    if place.is_dir():
        return [p for p in places.notebooks(place) if ".failed" not in p.name]
    return [place] if place.suffix == ".ipynb" else []


def _listed(file: Path) -> list[dict[str, Any]]:
    """The claims in a JSON file, in UTF-8 with or without a mark, or in UTF-16."""
    try:
        found = json.loads(file.read_bytes())
        problems = [copies.claim_problem(c) or _homeless(c) for c in found]
        if any(problems) or not isinstance(found, list):
            raise ValueError(next(filter(None, problems), "it is no list"))
    except OSError as error:
        raise HlnbError(f"Cannot read {file}: {error.strerror}.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise HlnbError(
            f"{file} is no list of claims ({error}): `hlnb claims --json` writes one."
        ) from error
    return found


def _homeless(claim: Mapping[str, Any]) -> str | None:
    known = isinstance(claim.get("chapter"), str)
    return None if known else f"claim {claim['id']} names no chapter"


def parameters(place: str | Path) -> dict[str, Parameters]:
    """The parameters of the executed notebooks at `place`, by the file's name.

    A notebook that does not say what its parameters were is left out, and so is a list
    of claims.
    """
    found = {file.stem: _parameters(file) for file in _notebooks(places.named(place))}
    return {name: known for name, known in found.items() if known}


def _parameters(file: Path) -> Parameters:
    """A notebook's parameters: its defaults, and what it was executed with instead."""
    notebook = read_notebook(file)
    cells = [text_of(c) for c in notebook["cells"] if "parameters" in tags_of(c)]
    try:
        known = {k: p.default for k, p in parse_parameters(cells[0], where="").items()}
    except (HlnbError, IndexError):  # of another book
        return {}
    given: dict[str, Any] = {}
    for writer in ("papermill", "hlnb"):
        about = notebook["metadata"].get(writer)
        if isinstance(about, dict) and isinstance(about.get("parameters"), dict):
            given |= about["parameters"]
    return known | {name: given[name] for name in known if name in given}


def differing(published: Parameters, rerun: Parameters) -> list[str]:
    """The parameters that differ: `d = 64 (published 100)`."""
    return [
        f"{name} = {rerun[name]!r} (published {published[name]!r})"
        for name in published
        if name in rerun and rerun[name] != published[name]
    ]


def told_parameters(
    before: Claims, after: Claims, *, published: str | Path, rerun: str | Path
) -> list[str]:
    """For each chapter of the re-run, in a line, which of its parameters differ.

    `published` and `rerun` are the places from which the claims were read.
    """
    ours, theirs = parameters(published), parameters(rerun)
    home = {claim["id"]: claim["chapter"] for claim in before}
    names = {c["chapter"]: home[c["id"]] for c in after if c["id"] in home}
    lines = []
    for file, chapter in names.items():
        if file in theirs and chapter in ours:
            found = differing(ours[chapter], theirs[file])
            lines.append(f"{chapter}: {', '.join(found) or 'no parameter differs'}")
    return lines


def rows(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """A table in words: one row a claim, moved ones first."""
    head = ("CLAIM", "STATE", "VERDICT", "PUBLISHED", "RANGE", "RE-RUN", "BY", "N")
    ordered = sorted(changes, key=lambda c: c.state == WITHIN)
    return [head, *(_row(c) for c in ordered)]


def _row(change: Change) -> tuple[str, ...]:
    old, new = change.before, change.after
    spread = "-"
    if old and old["low"] is not None:
        spread = f"[{_number(old['low'])}, {_number(old['high'])}]"
    verdict, n = (_both(old, new, name) for name in ("verdict", "n"))
    by = "-" if change.by is None else f"{change.by:+.3g}"
    if change.by is not None and COUNT.match(old["unit"] or ""):
        by = f"{100 * change.by:+.3g} %"
    ours = (_ours(old), spread, _ours(new))
    return (change.id, change.state, verdict, *ours, by, n)


def _both(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, name: str
) -> str:
    """What a field says in both runs, once if it is the same."""
    return " → ".join(dict.fromkeys(str(c[name]) for c in (old, new) if c))


def _ours(claim: Mapping[str, Any] | None) -> str:
    if claim is None:
        return "-"
    unit = claim["unit"] or ""
    return f"{_number(claim['ours'])} {unit if COUNT.match(unit) else ''}".strip()


def _number(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.4g}"
