"""Verdicts by counting: a word is given when the exact interval allows no other.

Every rule counts runs for which something holds, and asks on which side of a border
their share lies among all runs that could have been drawn. The interval is exact
(Clopper–Pearson), and misses on each side with probability 0.05 at most. So a wrong
word is rare at any number of runs, and more runs only make *undecided* rarer. The
borders, and what a word is worth: the page "How we judge"; why: DECISIONS.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from jaxtyping import Bool, Real

from hlnb.errors import finite
from hlnb.metrics import chance

WORDS = (
    "reproduced",
    "partly",
    "not reproduced",
    "undecided",
    "not testable here",
    "not as stated",
)
CONFIDENCE = 0.9  # of the interval: 0.05 at either side
EVERY = 0.8  # the share of all runs that "in every run" asks for
MOST = 0.5
SOME = 0.1
FACTOR = 2.0  # how far the source's number may be from our median
TAIL = 0.05  # how far out among our runs the source's number may lie
MANY = 20  # times as many runs as there are: where `needs` gives up

Runs = Sequence[bool | None] | Bool[np.ndarray, " run"]


@cache
def _interval(yes: int, n: int) -> tuple[float, float]:
    return chance.interval(yes, n, confidence=CONFIDENCE)


@dataclass(frozen=True)
class Count:
    """Of how many runs something holds, does not, and of how many nobody can say."""

    yes: int
    no: int
    unknown: int = 0

    @classmethod
    def of(cls, holds: Runs) -> "Count":
        """Counts True, False and None."""
        yes = sum(h is not None and bool(h) for h in holds)
        unknown = sum(h is None for h in holds)
        return cls(yes, len(holds) - yes - unknown, unknown)

    @property
    def n(self) -> int:
        """All runs, unknown ones too."""
        return self.yes + self.no + self.unknown

    def times(self, m: int) -> "Count":
        """As many runs `m` times over."""
        return Count(m * self.yes, m * self.no, m * self.unknown)

    def bounds(self) -> tuple[float, float]:
        """Between what the share of runs lies for which it holds.

        An unknown run helps neither side: it lowers the lower bound like a run for
        which it does not hold, and raises the upper one like a run for which it does.
        """
        low, _ = _interval(self.yes, self.n)
        _, high = _interval(self.yes + self.unknown, self.n)
        return low, high

    def above(self, border: float) -> bool | None:
        """Whether the share is above `border`; None if the runs don't decide it."""
        low, high = self.bounds()
        return True if low > border else False if high < border else None


Counts = Mapping[str, Count]
Rule = Callable[[Counts], str]


@dataclass(frozen=True)
class Verdict:
    """A word, the number of runs behind it, and what it was decided from."""

    word: str
    n: int
    name: str  # of the rule
    counts: Counts = field(repr=False)
    rule: Rule = field(repr=False, compare=False)

    @property
    def needs(self) -> int | None:
        """How many runs would decide if all looked like those at hand.

        None where the word is decided, and where MANY times as many would not decide.
        """
        if self.word != "undecided":
            return None
        for m in range(2, MANY + 1):
            more = {name: count.times(m) for name, count in self.counts.items()}
            if self.rule(more) != "undecided":
                return m * self.n
        return None


def _judge(name: str, rule: Rule, counts: Counts, *, least: int = 2) -> Verdict:
    n = max(count.n for count in counts.values())
    known = any(count.yes + count.no for count in counts.values())
    word = rule(counts) if n >= least and known else "not testable here"
    return Verdict(word, n, name, counts, rule)


def _every(counts: Counts) -> str:
    every, most = (counts["holds"].above(border) for border in (EVERY, MOST))
    if every:
        return "reproduced"
    if most is False:
        return "not reproduced"
    return "partly" if most and every is False else "undecided"


def _most(counts: Counts) -> str:
    return _binary(counts["holds"].above(MOST))


def _exactly(counts: Counts) -> str:
    return "not as stated" if counts["holds"].no else "reproduced"


def _some(counts: Counts) -> str:
    return _binary(counts["holds"].above(SOME))


def _binary(above: bool | None) -> str:
    if above is None:
        return "undecided"
    return "reproduced" if above else "not reproduced"


def every(holds: Runs) -> Verdict:
    """The verdict on a statement about every run ("always", "at any rate").

    Reproduced if it holds in more than 80 % of all runs, partly if in most but not in
    so many, not reproduced if in less than half; undecided where the interval holds a
    border. The page prints the exceptions beside the word. None in `holds` is a run of
    which nobody can say. No run, one run and no known run are *not testable here*, as
    for each rule.
    """
    return _judge("every", _every, {"holds": Count.of(holds)})


def most(holds: Runs) -> Verdict:
    """The verdict on a statement about the typical run, which is how sources speak."""
    return _judge("most", _most, {"holds": Count.of(holds)})


def exactly(holds: Runs) -> Verdict:
    """The verdict on a sentence of mathematics, which cases can only show or refute.

    Not as stated if one case speaks against it, else reproduced: such a row is an
    *identity*, which counts for no source. One case will do, since a proof stands
    behind the word and not their number.
    """
    return _judge("exactly", _exactly, {"holds": Count.of(holds)}, least=1)


def some(holds: Runs) -> Verdict:
    """The verdict on "it can happen": in more than 10 % of all runs."""
    return _judge("some", _some, {"holds": Count.of(holds)})


def larger(differences: Real[np.ndarray, " run"], *, by: float = 0.0) -> Verdict:
    """The verdict on a trend: a difference, or a slope, larger than `by` in most runs.

    `differences`: one for each run, of the same seed where two runs are compared. NaN
    is a run of which nobody can say. `by` is fixed before the runs.
    """
    finite(by=by)
    values = np.asarray(differences, float)
    holds = [None if np.isnan(value) else bool(value > by) for value in values]
    return _judge("larger", _most, {"holds": Count.of(holds)})


def _number(counts: Counts) -> str:
    close = [counts["not far below"].above(MOST), counts["not far above"].above(MOST)]
    among = [counts["below"].above(TAIL), counts["above"].above(TAIL)]
    if False in close:
        return "not reproduced"
    if None in close or (None in among and False not in among):
        return "undecided"
    return "partly" if False in among else "reproduced"


def number(
    theirs: float, ours: Real[np.ndarray, " run"], *, cap: float = math.inf
) -> Verdict:
    """The verdict on a number of the source, from ours, one for each run.

    Not reproduced if the median of all runs is further than a factor of two from it;
    reproduced if it is not and the number lies among our runs, with more than 5 % of
    all runs at either side; partly if it is near the median and outside the runs. So
    a wide spread alone reproduces nothing. A number of 0, or of the other sign than
    the median, is never within a factor.

    inf is a run that was ended at `cap` before it got there. It is too late if `cap` is
    more than twice the source's number, and says nothing else. NaN is a run that has no
    such number, and says nothing. Refuses a number of the source that is not finite.
    """
    finite(theirs=theirs)
    late = False if cap > FACTOR * theirs else None
    rows = [
        _sides(value, theirs, late=late) for value in np.asarray(ours, float).tolist()
    ]
    sides = zip(*rows, strict=True) if rows else [()] * 4
    names = ("not far below", "not far above", "below", "above")
    counts = dict(zip(names, map(Count.of, sides), strict=True))
    return _judge("number", _number, counts)


def _sides(value: float, theirs: float, *, late: bool | None) -> list[bool | None]:
    """On which sides of the source's number a run lies; None where nobody can say."""
    if math.isnan(value):
        return [None] * 4
    if math.isinf(value):
        return [None, late, None, None]
    ratio = value / theirs if theirs else -math.inf
    near = [ratio >= 1 / FACTOR, 0 < ratio <= FACTOR]
    return [*near, value <= theirs, value >= theirs]
