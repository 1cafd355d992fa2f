"""Table 1 of the report: its protocol, and the runs that redo a row.

Source: M. Glasgow, "Theory of Hierarchical Learning via Gradient Descent", Section 5.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

from hlnb.data.patterns import PatternProblem, toy_problem
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics import foreign, likeness
from hlnb.metrics.distance import deviation
from hlnb.metrics.measures import END, Error, First, Measure, Seldom, Weights
from hlnb.metrics.times import at_most, first_hit, held, median
from hlnb.models.model import Model
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import layerwise, only, simultaneous
from hlnb.seeding import stream
from hlnb.studies.table_1.coverage import Covered
from hlnb.studies.table_1.report import READINGS
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

ERROR = 0.1  # the report's threshold on the test error
ARRIVAL: Mapping[str, float] = {"test": ERROR, "validation": ERROR}
ARRIVED = First("test", ERROR)
SHOWN = (2, 5, 10, 20, 50, 100)  # epochs of a film of filters, after that of the start
LOOKS = (0, ARRIVED, *SHOWN, END)  # when the filters of reported runs are kept
STAY = 10  # last epochs in which a run that stays has at most that error
ASKED_WHEN = 4  # the problem of which chapter 05 asks when unseen inputs are learned
LEVEL = 0.05  # of a single test
SEARCHING, REPORTING = 200, 400  # where these seeds begin, after `first_seed`
SCORES: Mapping[str, Callable] = {
    "dot": likeness.max_dot,
    "convolution": likeness.max_convolution,
    "cosine": likeness.max_cosine,
}


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
    """What is trained for a row of Table 1, for how long, and by which seeds.

    Seeds of choices and of what is reported have nothing in common, so that no run is
    both chosen by and counted.
    """

    d: int = 100  # pixels in a row; not in the report
    T: int = 16  # pixels in a pattern
    n_train: int = 1024
    first_seed: int = 0
    seeds: int = 8  # runs at each rate, and of layer-wise and single-layer training
    more_seeds: int = 60  # runs of all layers together at the best learning rate
    lrs: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
    slow_lrs: tuple[float, ...] = (0.1, 0.3)  # for layer-wise and single-layer training
    epochs: int = 120  # of each run of all layers together
    phase_epochs: int = 200  # of each layer-wise phase
    alone_epochs: int = 400  # cap for one upper layer alone; filters: a phase
    device: str = "cpu"

    @property
    def choosing(self) -> range:
        """Seeds of the runs that choose the learning rate."""
        return range(self.first_seed, self.first_seed + self.seeds)

    @property
    def reporting(self) -> range:
        """Seeds of the runs of all layers together that are reported."""
        first = self.first_seed + REPORTING
        return range(first, first + self.more_seeds)

    @property
    def few(self) -> range:
        """The first of these: seeds of the longer trainings that are reported."""
        return self.reporting[: self.seeds]

    def searching(self, n: int) -> range:
        """Seeds of `n` runs that look for a reading, and are reported nowhere else."""
        first = self.first_seed + SEARCHING
        return range(first, first + n)


def arrived(result: Result, on: str, *, lr: float) -> Real[np.ndarray, " run"]:
    """The epoch at which each run at `lr` first had error ≤ 0.1 on a batch, or inf."""
    return first_hit(result.epochs, result.of(on, lr=lr))


def stayed(result: Result, on: str, *, lr: float) -> Bool[np.ndarray, " run"]:
    """Whether the error of each run at `lr` is ≤ 0.1 in all of its last epochs.

    In its last STAY epochs; a run that ended early keeps its last error.
    """
    late = result.epochs >= result.epochs[-1] - STAY + 1
    return at_most(held(result.of(on, lr=lr))[:, late], ERROR).all(1)


def best_rate(result: Result) -> float:
    """The rate with the most runs that arrive and stay, on validation data.

    Of several, that of the lowest median epochs to error 0.1; then of the lower median
    error at the end; then the smaller one.
    """

    def rank(lr: float) -> tuple[float, ...]:
        times = arrived(result, "validation", lr=lr)
        stay = int(stayed(result, "validation", lr=lr).sum())
        last = held(result.of("validation", lr=lr))[:, -1]
        return -stay, median(times), median(last)

    return min(result.lrs, key=rank)


def soonest_rate(result: Result) -> float:
    """The rate of the lowest median epochs to validation error 0.1, whoever stays.

    The smallest of several. A rate that touches 0.1 and blows up can win by this rule.
    """
    return min(result.lrs, key=lambda lr: median(arrived(result, "validation", lr=lr)))


def own_rates(result: Result) -> list[float]:
    """For each seed, the rate at which its own validation error does best.

    That of the earlier arrival; then of the lower error at the end; then the smaller.
    """
    times = [arrived(result, "validation", lr=lr) for lr in result.lrs]
    last = [held(result.of("validation", lr=lr))[:, -1] for lr in result.lrs]
    order = [
        [(times[i][run], last[i][run], lr) for i, lr in enumerate(result.lrs)]
        for run in range(len(times[0]))
    ]
    return [min(each)[-1] for each in order]


def at_own_rate(result: Result, name: str) -> Real[np.ndarray, "run record ..."]:
    """The trace `name` of each seed at its rate of `own_rates`."""
    by_rate = {lr: result.of(name, lr=lr) for lr in result.lrs}
    return np.stack([by_rate[lr][run] for run, lr in enumerate(own_rates(result))])


@dataclass(frozen=True)
class Reproduction:
    """All runs behind one row of Table 1, under one reading of the problem."""

    number: int
    reading: str
    problem: PatternProblem
    model: Model
    rates: Result  # all layers together, at each learning rate
    together: Result  # the same at the best rate, other seeds and more of them
    layerwise: Result
    alone: Mapping[str, Result]  # by the layer that learns; the filters: from layerwise

    @property
    def lrs(self) -> list[float]:
        """Learning rates among which the best one is chosen."""
        return self.rates.lrs

    @property
    def layers(self) -> list[str]:
        """Layers that were trained alone."""
        return [*self.alone]

    @property
    def cap(self) -> int:
        """Epochs of a run of all layers together."""
        return int(self.together.epochs[-1])

    def alone_cap(self, layer: str) -> int:
        """Epochs after which a run of that layer alone ends."""
        return int(self.alone[layer].epochs[-1])

    @cached_property
    def best(self) -> float:
        """The best learning rate for all layers together."""
        return best_rate(self.rates)

    @cached_property
    def best_by_seed(self) -> list[float | None]:
        """The rate at which each seed of the sweep arrives first on validation data.

        None for a seed that arrives at no rate.
        """
        times = np.stack([arrived(self.rates, "validation", lr=lr) for lr in self.lrs])
        known = np.isfinite(times).any(0)
        return [
            lr if found else None
            for lr, found in zip(own_rates(self.rates), known, strict=True)
        ]

    @cached_property
    def times(self) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1, all layers together at the best rate."""
        return arrived(self.together, "test", lr=self.best)

    @cached_property
    def stays(self) -> Bool[np.ndarray, " run"]:
        """Whether the test error of each of these runs is at most 0.1 at the end."""
        return stayed(self.together, "test", lr=self.best)

    def last(self, on: str) -> Real[np.ndarray, " run"]:
        """The error of each of these runs on a batch after its last epoch."""
        return held(self.together.of(on))[:, -1]

    @property
    def few(self) -> int:
        """How many of these runs also have layer-wise and single-layer training."""
        return len(self.layerwise.runs) // len(self.layerwise.lrs)

    @cached_property
    def layerwise_times(self) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1 layer by layer, counted over all phases."""
        return first_hit(self.layerwise.epochs, at_own_rate(self.layerwise, "test"))

    def alone_times(self, layer: str) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1 for one layer alone."""
        result = self.alone[layer]
        return first_hit(result.epochs, at_own_rate(result, "test"))

    @cached_property
    def single(self) -> str:
        """The layer that does best alone, on validation data."""

        def rank(layer: str) -> tuple[float, int, float]:
            result = self.alone[layer]
            errors = at_own_rate(result, "validation")
            times = first_hit(result.epochs, errors)
            late = median(held(errors)[:, -1])
            return median(times), -int(np.isfinite(times).sum()), late

        return min(self.alone, key=rank)

    def phase_errors(self, on: str = "test") -> Real[np.ndarray, "run phase"]:
        """Error on a batch at the end of each layer-wise phase.

        Of a batch other than `test` and `validation`: at the end of the last one alone.
        """
        errors = held(at_own_rate(self.layerwise, on))
        return errors[:, self.phase_ends if on in ARRIVAL else [-1]]

    @property
    def phase_ends(self) -> list[int]:
        """Epochs at which the layer-wise phases end."""
        each = int(self.layerwise.epochs[-1]) // len(self.model.layers)
        return [each * (i + 1) for i in range(len(self.model.layers))]

    def deviations(self) -> Real[np.ndarray, "lr run"]:
        """How far the filters have moved on arrival, at each learning rate, or NaN."""
        return np.stack([moved(self.rates, lr) for lr in self.lrs])

    @cached_property
    def deviation(self) -> Real[np.ndarray, " run"]:
        """How far the filters have moved on arrival, at the best rate, or NaN."""
        return moved(self.together, self.best)

    def filters(self, when: str, *, run: int) -> Real[np.ndarray, "channel T"]:
        """First-layer filters of a run at the best rate, at one of three times.

        `when`: start, arrival, or end. A run that never arrived has the filters of its
        last epoch instead.
        """
        never = when == "arrival" and np.isinf(self.times[run])
        time = {"start": 0, "arrival": END if never else ARRIVED, "end": END}[when]
        return self.looks[run, LOOKS.index(time)]

    @property
    def looks(self) -> Real[np.ndarray, "run look channel T"]:
        """First-layer filters of all runs at the best rate, at each of LOOKS."""
        return self.together.traces["filters"][:, :, :, 0]

    def seed(self, run: int) -> int:
        """The seed of a run at the best rate."""
        return self.together.runs[run]["seed"]

    def patterns(self, run: int) -> Real[np.ndarray, "k T"]:
        """The patterns of that run's problem."""
        return self.problem.with_seed(self.seed(run)).patterns.numpy()

    def changes(self, when: str) -> Real[np.ndarray, "run score"]:
        """(trained − untrained) / untrained of SCORES, each run, at arrival or end."""
        runs = range(len(self.together.runs))
        patterns = np.stack([self.patterns(run) for run in runs])
        start, now = (
            np.stack([self.filters(time, run=run) for run in runs])
            for time in ("start", when)
        )
        found = [
            likeness.relative_change(score(now, patterns), score(start, patterns))
            for score in SCORES.values()
        ]
        return np.stack(found, axis=1)

    def ranks(self, when: str) -> list[dict[str, Any]]:
        """`own_ranks` of the first `few` runs, at arrival or end."""
        return [
            own_ranks(
                self.filters(when, run=run),
                self.patterns(run),
                self.seed(run),
            )
            for run in range(self.few)
        ]

    def properties(self) -> dict[int, list[bool | None]]:
        """Which runs have Property 1, 2, 3 and 4 of the report; None: nobody can say.

        1: no layer alone reaches error 0.1. 2: more than half of the filters are, at
        the end, each nearer to a pattern of its own than to foreign ones (p ≤ 0.05,
        cosine at any shift). 3: deviation ≥ 1 on arrival at every learning rate at
        which the run arrives, if at any. 4: layer-wise training does not reach 0.1.
        """
        alone = np.stack([self.alone_times(layer) for layer in self.alone])
        far = self.deviations()
        at_each = (np.isnan(far) | (far >= 1)).all(0)
        arrives = np.isfinite(far).any(0)
        return {
            1: (~np.isfinite(alone).any(0)).tolist(),
            2: [share > 0.5 for share in self.own_filters("end")],
            3: [
                h if a else None for h, a in zip(at_each.tolist(), arrives, strict=True)
            ],
            4: (~np.isfinite(self.layerwise_times)).tolist(),
        }

    def own_filters(self, when: str, *, shift: bool = True) -> list[float]:
        """The share of each run's filters with a pattern of their own (p ≤ 0.05).

        By the cosine at the best shift, or as the filter stands. `when`: arrival, end.
        """
        name = "each at any shift" if shift else "each"
        ranks = np.array([found[name] for found in self.ranks(when)])
        return (ranks <= LEVEL).mean(1).tolist()


@kept
def own_ranks(
    filters: Real[np.ndarray, "channel T"],
    patterns: Real[np.ndarray, "k T"],
    seed: int,
    *,
    n_foreign: int = 999,
) -> dict[str, Any]:
    """p-values of filters among foreign patterns: of all together, and of each.

    "all": by `max_cosine`, one number. "each" and "each at any shift": of each filter
    by itself, as it stands and at the shift that suits it best.
    """
    generator = stream(seed, "foreign patterns")
    how = {"generator": generator, "n_foreign": n_foreign}
    return {
        "all": foreign.rank_among_foreign(
            likeness.max_cosine, filters, patterns, **how
        ),
        **{
            name: foreign.rank_each_among_foreign(
                score, filters, patterns, **how
            ).tolist()
            for name, score in (
                ("each", likeness.max_cosine),
                ("each at any shift", likeness.max_correlation),
            )
        },
    }


def moved(result: Result, lr: float) -> Real[np.ndarray, " run"]:
    """How far the filters of each run at `lr` have moved on arrival; NaN if never."""
    far = deviation(result.of("filters", lr=lr), axes=3)[:, LOOKS.index(ARRIVED)]
    return np.where(np.isfinite(arrived(result, "test", lr=lr)), far, np.nan)


def until_arrival(
    problem: PatternProblem,
    model: Model,
    protocol: Protocol,
    *,
    seeds: Sequence[int],
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
        grid(seeds, lrs),
        until=ARRIVAL,
        executor=executor,
        **{**common_settings(protocol), **settings},
    )


def variants(
    row: Reproduction, protocol: Protocol, *, executor: Executor, noise: float = 0.1
) -> dict[str, Real[np.ndarray, " run"]]:
    """Epochs to test error 0.1 with noise and with two layers, at the row's best rate.

    `noise`: standard deviation of the pixels that no pattern covers, in units of the
    patterns' entries. The problem as defined comes first; runs of equal seeds stand in
    equal places.
    """
    noisy = replace(row.problem, noise=noise * row.problem.scale)
    shallow = toy_network(
        d=protocol.d, n_classes=row.problem.n_classes, T=protocol.T, n_layers=2
    )
    found = {"as defined": row.times[: protocol.seeds]}
    for name, problem, model in (
        ("with noise", noisy, row.model),
        ("two layers", row.problem, shallow),
    ):
        result = until_arrival(
            problem,
            model,
            protocol,
            seeds=protocol.few,
            lrs=[row.best],
            epochs=protocol.epochs,
            executor=executor,
        )
        found[name] = arrived(result, "test", lr=row.best)
    return found


def common_settings(protocol: Protocol) -> dict[str, Any]:
    """What trainings of a row have in common: measures, sizes, device.

    Filters are kept at the start and on arrival.
    """
    return _settings(
        protocol,
        {**errors(*ARRIVAL), "filters": Seldom(Weights("conv"), LOOKS[:2])},
    )


def reported_settings(
    protocol: Protocol, *, often: Sequence[str], at: Sequence = (END,)
) -> dict[str, Any]:
    """The same for runs that are reported, of a problem that is `Covered`.

    Errors on the batches `often` after each epoch, on the others at the end, that on
    `validation` only where it is named; filters at each of `at`.
    """
    ends = {
        on: Seldom(Error(on), (END,))
        for on in ("train", "seen", "unseen")
        if on not in often
    }
    filters = Seldom(Weights("conv"), tuple(at))
    return _settings(protocol, {**errors(*often), **ends, "filters": filters})


def errors(*batches: str) -> dict[str, Measure]:
    """Measures of the error on these batches, under their names."""
    return {on: Error(on) for on in batches}


def _settings(protocol: Protocol, measures: Mapping[str, Measure]) -> dict[str, Any]:
    return {
        "measures": dict(measures),
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
    train = partial(sweep, model=model, executor=executor)
    plain = {"problem": problem, **common_settings(protocol)}
    covered, slow = Covered.of(problem), grid(protocol.few, protocol.slow_lrs)
    together = simultaneous(model, epochs=protocol.epochs)
    rates = train(
        schedule=together, runs=grid(protocol.choosing, protocol.lrs), **plain
    )
    parts = ("seen", "unseen") if number == ASKED_WHEN else ()
    best = train(
        problem=covered,
        schedule=together,
        runs=grid(protocol.reporting, [best_rate(rates)]),
        **reported_settings(protocol, often=("test", *parts), at=LOOKS),
    )
    in_turn = train(
        problem=covered,
        schedule=layerwise(model, epochs=protocol.phase_epochs),
        runs=slow,
        **reported_settings(protocol, often=(*ARRIVAL,)),
    )
    first, *upper = model.names
    alone = {
        name: train(
            problem=problem,
            schedule=only(model, name, epochs=protocol.alone_epochs),
            runs=slow,
            until=ARRIVAL,
            **_settings(protocol, errors(*ARRIVAL)),
        )
        for name in upper
    }
    curves = {on: in_turn.traces[on] for on in ARRIVAL}
    of_first = replace(in_turn, traces=curves).upto(protocol.phase_epochs)
    return Reproduction(
        number,
        reading,
        problem,
        model,
        rates,
        best,
        in_turn,
        {first: of_first, **alone},
    )
