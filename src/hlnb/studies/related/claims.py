"""The claims of the chapter on related works."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, in_every_run, measured

PILOT = {  # by id: what was seen with seeds from 10, before the published runs
    "related-compression": "pilot, seeds 10, 11: 0.999994–1.000000",
    "related-compression-rate": "pilot, seeds 10, 11: 0.05–0.61",
    "related-discrimination": "pilot, seeds 10, 11: 0.990–1.000",
    "related-rank": "pilot, seeds 10, 11: 1 in all networks",
    "related-rank-active": "threshold 0.95; pilot, seeds 10, 11: 1",
    "related-three-p2": "pilot, seed 10, twice the steps: 0.24",
    "related-three-p3": "pilot, seed 10, twice the steps: 0.19",
    "related-three-feature-p2": "pilot, seed 10, twice the steps: 0.74–0.82 by rate",
    "related-three-feature-p3": "pilot, seed 10, twice the steps: 0.88–0.92 by rate",
    "related-sculpt-adders": "pilot, seeds 10–12: 3 of 3",
    "related-sculpt-decoder": "pilot, seeds 10–12: 2 of 3",
    "related-sculpt-dense": "pilot, seeds 10–12: 0.56–0.58",
    "related-sculpt-order": "pilot, seeds 10–12: 0 of 3",
    "related-bars": "found: cosine above 0.9; pilot, seeds 10–12: 16, 16, 0, 0",
}
NETWORKS = {  # the end of a claim's id → the network
    "drawn": "plain, as drawn",
    "trained": "plain, trained",
    "residual-drawn": "residual, as drawn",
    "residual-trained": "residual, trained",
}
YUAN = "yuan2021structures, our reading"

Runs = Real[np.ndarray, " _run"]


def about_compression(
    *, slopes: Real[np.ndarray, "scale run"], off: Runs, r2: Mapping[str, Runs]
) -> list[Claim]:
    """Claims on deep linear networks.

    slopes: of log10 C, by initial scale, the smallest first. off: share by which a
    slope is off the predicted one. r2: of the lines through log C, and through D.
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
            verdict=in_every_run(r2["log C"] > 0.999),
            note="orthonormal inputs; threshold from the design; "
            + PILOT["related-compression"],
        ),
        counted(
            id="related-compression-scale",
            source="wang2023layerwise, theorem as we read it",
            statement="The smaller the initial scale, the more each layer compresses",
            theirs="faster for a smaller scale",
            holds=(np.diff(slopes, axis=0) > 0).all(0),
        ),
        measured(
            id="related-compression-rate",
            source="derived here",
            statement="The slope of log10 C is 2 log10 ξ − log10(n) / L",
            theirs="equal",
            values=100 * off,
            unit="% off the predicted slope",
            verdict=in_every_run(off < 0.02),
            note="threshold 2%, set after a pilot; "
            + PILOT["related-compression-rate"],
        ),
        measured(
            id="related-discrimination",
            source="wang2023layerwise, abstract",
            statement="Layers discriminate between classes at a linear rate",
            theirs="linear",
            values=r2["D"],
            unit="R² of the line through D",
            verdict=in_every_run(r2["D"] > 0.98),
            note="nearly orthogonal inputs; threshold set after a pilot; "
            + PILOT["related-discrimination"],
        ),
    ]


def about_rank(*, shares: Mapping[str, Runs], active: Runs) -> list[Claim]:
    """Claims on the rank of the first layers.

    shares: of inputs at which it never rises, by name of the network. active: share of
    inputs and layers at which it is the fewest active units so far.
    """
    return [
        *(
            measured(
                id=f"related-rank-{short}",
                source="feng2022rank, abstract",
                statement=f"Rank never rises from layer to layer ({network}; numerical "
                "rank, τ = 0.001)",
                theirs="monotone",
                values=shares[network],
                unit="share of inputs without a rise",
                verdict=in_every_run(shares[network] == 1),
                note=PILOT["related-rank"],
            )
            for short, network in NETWORKS.items()
        ),
        measured(
            id="related-rank-active",
            source="derived here",
            statement="Rank (τ = 1e-12) is the fewest active units in any layer so far",
            theirs="equal in general position",
            values=active,
            unit="share of inputs and layers",
            verdict=in_every_run(active > 0.95),
            note=PILOT["related-rank-active"],
        ),
    ]


def about_three_layers(
    *,
    errors: Mapping[int, Mapping[str, Runs]],
    units: Mapping[int, Runs],
    n: int,
    d: int,
) -> list[Claim]:
    """Claims on three layers and a quadratic feature h of d inputs, at n samples.

    By the power p of the target: test errors of both networks, and the correlation with
    h of the best of the `units` below the readout of three layers.
    """
    worse = {
        p: (of["three layers"], of["two layers"], f"related-three-p{p}")
        for p, of in errors.items()
    }
    return [
        *(
            measured(
                id=id,
                source="nichani2023threelayer, abstract",
                statement="A three-layer network needs fewer samples for "
                f"y = He_{p}(h) than a two-layer one of its size: lower test error at "
                f"n = {n}",
                theirs="better guarantee",
                values=three / two,
                unit="test error, three layers / two",
                verdict=in_every_run(three < two),
                note=f"d = {d}; simultaneous training; {PILOT[id]}",
            )
            for p, (three, two, id) in worse.items()
        ),
        *(
            measured(
                id=f"related-three-feature-p{p}",
                source="nichani2023threelayer, our reading",
                statement=f"The second layer has a unit that is close to h (p = {p}, "
                f"n = {n})",
                theirs="the feature is learned",
                values=best,
                unit="test |correlation| of the best unit",
                verdict=in_every_run(best > 0.8),
                note="threshold from the design; "
                + PILOT[f"related-three-feature-p{p}"],
            )
            for p, best in units.items()
        ),
    ]


def about_sculpting(
    *, apart: Mapping[str, Sequence[bool]], shuffled: Sequence[bool], dense: Runs
) -> list[Claim]:
    """Claims on pruned networks.

    apart: by task, whether the modules of a run are apart; shuffled: the same for half
    adders whose parts go in random order. dense: share of the path strength inside
    modules before pruning.
    """
    return [
        counted(
            id="related-sculpt-adders",
            source="patil2023sculpting, abstract",
            statement="Pruned as far as possible, two half adders are two networks",
            theirs="modules are uncovered",
            holds=apart["half adders"],
            note=PILOT["related-sculpt-adders"],
        ),
        counted(
            id="related-sculpt-decoder",
            source="patil2023sculpting, abstract",
            statement="The first layer of a pruned decoder reads the two modules apart",
            theirs="modules are uncovered",
            holds=apart["decoder"],
            note=PILOT["related-sculpt-decoder"],
        ),
        counted(
            id="related-sculpt-order",
            source="our guess",
            statement="Any order of removals takes the half adders apart",
            theirs="any",
            holds=shuffled,
            note=PILOT["related-sculpt-order"],
        ),
        measured(
            id="related-sculpt-dense",
            source="patil2023sculpting, as we read it",
            statement="A dense network that knows the half adders does not show the "
            "modules",
            theirs="not visible",
            values=dense,
            unit="share of path strength inside modules",
            verdict=in_every_run(dense < 0.75),
            note="threshold half-way from none (0.5) to all (1); "
            + PILOT["related-sculpt-dense"],
        ),
    ]


def about_bars(*, found: Mapping[str, Runs], n: int) -> list[Claim]:
    """Claims on how many of n bars are `found` in each run, by the kind of atoms."""

    def row(*, id: str, way: str, source: str, statement: str, theirs: str) -> Claim:
        return measured(
            id=id,
            source=source,
            statement=f"{way[0].upper()}{way[1:]}: {statement}",
            theirs=theirs,
            values=found[way],
            unit=f"bars found, of {n}",
            verdict=in_every_run(found[way] == (n if theirs == "all" else 0)),
            note=PILOT["related-bars"],
        )

    return [
        row(
            id="related-bars-sparse",
            way="sparse, non-negative",
            source=YUAN,
            statement="atoms are bars",
            theirs="all",
        ),
        row(
            id="related-bars-signed",
            way="sparse, signed",
            source=YUAN,
            statement="atoms are bars",
            theirs="all",
        ),
        row(
            id="related-bars-dense",
            way="hardly sparse, signed",
            source="our guess",
            statement="no bar",
            theirs="none",
        ),
        row(
            id="related-bars-principal",
            way="principal components",
            source="our guess",
            statement="no bar",
            theirs="none",
        ),
    ]
