"""Property 2 against three nulls: likeness of filters and patterns, over all rows."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from jaxtyping import Real

from hlnb.kept import kept
from hlnb.metrics import foreign, likeness
from hlnb.metrics.chance import holm, tail
from hlnb.models.model import Model
from hlnb.seeding import stream
from hlnb.studies.table_1.experiment import LEVEL, Reproduction

SCORES: Mapping[str, Callable] = {
    "dot": likeness.max_dot,
    "convolution": likeness.max_convolution,
    "cosine": likeness.max_cosine,
    "cosine, any shift": likeness.max_correlation,
}
NULLS = ("untrained", "random move", "foreign patterns")


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
    """p-values of the first `few` runs on arrival, by null and score.

    "untrained": trained filters among those of fresh networks. "random move": among
    the same filters moved as far in random directions. "foreign patterns": the real
    patterns among sets that the network never saw. All one-sided: more alike.
    `n_moves`: random moves, and foreign sets, for each test.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for run in range(row.few):
        seed, patterns = row.seed(run), row.patterns(run)
        start = row.filters("start", run=run)
        now = row.filters("arrival", run=run)
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
