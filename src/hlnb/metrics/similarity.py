"""How alike two representations of the same inputs are."""

import numpy as np
from jaxtyping import Real


def linear_cka(
    a: Real[np.ndarray, "n feature"], b: Real[np.ndarray, "n other"]
) -> float:
    """Centred kernel alignment of two sets of features, 0 to 1 (Kornblith et al. 2019).

    ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖) with centred columns and Frobenius norms. 1: equal up to
    rotation, shift and scale. Unrelated features give about √(feature·other)/n.
    """
    A, B = (x - x.mean(0) for x in (a.astype(float), b.astype(float)))
    shared = np.linalg.norm(A.T @ B) ** 2
    return float(shared / (np.linalg.norm(A.T @ A) * np.linalg.norm(B.T @ B)))
