"""Numbers and names in words, for the prose and the figures of chapters."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Real

Values = Sequence[float] | Real[np.ndarray, " _run"]


def in_range(values: Values, form: str = ".2f") -> str:
    """The median over runs and their range in words: 0.31 [0.29–0.35].

    `form`: the format of each number.
    """
    middle, low, high = np.median(values), np.min(values), np.max(values)
    return f"{middle:{form}} [{low:{form}}–{high:{form}}]"


def listed(names: Iterable[object], *, none: str = "none") -> str:
    """Names in a sentence: a, b and c; `none` where there is no name."""
    *first, last = [*map(str, names)] or [none]
    return f"{', '.join(first)} and {last}" if first else last


def layer_in_words(name: str) -> str:
    """The name of a layer as a reader sees it: `layer1` is layer 1, others stay."""
    return re.sub(r"^layer(?=\d+$)", "layer ", name)
