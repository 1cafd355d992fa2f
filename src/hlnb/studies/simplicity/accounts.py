"""How much the answers of a network tell, and how much of it a linear classifier does.

F are the network's answers, L those of the linear classifier, Y the labels. What F
tells of Y is I(F;Y) = μ + I(F;Y|L), where L explains μ; all in bits. Source: Nakkiran
et al. 2019, "SGD on Neural Networks Learns Functions of Increasing Complexity".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from hlnb.kept import kept
from hlnb.metrics.information import bias, conditional, explained, information


@dataclass(frozen=True)
class Account:
    """A run's accuracy and its information in bits, bias subtracted, at each record."""

    accuracy: Float[np.ndarray, " record"]
    total: Float[np.ndarray, " record"]  # I(F;Y)
    beyond: Float[np.ndarray, " record"]  # I(F;Y|L), what L does not explain
    shared: Float[np.ndarray, " record"]  # μ, what it explains
    linear: float  # accuracy of L

    @property
    def share_beyond(self) -> Float[np.ndarray, " record"]:
        """I(F;Y|L) / I(F;Y); NaN where I(F;Y) is at most 0.01 bits."""
        known = self.total > 0.01
        return np.where(known, self.beyond / np.where(known, self.total, 1), np.nan)

    def reaches(self, slack: float = 0.01) -> int | None:
        """The first record at least as accurate as L, minus `slack`; None: none."""
        enough = self.accuracy >= self.linear - slack
        return int(enough.argmax()) if enough.any() else None


def as_good(books: Sequence[Account]) -> Float[np.ndarray, " run"]:
    """Each run's share beyond L when it first `reaches` L's accuracy; inf if never."""
    reached = [b.reaches() for b in books]
    return np.array(
        [
            math.inf if r is None else b.share_beyond[r]
            for b, r in zip(books, reached, strict=True)
        ]
    )


def curves(books: Sequence[Account]) -> dict[str, Float[np.ndarray, "run record"]]:
    """`total`, `shared`, `beyond` and `accuracy` of every run, by name."""
    names = ("total", "shared", "beyond", "accuracy")
    return {name: np.array([getattr(b, name) for b in books]) for name in names}


@kept
def account(
    guesses: Int[np.ndarray, "record n"],
    y: Int[np.ndarray, " n"],
    linear: Int[np.ndarray, " n"],
) -> Account:
    """The Account of a run, from its answers at each record, labels and L's answers."""
    n = len(y)
    total = np.array([information(f, y) for f in guesses]) - bias(n)
    beyond = np.array([conditional(f, y, linear) for f in guesses]) - bias(n, given=2)
    shared = np.array([explained(f, y, linear) for f in guesses])
    shared = shared - bias(n) + bias(n, given=2)
    accuracy = (guesses == y).mean(1)
    return Account(accuracy, total, beyond, shared, float((linear == y).mean()))
