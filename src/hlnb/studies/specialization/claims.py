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
    return [
        counted(
            id="spec-average",
            source=NOTES,
            statement="The average of an upright and a level detector is no detector",
            theirs="hardly an edge detector",
            holds=(abs(index) < 1e-9) & (abs(answers - 0.5).max(1) < 1e-9),
            of="pairs of detectors",
            note="index 0 and half of each response, to 1e-9",
        ),
        counted(
            id="spec-start",
            source=NOTES,
            statement="Untrained filters are mixtures (median index below 0.3)",
            theirs="random combinations",
            holds=learned[:, 0] < 0.3,
            note=PLAN,
        ),
        counted(
            id="spec-end",
            source=NOTES,
            statement="Trained filters are detectors of one kind (median index above "
            "0.8)",
            theirs="vertical or horizontal",
            holds=learned[:, -1] > 0.8,
            note=f"{PLAN}; pilot 0.72 to 0.83",
        ),
        counted(
            id="spec-both",
            source=NOTES,
            statement="Filters of both kinds appear",
            theirs="either kind",
            holds=(levels > 0) & (levels < filters),
            note="at least one of each",
        ),
        counted(
            id="spec-coin",
            source="our guess",
            statement="With labels by coin filters stay mixtures (below 0.3)",
            theirs="–",
            holds=coin[:, -1] < 0.3,
            note="a control; our threshold",
        ),
        counted(
            id="spec-linear",
            source="derived here",
            statement="Without ReLU nothing is learned (test error above 0.4)",
            theirs="1/2",
            holds=errors[:, -1] > 0.4,
            note="a control",
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
    two, one = wide["two inits"], wide["one init, two orders"]
    small, fit = narrow["two inits"], narrow["two inits, matched"]
    points = "points of test error"
    return [
        measured(
            id="spec-two",
            source=NOTES,
            statement="Two initializations, wide network: a barrier above 20 points",
            theirs="poor loss",
            values=100 * two,
            unit=points,
            verdict=in_every_run(two > 0.2),
            note=PLAN,
        ),
        measured(
            id="spec-two-narrow",
            source=NOTES,
            statement="Two initializations, narrow network: a barrier above 20 points",
            theirs="poor loss",
            values=100 * small,
            unit=points,
            verdict=in_every_run(small > 0.2),
            note="the plan's threshold; the plan had no narrow network",
        ),
        measured(
            id="spec-one",
            source=FRANKLE,
            statement="One initialization, two orders: a barrier below 5 points",
            theirs="similar loss, sometimes",
            values=100 * one,
            unit=points,
            verdict=in_every_run(one < 0.05),
            note=PLAN,
        ),
        measured(
            id="spec-shared",
            source=FRANKLE,
            statement="Shared epochs lower the barrier between siblings (loud step)",
            theirs="stable after some training",
            values=100 * (later - first),
            unit=points,
            verdict=in_every_run(later < first),
            note="most shared epochs less none",
        ),
        counted(
            id="spec-matched",
            source=AINSWORTH,
            statement="Matching units takes away half of the narrow network's barrier",
            theirs="most of it, if wide",
            holds=fit < small / 2,
            of="pairs",
            note="our threshold",
        ),
        counted(
            id="spec-outputs",
            source="our guess",
            statement="The average of outputs has a lower error than that of "
            "parameters",
            theirs="–",
            holds=averages[0] < averages[1],
            of="groups",
        ),
    ]
