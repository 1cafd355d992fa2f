"""Do first-layer filters look like the patterns? The report's numbers, and others.

Filters w_j and patterns F_k both have length T.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Real
from numpy.lib.stride_tricks import sliding_window_view

Filters = Real[np.ndarray, "... channel T"]
Patterns = Real[np.ndarray, "... k T"]


def _products(
    filters: Filters, patterns: Patterns
) -> Real[np.ndarray, "... channel k"]:
    return filters @ np.swapaxes(patterns, -1, -2)


def max_dot(
    filters: Filters, patterns: Patterns
) -> Real[np.ndarray, "..."] | np.floating:
    """mean_j max_k ⟨w_j, F_k⟩: the report's "max dot product", signed."""
    return _products(filters, patterns).max(-1).mean(-1)


def max_convolution(
    filters: Filters, patterns: Patterns
) -> Real[np.ndarray, "..."] | np.floating:
    """mean_j max_k 1ᵀ(w_j ∗ F_k), the report's second number; ∗ in full.

    Computed as (Σ w_j)(Σ F_k), which 1ᵀ(w ∗ F) equals: the all-ones vector adds up
    every product of an entry of w and an entry of F exactly once.
    """
    sums = filters.sum(-1)[..., :, None] * patterns.sum(-1)[..., None, :]
    return sums.max(-1).mean(-1)


def cosines(filters: Filters, patterns: Patterns) -> Real[np.ndarray, "... channel k"]:
    """cos(w_j, F_k) of every filter with every pattern."""
    lengths = np.linalg.norm(filters, axis=-1)[..., :, None]
    lengths = lengths * np.linalg.norm(patterns, axis=-1)[..., None, :]
    return _products(filters, patterns) / lengths


def max_cosine(
    filters: Filters, patterns: Patterns
) -> Real[np.ndarray, "..."] | np.floating:
    """mean_j max_k |cos(w_j, F_k)|: in [0, 1], blind to the length of either."""
    return np.abs(cosines(filters, patterns)).max(-1).mean(-1)


def _unit(vectors: Real[np.ndarray, "... T"]) -> Real[np.ndarray, "... T"]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def max_correlation(
    filters: Filters, patterns: Patterns
) -> Real[np.ndarray, "..."] | np.floating:
    """mean_j max_k max_s |Σ_i w_j[i] F_k[i − s]| / (‖w_j‖ ‖F_k‖), s any shift.

    A filter that holds a pattern moved by some pixels still counts, less the pixels
    that left: zeros take their place, and the norms are those of w and F in full.
    """
    T = patterns.shape[-1]
    around = [(0, 0)] * (patterns.ndim - 1) + [(T - 1, T - 1)]
    shifted = sliding_window_view(np.pad(_unit(patterns), around), T, axis=-1)
    shifted = shifted.reshape(*patterns.shape[:-2], -1, T)  # … (k shift) T
    return np.abs(_products(_unit(filters), shifted)).max(-1).mean(-1)


def rank_among_foreign(
    statistic: Callable[[Filters, Patterns], np.ndarray],
    filters: Real[np.ndarray, "channel T"],
    patterns: Real[np.ndarray, "k T"],
    *,
    generator: torch.Generator,
    n_foreign: int = 999,
) -> float:
    """How often patterns the network never saw score at least as high: a p-value.

    Foreign patterns are drawn like the real ones. If the filters had not learned which
    patterns are theirs, real and foreign ones would be exchangeable, so the p-value
    (1 + #{foreign ≥ real}) / (1 + n_foreign) is exact: it is ≤ a with probability ≤ a.
    """
    k, T = patterns.shape
    signs = 2 * torch.randint(2, (n_foreign, k, T), generator=generator).numpy() - 1
    foreign = statistic(filters[None], signs * np.abs(patterns).max())
    real = statistic(filters, patterns)
    return float((1 + (foreign >= real).sum()) / (1 + n_foreign))


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
    """How often filters that moved as far at random score at least as high: a p-value.

    Each filter goes from its `start` as far as training took it, in a direction of its
    own. If the directions that training took were uniform and independent, the p-value
    (1 + #{random ≥ real}) / (1 + n_moves) would be exact.
    """
    lengths = np.linalg.norm(filters - start, axis=-1, keepdims=True)
    shape = (n_moves, *start.shape)
    normal = torch.randn(shape, generator=generator, dtype=torch.float64).numpy()
    return _rank(statistic, filters, start + lengths * _unit(normal), patterns)


def rank_among_untrained(
    statistic: Callable[[Filters, Patterns], np.ndarray],
    filters: Real[np.ndarray, "channel T"],
    patterns: Real[np.ndarray, "k T"],
    untrained: Real[np.ndarray, "n channel T"],
) -> float:
    """How often untrained networks score at least as high: a p-value.

    `untrained`: filters of n networks initialized like this one, independently of it
    and of the patterns. If training left the law of the statistic as it was, the real
    network would be one more of them, and (1 + #{untrained ≥ real}) / (1 + n) exact.
    A statistic that grows with the length of the filters sees that length grow, too.
    """
    return _rank(statistic, filters, untrained, patterns)


def relative_change(
    trained: Real[np.ndarray, "*run"], untrained: Real[np.ndarray, "*run"]
) -> Real[np.ndarray, "..."] | np.floating:
    """(trained − untrained) / untrained, as the report normalizes; NaN for 0/0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (trained - untrained) / untrained
