"""The claims of the chapter on layers over time."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, measured
from hlnb.verdicts import larger, most
from hlnb.words import layer_in_words, listed

NOTES = "theodosis2021notes, layers"
LOW, FIRST = "Lower layers settle first", "lower first"

Runs = Real[np.ndarray, " _run"]
Layers = Real[np.ndarray, "run layer"]


def _in_order(
    *,
    id: str,
    source: str,
    statement: str,
    theirs: str,
    shares: Runs,
    kind: str = "claim",
) -> Claim:
    """The Claim that in most runs most pairs of layers are in order."""
    return measured(
        id=id,
        source=source,
        statement=statement,
        theirs=theirs,
        values=shares,
        unit="share of pairs in order",
        verdict=most(shares > 0.5),
        note="above 0.5, as random order has; without the 2 layers next to the output",
        kind=kind,
    )


def about_order(
    *,
    digits: Mapping[str, Runs],
    images: Mapping[str, Runs],
) -> list[Claim]:
    """Claims on which layers settle first: shares of pairs with the lower one first.

    Pairs of layers below the two next to the output, which the notes except. digits: by
    progress of SVCCA, by raw SVCCA and by progress of linear CKA. images, conv1 and
    conv2: by raw similarity and by progress.
    """
    return [
        _in_order(
            id="lot-digits",
            source=NOTES,
            statement=f"{LOW} (digits, progress)",
            theirs=FIRST,
            shares=digits["SVCCA"],
        ),
        _in_order(
            id="lot-digits-raw",
            source=NOTES,
            statement=f"{LOW} (digits, raw SVCCA)",
            theirs=FIRST,
            shares=digits["raw"],
        ),
        _in_order(
            id="lot-digits-cka",
            source=NOTES,
            statement=f"{LOW} (digits, progress, CKA)",
            theirs=FIRST,
            shares=digits["linear CKA"],
        ),
        _in_order(
            id="lot-images-raw",
            source=NOTES,
            statement=f"{LOW}: the first filters before the second (CNN, raw SVCCA)",
            theirs=FIRST,
            shares=images["raw similarity"],
        ),
        _in_order(
            id="lot-images-progress",
            source=NOTES,
            statement=f"{LOW}: the first filters before the second (CNN, progress)",
            theirs=FIRST,
            shares=images["progress"],
        ),
    ]


def about_line(line: Runs) -> list[Claim]:
    """The Claim on raw similarity where no layer goes ahead.

    line: shares of pairs in order on the straight line.
    """
    return [
        _in_order(
            id="lot-line",
            source="our guess",
            statement="No layer ahead (straight line): raw SVCCA of the CNN puts the "
            "first filters before the second",
            theirs="–",
            shares=line,
            kind="guess",
        )
    ]


def about_top(times: Mapping[str, Real[np.ndarray, "_run _layer"]]) -> list[Claim]:
    """Claims on the exception that the notes name, the two layers next to the output.

    times: when the layers of each run settle by raw SVCCA, by network; the readout is
    last, and there are three layers or more.
    """
    pairs = (("readout", "top", -1), ("last hidden layer", "second", -2))
    return [
        measured(
            id=f"lot-{tag}-{network.lower()}",
            source=NOTES,
            statement=f"The {layer} settles before the layer below it ({network}, raw "
            "SVCCA)",
            theirs="last 2 layers early too",
            values=found[:, at - 1] - found[:, at],
            unit="epochs earlier",
            verdict=larger(found[:, at - 1] - found[:, at]),
        )
        for network, found in times.items()
        for layer, tag, at in pairs
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
            rule=most,
            note="digits",
        ),
        counted(
            id="lot-trained",
            source="our guess",
            statement="Layer 4 untrained is less pure than layer 1 trained",
            theirs="–",
            holds=purity["untrained"][:, -2] < first,
            rule=most,
            note="digits; a control",
            kind="guess",
        ),
        counted(
            id="lot-linear",
            source=NOTES,
            statement="Units of layer 4 are less linear than those of layer 1",
            theirs="increased complexity",
            holds=linear["trained"][:, -2] < linear["trained"][:, 0],
            rule=most,
            note="digits",
        ),
    ]


def earliest(times: Real[np.ndarray, "run layer"], names: Sequence[str]) -> str:
    """The layer, or layers, with the smallest median time, and that time."""
    middle = np.median(times, axis=0)
    first = [
        layer_in_words(name)
        for name, time in zip(names, middle, strict=True)
        if time == middle.min()
    ]
    return f"{listed(first)} ({middle.min():.2g})"


def direction(shares: Runs) -> str:
    """From where layers settle, by the median share of pairs in order, in words."""
    middle = np.median(shares)
    if middle == 0.5:
        return "in no direction"
    return f"from the {'bottom' if middle > 0.5 else 'top'}"


def ruler(line: str, training: str) -> str:
    """What follows of the ruler from the directions of the line and of training."""
    if line == training:
        return (
            "So an order like that in training shows even where no layer is ahead; the "
            "ruler alone may make it."
        )
    return (
        "That is not the order in training: on the straight line layers settle "
        f"{line}, in training {training}."
    )


def nearest(value: float) -> str:
    """Which of three answers a similarity is: near 0, near 0.3, or above 0.6."""
    if value > 0.6:
        return "above 0.6"
    return "near 0" if value < 0.15 else "near 0.3" if value < 0.45 else "below 0.6"
