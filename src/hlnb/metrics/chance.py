"""Intervals and p-values: what chance alone could do.

Only `mean_interval` assumes that values are normal.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real
from scipy import stats

from hlnb.errors import HlnbError

Whole = int | np.integer
EXACT_UP_TO = 20_000  # ways to split two samples; above, see `rank_sum`


def interval(k: Whole, n: Whole, *, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper bound of a share of which `k` of `n` were seen (Clopper–Pearson).

    It covers the true share with probability `confidence` at least, whatever that share
    is. Refuses `k` outside 0 to `n`, and `n` = 0.
    """
    if not 0 <= k <= n or n == 0:
        raise HlnbError(f"{k} of {n} is not a count: take 0 ≤ k ≤ n and n ≥ 1.")
    found = stats.binomtest(int(k), int(n)).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def tail(k: Whole, n: Whole, *, p: float) -> float:
    """P(Binomial(n, p) ≥ k)."""
    return float(stats.binom.sf(k - 1, n, p))


def holm(
    p_values: Real[np.ndarray, " test"] | Sequence[float],
) -> Float[np.ndarray, " test"]:
    """Holm's adjusted p-values, in the order given.

    Rejecting all tests with an adjusted p ≤ a rejects any true hypothesis with
    probability ≤ a, however the tests depend on each other.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    steps = np.arange(len(p), 0, -1) * p[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _check_sample(values: Real[np.ndarray, " run"]) -> None:
    if not len(values) or np.isnan(values).any():
        raise HlnbError(
            "A sample needs values, none of them NaN: leave those runs out."
        )


def mean_interval(
    values: Real[np.ndarray, " run"], *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """The mean, and the lower and upper bound of its expectation (Student's t).

    Exact if values are normal. One value has no interval: its bounds are NaN. Refuses a
    sample that is empty or has a NaN.
    """
    _check_sample(values)
    values, n = np.asarray(values, float), len(values)
    middle = float(values.mean())
    if n == 1:
        return middle, math.nan, math.nan
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
    return middle, middle - float(half), middle + float(half)


def left_out(values: Real[np.ndarray, " run"]) -> str:
    """How many runs have a finite number, if not all: `, 3 of 5 runs`."""
    known = int(np.isfinite(values).sum())
    return "" if known == len(values) else f", {known} of {len(values)} runs"


def rank_sum(a: Real[np.ndarray, " run"], b: Real[np.ndarray, " other"]) -> float:
    """Two-sided p-value of the Mann–Whitney test; inf ranks last, ties share a rank.

    Exact, ties included, where the pooled values can be split in at most EXACT_UP_TO
    ways. Otherwise exact if a sample has at most 8 values and none tie, else by the
    normal approximation. Refuses a sample that is empty or has a NaN.
    """
    _check_sample(a)
    _check_sample(b)
    ranks = stats.rankdata(np.concatenate([a, b]))
    few = math.comb(len(ranks), len(a)) <= EXACT_UP_TO
    method = stats.PermutationMethod(n_resamples=math.inf) if few else "auto"
    found = stats.mannwhitneyu(ranks[: len(a)], ranks[len(a) :], method=method)
    return float(found.pvalue)
