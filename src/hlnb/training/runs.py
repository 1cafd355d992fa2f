"""What a run starts from and what it leaves."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlnb.errors import HlnbError, above_zero
from hlnb.seeding import check_seed


@dataclass(frozen=True)
class Run:
    """One network of an experiment; equal seeds share data and initialization."""

    seed: int
    lr: float  # step size on the mean loss of a batch

    def __post_init__(self):
        above_zero(lr=self.lr)
        check_seed(self.seed)


def grid(seeds: Iterable[int], lrs: Iterable[float]) -> tuple[Run, ...]:
    """Every learning rate with every seed, learning rates outermost."""
    runs = tuple(Run(seed, lr) for lr, seed in itertools.product(lrs, list(seeds)))
    if not runs:
        raise HlnbError("There is nothing to run: give at least one seed and one lr.")
    return runs


class Start(NamedTuple):
    """Where a run goes on that was trained before."""

    params: Mapping[str, np.ndarray]  # every parameter of the model
    epochs: int  # passes over the training set that were made


class Trace(NamedTuple):
    """What was measured in one run; record 0 is the start."""

    steps: np.ndarray  # (record,): updates made, those before the start included
    epochs: np.ndarray  # (record,): passes over the training set
    values: dict[str, np.ndarray]  # name → (record, …)
