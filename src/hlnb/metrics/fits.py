"""Exponents of power laws: slopes of lines through logarithms, by least squares."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real

Sizes = Sequence[float] | Real[np.ndarray, " size"]


def log_slope(
    sizes: Sizes,
    values: Sequence[float] | Real[np.ndarray, " size"],
    *,
    partial: bool = False,
) -> float:
    """The exponent a of value ∝ size^a: the slope of log value against log size.

    NaN if a value is not finite. With `partial` such values are left out, and NaN is
    what fewer than two others give. Values are above 0.
    """
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(values, float))
    known = np.isfinite(y)
    if known.sum() < 2 or not (partial or known.all()):
        return math.nan
    return float(np.polyfit(x[known], y[known], 1)[0])


def log_slopes(
    sizes: Sizes, values: Real[np.ndarray, "run size"]
) -> Float[np.ndarray, " run"]:
    """The `log_slope` of each run, from one system of equations: finite values only."""
    return np.polyfit(np.log(sizes), np.log(values).T, 1)[0]
