"""The claims of the chapter on staircases: order, growth by products, LWT."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real

from hlnb.claims import Claim, counted, measured
from hlnb.verdicts import larger, most

ABBE = "abbe2021staircase"
ENOUGH = 0.1  # of the variance: learned if no more is left

Values = Real[np.ndarray, " run"]


def learning(
    *,
    k: int,
    staircase: Values,
    last_term: Values,
    coefficient: Values,
    ends: tuple[Values, Values],
    disordered: Values,
    slack: int,
) -> list[Claim]:
    """Claims on what SGD learns of a staircase of height k, and of its last term alone.

    staircase: its error by iteration 25,000. last_term: the lowest error on the last
    term alone. coefficient: the last term's largest, in size. ends: errors of these
    runs at the end, in training and test. disordered: pairs of the staircase's terms
    in the wrong order, by more than `slack` iterations.
    """
    training, test = ends
    return [
        measured(
            id="staircase-learned",
            source=ABBE,
            statement=f"A residual network learns the staircase S_{k} by SGD",
            theirs="learned",
            values=staircase,
            unit="error / variance by iteration 25,000",
            verdict=most(staircase <= 0.05),
            note="judged: at most 0.05",
        ),
        measured(
            id="staircase-last-term",
            source=ABBE,
            statement=f"The same network does not learn the last term alone, χ_{k}",
            theirs="not learned",
            values=last_term,
            unit="lowest error / variance",
            verdict=most((last_term >= 0.99) & (coefficient < 0.05)),
            note="judged: error at least 0.99, largest coefficient below 0.05",
        ),
        _order(k=k, disordered=disordered, slack=slack),
        counted(
            id="staircase-memory",
            source="our guess",
            statement="On the last term alone the network learns its training examples "
            "by heart",
            theirs="–",
            holds=(training < 0.99) & (test > 1),
            rule=most,
            kind="guess",
            note="training error below 0.99 and test error above 1 at the end; no "
            "pilot",
        ),
    ]


def _order(*, k: int, disordered: Values, slack: int) -> Claim:
    return measured(
        id="staircase-order",
        source=ABBE,
        statement="Terms are learned in order of degree",
        theirs="low degrees first",
        values=disordered,
        unit=f"of {k * (k - 1) // 2} pairs in the wrong order",
        verdict=most(disordered == 0),
        note=f"half of the target; slack {slack} iterations",
    )


def growth(
    *, all_terms: Sequence[bool], nothing: Sequence[bool], threshold: float
) -> list[Claim]:
    """Claims on growth by products that keeps correlations above `threshold`.

    all_terms: whether it kept the staircase's terms and no other, for each run.
    nothing: whether it kept none where the last term stands alone.
    """
    return [
        counted(
            id="staircase-growth",
            source=ABBE,
            statement="Layer by layer, products of lower-level features give all terms "
            "of S_10",
            theirs="learned greedily",
            holds=all_terms,
            rule=most,
            note=f"product growth, our simplification; threshold {threshold}",
        ),
        counted(
            id="staircase-growth-last-term",
            source="our guess",
            statement="The same finds nothing when the last term stands alone",
            theirs="–",
            holds=nothing,
            rule=most,
            kind="guess",
        ),
    ]


def two_phases(
    *, left: Mapping[int, Values], steps: int, faster: Values
) -> list[Claim]:
    """Claims on two layers trained one after the other, as in the theorem.

    left: the share of variance after `steps` of the first layer, by the height of the
    staircase. faster: how many times fewer steps the lowest staircase takes than its
    last term alone; NaN where neither got there.
    """
    lowest = min(left)
    return [
        measured(
            id=f"staircase-two-{height}",
            source="glasgow, Section 3.2; abbe2022merged",
            statement="Two layers, one after the other, learn the staircase "
            f"S_{height}",
            theirs="provably works",
            values=values,
            unit="error / variance",
            verdict=most(values <= ENOUGH),
            note=f"{steps} steps of the first layer, then the readout; judged: at most "
            f"{ENOUGH}",
        )
        for height, values in left.items()
    ] + [
        measured(
            id="staircase-two-last",
            source="our guess",
            statement=f"S_{lowest} takes less than half as many steps as its last term "
            "alone",
            theirs="–",
            values=faster,
            unit="times as many steps for the last term",
            verdict=larger(faster, by=2.0),
            note="infinite: it was not learned" if np.isinf(faster).any() else "",
            kind="guess",
        )
    ]


def layer_by_layer(*, left: Mapping[int, Values], depth: int, lr: float) -> list[Claim]:
    """Claims on strict layer-wise training of `depth` layers, one for each height.

    left: error over variance at the end, by the height of the staircase. lr: the rate,
    chosen on other runs.
    """
    return [
        measured(
            id=f"staircase-lwt-{height}",
            source="glasgow, Section 3.2",
            statement=f"Layer-wise training of {depth} layers learns the staircase "
            f"S_{height}",
            theirs="provably works, a step for each layer",
            values=values,
            unit="error / variance at the end",
            verdict=most(values <= ENOUGH),
            note=f"by SGD, rate {lr:g}; judged: at most {ENOUGH}, as in the report's "
            "Table 1. The theorems are about other networks",
        )
        for height, values in left.items()
    ]
