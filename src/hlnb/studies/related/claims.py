"""The claims of the chapter on related works."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, measured
from hlnb.verdicts import every, most, some

STRAIGHT = {"log C": 0.999, "D": 0.98}  # R² of a line from which on it is one
OFF = 0.02  # of the predicted slope
CLOSE = 0.8  # |correlation| with the feature from which on a unit is close to it
HIDDEN = 0.75  # of the path strength inside modules: half-way from none to all
PILOT = {  # by id: what was seen with seeds from 10, before any published run
    "related-compression": "pilot, seeds 10, 11: 0.999994–1.000000",
    "related-compression-rate": "pilot, seeds 10, 11: 0.05–0.61",
    "related-discrimination": "pilot, seeds 10, 11: 0.990–1.000",
    "related-three-p2": "pilot, seed 10, twice the steps: 0.24",
    "related-three-p3": "pilot, seed 10, twice the steps: 0.19",
    "related-three-feature-p2": "pilot, seed 10, twice the steps: 0.74–0.82 by rate",
    "related-three-feature-p3": "pilot, seed 10, twice the steps: 0.88–0.92 by rate",
    "related-sculpt-adders": "pilot, seeds 10–12: 3 of 3",
    "related-sculpt-decoder": "pilot, seeds 10–12: 2 of 3",
    "related-sculpt-dense": "pilot, seeds 10–12: 0.56–0.58",
    "related-sculpt-order": "pilot, seeds 10–12: 3 of 3",
}
LATER = "this row was added when the numbers of other seeds were known"
GUESS = "our guess"

Runs = Real[np.ndarray, " _run"]


def straight(r2: Runs) -> Bool[np.ndarray, " run"]:
    """Whether the line through D of a run counts as one."""
    return r2 > STRAIGHT["D"]


def more(steeper: Bool[np.ndarray, " run"]) -> str:
    """How layers compress at a smaller scale, by whether slopes get steeper."""
    if steeper.all():
        return "More"
    return "More in some runs" if steeper.any() else "Not more"


def evenly(r2: Runs) -> str:
    """Whether all layers do the same, from the R² of the lines through log C."""
    if (r2 > STRAIGHT["log C"]).all():
        return "no layer does most: on a logarithmic scale all do the same"
    return f"the layers differ: the least R² of a line is {r2.min():.3f}"


def direction(first: Runs, last: Runs) -> str:
    """Where D goes, from its values at the input and at the last hidden layer."""
    nearer = int((np.abs(last - 1) < np.abs(first - 1)).sum())
    closes = f"it gets nearer to 1 in {nearer} of {len(first)}."
    if (last < first).any():
        return f"So D need not rise; {closes}"
    return f"Here D never falls, and {closes}"


def spared(shuffled: Sequence[bool | None]) -> str:
    """What networks say from which nothing can be spared, by whether modules parted."""
    if False in shuffled:
        return (
            'So "nothing can be spared" is not what reveals modules: there are '
            "networks from which nothing can be spared, with this budget of "
            "retraining, and which mix."
        )
    return "So no network here mixes from which nothing can be spared."


def about_compression(*, off: Runs, r2: Mapping[str, Runs]) -> list[Claim]:
    """Claims on deep linear networks, each run by its worst scale.

    off: share by which a slope is off the predicted one. r2: of the lines through
    log C, and through D.
    """
    return [
        measured(
            id="related-compression",
            source="wang2023layerwise, abstract",
            statement="Layers of a deep linear network compress classes at a geometric "
            "rate",
            theirs="geometric",
            values=r2["log C"],
            unit="R² of the line through log C",
            verdict=every(r2["log C"] > STRAIGHT["log C"]),
            note=f"above {STRAIGHT['log C']}; orthonormal inputs; "
            + PILOT["related-compression"],
        ),
        measured(
            id="related-compression-rate",
            source="derived here",
            statement="The slope of log10 C is 2 log10 ξ − log10(n) / L",
            theirs="equal",
            values=100 * off,
            unit="% off the predicted slope",
            verdict=every(off < OFF),
            note="below 2 %, set after the pilot; " + PILOT["related-compression-rate"],
            kind="guess",
        ),
        measured(
            id="related-discrimination",
            source="wang2023layerwise, abstract",
            statement="Layers discriminate between classes at a linear rate",
            theirs="linear",
            values=r2["D"],
            unit="R² of the line through D",
            verdict=every(r2["D"] > STRAIGHT["D"]),
            note=f"above {STRAIGHT['D']}, set after the pilot; nearly orthogonal "
            "inputs; " + PILOT["related-discrimination"],
        ),
    ]


def about_three_layers(
    *, errors: Mapping[int, Mapping[str, Runs]], n: int, d: int
) -> list[Claim]:
    """Claims on the test errors of both networks, by the power p of the target.

    n: training samples; d: inputs.
    """
    return [
        measured(
            id=f"related-three-p{p}",
            source="nichani2023threelayer, abstract",
            statement="A three-layer network has a lower test error on "
            f"y = He_{p}(h) than a two-layer one of its size, at n = {n}",
            theirs="better guarantee",
            values=of["three layers"] / of["two layers"],
            unit="test error, three layers / two",
            verdict=most(of["three layers"] < of["two layers"]),
            note=f"d = {d}; all layers together, equal steps; "
            f"{PILOT[f'related-three-p{p}']}",
        )
        for p, of in errors.items()
    ]


def about_feature(
    *, units: Mapping[int, Runs], sums: Mapping[int, Runs], n: int
) -> list[Claim]:
    """Claims on a feature h in the second of three layers, by p, at n samples.

    |correlation| with h of the best of its units, and of the best of the sums that go
    into their ReLUs.
    """
    how = {"source": "nichani2023threelayer, our reading"} | {
        "theirs": "the feature is learned"
    }
    return [
        *(
            measured(
                id=f"related-three-feature-p{p}",
                statement=f"The second layer has a unit that is close to h (p = {p}, "
                f"n = {n})",
                values=best,
                unit="test |correlation| of the best unit",
                verdict=most(best > CLOSE),
                note=f"above {CLOSE}; {PILOT[f'related-three-feature-p{p}']}",
                **how,
            )
            for p, best in units.items()
        ),
        *(
            measured(
                id=f"related-three-sum-p{p}",
                statement="A sum that goes into a unit of the second layer is close "
                f"to h (p = {p}, n = {n})",
                values=best,
                unit="test |correlation| of the best sum",
                verdict=most(best > CLOSE),
                note=f"above {CLOSE}; {LATER}",
                **how,
            )
            for p, best in sums.items()
        ),
    ]


def about_sculpting(
    *,
    apart: Mapping[str, Sequence[bool | None]],
    shuffled: Sequence[bool | None],
    dense: Runs,
) -> list[Claim]:
    """Claims on pruned networks.

    apart: by task, whether the modules of a run are apart; None for a network that did
    not learn its table. shuffled: the same for half adders whose parts go in random
    order. dense: share of the path strength inside modules before pruning.
    """
    return [
        measured(
            id="related-sculpt-dense",
            source="patil2023sculpting, our reading",
            statement="A dense network that knows the half adders does not show the "
            "modules",
            theirs="not visible",
            values=dense,
            unit="share of path strength inside modules",
            verdict=most(dense < HIDDEN),
            note=f"below {HIDDEN}, half-way from even spread (0.5) to all (1); "
            + PILOT["related-sculpt-dense"],
        ),
        counted(
            id="related-sculpt-adders",
            source="patil2023sculpting, abstract",
            statement="Pruned as far as possible, two half adders are two networks",
            theirs="modules are detected",
            holds=apart["half adders"],
            rule=most,
            note=PILOT["related-sculpt-adders"],
        ),
        counted(
            id="related-sculpt-decoder",
            source="patil2023sculpting, abstract",
            statement="The first layer of a pruned decoder reads the two modules apart",
            theirs="modules are detected",
            holds=apart["decoder"],
            rule=most,
            note=PILOT["related-sculpt-decoder"],
        ),
        counted(
            id="related-sculpt-order",
            source=GUESS,
            statement="A network from which nothing can be spared can mix the half "
            "adders (parts tried in random order)",
            theirs="–",
            holds=[None if parted is None else not parted for parted in shuffled],
            rule=some,
            note=f"a control; {PILOT['related-sculpt-order']}; {LATER}",
            kind="guess",
        ),
    ]
