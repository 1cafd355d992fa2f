"""Table 1 of the report: its numbers, its protocol, and the runs that redo a row.

Source: M. Glasgow, "Theory of Hierarchical Learning via Gradient Descent", Section 5.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from hlnb.data.patterns import PatternProblem, toy_problem
from hlnb.errors import HlnbError
from hlnb.metrics.distance import deviation
from hlnb.metrics.measures import Error, Weights
from hlnb.metrics.times import first_hit, held, median, value_at
from hlnb.models.model import Model
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import layerwise, only, simultaneous
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep


@dataclass(frozen=True)
class Reported:
    """A row of the report's Table 1; None stands for "N/A" (or "< 0" under dot)."""

    simultaneous: int  # epochs to test error 0.1, all layers together
    layerwise: int | None  # the same, layer by layer
    layerwise_error: float | None  # test error "after 200", where it is given instead
    single: int | None  # the same, the best single layer: always the second
    deviation: float  # of the filters, when the error first is 0.1
    dot: float | None  # interpretability, first number
    convolution: float | None  # and second


REPORTED: Mapping[int, Reported] = {
    1: Reported(4, 20, None, 137, 0.691, None, None),
    2: Reported(50, None, None, None, 2.004, 0.084, 0.374),
    3: Reported(20, None, 0.16, None, 1.934, -0.001, 2.699),
    4: Reported(44, None, 0.29, None, 1.396, -0.045, 4.135),
    5: Reported(46, 70, None, 351, 1.006, 0.092, 1.793),
}
READINGS: Mapping[str, str] = {
    "printed": "as printed (±1)",
    "unit": "unit length (±1/√T)",
}


ARRIVAL: Mapping[str, float] = {"test": 0.1, "validation": 0.1}


@dataclass(frozen=True)
class ShiftedPattern(PatternProblem):
    """A problem whose second and last pattern is its first one, shifted by a pixel."""

    @classmethod
    def of(cls, problem: PatternProblem) -> "ShiftedPattern":
        """The same classes, sizes and first pattern as `problem`, which has two."""
        given = {field.name: getattr(problem, field.name) for field in fields(problem)}
        return cls(**given)

    @cached_property
    def patterns(self) -> Float[Tensor, "2 T"]:
        """±scale; the pixel that is shifted out comes in at the front."""
        first = super().patterns[:1]
        return torch.cat([first, first.roll(1, dims=1)])


@dataclass(frozen=True)
class Protocol:
    """What is trained for a row of Table 1, and for how long."""

    d: int = 100  # pixels in a row; not in the report
    T: int = 16  # pixels in a pattern
    n_train: int = 1024
    seeds: int = 5  # runs of each training
    more_seeds: int = 10  # runs of all layers together at the best learning rate
    lrs: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
    slow_lrs: tuple[float, ...] = (0.1,)  # for layer-wise and single-layer training
    sweep_epochs: int = 100  # cap while the learning rate is chosen
    epochs: int = 200  # cap at the chosen one, and epochs of each layer-wise phase
    alone_epochs: int = 400  # cap for one upper layer alone; `epochs` for the filters
    device: str = "cpu"


def arrived(result: Result, on: str, *, lr: float) -> Real[np.ndarray, " run"]:
    """The epoch at which each run at `lr` first had error ≤ 0.1 on a batch, or inf."""
    return first_hit(result.epochs, result.of(on, lr=lr))


def best_rate(result: Result) -> float:
    """The learning rate that arrives first on validation data: lowest median epochs.

    Where half of the runs or more do not arrive, more arrivals win; then the lower
    median error at the end; then the smaller rate.
    """

    def rank(lr: float) -> tuple[float, int, float]:
        times = arrived(result, "validation", lr=lr)
        last = held(result.of("validation", lr=lr))[:, -1]
        return median(times), -int(np.isfinite(times).sum()), median(last)

    return min(result.lrs, key=rank)


@dataclass(frozen=True)
class Reproduction:
    """All runs behind one row of Table 1, under one reading of the problem."""

    number: int
    reading: str
    problem: PatternProblem
    model: Model
    rates: Result  # all layers together, at each learning rate, ended on arrival
    together: Result  # the same at the best rate, more seeds, ended on arrival
    after: Result  # the same, to the end of the sweep's cap
    layerwise: Result
    alone: Mapping[str, Result]  # by the layer that learns; the filters: from layerwise

    @property
    def cap(self) -> int:
        """Epochs after which a run of all layers together ends."""
        return int(self.together.epochs[-1])

    def alone_cap(self, layer: str) -> int:
        """Epochs after which a run of that layer alone ends."""
        return int(self.alone[layer].epochs[-1])

    @property
    def best(self) -> float:
        """The best learning rate for all layers together."""
        return best_rate(self.rates)

    @property
    def times(self) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1, all layers together at the best rate."""
        return arrived(self.together, "test", lr=self.best)

    @property
    def layerwise_rate(self) -> float:
        """The best learning rate for layer-wise training."""
        return best_rate(self.layerwise)

    @property
    def layerwise_times(self) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1 layer by layer, counted over all phases."""
        return arrived(self.layerwise, "test", lr=self.layerwise_rate)

    def alone_times(self, layer: str) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1 for one layer alone, at its best rate."""
        result = self.alone[layer]
        return arrived(result, "test", lr=best_rate(result))

    @property
    def single(self) -> str:
        """The layer that does best alone, on validation data."""

        def rank(layer: str) -> tuple[float, int, float]:
            result = self.alone[layer]
            lr = best_rate(result)
            times = arrived(result, "validation", lr=lr)
            last = held(result.of("validation", lr=lr))[:, -1]
            return median(times), -int(np.isfinite(times).sum()), median(last)

        return min(self.alone, key=rank)

    def phase_errors(self) -> Real[np.ndarray, "run phase"]:
        """Test error at the end of each layer-wise phase, at the best rate."""
        errors = self.layerwise.of("test", lr=self.layerwise_rate)
        return errors[:, self.phase_ends]

    @property
    def phase_ends(self) -> list[int]:
        """Epochs at which the layer-wise phases end."""
        each = int(self.layerwise.epochs[-1]) // len(self.model.layers)
        return [each * (i + 1) for i in range(len(self.model.layers))]

    def deviations(self) -> Real[np.ndarray, "lr run"]:
        """How far the filters have moved on arrival, at each learning rate, or NaN."""
        return np.stack([moved(self.rates, lr) for lr in self.rates.lrs])

    @property
    def deviation(self) -> Real[np.ndarray, " run"]:
        """How far the filters have moved on arrival, at the best rate, or NaN."""
        return moved(self.together, self.best)

    def filters(self, when: str, *, seed: int) -> Real[np.ndarray, "channel T"]:
        """First-layer filters of a run at the best rate, at one of three times.

        `when`: start, arrival, or end (of the longer training). A run that never
        arrived has the filters of its last epoch instead.
        """
        result = self.after if when == "end" else self.together
        found = result.of("filters", lr=self.best)[seed, :, :, 0]
        last = int((~np.isnan(found[:, 0, 0])).sum()) - 1
        arrival = self.times[seed] if when == "arrival" else np.inf
        record = int(arrival) if np.isfinite(arrival) else last
        return found[0 if when == "start" else record]

    def patterns(self, seed: int) -> Real[np.ndarray, "k T"]:
        """The patterns of that run's problem."""
        return self.problem.with_seed(seed).patterns.numpy()


def moved(result: Result, lr: float) -> Real[np.ndarray, " run"]:
    """How far the filters of each run at `lr` have moved on arrival; NaN if never."""
    far = deviation(result.of("filters", lr=lr), axes=3)
    return value_at(result.epochs, far, when=arrived(result, "test", lr=lr))


def until_arrival(
    problem: PatternProblem,
    model: Model,
    protocol: Protocol,
    *,
    seeds: int,
    lrs: Sequence[float],
    epochs: int,
    executor: Executor,
    **settings,
) -> Result:
    """The Result of all layers together until validation and test error were both 0.1.

    `settings` are those of `hlnb.training.loop.train`.
    """
    return sweep(
        problem,
        model,
        simultaneous(model, epochs=epochs),
        grid(range(seeds), lrs),
        until=ARRIVAL,
        executor=executor,
        **{**common_settings(protocol), **settings},
    )


def variants(
    row: Reproduction, protocol: Protocol, *, executor: Executor, noise: float = 0.1
) -> dict[str, Real[np.ndarray, " run"]]:
    """Epochs to test error 0.1 with noise and with two layers, at the row's best rate.

    `noise`: standard deviation of the pixels that no pattern covers, in units of the
    patterns' entries. The problem as defined comes first.
    """
    noisy = replace(row.problem, noise=noise * row.problem.scale)
    shallow = toy_network(
        d=protocol.d, n_classes=row.problem.n_classes, T=protocol.T, n_layers=2
    )
    found = {"as defined": row.times}
    for name, problem, model in (
        ("with noise", noisy, row.model),
        ("two layers", row.problem, shallow),
    ):
        result = until_arrival(
            problem,
            model,
            protocol,
            seeds=protocol.seeds,
            lrs=[row.best],
            epochs=protocol.epochs,
            executor=executor,
        )
        found[name] = arrived(result, "test", lr=row.best)
    return found


def common_settings(protocol: Protocol) -> dict[str, Any]:
    """What all trainings of a row have in common: measures, sizes, device."""
    return {
        "measures": {
            "test": Error("test"),
            "validation": Error("validation"),
            "filters": Weights("conv"),
        },
        "n_train": protocol.n_train,
        "device": protocol.device,
    }


def reproduce(
    number: int,
    reading: str,
    protocol: Protocol,
    *,
    executor: Executor,
) -> Reproduction:
    """Every run behind one row of Table 1; `reading` is a key of READINGS.

    Refuses another reading.
    """
    if reading not in READINGS:
        raise HlnbError(f"There is no reading {reading!r}: take one of {[*READINGS]}.")
    d, T = protocol.d, protocol.T
    scale = 1.0 if reading == "printed" else T**-0.5
    problem = toy_problem(number, d=d, T=T, scale=scale)
    model = toy_network(d=d, n_classes=problem.n_classes, T=T)
    together = partial(until_arrival, problem, model, protocol, executor=executor)
    train = partial(
        sweep, problem, model, executor=executor, **common_settings(protocol)
    )
    few, slow = range(protocol.seeds), protocol.slow_lrs
    rates = together(
        seeds=protocol.seeds, lrs=protocol.lrs, epochs=protocol.sweep_epochs
    )
    best = [best_rate(rates)]
    one_by_one = train(layerwise(model, epochs=protocol.epochs), grid(few, slow))
    return Reproduction(
        number,
        reading,
        problem,
        model,
        rates,
        together(seeds=protocol.more_seeds, lrs=best, epochs=protocol.epochs),
        train(simultaneous(model, epochs=protocol.sweep_epochs), grid(few, best)),
        one_by_one,
        {
            model.names[0]: one_by_one.upto(protocol.epochs),
            **{
                name: train(
                    only(model, name, epochs=protocol.alone_epochs),
                    grid(few, slow),
                    until=ARRIVAL,
                )
                for name in model.names[1:]
            },
        },
    )
