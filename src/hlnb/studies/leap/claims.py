"""The claims of the chapter on merged staircases, leaps, and linear methods."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, measured, shown
from hlnb.verdicts import larger, most

STAIRCASES = "abbe2022merged, abstract"
FIGURE = "abbe2022merged, Figure 1"
LINEAR = "abbe2022merged, Proposition 12"
CONJECTURE = "abbe2023leap, conjecture"
GUESS = "our guess"
LEARNED = 0.1  # of the variance, left at the end: what we call learned
FLAT = 0.15  # a slope of log time against log d below this is flat
STEEP = 0.25  # and above this it grows
NEAR = 0.5  # an exponent this near to a whole number is that number
ALIKE = 0.05  # of the variance: runs that leave as much, but for this, end alike
SAME = 2  # two counts of samples that differ by less than this factor are alike
EXPONENTS = {1: 1, 2: 1, 3: 2}  # of steps on one sample each, by leap

PILOT = {1: "0.95–1.05", 2: "1.12–1.18", 3: "1.36–1.63"}  # exponents of samples

Values = Real[np.ndarray, " run"]


def examples(*, right: Sequence[bool]) -> list[Claim]:
    """The claim on printed leaps. `right`: whether we compute each of them."""
    return [
        shown(
            id="leap-examples",
            source="abbe2023leap, examples of leap",
            statement="The leap of four example targets",
            theirs="1, 2, 4, 3",
            holds=right,
            of="examples",
            note="exact; held to every order of random supports by a test",
        )
    ]


def out_of_reach(*, held: Sequence[bool], escapes: Values, time: float) -> list[Claim]:
    """Claims on what limit flows leave.

    held: for each target of the menu, whether the risk of its flow never falls below
    what is out of reach. escapes: when flows of z1 + z1z2z3 + z1z2z3z4 in plain double
    precision leave the plateau, or inf if not by `time`.
    """
    return [
        shown(
            id="msp-necessary",
            source="abbe2022merged, Theorem 7",
            statement="The limit flow learns nothing out of reach",
            theirs="the risk stays at or above Σ c² of it",
            holds=held,
            of="targets",
            note="weights out of reach are held at 0, as in the proof",
        ),
        counted(
            id="msp-rounding",
            source=GUESS,
            statement="Without the symmetry held, rounding ends the trap before "
            f"t = {time:g}",
            theirs="it does",
            holds=np.isfinite(escapes),
            rule=most,
            of="flows",
            note="flows with other numbers of particles, so with other roundings",
            kind="guess",
        ),
    ]


def four_terms(
    *,
    ours: Values,
    passes: Real[np.ndarray, "degree run"],
    time: float,
) -> list[Claim]:
    """Claims on the staircase of four terms, in our settings.

    ours: test risk over variance at `time`. passes: when the coefficient of each term
    passes one half, or inf.
    """
    one, two, three, four = passes
    return [
        _learned(
            "msp-learned", STAIRCASES, "shift 1, large batches", ours, time, "0.01–0.03"
        ),
        counted(
            id="msp-first",
            source=FIGURE,
            statement="The coefficient of z1 passes one half before all others",
            theirs="z1 first",
            holds=(one < passes[1:]).all(0),
            rule=most,
        ),
        counted(
            id="msp-order",
            source=FIGURE,
            statement="z1z2z3 passes one half after z1, and before z1z2 and z1z2z3z4",
            theirs="degrees 1, 3, then 2 and 4",
            holds=(one < three) & (three < two) & (three < four),
            rule=most,
        ),
        counted(
            id="msp-degrees",
            source="abbe2022merged, text on Figure 1",
            statement="Monomials are picked up in the order of their degree",
            theirs="increasing degree",
            holds=(passes[:-1] <= passes[1:]).all(0) & np.isfinite(four),
            rule=most,
        ),
    ]


def _learned(
    id: str,
    source: str,
    how: str,
    risk: Real[np.ndarray, " _run"],
    time: float,
    pilot: str,
) -> Claim:
    return measured(
        id=id,
        source=source,
        statement=f"SGD on two layers learns a staircase of four terms ({how})",
        theirs="test error near 0 by t = 3000",
        values=risk,
        unit=f"test risk / variance at t = {time:g}",
        verdict=most(risk < LEARNED),
        note=f"judged: below {LEARNED} (our threshold); pilots, other seeds: {pilot}",
    )


def as_printed(
    *,
    printed: Real[np.ndarray, " _run"],
    risks: Mapping[tuple[float, int], Values],
    pairs: Sequence[tuple[tuple[float, int], tuple[float, int]]],
    time: float,
) -> list[Claim]:
    """Claims on the printed settings, and on others of step and batch beside them.

    printed: test risk over variance at `time`, of all runs as printed. risks: of as
    many runs for each step and batch; the first one is as printed, the second has the
    same step and a larger batch. pairs: settings of equal step/batch, the one with the
    larger step first; the last pair has least noise.
    """
    loud, calmer, *_ = risks
    less = risks[loud] - risks[calmer]
    apart = np.array([np.abs(risks[one] - risks[two]) for one, two in pairs]).max(0)
    coarse, fine = pairs[-1]
    return [
        _learned(
            "msp-printed", FIGURE, "settings as printed", printed, time, "0.43–0.47"
        ),
        measured(
            id="msp-noise",
            source=GUESS,
            statement=f"With batches of {calmer[1]} instead of {loud[1]} less is left",
            theirs="less",
            values=less,
            unit="difference in risk / variance",
            verdict=larger(less),
            kind="guess",
        ),
        measured(
            id="msp-alike",
            source=GUESS,
            statement="Settings of equal step/batch leave as much",
            theirs=f"within {ALIKE}",
            values=apart,
            unit=f"larger difference of {len(pairs)} pairs, risk / variance",
            verdict=most(apart < ALIKE),
            note=f"threshold {ALIKE} (ours), set before a pilot spoke against it",
            kind="guess",
        ),
        measured(
            id="msp-step",
            source=GUESS,
            statement=f"At step/batch = 1/{coarse[1] / coarse[0]:g} the step of "
            f"{fine[0]:g} leaves less than that of {coarse[0]:g}",
            theirs="less",
            values=risks[coarse] - risks[fine],
            unit="difference in risk / variance",
            verdict=larger(risks[coarse] - risks[fine]),
            note="guessed after a pilot with another seed",
            kind="guess",
        ),
    ]


def escape_times(
    *, exponents: Mapping[int, Values], flow: Values, level: float
) -> list[Claim]:
    """Claims on SGD's escape times, one for each leap of 1, 2 and 3.

    exponents: slope of log time against log d, by leap; NaN: not in time at some d.
    flow: the slope of flows without noise, for leap 3, at `level`.
    """
    one, two, three = (np.round(exponents[leap], 6) + 0.0 for leap in (1, 2, 3))
    unit = "slope of log time against log d"
    return [
        measured(
            id="leap-time-1",
            source="abbe2022merged, Theorem 9",
            statement="Escape time of SGD on a target of leap 1: it hardly grows with "
            "d",
            theirs="of order 1",
            values=one,
            unit=unit,
            verdict=most(_known(np.abs(one) < FLAT, one)),
            note=f"judged: below {FLAT} in size (our threshold); pilot: 0.00–0.05",
        ),
        measured(
            id="leap-time-2",
            source=GUESS,
            statement="At a fixed step and batch the escape time of leap 2 grows, and "
            "slowly",
            theirs="log d, by our heuristic",
            values=two,
            unit=unit,
            verdict=most(_known((two > 0) & (two < STEEP), two)),
            note=f"judged: between 0 and {STEEP} (our threshold); pilot: 0.08–0.10",
            kind="guess",
        ),
        measured(
            id="leap-time-3",
            source=GUESS,
            statement="At a fixed step and batch the escape time of leap 3 grows like "
            "a power of d",
            theirs="√d, by our heuristic",
            values=three,
            unit=unit,
            verdict=larger(three, by=STEEP),
            note=f"judged: above {STEEP} (our threshold); pilot: 0.51–0.54. The "
            "conjecture is on steps of another size",
            kind="guess",
        ),
        measured(
            id="leap-time-flow",
            source=GUESS,
            statement=f"So does the flow without noise, up to {level:g}, with a slope "
            "within 0.1 of one half",
            theirs="0.5, by our heuristic",
            values=flow,
            unit=unit,
            verdict=most(_known(np.abs(flow - 0.5) < 0.1, flow)),
            note="threshold 0.1 (ours); seen before with other seeds: 0.28–0.31",
            kind="guess",
        ),
    ]


def odd_activation(
    *, mirrored: Sequence[float], odd: Values, sigmoid: Values
) -> list[Claim]:
    """Claims on tanh, which is odd.

    mirrored: largest |f(x) + f(−x)| of each run. odd, sigmoid: when z1z2z3 passes one
    half with tanh and with the shifted sigmoid, or inf.
    """
    with np.errstate(invalid="ignore"):  # neither: nobody can say
        earlier = sigmoid - odd
    return [
        shown(
            id="msp-odd",
            source="abbe2022merged, Theorem 10",
            statement="With an odd activation a term of even degree is not learned",
            theirs="needs derivatives that are not 0",
            holds=[gap == 0 for gap in mirrored],
            note="f(x) + f(−x) = 0 to the bit, for all weights",
        ),
        measured(
            id="msp-odd-before",
            source=GUESS,
            statement="z1z2z3, now a leap of 2, passes one half earlier with tanh than "
            "with the sigmoid",
            theirs="earlier",
            values=earlier,
            unit="difference of times t",
            verdict=larger(earlier),
            note="guessed after pilots with other seeds",
            kind="guess",
        ),
    ]


def linear_methods(*, left: Sequence[float], floor: float, q: int) -> list[Claim]:
    """The claim on feature maps. left: by each, of the monomials of degree 3, on
    average; floor: what no map of q features goes below."""
    return [
        shown(
            id="leap-floor",
            source=LINEAR,
            statement=f"No {q} features, fixed in advance, leave less than 1 − "
            f"{q}/C(d, 3) of the average monomial of degree 3",
            theirs="min(n, q) of order C(d, k) needed",
            holds=[value > floor - 1e-9 for value in left],
            of="feature maps",
            note="each projected on all monomials; least above the floor: "
            f"{max(0.0, min(left) - floor):.3f}",
        )
    ]


def fresh_samples(
    *,
    exponents: Mapping[int, Values],
    network: Values,
    floor: float,
    d: int,
    again: Mapping[int, tuple[Values, Values]],
) -> list[Claim]:
    """Claims on samples at the best batch.

    exponents: of samples against d, by leap. network: samples for the staircase in d
    dimensions, the most there are, until the risk is one half; floor: those of linear
    methods. again: samples with a step and with a quarter of it, by leap. NaN: a run
    that did not arrive at one of them.
    """
    apart = np.full(len(network), np.nan)
    with np.errstate(invalid="ignore"):
        if again:
            each = [np.abs(np.log(two / one)) for one, two in again.values()]
            apart = np.exp(np.array(each).max(0))
        more = exponents[3] - np.maximum(exponents[1], exponents[2])
    unit = "slope of log samples against log d"
    rows = [
        measured(
            id=f"leap-samples-{leap}",
            source=STAIRCASES if leap == 1 else CONJECTURE,
            statement=f"Leap {leap}: samples until the risk is one half grow like d"
            + ("²" if EXPONENTS[leap] == 2 else "")
            + ", at the best batch",
            theirs=f"exponent {EXPONENTS[leap]}" + (", up to logs" if leap > 1 else ""),
            values=slopes,
            unit=unit,
            verdict=most(_known(np.abs(slopes - EXPONENTS[leap]) < NEAR, slopes)),
            note=f"judged: within {NEAR} (our threshold); pilot, other seeds: "
            f"{PILOT[leap]}",
        )
        for leap, slopes in exponents.items()
    ]
    return [
        *rows,
        measured(
            id="leap-samples-more",
            source=CONJECTURE,
            statement="Samples grow with a higher power for leap 3 than for leaps 1 "
            "and 2",
            theirs="2 against 1",
            values=more,
            unit="difference of slopes",
            verdict=larger(more),
        ),
        counted(
            id="leap-fewer",
            source="abbe2022merged, on linear methods",
            statement="On the staircase the network is down to a risk of one half "
            f"after fewer samples than any linear method needs (d = {d})",
            theirs="as d grows: O(d) samples, linear methods Ω(d³)",
            holds=network < floor,
            rule=most,
            note=f"linear methods that treat coordinates alike: {floor:,.0f} or more",
        ),
        measured(
            id="leap-samples-step",
            source=GUESS,
            statement="A quarter of the step with a quarter of the batch takes as many "
            "samples",
            theirs=f"within a factor of {SAME}",
            values=apart,
            unit=f"largest factor between them, of {len(again)} leaps",
            verdict=most(_known(apart < SAME, apart)),
            note="our threshold; 4 if steps alone counted",
            kind="guess",
        ),
    ]


def _known(holds: Sequence[bool] | np.ndarray, values: Values) -> list[bool | None]:
    """`holds`, and None where the value is NaN."""
    pairs = zip(holds, values, strict=True)
    return [None if np.isnan(value) else bool(held) for held, value in pairs]
