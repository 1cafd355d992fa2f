"""The claims of the chapter on simplicity bias."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, measured, shown
from hlnb.studies.simplicity.accounts import Account, as_good
from hlnb.verdicts import every, larger, most
from hlnb.words import listed

NOTES = "theodosis2021notes, simplicity bias"
NAKKIRAN = "nakkiran2019sgd, functions of increasing complexity"
ACROSS = 0.5  # "mostly" across the stripes: half of the weight or more
LITTLE, MUCH = 0.15, 0.3  # shares of I(F;Y) beyond L
KEPT = 0.8  # of its largest value: what L explains is kept
FITTED, GUESSING = 0.05, 0.4  # errors on two classes
Runs = Real[np.ndarray, " _run"]
ByState = Mapping[str, Real[np.ndarray, "_run _layer"]]


def rising(values: Real[np.ndarray, "run layer"]) -> Bool[np.ndarray, " run"]:
    """Whether the values of a run are larger with every layer."""
    return (np.diff(values, axis=1) > 0).all(1)


def of_depth(before: Bool[np.ndarray, " run"]) -> str:
    """Whether an order that untrained networks have, or lack, is of depth, in words."""
    word = most(before).word
    if word == "reproduced":
        return "is there before training, so it is of depth"
    if word == "not reproduced":
        return "is not there before training, so training makes it"
    return "may be there before training"


def about_layers(
    share: Mapping[str, Runs], turned: ByState, read: ByState
) -> list[Claim]:
    """Claims on what neurons respond to: directions, turns along lines, readouts.

    All by state, trained or untrained: `share` of the weight along the stripes, turns
    along a line, and accuracy that is read from each layer.
    """
    trained, untrained = share["trained"], 100 * share["untrained"]
    accuracy = read["trained"]
    return [
        measured(
            id="sim-stripes",
            source=NOTES,
            statement="Weights of layer 1 point across the stripes: half of their "
            "length within 15° of 45°",
            theirs="mostly at 45 degrees",
            values=100 * trained,
            unit="% of the weight",
            verdict=most(trained >= ACROSS),
            note="half and 15° are ours; random directions have 17 % on average, the "
            f"untrained layers {untrained.min():.0f} to {untrained.max():.0f} %",
        ),
        counted(
            id="sim-turns",
            source=NOTES,
            statement="Deeper is more complex: layer 2 and the output turn, each more "
            "often than the layer below",
            theirs="increased complexity",
            holds=rising(turned["trained"]),
            rule=most,
            note="turns along random lines",
        ),
        counted(
            id="sim-turns-untrained",
            source="our guess",
            statement="Depth does it, not training: an untrained network turns more "
            "often with every layer",
            theirs="–",
            holds=rising(turned["untrained"]),
            rule=most,
            note="a control, added when its numbers were known",
            kind="guess",
        ),
        shown(
            id="sim-flat",
            source="derived here",
            statement="A unit of layer 1 never turns along a line",
            theirs="an identity",
            holds=np.concatenate([values[:, 0] == 0 for values in turned.values()]),
            of="networks",
            note="a ReLU of a linear function; untrained and trained",
        ),
        counted(
            id="sim-read",
            source=NOTES,
            statement="A linear readout gets better with every layer",
            theirs="more sophisticated",
            holds=rising(accuracy),
            rule=most,
            note="input, layer 1, layer 2",
        ),
        measured(
            id="sim-read-untrained",
            source="our guess",
            statement="Training does it, not depth: the readout of layer 2 is better "
            "after training than before",
            theirs="–",
            values=accuracy[:, -1] - read["untrained"][:, -1],
            unit="accuracy, trained less untrained",
            verdict=larger(accuracy[:, -1] - read["untrained"][:, -1]),
            note="a control",
            kind="guess",
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


def arrived(books: Sequence[Account]) -> Real[np.ndarray, " run"]:
    """`as_good`, with NaN for a run that never gets as accurate as L."""
    found = as_good(books)
    return np.where(np.isinf(found), np.nan, found)


def _holds(values: Runs, test: Bool[np.ndarray, " _run"]) -> list[bool | None]:
    """The outcome for each run, None where it has no number."""
    return [None if np.isnan(v) else bool(t) for v, t in zip(values, test, strict=True)]


def kept_share(books: Sequence[Account]) -> Real[np.ndarray, " run"]:
    """How much of the largest value of μ is left at the end."""
    return np.array([b.shared[-1] / b.shared.max() for b in books])


def where(first: Mapping[str, Runs], without: Mapping[str, Runs]) -> str:
    """On which problems the network has less beyond L than a learner without an order.

    By the medians over runs when either is as accurate as L, by problem.
    """
    less = [name for name in first if np.median(first[name]) < np.median(without[name])]
    if len(less) == len(first):
        return "on both problems" if len(first) == 2 else "on every problem here"
    return "on " + (listed(less) + " alone" if less else "none of the problems")


def _explained(
    name: str, by: Sequence[Account], null: Sequence[Account]
) -> list[Claim]:
    first, without = arrived(by), arrived(null)
    last = np.array([b.share_beyond[-1] for b in by])
    kept = kept_share(by)
    unit = "share of I(F;Y) beyond L"
    return [
        measured(
            id=f"sim-first-{name}",
            source=NAKKIRAN,
            statement=f"Linear first: as accurate as L (less 1 %), less than {LITTLE} "
            f"is beyond L ({name})",
            theirs="all of the performance is L's",
            values=first,
            unit=unit,
            verdict=most(_holds(first, first < LITTLE)),
            note=f"{LITTLE} is our threshold",
        ),
        measured(
            id=f"sim-last-{name}",
            source=NAKKIRAN,
            statement=f"At the end more than {MUCH} is beyond L ({name})",
            theirs="they diverge",
            values=last,
            unit=unit,
            verdict=most(_holds(last, last > MUCH)),
            note=f"{MUCH} is our threshold",
        ),
        measured(
            id=f"sim-kept-{name}",
            source=NAKKIRAN,
            statement=f"What L explains is kept: at least {KEPT} of its largest value "
            f"({name})",
            theirs="L is retained",
            values=kept,
            unit="μ at the end / its maximum",
            verdict=most(kept >= KEPT),
            note=f"{KEPT} is our threshold",
        ),
        measured(
            id=f"sim-null-{name}",
            source="our guess",
            statement="A learner without an order has more beyond L when it is as "
            f"accurate as L ({name})",
            theirs="–",
            values=without - first,
            unit=f"{unit}, less that of the network",
            verdict=larger(without - first),
            note="a control, of the same seed",
            kind="guess",
        ),
    ]


def about_coin(errors: Mapping[str, Runs]) -> list[Claim]:
    """Claims on training labels by coin: they are fitted, and nothing is learned.

    `errors`: on the coins that it was trained on ("train") and on test digits with
    their true labels ("test").
    """
    return [
        measured(
            id="sim-coin-fitted",
            source="zhang2017rethinking, randomization test",
            statement="The network fits labels by coin (training error below "
            f"{FITTED})",
            theirs="fitted",
            values=errors["train"],
            unit="training error",
            verdict=most(errors["train"] < FITTED),
            note=f"{FITTED} is our threshold",
        ),
        measured(
            id="sim-coin",
            source=NOTES,
            statement="It does not generalize: on test digits with their true labels "
            f"its error is above {GUESSING}",
            theirs="would never generalize",
            values=errors["test"],
            unit="test error",
            verdict=every(errors["test"] > GUESSING),
            note=f"{GUESSING} is our threshold; guessing has 0.5",
        ),
    ]
