"""The claims of the chapter on layers over time."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, in_every_run, measured

NOTES, RAGHU = "theodosis2021notes, layers", "raghu2017svcca, learning dynamics"
LOW, FIRST = "Lower layers settle first", "lower first"

Runs = Real[np.ndarray, " _run"]
Layers = Real[np.ndarray, "run layer"]


def _in_order(
    *, id: str, source: str, statement: str, theirs: str, shares: Runs
) -> Claim:
    """The Claim that in each run more than half of the pairs of layers are in order."""
    return measured(
        id=id,
        source=source,
        statement=statement,
        theirs=theirs,
        values=shares,
        unit="share of pairs in order",
        verdict=in_every_run(shares > 0.5),
        note="random order: 0.5",
    )


def about_order(
    *,
    never_falls: Bool[np.ndarray, " run"],
    digits: Mapping[str, Runs],
    images: Mapping[str, Runs],
) -> list[Claim]:
    """Claims on which layers settle first: shares of pairs with the lower one first.

    never_falls: whether no hidden layer of a run settles before the one below it, by
    progress. digits: by raw SVCCA and by the progress of linear CKA. images: by raw
    similarity and by progress.
    """
    return [
        counted(
            id="lot-digits",
            source=NOTES,
            statement=f"{LOW}, without exception (digits, progress)",
            theirs=FIRST,
            holds=never_falls,
            note="the plan asked 4 of 5 runs",
        ),
        _in_order(
            id="lot-digits-raw",
            source=RAGHU,
            statement=f"{LOW} (digits, raw SVCCA)",
            theirs=FIRST,
            shares=digits["raw"],
        ),
        _in_order(
            id="lot-digits-cka",
            source=RAGHU,
            statement=f"{LOW} (digits, progress, CKA)",
            theirs=FIRST,
            shares=digits["linear CKA"],
        ),
        _in_order(
            id="lot-images-raw",
            source=RAGHU,
            statement=f"{LOW} (CNN, raw SVCCA)",
            theirs=FIRST,
            shares=images["raw similarity"],
        ),
        _in_order(
            id="lot-images-progress",
            source=NOTES,
            statement=f"{LOW} (CNN, progress)",
            theirs=FIRST,
            shares=images["progress"],
        ),
    ]


def about_line(
    *, line: Runs, times: Mapping[str, Real[np.ndarray, "_run _layer"]]
) -> list[Claim]:
    """Claims on raw similarity alone.

    line: shares of pairs in order where no layer goes ahead. times: when the layers of
    each run settle, by network; the readout is last.
    """
    top = np.concatenate([t[:, -1] < t[:, -2] for t in times.values()])
    return [
        _in_order(
            id="lot-line",
            source="our guess",
            statement="No layer ahead (straight line): raw SVCCA of the CNN puts lower "
            "ones first",
            theirs="–",
            shares=line,
        ),
        counted(
            id="lot-top",
            source=NOTES,
            statement="The readout settles before the layer below it (raw SVCCA)",
            theirs="last layers early too",
            holds=top,
            note="digits and CNN",
        ),
    ]


def about_units(
    *, purity: Mapping[str, Layers], linear: Mapping[str, Layers]
) -> list[Claim]:
    """Claims on what units prefer: `purity` and `linear` share, untrained and trained.

    The last hidden layer is the last but one.
    """
    first, last = purity["trained"][:, 0], purity["trained"][:, -2]
    return [
        counted(
            id="lot-pure",
            source=NOTES,
            statement="Upper hidden layers prefer inputs of one class more",
            theirs="edges below, heads above",
            holds=last > first,
            note="digits",
        ),
        counted(
            id="lot-trained",
            source="our guess",
            statement="Layer 4 untrained is less pure than layer 1 trained",
            theirs="–",
            holds=purity["untrained"][:, -2] < first,
            note="digits",
        ),
        counted(
            id="lot-linear",
            source=NOTES,
            statement="Units of layer 4 are less linear than those of layer 1",
            theirs="increased complexity",
            holds=linear["trained"][:, -2] < linear["trained"][:, 0],
            note="digits",
        ),
    ]
