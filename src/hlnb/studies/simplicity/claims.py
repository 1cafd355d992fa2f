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
    return [
        measured(
            id="sim-stripes",
            source=NOTES,
            statement="Weights of layer 1 point across the stripes: half within 15° of "
            "45°",
            theirs="mostly at 45 degrees",
            values=100 * trained,
            unit="% of the weight",
            verdict=in_every_run(trained >= 0.5),
            note="threshold from the plan; untrained "
            f"{100 * untrained.min():.0f} to {100 * untrained.max():.0f} %",
        ),
        counted(
            id="sim-turns",
            source=NOTES,
            statement="Deeper is more complex: layer 2 and the output turn, each more "
            "often",
            theirs="increased complexity",
            holds=(turns[:, 0] < turns[:, 1]) & (turns[:, 1] < turns[:, 2]),
            note="turns along random lines",
        ),
        counted(
            id="sim-flat",
            source=NOTES,
            statement="Units of layer 1 respond to half-planes: no turn along any line",
            theirs="linear subspaces",
            holds=turns[:, 0] == 0,
            note="exact for ReLUs",
        ),
        counted(
            id="sim-read",
            source=NOTES,
            statement="A linear read-out gets better with every layer",
            theirs="useful features",
            holds=(np.diff(accuracy, axis=1) > 0).all(1),
            note="input, layer 1, layer 2",
        ),
        counted(
            id="sim-read-untrained",
            source=NOTES,
            statement="Without training it does not: layer 2 untrained is below layer "
            "2 trained",
            theirs="–",
            holds=read["untrained"][:, -1] < accuracy[:, -1],
            note="a control",
        ),
    ]


def about_information(
    books: Mapping[str, Sequence[Account]], null: Mapping[str, Sequence[Account]]
) -> list[Claim]:
    """Claims on how much a linear classifier explains, and when.

    `books`: the Accounts of all runs, by problem. `null`: those of learners without
    order.
    """
    return [c for name, by in books.items() for c in _explained(name, by, null[name])]


def _explained(
    name: str, by: Sequence[Account], null: Sequence[Account]
) -> list[Claim]:
    first, without = as_good(by), as_good(null)
    last = np.array([b.share_beyond[-1] for b in by])
    kept = np.array([b.shared[-1] / b.shared.max() for b in by])
    return [
        measured(
            id=f"sim-first-{name}",
            source=NAKKIRAN,
            statement="As accurate as L (less 1 %): less than 0.15 is beyond L "
            f"({name})",
            theirs="all is linear",
            values=first,
            unit="share of I(F;Y) beyond L",
            verdict=in_every_run(first < 0.15),
            note="threshold from the plan",
        ),
        measured(
            id=f"sim-last-{name}",
            source=NAKKIRAN,
            statement=f"At the end more than 0.3 is beyond L ({name})",
            theirs="they diverge",
            values=last,
            unit="share of I(F;Y) beyond L",
            verdict=in_every_run(last > 0.3),
            note="threshold from the plan",
        ),
        measured(
            id=f"sim-kept-{name}",
            source=NAKKIRAN,
            statement="What L explains is kept: at least 0.8 of its largest value "
            f"({name})",
            theirs="L is retained",
            values=kept,
            unit="μ at the end / its maximum",
            verdict=in_every_run(kept >= 0.8),
            note="threshold from the plan",
        ),
        measured(
            id=f"sim-null-{name}",
            source="our guess",
            statement=f"Without an order more than 0.15 is beyond L there ({name})",
            theirs="–",
            values=without,
            unit="share of I(F;Y) beyond L",
            verdict=in_every_run(without > 0.15),
            note="a control",
        ),
    ]


def about_random(errors: Mapping[str, Real[np.ndarray, " _run"]]) -> list[Claim]:
    """The Claim that random labels are fitted, and nothing is learned."""
    return [
        counted(
            id="sim-random",
            source=NOTES,
            statement="A network fits random labels (training error below 0.05) and "
            "does not generalize (test error above 0.4)",
            theirs="would never generalize",
            holds=(errors["train"] < 0.05) & (errors["test"] > 0.4),
            note="our thresholds",
        )
    ]
