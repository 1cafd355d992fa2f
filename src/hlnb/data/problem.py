"""What every problem has in common."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Batch(NamedTuple):
    """Inputs, targets and, where each distinct input is listed once, their weights.

    y: labels, or a number for each input (floating point).
    """

    x: Float[Tensor, "n *shape"]
    y: Int[Tensor, " n"] | Float[Tensor, " n"]
    weight: Float[Tensor, " n"] | None = None  # sums to 1; None: all equal


@runtime_checkable
class Problem(Protocol):
    """A source of labelled inputs; equal problems give equal data."""

    @property
    def n_classes(self) -> int:
        """Number of outputs that a network needs; 1 where y are numbers."""
        ...

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        """`n` labelled inputs; pure: the same generator state gives the same batch."""
        ...

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        """The batches `train`, `validation` and `test` of one run."""
        ...

    def with_seed(self, seed: int) -> "Problem":
        """The problem with what it hides (its patterns, say) drawn from `seed`."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """What identifies the problem: JSON types only."""
        ...
