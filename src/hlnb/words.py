"""Numbers in words, for the prose of chapters."""

import numpy as np
from jaxtyping import Real

Values = Real[np.ndarray, " _run"]


def in_range(values: Values, form: str = ".2f") -> str:
    """The median over runs and their range in words: 0.31 [0.29–0.35].

    `form`: the format of each number.
    """
    middle, low, high = np.median(values), values.min(), values.max()
    return f"{middle:{form}} [{low:{form}}–{high:{form}}]"
