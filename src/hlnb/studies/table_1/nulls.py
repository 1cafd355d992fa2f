"""Properties 1–4 as statistical tests, over all problems of Table 1.

A property of runs is tested by counting the runs that have it: the share with its exact
interval, and the sign test's p-value against "half of the runs or fewer". Likeness of
filters and patterns is tested against three nulls, and the tests are counted.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Real

from hlnb.kept import kept
from hlnb.metrics import foreign, likeness
from hlnb.metrics.chance import holm, interval, tail
from hlnb.models.model import Model
from hlnb.seeding import stream
from hlnb.studies.table_1.experiment import Reproduction

LEVEL = 0.05  # a single network's test; the false-alarm rate over all tests too
SCORES: Mapping[str, Callable] = {
    "dot": likeness.max_dot,
    "convolution": likeness.max_convolution,
    "cosine": likeness.max_cosine,
    "cosine, any shift": likeness.max_correlation,
}
NULLS = ("untrained", "random move", "foreign patterns")


class Share(NamedTuple):
    """How many of n runs have a property, with what that says about all runs."""

    k: int
    n: int
    low: float  # exact 95 % interval of the share (Clopper and Pearson)
    high: float
    p: float  # sign test: P(k or more of n) if half of all runs had it


def share(has: Bool[np.ndarray, " run"] | Sequence[bool]) -> Share:
    """The Share of runs that have a property."""
    k, n = int(np.sum(has)), len(has)
    return Share(k, n, *interval(k, n), tail(k, n, p=0.5))


@kept
def untrained_filters(
    model: Model, *, n: int = 999
) -> Real[np.ndarray, "network channel T"]:
    """First-layer filters of `n` fresh networks that were never trained."""
    first, generator = model.layers[0], stream(0, "untrained networks")
    drawn = [
        first.init(generator, model.initialization)[f"{first.name}.weight"][:, 0]
        for _ in range(n)
    ]
    return torch.stack(drawn).numpy()


@kept
def likeness_ranks(
    row: Reproduction,
    untrained: Real[np.ndarray, "network channel T"],
    *,
    n_moves: int = 999,
) -> dict[tuple[str, str], Real[np.ndarray, " run"]]:
    """p-values of each run on arrival, by null and score.

    "untrained": trained filters among those of fresh networks. "random move": among
    the same filters moved as far in random directions. "foreign patterns": the real
    patterns among sets that the network never saw. All one-sided: more alike.
    `n_moves`: random moves, and foreign sets, for each test.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for seed in range(len(row.together.runs)):
        patterns = row.patterns(seed)
        start = row.filters("start", seed=seed)
        now = row.filters("arrival", seed=seed)
        for name, score in SCORES.items():
            p = foreign.rank_among_untrained(score, now, patterns, untrained)
            found.setdefault(("untrained", name), []).append(p)
            generator = stream(seed, f"random moves {name}")
            p = foreign.rank_among_moves(
                score, start, now, patterns, generator=generator, n_moves=n_moves
            )
            found.setdefault(("random move", name), []).append(p)
            generator = stream(seed, f"foreign patterns {name}")
            p = foreign.rank_among_foreign(
                score, now, patterns, generator=generator, n_foreign=n_moves
            )
            found.setdefault(("foreign patterns", name), []).append(p)
    return {key: np.array(values) for key, values in found.items()}


def counts(
    ranks: Mapping[tuple, Real[np.ndarray, " run"]],
) -> dict[tuple, tuple[int, int, float]]:
    """For each test: networks with p ≤ LEVEL, of how many, and Holm's adjusted p-value.

    If a null were true, each network would fall at or under LEVEL with at most that
    probability; the binomial tail of the count is the test's p-value, and Holm's method
    holds the chance of any false alarm among all tests at or under LEVEL.
    """
    below = {key: int((p <= LEVEL).sum()) for key, p in ranks.items()}
    tails = [tail(below[key], len(p), p=LEVEL) for key, p in ranks.items()]
    adjusted = holm(np.array(tails))
    return {
        key: (below[key], len(ranks[key]), float(p))
        for key, p in zip(ranks, adjusted, strict=True)
    }
