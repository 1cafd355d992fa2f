"""A re-run beside the published book: which claims moved, and by how much."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlnb import settings
from hlnb.errors import HlnbError
from hlnb.publishing import copies
from hlnb.publishing.chapters import read_notebook
from hlnb.publishing.notebooks import CLAIMS, payloads

Claims = Sequence[Mapping[str, Any]]
WITHIN, MOVED, VERDICT = "within its spread", "moved", "another verdict"
MISSING, NEW = "not made", "new"


@dataclass(frozen=True)
class Change:
    """One claim in both runs; numbers are None where a time was not reached."""

    id: str
    state: str  # WITHIN, MOVED, VERDICT, MISSING or NEW
    before: Mapping[str, Any] | None  # the published claim
    after: Mapping[str, Any] | None  # that of the re-run

    @property
    def by(self) -> float | None:
        """Our number of the re-run less the published one; None where one is absent."""
        numbers = [c and c["ours"] for c in (self.before, self.after)]
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
    low, high, ours = old["low"], old["high"], new["ours"]
    if old["ours"] is None or ours is None:
        return old["ours"] is None and ours is None
    if low is None:  # a count: compare shares of runs
        shares = (
            c["ours"] / c["n"] if c["unit"].startswith("of ") else c["ours"]
            for c in (old, new)
        )
        first, second = shares
        return abs(first - second) < 1e-9
    return low <= ours and (high is None or ours <= high)


def moved(changes: Sequence[Change]) -> list[Change]:
    """The changes that are none of chance's: everything but WITHIN."""
    return [c for c in changes if c.state != WITHIN]


def read(place: str | Path) -> list[dict[str, Any]]:
    """The claims of an executed notebook, of a folder of them, or of a JSON list."""
    place = settings.place(place)
    if place.is_dir():
        files = sorted(p for p in place.glob("*.ipynb") if ".failed" not in p.name)
        found = [claim for file in files for claim in _of(file)]
    elif place.suffix == ".ipynb":
        found = _of(place)
    else:
        found = _listed(place)
    if not found:
        raise HlnbError(f"{place} holds no claims: give an executed chapter of hlnb.")
    return found


def _of(file: Path) -> list[dict[str, Any]]:
    listed = payloads(read_notebook(file), CLAIMS)
    return [{"chapter": file.stem} | claim for found in listed for claim in found]


def _listed(file: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(file.read_text("utf8"))
        needed = {*copies.FIELDS, "chapter"}
        if not all(needed <= claim.keys() for claim in found):
            raise ValueError("a claim lacks a field")
    except OSError as error:
        raise HlnbError(f"Cannot read {file}: {error.strerror}.") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise HlnbError(
            f"{file} is no list of claims ({error}): `hlnb claims --json` writes one."
        ) from error
    return found


def rows(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """A table in words: one row a claim, moved ones first."""
    head = ("CLAIM", "STATE", "PUBLISHED", "RANGE", "RE-RUN", "BY", "VERDICT")
    ordered = sorted(changes, key=lambda c: c.state == WITHIN)
    return [head, *(_row(c) for c in ordered)]


def _row(change: Change) -> tuple[str, ...]:
    old, new = change.before, change.after
    spread = "-"
    if old and old["low"] is not None:
        spread = f"[{_number(old['low'])}, {_number(old['high'])}]"
    verdicts = [c["verdict"] for c in (old, new) if c]
    if len(set(verdicts)) > 1:
        verdicts = [" → ".join(verdicts)]
    by = "-" if change.by is None else f"{change.by:+.3g}"
    ours = (_ours(old), spread, _ours(new))
    return (change.id, change.state, *ours, by, verdicts[0])


def _ours(claim: Mapping[str, Any] | None) -> str:
    if claim is None:
        return "-"
    unit = f" {claim['unit']}" if claim["unit"].startswith("of ") else ""
    return f"{_number(claim['ours'])}{unit}"


def _number(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.4g}"
