"""Measures: what training may look at, and nothing it could change.

A measure is called with the parameters, the batch named by its `on` and the network's
outputs on that batch, and returns one array. `on` None: it needs the parameters only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError

END = "end"  # the time at which a run ends, see `Seldom`


@runtime_checkable
class Measure(Protocol):
    """(params, batch, outputs) → numbers; draws nothing, changes nothing."""

    @property
    def on(self) -> str | None:
        """The name of a batch of the problem's split (`validation`), or None."""
        ...

    def __call__(
        self,
        params: Mapping[str, Tensor],
        batch: Batch | None,
        outputs: Float[Tensor, "n channel"] | None,
    ) -> Tensor: ...


def losses(
    outputs: Float[Tensor, "n channel"], y: Int[Tensor, " n"] | Float[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """The loss of each input: cross-entropy in nats, or squared error for numbers.

    Refuses numbers where the network has more than one output.
    """
    if not y.is_floating_point():
        return F.cross_entropy(outputs, y, reduction="none")
    if outputs.shape[1] != 1:
        raise HlnbError(
            f"The network has {outputs.shape[1]} outputs, and the problem asks for one "
            "number: give its last layer one unit."
        )
    return (outputs[:, 0] - y).square()


def _mean(values: Float[Tensor, " n"], batch: Batch) -> Float[Tensor, ""]:
    """Mean over a batch, by its probabilities where it has them."""
    return values.mean() if batch.weight is None else values @ batch.weight


@dataclass(frozen=True)
class Error:
    """Share of inputs whose largest output is not their label's; NaN is wrong."""

    on: str = "test"

    def __call__(self, params, batch, outputs) -> Tensor:
        right = (outputs.argmax(1) == batch.y) & outputs.isfinite().all(1)
        return _mean((~right).to(outputs.dtype), batch)


@dataclass(frozen=True)
class Loss:
    """Mean loss over a batch, see `losses`."""

    on: str = "train"

    def __call__(self, params, batch, outputs) -> Tensor:
        return _mean(losses(outputs, batch.y), batch)


@dataclass(frozen=True)
class Weights:
    """A layer's weights, or its biases (`part` "bias")."""

    layer: str
    part: str = "weight"
    on: None = None

    def __call__(self, params, batch, outputs) -> Tensor:
        return params[f"{self.layer}.{self.part}"]


@dataclass(frozen=True)
class First:
    """The time of a run's first record in which another measure is at most `value`."""

    name: str  # of that measure, which is taken in every record
    value: float


@dataclass(frozen=True)
class Seldom:
    """A measure that `sweep` takes at a few times of a run alone.

    `at`: the times, each an epoch after which there is a record, counted from the start
    (0), a `First`, or END. The trace has an entry for each of them, in this order: NaN
    where a run has no such time. What is measured of parameters alone is at END that of
    the last record in which it was finite. Refuses times of which a run may have none.
    """

    measure: Measure
    at: tuple[int | First | str, ...]

    def __post_init__(self):
        if not self.at or not (self.at[0] == 0 or self.at[-1] == END):
            raise HlnbError(
                "A measure that is taken seldom needs a time that every run has: let "
                "its times begin with 0, the start, or end with END."
            )

    @property
    def on(self) -> str | None:
        """The batch of the measure."""
        return self.measure.on

    def __call__(self, params, batch, outputs) -> Tensor:
        return self.measure(params, batch, outputs)


def all_weights(layers: Iterable[str]) -> dict[str, Weights]:
    """Measures of all parameters of these layers, under the parameters' own names."""
    return {
        f"{layer}.{part}": Weights(layer, part)
        for layer in layers
        for part in ("weight", "bias")
    }
