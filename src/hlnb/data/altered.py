"""Problems made from another problem: one split for all runs, or random labels.

With `SameData`, runs differ in the order of their data alone. `Shuffled` and `Coin` are
controls, whose labels say nothing about the inputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from hlnb.data.problem import Batch, Problem
from hlnb.seeding import stream


@dataclass(frozen=True)
class SameData:
    """`problem` with the split of `seed`, whatever the seed of a run.

    What the problem hides (its patterns, say) is drawn from `seed`, too.
    """

    problem: Problem
    seed: int

    @property
    def n_classes(self) -> int:
        return self.problem.n_classes

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        return self.problem.with_seed(self.seed).sample(n, generator=generator)

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        return self.problem.split(self.seed, n_train=n_train)

    def with_seed(self, seed: int) -> "SameData":
        return self

    def describe(self) -> dict[str, Any]:
        return {"same data": dict(self.problem.describe()), "seed": self.seed}


@dataclass(frozen=True)
class Shuffled:
    """`problem` with the labels of each part permuted: there is nothing to learn.

    Inputs and the number of labels of each class stay as they are.
    """

    problem: Problem

    @property
    def n_classes(self) -> int:
        return self.problem.n_classes

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x, y, _ = self.problem.sample(n, generator=generator)
        return Batch(x, y[torch.randperm(n, generator=generator)])

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        draw = stream(seed, "shuffled labels")
        return {
            part: Batch(b.x, b.y[torch.randperm(len(b.y), generator=draw)])
            for part, b in self.problem.split(seed, n_train=n_train).items()
        }

    def with_seed(self, seed: int) -> "Shuffled":
        return Shuffled(self.problem.with_seed(seed))

    def describe(self) -> dict[str, Any]:
        return {"shuffled labels of": dict(self.problem.describe())}


@dataclass(frozen=True)
class Coin:
    """`problem` with training labels drawn uniformly from all classes: a control.

    Inputs stay as they are, and so do validation and test labels. What `sample` returns
    has random labels too.
    """

    problem: Problem

    @property
    def n_classes(self) -> int:
        return self.problem.n_classes

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x, _, weight = self.problem.sample(n, generator=generator)
        return Batch(
            x, torch.randint(self.n_classes, (n,), generator=generator), weight
        )

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        """The problem's batches, with random labels in `train`."""
        real = self.problem.split(seed, n_train=n_train)
        thrown = torch.randint(
            self.n_classes, (n_train,), generator=stream(seed, "labels by coin")
        )
        return {**real, "train": real["train"]._replace(y=thrown)}

    def with_seed(self, seed: int) -> "Coin":
        return Coin(self.problem.with_seed(seed))

    def describe(self) -> dict[str, Any]:
        return {"problem": "labels by coin", "inputs": self.problem.describe()}
