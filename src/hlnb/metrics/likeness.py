"""Do first-layer filters look like the patterns? The report's numbers, and others.

Filters w_j and patterns F_k both have length T; leading axes (runs, say) broadcast. The
report's two numbers are those of its Section 5, "Interpretability".
"""

import numpy as np
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


def normalized(vectors: Real[np.ndarray, "... T"]) -> Real[np.ndarray, "... T"]:
    """The vectors scaled to length 1; NaN for one of zeros."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def max_correlation(
    filters: Filters, patterns: Patterns
) -> Real[np.ndarray, "..."] | np.floating:
    """mean_j max_k max_s |Σ_i w_j[i] F_k[i − s]| / (‖w_j‖ ‖F_k‖), s any shift.

    A filter that holds a shifted pattern still counts, without the pixels that were
    shifted out: zeros take their place, and the norms are those of all of w and F.
    """
    T = patterns.shape[-1]
    around = [(0, 0)] * (patterns.ndim - 1) + [(T - 1, T - 1)]
    shifted = sliding_window_view(np.pad(normalized(patterns), around), T, axis=-1)
    shifted = shifted.reshape(*patterns.shape[:-2], -1, T)  # … (k shift) T
    return np.abs(_products(normalized(filters), shifted)).max(-1).mean(-1)


def relative_change(
    trained: Real[np.ndarray, "*run"], untrained: Real[np.ndarray, "*run"]
) -> Real[np.ndarray, "..."] | np.floating:
    """(trained − untrained) / untrained, as the report normalizes; NaN for 0/0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (trained - untrained) / untrained
