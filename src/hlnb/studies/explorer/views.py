"""What the explorer shows of one problem under one training at one learning rate."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Real

from hlnb.metrics.times import first_hit, held
from hlnb.words import training_in_words

KEYS = ("simultaneous", "layer-wise", "greedy", "only conv")
TRAININGS = tuple(map(training_in_words, KEYS))
TOGETHER, IN_TURN, GREEDY, ALONE = TRAININGS
PAIRS: Mapping[str, tuple[str, str]] = {  # what the explorer compares
    "together, or layer by layer": (TOGETHER, IN_TURN),
    "layer by layer, or greedy": (IN_TURN, GREEDY),
    "together, or the filters alone": (TOGETHER, ALONE),
}
PROBLEMS: Mapping[int, str] = {  # by the name that its chapter has
    1: "1: one pattern or the other",
    2: "2: both or neither",
    3: "3: four classes, two patterns",
    4: "4: ten patterns, two classes",
    5: "5: which patterns follow",
}


@dataclass(frozen=True)
class View:
    """One problem under one training at one learning rate."""

    epochs: Real[np.ndarray, " record"]
    errors: Real[np.ndarray, "run record"]  # test error
    start: Real[np.ndarray, "channel T"]  # filters of run 0, untrained
    end: Real[np.ndarray, "channel T"]  # and at the end
    patterns: Real[np.ndarray, "k T"]  # of run 0's problem
    ends: tuple[int, ...]  # epochs at which phases end

    @property
    def times(self) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1; inf where it was not reached."""
        return first_hit(self.epochs, self.errors)

    @property
    def last(self) -> Real[np.ndarray, " run"]:
        """Test errors at the end; the last one measured, if a run diverged."""
        return held(self.errors)[:, -1]

    def sentence(self, training: str) -> str:
        """What came out, in a sentence: how many runs, when, and the median end."""
        reached, n = int(np.isfinite(self.times).sum()), len(self.times)
        soon = f", after {np.median(self.times):.3g} epochs" if reached == n else ""
        return (
            f"{training[0].upper()}{training[1:]}: {reached} of {n} "
            f"{'run gets' if n == 1 else 'runs get'} to an error of 0.1{soon}; "
            f"error at the end {np.median(self.last):.2f}."
        )

    @property
    def travelled(self) -> float:
        """How far the filters of run 0 moved, relative to their length at the start."""
        moved = np.linalg.norm(self.end - self.start)
        return float(moved / np.linalg.norm(self.start))
