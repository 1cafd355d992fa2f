"""Are filters more like the patterns than chance explains? Ranks as p-values.

The likeness of one run's filters with its patterns, by a `statistic` such as
`likeness.max_cosine`, is ranked among values under a null: foreign patterns, filters
that moved at random, or untrained networks. Filters w_j and patterns F_k both have
length T.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Real

from hlnb.metrics.likeness import Filters, Patterns, normalized


def rank_among_foreign(
    statistic: Callable[[Filters, Patterns], np.ndarray],
    filters: Real[np.ndarray, "channel T"],
    patterns: Real[np.ndarray, "k T"],
    *,
    generator: torch.Generator,
    n_foreign: int = 999,
) -> float:
    """p-value: how often patterns that the network never saw score at least as high.

    Foreign patterns are drawn like the real ones. If the filters had not learned which
    patterns are theirs, real and foreign ones would be exchangeable, so the p-value
    (1 + #{foreign ≥ real}) / (1 + n_foreign) is exact: it is ≤ a with probability ≤ a.
    """
    k, T = patterns.shape
    signs = 2 * torch.randint(2, (n_foreign, k, T), generator=generator).numpy() - 1
    foreign = statistic(filters[None], signs * np.abs(patterns).max())
    real = statistic(filters, patterns)
    return float((1 + (foreign >= real).sum()) / (1 + n_foreign))


def rank_each_among_foreign(
    statistic: Callable[[Filters, Patterns], np.ndarray],
    filters: Real[np.ndarray, "channel T"],
    patterns: Real[np.ndarray, "k T"],
    *,
    generator: torch.Generator,
    n_foreign: int = 1999,
) -> Real[np.ndarray, " channel"]:
    """The p-value of each filter alone, as `rank_among_foreign` has one for all.

    Property 2 speaks of most filters: at level a, a share of about a is found by chance
    alone, however alike the filters are. All filters meet the same foreign patterns.
    """
    state, found = generator.get_state(), []
    for one in filters:
        generator.set_state(state)
        found.append(
            rank_among_foreign(
                statistic,
                one[None],
                patterns,
                generator=generator,
                n_foreign=n_foreign,
            )
        )
    return np.array(found)


def _rank(
    statistic: Callable[[Filters, Patterns], np.ndarray],
    filters: Real[np.ndarray, "channel T"],
    others: Real[np.ndarray, "n channel T"],
    patterns: Real[np.ndarray, "k T"],
) -> float:
    """(1 + #{other ≥ real}) / (1 + n); NaN counts against the filters."""
    # one batch: equal filters then get equal scores, to the last bit
    scores = statistic(np.concatenate([filters[None], others]), patterns[None])
    return float((~(scores < scores[0])).mean())


def rank_among_moves(
    statistic: Callable[[Filters, Patterns], np.ndarray],
    start: Real[np.ndarray, "channel T"],
    filters: Real[np.ndarray, "channel T"],
    patterns: Real[np.ndarray, "k T"],
    *,
    generator: torch.Generator,
    n_moves: int = 999,
) -> float:
    """p-value: how often filters that moved as far at random score at least as high.

    Each filter goes from its `start` as far as training took it, in a random direction.
    If the directions that training took were uniform and independent, the p-value
    (1 + #{random ≥ real}) / (1 + n_moves) would be exact.
    """
    lengths = np.linalg.norm(filters - start, axis=-1, keepdims=True)
    shape = (n_moves, *start.shape)
    normal = torch.randn(shape, generator=generator, dtype=torch.float64).numpy()
    return _rank(statistic, filters, start + lengths * normalized(normal), patterns)


def rank_among_untrained(
    statistic: Callable[[Filters, Patterns], np.ndarray],
    filters: Real[np.ndarray, "channel T"],
    patterns: Real[np.ndarray, "k T"],
    untrained: Real[np.ndarray, "n channel T"],
) -> float:
    """p-value: how often untrained networks score at least as high.

    `untrained`: filters of n networks initialized like this one, independently of it
    and of the patterns. If training did not change the distribution of the statistic,
    the real network would be one more of them, and (1 + #{untrained ≥ real}) / (1 + n)
    exact. A statistic that grows with the length of the filters also sees that length
    grow.
    """
    return _rank(statistic, filters, untrained, patterns)
