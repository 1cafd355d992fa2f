"""How alike two representations of the same inputs are: CKA and SVCCA.

A representation has one row per input and one column per feature. Sources: Kornblith et
al. 2019 (CKA), Raghu et al. 2017 (SVCCA, from canonical correlations).
"""

import numpy as np
from jaxtyping import Float, Real

from hlnb.errors import HlnbError


def linear_cka(
    a: Real[np.ndarray, "n feature"], b: Real[np.ndarray, "n other"]
) -> float:
    """Centred kernel alignment of two sets of features, 0 to 1 (Kornblith et al. 2019).

    ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖) with centred columns and Frobenius norms. 1: equal up to
    rotation, shift and scale. Unrelated features give about √(feature·other)/n. 0 where
    a representation is constant, the same for every input: it shares nothing.
    """
    A, B = (x - x.mean(0) for x in (a.astype(float), b.astype(float)))
    within = np.linalg.norm(A.T @ A) * np.linalg.norm(B.T @ B)
    if within == 0 or any((x == x[0]).all() for x in (a, b)):  # the mean is rounded
        return 0.0
    return float(np.linalg.norm(A.T @ B) ** 2 / within)


def basis(
    features: Real[np.ndarray, "n feature"], *, keep: float = 0.99
) -> Float[np.ndarray, "n direction"]:
    """Orthonormal directions with a share `keep` of the centred features' variance.

    The first step of SVCCA (Raghu et al. 2017): the leading left singular vectors, as
    few as suffice. Directions that are zero up to rounding never count. Refuses `keep`
    outside (0, 1].
    """
    if not 0 < keep <= 1:
        raise HlnbError(
            f"keep = {keep} is no share of the variance: take 0 < keep ≤ 1."
        )
    centred = features.astype(float) - features.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    real = sizes > sizes[0] * max(features.shape) * np.finfo(float).eps
    share = np.cumsum(sizes**2) / max((sizes**2).sum(), np.finfo(float).tiny)
    enough = int(np.searchsorted(share, keep * (1 - 1e-12))) + 1
    return left[:, : min(enough, int(real.sum()))]


def correlations(
    a: Float[np.ndarray, "n direction"], b: Float[np.ndarray, "n other"]
) -> Float[np.ndarray, " pair"]:
    """Canonical correlations of two centred orthonormal bases: 0 to 1, falling."""
    return np.linalg.svd(a.T @ b, compute_uv=False).clip(0, 1)


def mean_correlation(
    a: Float[np.ndarray, "n direction"], b: Float[np.ndarray, "n other"]
) -> float:
    """The mean of the canonical correlations of two bases; 0 where one is empty."""
    if 0 in (a.shape[1], b.shape[1]):
        return 0.0
    return float(correlations(a, b).mean())
