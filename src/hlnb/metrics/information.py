"""Mutual information of discrete answers, in bits, and the bias of its estimate."""

import math

import numpy as np
from jaxtyping import Int

Answers = Int[np.ndarray, " n"]


def _entropy(*columns: Answers) -> float:
    """Entropy in bits of the joint distribution of the columns, as counted."""
    _, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def information(a: Answers, b: Answers) -> float:
    """I(A;B) in bits of the counted distribution (the plug-in estimate)."""
    return _entropy(a) + _entropy(b) - _entropy(a, b)


def conditional(a: Answers, b: Answers, given: Answers) -> float:
    """I(A;B|C) in bits of the counted distribution; C is `given`."""
    return (
        _entropy(a, given)
        + _entropy(b, given)
        - _entropy(a, b, given)
        - _entropy(given)
    )


def explained(f: Answers, y: Answers, by: Answers) -> float:
    """μ = I(F;Y) − I(F;Y|L): how much of F's information on Y the answers L explain.

    Nakkiran et al. 2019. Symmetric in F, Y and L, and at most each pair's information.
    """
    return information(f, y) - conditional(f, y, by)


def bias(n: int, *, a: int = 2, b: int = 2, given: int = 1) -> float:
    """How much too large counted information is on average, in bits, at large n.

    (a − 1)(b − 1) · given / (2 n ln 2), where a, b and `given` values occur. Without
    any information, 2 n ln 2 times the estimate is χ² with (a − 1)(b − 1) · given
    degrees of freedom (Miller 1955); with some, the bias is the same to this order.
    """
    return (a - 1) * (b - 1) * given / (2 * n * math.log(2))
