"""The claims of the chapter on specialization and mode connectivity."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, in_every_run, measured

NOTES = "theodosis2021notes, how networks learn features"
FRANKLE = "frankle2020linear, linear mode connectivity"
AINSWORTH = "ainsworth2023rebasin, weight matching"
PLAN = "threshold from the plan"

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
    averages: index and responses of each average. levels: how many of each run's
    `filters` answer to level bars.
    """
    learned, coin = degree["learned"], degree["labels by coin"]
    index, answers = averages
    exact = (abs(index) < 1e-9) & (abs(answers - 0.5).max(1) < 1e-9)
    rows = [
        (
            "spec-average",
            NOTES,
            "The average of an upright and a level detector is no detector",
            "hardly an edge detector",
            exact,
            "index 0 and half of each response, to 1e-9",
        ),
        (
            "spec-start",
            NOTES,
            "Untrained filters are mixtures (median index below 0.3)",
            "random combinations",
            learned[:, 0] < 0.3,
            PLAN,
        ),
        (
            "spec-end",
            NOTES,
            "Trained filters are detectors of one kind (median index above 0.8)",
            "vertical or horizontal",
            learned[:, -1] > 0.8,
            f"{PLAN}; pilot 0.72 to 0.83",
        ),
        (
            "spec-both",
            NOTES,
            "Filters of both kinds appear",
            "either kind",
            (levels > 0) & (levels < filters),
            "at least one of each",
        ),
        (
            "spec-coin",
            "our guess",
            "With labels by coin filters stay mixtures (below 0.3)",
            "–",
            coin[:, -1] < 0.3,
            "a control; our threshold",
        ),
        (
            "spec-linear",
            "derived here",
            "Without ReLU nothing is learned (test error above 0.4)",
            "1/2",
            errors[:, -1] > 0.4,
            "a control",
        ),
    ]
    return [
        counted(
            id,
            source,
            statement,
            theirs=theirs,
            holds=holds,
            note=note,
            of="runs" if len(holds) == len(learned) else "pairs of detectors",
        )
        for id, source, statement, theirs, holds, note in rows
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
    two, one = wide["two inits"], wide["one init, two orders"]
    small, fit = narrow["two inits"], narrow["two inits, matched"]
    rows = [
        (
            "spec-two",
            NOTES,
            "Two initializations, wide network: a barrier above 20 points",
            "poor loss",
            two,
            two > 0.2,
            PLAN,
        ),
        (
            "spec-two-narrow",
            NOTES,
            "Two initializations, narrow network: a barrier above 20 points",
            "poor loss",
            small,
            small > 0.2,
            "the plan's threshold; the plan had no narrow network",
        ),
        (
            "spec-one",
            FRANKLE,
            "One initialization, two orders: a barrier below 5 points",
            "similar loss, sometimes",
            one,
            one < 0.05,
            PLAN,
        ),
        (
            "spec-shared",
            FRANKLE,
            "Shared epochs lower the barrier between siblings (loud step)",
            "stable after some training",
            later - first,
            later < first,
            "most shared epochs less none",
        ),
    ]
    return [
        *(
            measured(
                id,
                source,
                statement,
                theirs=theirs,
                values=100 * values,
                unit="points of test error",
                verdict=in_every_run(holds),
                note=note,
            )
            for id, source, statement, theirs, values, holds, note in rows
        ),
        counted(
            "spec-matched",
            AINSWORTH,
            "Matching units takes away half of the narrow network's barrier",
            theirs="most of it, if wide",
            holds=fit < small / 2,
            of="pairs",
            note="our threshold",
        ),
        counted(
            "spec-outputs",
            "our guess",
            "The average of outputs has a lower error than that of parameters",
            theirs="–",
            holds=averages[0] < averages[1],
            of="groups",
        ),
    ]
