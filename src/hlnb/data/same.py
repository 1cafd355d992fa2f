"""One split for all runs, so that runs differ in their order of the data alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from hlnb.data.problem import Batch, Problem


@dataclass(frozen=True)
class SameData:
    """`problem` with the split of seed `seed`, whatever the seed of a run."""

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
