"""How far weights travel from where they started."""

import numpy as np
from jaxtyping import Real


def deviation(
    weights: Real[np.ndarray, "..."], *, axes: int
) -> Real[np.ndarray, "..."]:
    """‖W_t − W_0‖_F / ‖W_0‖_F at every record (the report's Equation 3.1).

    `weights` has shape (…, record, one weight array); `axes` says how many trailing
    axes that array has; record 0 is W_0. The result has shape (…, record).
    """
    over = tuple(range(-axes, 0))
    first = np.take(weights, [0], axis=-axes - 1)
    moved = np.sqrt(((weights - first) ** 2).sum(over))
    return moved / np.sqrt((first**2).sum(over))
