"""The claims of the chapter on simplicity bias."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, in_every_run, measured
from hlnb.studies.simplicity.accounts import Account, as_good

NOTES = "theodosis2021notes, simplicity bias"
NAKKIRAN = "nakkiran2019sgd, functions of increasing complexity"
ByState = Mapping[str, Real[np.ndarray, "_run _layer"]]


def about_layers(
    share: Mapping[str, Real[np.ndarray, " _run"]], turned: ByState, read: ByState
) -> list[Claim]:
    """Claims on what neurons respond to: directions, turns along lines, readouts.

    All by state, trained or untrained: `share` of the weight along the stripes, turns
    along a line, and accuracy that is read from each layer.
    """
    trained, untrained = share["trained"], share["untrained"]
    turns, accuracy = turned["trained"], read["trained"]
    rows = [
        (
            "sim-turns",
            "Deeper is more complex: layer 2 and the output turn, each more often",
            "increased complexity",
            (turns[:, 0] < turns[:, 1]) & (turns[:, 1] < turns[:, 2]),
            "turns along random lines",
        ),
        (
            "sim-flat",
            "Units of layer 1 respond to half-planes: no turn along any line",
            "linear subspaces",
            turns[:, 0] == 0,
            "exact for ReLUs",
        ),
        (
            "sim-read",
            "A linear read-out gets better with every layer",
            "useful features",
            (np.diff(accuracy, axis=1) > 0).all(1),
            "input, layer 1, layer 2",
        ),
        (
            "sim-read-untrained",
            "Without training it does not: layer 2 untrained is below layer 2 trained",
            "–",
            read["untrained"][:, -1] < accuracy[:, -1],
            "a control",
        ),
    ]
    return [
        measured(
            "sim-stripes",
            NOTES,
            "Weights of layer 1 point across the stripes: half within 15° of 45°",
            theirs="mostly at 45 degrees",
            values=100 * trained,
            unit="% of the weight",
            verdict=in_every_run(trained >= 0.5),
            note="threshold from the plan; untrained "
            f"{100 * untrained.min():.0f} to {100 * untrained.max():.0f} %",
        ),
        *(
            counted(id, NOTES, text, theirs=theirs, holds=holds, note=note)
            for id, text, theirs, holds, note in rows
        ),
    ]


def about_information(
    books: Mapping[str, Sequence[Account]], null: Mapping[str, Sequence[Account]]
) -> list[Claim]:
    """Claims on how much a linear classifier explains, and when.

    `books`: the Accounts of all runs, by problem. `null`: those of learners without
    order.
    """
    found = []
    for name, by in books.items():
        first, without = as_good(by), as_good(null[name])
        last = np.array([b.share_beyond[-1] for b in by])
        kept = np.array([b.shared[-1] / b.shared.max() for b in by])
        rows = [
            (
                f"sim-first-{name}",
                NAKKIRAN,
                f"As accurate as L (less 1 %): less than 0.15 is beyond L ({name})",
                "all is linear",
                first,
                first < 0.15,
                "share of I(F;Y) beyond L",
                "threshold from the plan",
            ),
            (
                f"sim-last-{name}",
                NAKKIRAN,
                f"At the end more than 0.3 is beyond L ({name})",
                "they diverge",
                last,
                last > 0.3,
                "share of I(F;Y) beyond L",
                "threshold from the plan",
            ),
            (
                f"sim-kept-{name}",
                NAKKIRAN,
                f"What L explains is kept: at least 0.8 of its largest value ({name})",
                "L is retained",
                kept,
                kept >= 0.8,
                "μ at the end / its maximum",
                "threshold from the plan",
            ),
            (
                f"sim-null-{name}",
                "our guess",
                f"Without an order more than 0.15 is beyond L there ({name})",
                "–",
                without,
                without > 0.15,
                "share of I(F;Y) beyond L",
                "a control",
            ),
        ]
        found += [
            measured(
                id,
                source,
                text,
                theirs=theirs,
                values=values,
                unit=unit,
                verdict=in_every_run(holds),
                note=note,
            )
            for id, source, text, theirs, values, holds, unit, note in rows
        ]
    return found


def about_random(errors: Mapping[str, Real[np.ndarray, " _run"]]) -> list[Claim]:
    """The Claim that random labels are fitted, and nothing is learned."""
    return [
        counted(
            "sim-random",
            NOTES,
            "A network fits random labels (training error below 0.05) and does not "
            "generalize (test error above 0.4)",
            theirs="would never generalize",
            holds=(errors["train"] < 0.05) & (errors["test"] > 0.4),
            note="our thresholds",
        )
    ]
