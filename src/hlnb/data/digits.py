"""Handwritten digits that come with scikit-learn."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from sklearn.datasets import load_digits

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError
from hlnb.seeding import stream


@dataclass(frozen=True)
class Digits:
    """scikit-learn's 1797 handwritten digits: 64 pixels from 0 to 1, ten classes.

    halves: two classes instead, digits 0 to 4 against 5 to 9.
    """

    n_validation: int = 300
    n_test: int = 400
    halves: bool = False

    @property
    def n_classes(self) -> int:
        return 2 if self.halves else 10

    @cached_property
    def _all(self) -> Batch:
        x, y = load_digits(return_X_y=True)
        labels = y >= 5 if self.halves else y
        return Batch(torch.tensor(x / 16).float(), torch.tensor(labels).long())

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        """`n` digits without replacement; all 1797 where `n` is larger."""
        x, y, _ = self._all
        rows = torch.randperm(len(x), generator=generator)[:n]
        return Batch(x[rows], y[rows])

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        """Three disjoint parts of the digits, shuffled by `seed`.

        Refuses to split more digits than there are.
        """
        x, y, _ = self._all
        held = self.n_validation + self.n_test
        if n_train + held > len(x):
            raise HlnbError(
                f"There are {len(x)} digits, too few for {n_train} to train on and "
                f"{held} to look at: lower n_train."
            )
        rows = torch.randperm(len(x), generator=stream(seed, "digits"))
        parts = rows[: n_train + held].split([n_train, self.n_validation, self.n_test])
        names = ("train", "validation", "test")
        return {
            name: Batch(x[part], y[part])
            for name, part in zip(names, parts, strict=True)
        }

    def with_seed(self, seed: int) -> "Digits":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> dict[str, Any]:
        return {"problem": "digits", **asdict(self)}
