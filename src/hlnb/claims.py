"""What a source states beside what we found: statement, numbers, spread, verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Real

from hlnb.errors import HlnbError
from hlnb.metrics.times import median

VERDICTS = ("reproduced", "partly", "not reproduced", "not testable here")


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

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise HlnbError(f"{self.verdict!r} is no verdict: use one of {VERDICTS}.")
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
    verdict: str,
    note: str = "",
) -> Claim:
    """A Claim about a number: the median, range and count of one value per run.

    inf marks a run that never reached its threshold (a censored time).
    """
    values = np.asarray(values, float)
    ours, low, high = median(values), float(values.min()), float(values.max())
    return Claim(
        id, source, statement, theirs, ours, low, high, len(values), unit, verdict, note
    )


def counted(
    id: str,
    source: str,
    statement: str,
    *,
    theirs: str,
    holds: Sequence[bool] | np.ndarray,
    of: str = "runs",
    note: str = "",
) -> Claim:
    """A Claim about every run: `ours` is the number of runs in which it holds.

    `of`: what is counted, if not runs. The verdict is that of `in_every_run`; without
    any runs, "not testable here".
    """
    n, count = len(holds), int(sum(holds))
    verdict = in_every_run(holds) if n else "not testable here"
    unit = f"of {n} {of}"
    return Claim(
        id, source, statement, theirs, count, None, None, n, unit, verdict, note
    )


def in_every_run(holds: Sequence[bool] | np.ndarray) -> str:
    """The verdict on a statement about every run.

    Reproduced if it holds in every run, not reproduced if in none, else partly. Refuses
    an empty list.
    """
    holds = [bool(h) for h in holds]
    if not holds:
        raise HlnbError("A verdict needs at least one run.")
    return "reproduced" if all(holds) else "partly" if any(holds) else "not reproduced"


def near(theirs: float, ours: Real[np.ndarray, " run"]) -> str:
    """The verdict on the number `theirs`, from ours, one per run.

    Reproduced if it lies in the range of our runs and within a factor of two of their
    median; partly if only one of these holds; else not reproduced. A censored run
    counts as inf; a NaN is a run that has no such number and is left out.
    """
    ours = np.asarray(ours, float)
    ours = ours[~np.isnan(ours)]
    if not len(ours):
        return "not reproduced"
    middle = median(ours)
    inside = bool(ours.min() <= theirs <= ours.max())
    close = theirs * middle > 0 and 0.5 <= theirs / middle <= 2
    return {2: "reproduced", 1: "partly", 0: "not reproduced"}[inside + close]
