"""What a source states beside what we found: statement, numbers, spread, verdict."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Real

from hlnb.errors import HlnbError
from hlnb.metrics.times import median
from hlnb.verdicts import WORDS, Runs, Verdict, exactly

OPTIONAL = ("rule", "needs", "kind")  # left out of a record at their defaults
KINDS = ("claim", "identity", "guess")  # a source's; true by algebra; our own


@dataclass(frozen=True)
class Claim:
    """One checkable statement of a source and the numbers that judge it.

    `ours` is the median over `n` runs and `low` to `high` their range, unless `note`
    says otherwise; a number is None where it is not finite (a median that was not
    reached), and `note` then says what was seen. Refuses an unknown verdict, `ours`
    outside its range, and no runs at all, unless the verdict is "not testable here".
    """

    id: str  # short and unique in the book: "tp1-simultaneous"
    source: str  # citation key and place: "glasgow, Table 1"
    statement: str  # what is claimed, in our words or quoted
    theirs: str  # the source's number or finding
    ours: float | None
    low: float | None
    high: float | None
    n: int  # runs behind our number
    unit: str
    verdict: str
    note: str = ""
    rule: str = ""  # of `hlnb.verdicts`
    needs: int | None = None  # runs that would decide what is undecided, if known
    kind: str = "claim"

    def __post_init__(self):
        for name, words in (("verdict", WORDS), ("kind", KINDS)):
            if (word := getattr(self, name)) not in words:
                listed = ", ".join(words)
                raise HlnbError(f"{word!r} is no {name}: use one of {listed}.")
        for name in ("ours", "low", "high"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                object.__setattr__(self, name, None)  # JSON has no infinity
        if self.n < 1 and self.verdict != "not testable here":
            raise HlnbError(f"Claim {self.id} rests on no run: say how many.")
        known = [v for v in (self.low, self.ours, self.high) if v is not None]
        if known != sorted(known):
            raise HlnbError(f"Claim {self.id}: {self.ours} is outside its own range.")


def measured(
    id: str,
    source: str,
    statement: str,
    *,
    theirs: str,
    values: Real[np.ndarray, " run"],
    unit: str,
    verdict: Verdict,
    note: str = "",
    kind: str = "claim",
) -> Claim:
    """A Claim about a number: the median, range and count of one value per run.

    inf marks a run that never reached its threshold (a censored time), NaN one that has
    no such number: it counts as a run and is in no median. What `exactly` judges is an
    identity, unless a case refutes it.
    """
    values = np.asarray(values, float)
    known = values[~np.isnan(values)]
    ours, low, high = math.nan, math.nan, math.nan
    if len(known):
        ours, low, high = median(known), float(known.min()), float(known.max())
    return Claim(
        *(id, source, statement, theirs, ours, low, high, len(values), unit),
        *_judged(verdict, note, kind),
    )


def _judged(verdict: Verdict, note: str, kind: str) -> tuple:
    """The last fields of a Claim; mathematics that no case refutes is an identity."""
    if verdict.name == "exactly" and verdict.word != "not as stated":
        kind = "identity"
    return verdict.word, note, verdict.name, verdict.needs, kind


def counted(
    id: str,
    source: str,
    statement: str,
    *,
    theirs: str,
    holds: Runs,
    of: str = "runs",
    rule: Callable[[Runs], Verdict],
    note: str = "",
    kind: str = "claim",
) -> Claim:
    """A Claim about runs: `ours` is the number of runs in which it holds.

    `of`: what is counted, if not runs. `rule`: one of `hlnb.verdicts`, such as `most`.
    The range is the interval of the count that the verdict rests on.
    """
    verdict, n = rule(holds), len(holds)
    count = verdict.counts["holds"]
    low, high = (n * bound for bound in count.bounds()) if n else (None, None)
    return Claim(
        *(id, source, statement, theirs, count.yes, low, high, n, f"of {n} {of}"),
        *_judged(verdict, note, kind),
    )


def shown(
    id: str,
    source: str,
    statement: str,
    *,
    theirs: str,
    holds: Runs,
    of: str = "runs",
    note: str = "",
) -> Claim:
    """A Claim of mathematics, which cases show or refute (rule `exactly`).

    `ours` is the number of cases in which it holds. An identity counts for no source.
    """
    claim = counted(
        id,
        source,
        statement,
        theirs=theirs,
        holds=holds,
        of=of,
        rule=exactly,
        note=note,
    )
    return replace(claim, low=None, high=None)  # no interval: cases are no draws


def as_record(claim: Claim) -> dict[str, Any]:
    """The fields of a claim for JSON; those with a default only where they differ."""
    usual = {f.name: f.default for f in fields(claim) if f.name in OPTIONAL}
    found = asdict(claim)
    return {n: v for n, v in found.items() if n not in usual or v != usual[n]}
