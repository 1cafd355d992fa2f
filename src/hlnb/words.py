"""Numbers and names in words, for the prose and the figures of chapters."""

import re
from collections.abc import Iterable, Mapping, Sequence

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


LAYERS: Mapping[str, str] = {
    "conv": "filters",
    "conv1": "first filters",
    "conv2": "second filters",
    "hidden": "hidden layer",
    "readout": "readout",
}
TRAININGS: Mapping[str, str] = {
    "simultaneous": "all layers together",
    "layer-wise": "layer by layer",
    "layer-wise, then simultaneous": "layer by layer, then all together",
    "greedy": "greedy, with readouts of their own",
}


def layer_in_words(name: str) -> str:
    """The name of a layer as a reader sees it: `conv` is filters, `level1` level 1.

    A name without other words stays.
    """
    return LAYERS.get(name) or re.sub(r"^(layer|level)(?=\d+$)", r"\1 ", name)


def training_in_words(key: str) -> str:
    """The name of a Schedule, or a meaning of `figures.style`, as a reader sees it.

    `only hidden` is hidden layer alone, and what a key adds after a comma is kept:
    `layer-wise, Adam` is layer by layer, Adam. A key without other words stays.
    """
    if key.startswith("only "):
        return f"{layer_in_words(key.removeprefix('only '))} alone"
    name, comma, more = key.partition(", ")
    plain = "greedy" if name == "greedy" and more else TRAININGS.get(name, name)
    return TRAININGS.get(key) or f"{plain}{comma}{more}"
