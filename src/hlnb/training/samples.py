"""The data of runs while they train: batches, their order, and where they lie."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor

from hlnb.data.problem import Batch, Problem
from hlnb.errors import HlnbError
from hlnb.seeding import stream
from hlnb.training.runs import Run


def resolved(device: str) -> str:
    """The device that a name means on this machine: auto is cuda where there is one."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # unknown, or not on this machine
        raise HlnbError(f"There is no device {device!r} here: take cpu.") from error
    return device


@dataclass
class Samples:
    """The data of some runs, each in the order that its seed gives.

    `online`: the training sets are drawn anew for each epoch. `epoch`: how many passes
    over them have begun, those before the start included.
    """

    problem: Problem
    runs: Sequence[Run]
    n_train: int
    batch_size: int
    online: bool
    dtype: torch.dtype
    device: str
    epoch: int = 0
    batches: list[dict[str, Batch]] = field(init=False)  # by run: name → batch

    def __post_init__(self):
        splits = [self.problem.split(r.seed, n_train=self.n_train) for r in self.runs]
        self.batches = [{n: self._here(b) for n, b in s.items()} for s in splits]
        self._orders = [stream(run.seed, "order") for run in self.runs]
        for _ in range(self.epoch):
            self._shuffled()

    @property
    def per_epoch(self) -> int:
        """Steps of a pass over the training set."""
        return math.ceil(self.n_train / self.batch_size)

    @property
    def labelled(self) -> bool:
        """Whether y are labels, not numbers."""
        return not self.batches[0]["train"].y.is_floating_point()

    def renew(self) -> None:
        """Draws the training sets of a new epoch, where each epoch has its own."""
        if not (self.online and self.epoch):
            return
        for run, batches in zip(self.runs, self.batches, strict=True):
            drawn = stream(run.seed, f"train/{self.epoch}")
            problem = self.problem.with_seed(run.seed)
            batch = problem.sample(self.n_train, generator=drawn)
            batches["train"] = self._here(Batch(*batch[:2]))

    def rows(self) -> Iterator[Int[Tensor, "run batch"]]:
        """The rows of the training set, batch after batch, in a new order."""
        self.epoch += 1
        yield from self._shuffled().to(self.device).split(self.batch_size, dim=1)

    def _shuffled(self) -> Int[Tensor, "run n"]:
        orders = (torch.randperm(self.n_train, generator=o) for o in self._orders)
        return torch.stack([*orders])

    def _here(self, batch: Batch) -> Batch:
        weight = None if batch.weight is None else self._moved(batch.weight)
        return Batch(self._moved(batch.x), self._moved(batch.y), weight)

    def _moved(self, tensor: Tensor) -> Tensor:
        floating = tensor.is_floating_point()
        return tensor.to(self.device, self.dtype if floating else tensor.dtype)
