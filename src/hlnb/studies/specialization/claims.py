"""The claims of the chapter on specialization and mode connectivity."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, measured, shown
from hlnb.verdicts import Verdict, larger, most, some
from hlnb.words import listed

NOTES = "theodosis2021notes, how networks learn features"
FRANKLE = "frankle2020linear, linear mode connectivity"
AINSWORTH = "ainsworth2023rebasin, weight matching"
MIXED, PURE = 0.3, 0.8  # median specialization: mixtures are below, detectors above
UNLEARNED = 0.4  # test error of two classes
LARGE, SMALL = 0.2, 0.05  # barriers, in test error
CONNECTED = 0.02  # of Frankle et al.: a barrier below it is none

Values = Real[np.ndarray, " _"]


def about_filters(
    degree: Mapping[str, Real[np.ndarray, "_run _record"]],
    errors: Real[np.ndarray, "_run _record"],
    *,
    averages: tuple[Values, Real[np.ndarray, "_ 2"]],
    levels: Values,
    filters: int,
) -> list[Claim]:
    """Claims on averages of detectors, and on how filters specialize.

    degree: median specialization by condition. errors: test errors without ReLU.
    averages: specialization and responses of each average. levels: how many of each
    run's `filters` answer to level bars.
    """
    learned, coin = degree["learned"], degree["labels by coin"]
    index, answers = averages
    unit = "specialization, median over filters"
    return [
        shown(
            id="spec-average",
            source=NOTES,
            statement="The average of an upright and a level detector is no detector",
            theirs="hardly an edge detector",
            holds=(abs(index) < 1e-9) & (abs(answers - 0.5).max(1) < 1e-9),
            of="pairs of detectors",
            note="specialization 0 and half of each response, to 1e-9",
        ),
        measured(
            id="spec-start",
            source=NOTES,
            statement=f"Untrained filters are mixtures (specialization below {MIXED})",
            theirs="random combinations",
            values=learned[:, 0],
            unit=unit,
            verdict=most(learned[:, 0] < MIXED),
            note=f"{MIXED} is our threshold",
        ),
        measured(
            id="spec-rise",
            source=NOTES,
            statement="Training specializes filters: the specialization rises",
            theirs="symmetry breaks",
            values=learned[:, -1] - learned[:, 0],
            unit=f"{unit}, end less start",
            verdict=larger(learned[:, -1] - learned[:, 0]),
        ),
        measured(
            id="spec-end",
            source=NOTES,
            statement="Trained filters are detectors of one kind (specialization "
            f"above {PURE})",
            theirs="vertical or horizontal",
            values=learned[:, -1],
            unit=unit,
            verdict=most(learned[:, -1] > PURE),
            note=f"{PURE} is our threshold; the pilot had 0.72 to 0.83",
        ),
        counted(
            id="spec-both",
            source=NOTES,
            statement="Filters of both kinds appear",
            theirs="either kind",
            holds=(levels > 0) & (levels < filters),
            rule=most,
            note="at least one of each",
        ),
        measured(
            id="spec-coin",
            source="our guess",
            statement=f"With labels by coin filters stay mixtures (below {MIXED})",
            theirs="–",
            values=coin[:, -1],
            unit=unit,
            verdict=most(coin[:, -1] < MIXED),
            note=f"a control; {MIXED} is our threshold",
            kind="guess",
        ),
        measured(
            id="spec-linear",
            source="our guess",
            statement="Without ReLU descent learns nothing (test error above "
            f"{UNLEARNED})",
            theirs="–",
            values=errors[:, -1],
            unit="test error",
            verdict=most(errors[:, -1] > UNLEARNED),
            note=f"a control; {UNLEARNED} is our threshold",
            kind="guess",
        ),
    ]


def about_barriers(
    wide: Mapping[str, Values],
    narrow: Mapping[str, Values],
    *,
    shared: tuple[Values, Values],
    averages: tuple[Values, Values],
) -> list[Claim]:
    """Claims on barriers, before and after shared epochs, and on averages of networks.

    wide, narrow: barriers by condition. shared: barriers without shared epochs, and
    with the most. averages: test errors of averaged outputs and of averaged parameters.
    """
    first, later = shared
    outputs, parameters = averages
    one = wide["one initialization, two orders"]
    points = "points of test error"
    return [
        *(
            measured(
                id=f"spec-two{tag}",
                source=NOTES,
                statement=f"Two initializations, {name} network: a barrier above "
                f"{100 * LARGE:.0f} points",
                theirs="poor loss",
                values=100 * by["two initializations"],
                unit=points,
                verdict=most(by["two initializations"] > LARGE),
                note=f"{100 * LARGE:.0f} points are our threshold",
            )
            for name, tag, by in (("wide", "", wide), ("narrow", "-narrow", narrow))
        ),
        measured(
            id="spec-one",
            source=FRANKLE,
            statement="One initialization, two orders: it can happen that the barrier "
            f"is below {100 * SMALL:.0f} points",
            theirs="similar loss, sometimes",
            values=100 * one,
            unit=points,
            verdict=some(one < SMALL),
            note=f"{100 * SMALL:.0f} points are our threshold; wide network, calm step",
        ),
        measured(
            id="spec-shared",
            source=FRANKLE,
            statement="Shared epochs lower the barrier between siblings (loud step)",
            theirs="stable after some training",
            values=100 * (first - later),
            unit=points,
            verdict=larger(first - later),
            note="no shared epochs less most",
        ),
        _matching("wide", wide, id="spec-matched-wide"),
        _matching("narrow", narrow, id="spec-matched"),
        measured(
            id="spec-outputs",
            source="our guess",
            statement="The average of outputs has a lower error than that of "
            "parameters",
            theirs="–",
            values=parameters - outputs,
            unit=f"{points}, parameters less outputs",
            verdict=larger(parameters - outputs),
            kind="guess",
        ),
    ]


def _matching(name: str, by: Mapping[str, Values], *, id: str) -> Claim:
    """The Claim on what matching takes away; the source speaks of wide networks."""
    two, fit = by["two initializations"], by["two initializations, matched"]
    theirs = name == "wide"
    return measured(
        id=id,
        source=AINSWORTH if theirs else "our guess",
        statement="Matching units takes away more than half of the barrier "
        f"({name} network)",
        theirs="most of it, if wide" if theirs else "–",
        values=removed(two, fit),
        unit="share of the barrier",
        verdict=_half(two, fit),
        note="half is our threshold",
        kind="claim" if theirs else "guess",
    )


def still(rise: Values) -> str:
    """Whether filters still specialize, by the rises of their median specialization."""
    words = {"reproduced": "they do", "not reproduced": "they don't"}
    return words.get(larger(rise).word, "that they do is undecided")


def removed(two: Values, fit: Values) -> Values:
    """The share of each pair's barrier that matching takes away; NaN without one."""
    return 1 - fit / np.where(two > 0, two, np.nan)


def _half(two: Values, fit: Values) -> Verdict:
    share = removed(two, fit)
    return most([None if np.isnan(s) else bool(s > 0.5) for s in share])


def connected_after(barriers: Mapping[int, Values]) -> str:
    """From how many shared epochs on the median barrier stays below CONNECTED.

    `barriers`: by shared epochs, which rise.
    """
    since = None
    for epochs, values in barriers.items():
        below = np.median(values) < CONNECTED
        since = (epochs if since is None else since) if below else None
    return "more than we tried" if since is None else str(since)


def ranked(errors: Mapping[str, Values], than: str) -> tuple[str, str]:
    """What has the lowest median error, and all that have a lower one than `than`."""
    middle = {name: float(np.median(values)) for name, values in errors.items()}
    best = min(middle, key=middle.__getitem__)
    better = [name for name in middle if middle[name] < middle[than]]
    return best, listed(better)
