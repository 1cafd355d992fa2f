"""Sentences of the chapter on pitfalls that follow from what was measured."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.metrics.chance import left_out
from hlnb.metrics.times import median
from hlnb.words import in_range, listed

Runs = Real[np.ndarray, " _run"]
LOST = 0.02  # AUC: a network that loses more without a coordinate uses it


def steps(times: Runs, *, cap: float) -> str:
    """The median and range of times; what had not come by `cap` is ">cap"."""

    def show(time: float) -> str:
        return f"{time:.0f}" if math.isfinite(time) else f">{cap:.0f}"

    return f"{show(median(times))} [{show(times.min())}–{show(times.max())}]"


def spread(values: Runs, form: str = ".2f") -> str:
    """The median and range of the runs that have a finite number, and how many."""
    known = values[np.isfinite(values)]
    return in_range(known, form) + left_out(values) if len(known) else "no number"


def sooner(left: Runs, right: Runs) -> str:
    """Which set is learned first in most pairs of runs, and in how many of them."""
    wins = {"left": int((left < right).sum()), "right": int((right < left).sum())}
    best = max(wins, key=lambda side: wins[side])
    if wins["left"] == wins["right"]:
        return f"Neither, over {len(left)} pairs"
    return f"The {best} one, in {wins[best]} of {len(left)} pairs"


def below(errors: Mapping[str, Runs], threshold: float) -> str:
    """Which of several have an error below the threshold in most runs, with counts."""
    hits = {name: int((values < threshold).sum()) for name, values in errors.items()}
    most = [
        f"{name} ({hits[name]} of {len(values)})"
        for name, values in errors.items()
        if 2 * hits[name] > len(values)
    ]
    return listed(most, none="none of them")


def uses(standard: Runs, shuffled: Runs) -> str:
    """Whether most networks use what was shuffled, by what their AUCs lose."""
    used = int((standard - shuffled > LOST).sum())
    word = "Yes" if 2 * used > len(standard) else "Hardly"
    return f"{word}: {used} of {len(standard)} lose more than {LOST} of AUC"


def memory(train: Runs, test: Runs) -> str:
    """What a network does with the training inputs that its rule gets wrong."""
    if np.median(train) < 0.75 * np.median(test):
        return "It learns a part of them by heart"
    return "It gets them wrong in training, too"
