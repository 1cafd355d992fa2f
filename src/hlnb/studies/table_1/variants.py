"""What Table 1 depends on, and what other ways of learning make of the same problems.

The search: one choice of the reproduction changed at a time. Layer-wise variants:
another rate, an auxiliary head for each layer, filters that never learn, no hidden
layer.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Real

from hlnb.data.patterns import PatternProblem, toy_problem
from hlnb.metrics.measures import END, Error, Measure, Seldom
from hlnb.metrics.times import held
from hlnb.models.layers import Glorot
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import greedy, layerwise, only, simultaneous
from hlnb.seeding import stream
from hlnb.studies.table_1.coverage import PARTS, Covered
from hlnb.studies.table_1.experiment import (
    ARRIVAL,
    Protocol,
    Reproduction,
    arrived,
    common_settings,
    moved,
    reported_settings,
    until_arrival,
)
from hlnb.training.runs import grid
from hlnb.training.steps import stepped
from hlnb.training.sweep import sweep


@dataclass(frozen=True)
class OpenChoice:
    """One choice that the report leaves open, made differently."""

    problem: Mapping[str, Any] = field(default_factory=dict)  # of toy_problem
    model: Mapping[str, Any] = field(default_factory=dict)  # of toy_network
    training: Mapping[str, Any] = field(default_factory=dict)  # of train
    only: tuple[int, ...] = (1, 2, 3, 4, 5)  # problems that it concerns


def changes(protocol: Protocol) -> dict[str, OpenChoice]:
    """The choices of the search by name, that of the unit-length reading first."""
    d, T, n = protocol.d, protocol.T, protocol.n_train
    return {
        "unit length, as in this book": OpenChoice(),
        "entries ±1": OpenChoice({"scale": 1.0}),
        f"d = {round(0.64 * d)}": OpenChoice({"d": round(0.64 * d)}),
        f"d = {2 * d}": OpenChoice({"d": 2 * d}),
        "nothing: 1/4 of class 1": OpenChoice({"nothing": 0.25}, only=(2,)),
        "nothing: never": OpenChoice({"nothing": 0.0}, only=(2,)),
        "padding T/2": OpenChoice(model={"padding": T // 2}),
        "gap 0": OpenChoice({"gap": 0}, only=(5,)),
        "Glorot initialization": OpenChoice(model={"initialization": Glorot()}),
        f"n = {n // 2}": OpenChoice(training={"n_train": n // 2}),
        f"n = {4 * n}": OpenChoice(training={"n_train": 4 * n}),
        "online": OpenChoice(training={"online": True}),
    }


def search(
    protocol: Protocol, *, lr: float, seeds: int, executor: Executor
) -> dict[tuple[str, int], Result]:
    """All layers together at one learning rate for each change and problem."""
    found = {}
    for name, change in changes(protocol).items():
        for number in change.only:
            settings = {"d": protocol.d, "T": protocol.T, "scale": protocol.T**-0.5}
            problem = toy_problem(number, **settings | change.problem)
            model = toy_network(
                d=problem.d, T=problem.T, n_classes=problem.n_classes, **change.model
            )
            found[name, number] = until_arrival(
                problem,
                model,
                protocol,
                seeds=protocol.searching(seeds),
                lrs=[lr],
                epochs=protocol.epochs,
                executor=executor,
                **change.training,
            )
    return found


def searched(
    found: Mapping[tuple[str, int], Result], *, lr: float
) -> tuple[dict[tuple[str, int], np.ndarray], dict[tuple[str, int], np.ndarray]]:
    """Epochs to test error 0.1, and deviation then, for each run of a search."""
    times = {key: arrived(result, "test", lr=lr) for key, result in found.items()}
    return times, {key: moved(result, lr) for key, result in found.items()}


def first_step(row: Reproduction, *, scale: float, lr: float = 0.1) -> float:
    """The filters' relative deviation after one step on 64 inputs, in float64.

    Inputs are multiplied by `scale` and the initial filters divided by it: the network
    computes the same function whatever the scale is.
    """
    batch = row.problem.split(0, n_train=64)["train"]
    start = row.model.init(stream(0, "init"))
    wide = {name: value.double() for name, value in start.items()}
    before = wide["conv.weight"] / scale
    x = scale * batch.x.double()
    given = wide | {"conv.weight": before}
    after = stepped(row.model, given, x, batch.y, lr=lr, learns=["conv"])
    change = after["conv.weight"] - before
    return float(change.norm() / before.norm())


def informativeness(problem: PatternProblem) -> Real[np.ndarray, "k"]:
    """How much the presence of a single pattern says about the class, for each pattern.

    The total variation between the classes' probabilities given that the pattern is
    present and given that it is absent: 0 says nothing, 1 decides. Exact, from scenes.
    """
    share = 1 / problem.n_classes
    joint = np.zeros((problem.k, 2, problem.n_classes))  # pattern, present, class
    for c, scenes in enumerate(problem.classes):
        total = sum(scene.weight for scene in scenes)
        for scene in scenes:
            for k in range(problem.k):
                present = int(k in scene.patterns)
                joint[k, present, c] += share * scene.weight / total
    rows = joint.sum(-1, keepdims=True)
    given = np.divide(joint, rows, where=rows > 0, out=np.full_like(joint, share))
    return np.abs(given[:, 1] - given[:, 0]).sum(-1) / 2


def layerwise_variants(
    row: Reproduction, protocol: Protocol, *, seeds: int, executor: Executor
) -> dict[str, Result]:
    """Results of other ways of layer-wise training at the row's best rate, by name.

    "layer-wise, rate of greedy": as the report trains, at the rate of the next.
    "greedy": each layer learns together with a readout of its own. "greedy, filters as
    drawn": the same without its first phase, so that only what is above learns.
    "two layers": no hidden layer, both together. Of the first `seeds` seeds that are
    reported.
    """
    model, problem = row.model, Covered.of(row.problem)
    how = {
        **reported_settings(protocol, often=("test",), at=(0, END)),
        "runs": grid(protocol.reporting[:seeds], [row.best]),
        "executor": executor,
    }
    in_turn, heads = (
        of(model, epochs=protocol.phase_epochs) for of in (layerwise, greedy)
    )
    frozen = replace(heads, phases=heads.phases[1:], frozen=("conv",))
    shallow = toy_network(
        d=problem.d, n_classes=problem.n_classes, T=problem.T, n_layers=2
    )
    both = simultaneous(shallow, epochs=protocol.epochs)
    return {
        name: sweep(problem, net, schedule, **how)
        for name, net, schedule in (
            ("layer-wise, rate of greedy", model, in_turn),
            ("greedy", model, heads),
            ("greedy, filters as drawn", model, frozen),
            ("two layers", shallow, both),
        )
    }


def alone_at_each_rate(
    row: Reproduction, protocol: Protocol, *, seeds: int, executor: Executor
) -> dict[str, dict[float, Real[np.ndarray, " run"]]]:
    """Test errors at the end when one layer alone learns, by layer and rate.

    For as many epochs as in the row, or until the error is 0.1; of the first `seeds`
    seeds that are reported.
    """
    found: dict[str, dict[float, Real[np.ndarray, " run"]]] = {}
    for layer in row.layers:
        result = sweep(
            row.problem,
            row.model,
            only(row.model, layer, epochs=row.alone_cap(layer)),
            grid(protocol.reporting[:seeds], protocol.lrs),
            until=ARRIVAL,
            executor=executor,
            **common_settings(protocol),
        )
        found[layer] = {lr: held(result.of("test", lr=lr))[:, -1] for lr in result.lrs}
    return found


def network_errors(
    row: Reproduction,
    protocol: Protocol,
    *,
    sizes: Sequence[int],
    seeds: int,
    executor: Executor,
) -> dict[str, Real[np.ndarray, "run size"]]:
    """Errors of the trained network on PARTS, for each number of training examples.

    All layers together at the row's best rate, until the validation error is 0.02 or
    the epochs of the row have passed; seeds as in `layerwise_variants`. NaN where a
    part has no input.
    """
    names = {part: "test" if part == "all" else part for part in PARTS}
    measures: dict[str, Measure] = {"validation": Error("validation")}
    measures |= {part: Seldom(Error(on), (END,)) for part, on in names.items()}
    found: dict[str, list[Real[np.ndarray, " run"]]] = {part: [] for part in PARTS}
    for n in sizes:
        result = sweep(
            Covered.of(row.problem),
            row.model,
            simultaneous(row.model, epochs=protocol.epochs),
            grid(protocol.reporting[:seeds], [row.best]),
            measures=measures,
            until={"validation": 0.02},
            executor=executor,
            n_train=n,
            device=protocol.device,
        )
        for part in PARTS:
            found[part].append(result.of(part)[:, 0])
    return {part: np.stack(errors, axis=1) for part, errors in found.items()}


def batch_moves(
    row: Reproduction,
    protocol: Protocol,
    *,
    size: int,
    seeds: int,
    executor: Executor,
) -> Real[np.ndarray, " run"]:
    """How far the filters have moved on arrival with batches of `size`, or NaN.

    At the row's best rate; seeds as in `layerwise_variants`.
    """
    result = until_arrival(
        row.problem,
        row.model,
        protocol,
        seeds=protocol.reporting[:seeds],
        lrs=[row.best],
        epochs=protocol.epochs,
        executor=executor,
        batch_size=size,
    )
    return moved(result, row.best)
