"""Do first-layer filters look like the patterns? The report's numbers, and others.

Filters w_j and patterns F_k both have length T.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Real

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


def relative_change(
    trained: Real[np.ndarray, "*run"], untrained: Real[np.ndarray, "*run"]
) -> Real[np.ndarray, "..."] | np.floating:
    """(trained − untrained) / untrained, as the report normalizes; NaN for 0/0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (trained - untrained) / untrained
