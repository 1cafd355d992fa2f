"""What Table 1 depends on, and what other ways of learning make of the same problems.

The search: one choice of the reproduction changed at a time. Layer-wise variants:
a rate of its own for each phase, and an auxiliary head for each layer. What the first
layer knows: which patterns are present, read off its largest responses.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Real
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hlnb.data.patterns import PatternProblem, toy_problem
from hlnb.metrics.hitting import held
from hlnb.metrics.kernels import (
    linear_kernel,
    random_features,
    ridge_errors,
    tangent_kernel,
)
from hlnb.models import Glorot, Normal, toy_network
from hlnb.results import Result
from hlnb.schedules import greedy, layerwise
from hlnb.seeding import stream
from hlnb.table1 import (
    Protocol,
    Reproduction,
    arrived,
    common_settings,
    moved,
    until_arrival,
)
from hlnb.training import grid, sweep


@dataclass(frozen=True)
class Change:
    """One choice that the report leaves open, made otherwise."""

    problem: Mapping[str, Any] = field(default_factory=dict)  # of toy_problem
    model: Mapping[str, Any] = field(default_factory=dict)  # of toy_network
    training: Mapping[str, Any] = field(default_factory=dict)  # of train
    only: tuple[int, ...] = (1, 2, 3, 4, 5)  # problems that it concerns


def changes(protocol: Protocol) -> dict[str, Change]:
    """The choices of the search by name, that of the unit-length reading first."""
    d, T, n = protocol.d, protocol.T, protocol.n_train
    return {
        "unit length, as in this book": Change(),
        "entries ±1": Change({"scale": 1.0}),
        "entries ±1/2": Change({"scale": 0.5}),
        f"d = {round(0.64 * d)}": Change({"d": round(0.64 * d)}),
        f"d = {2 * d}": Change({"d": 2 * d}),
        "nothing: 1/4 of class 1": Change({"nothing": 0.25}, only=(2,)),
        "nothing: never": Change({"nothing": 0.0}, only=(2,)),
        "padding T/2": Change(model={"padding": T // 2}),
        "gap 0": Change({"gap": 0}, only=(5,)),
        "Glorot initialization": Change(model={"initialization": Glorot()}),
        "normal initialization, sd 0.01": Change(
            model={"initialization": Normal(0.01)}
        ),
        f"n = {n // 2}": Change(training={"n_train": n // 2}),
        f"n = {4 * n}": Change(training={"n_train": 4 * n}),
        "online": Change(training={"online": True}),
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
                seeds=seeds,
                lrs=[lr],
                epochs=protocol.sweep_epochs,
                executor=executor,
                **change.training,
            )
    return found


def searched(
    found: Mapping[tuple[str, int], Result], *, lr: float
) -> tuple[dict[tuple[str, int], np.ndarray], dict[tuple[str, int], np.ndarray]]:
    """Epochs to test error 0.1 and deviation then, of each run of a search."""
    times = {key: arrived(result, "test", lr=lr) for key, result in found.items()}
    return times, {key: moved(result, lr) for key, result in found.items()}


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


def present(
    problem: PatternProblem, x: Real[np.ndarray, "n d"]
) -> Bool[np.ndarray, "n k"]:
    """Which patterns each row without noise contains."""
    F = problem.patterns.numpy()
    windows = np.lib.stride_tricks.sliding_window_view(x, problem.T, axis=1)
    best = (windows @ F.T).max(1)  # equal to ‖F‖² only where the window is the pattern
    return best > (F**2).sum(1) * (1 - 1e-4)


def detection_error(
    problem: PatternProblem, filters: Real[np.ndarray, "channel T"], *, seed: int
) -> float:
    """How badly one can tell which patterns are present from the filters alone.

    For each pattern, a logistic regression on the largest and the smallest response of
    each filter along the row; its balanced error on fresh rows, averaged over
    patterns. 0.5 is chance.
    """
    mine = problem.with_seed(seed)
    features, labels = [], []
    for name in ("detection train", "detection test"):
        x = mine.sample(2048, generator=stream(seed, name)).x.numpy()
        windows = np.lib.stride_tricks.sliding_window_view(x, problem.T, axis=1)
        responses = windows @ filters.T
        features.append(np.concatenate([responses.max(1), responses.min(1)], axis=1))
        labels.append(present(mine, x))
    errors = []
    for k in range(problem.k):
        fit = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced")
        )
        wrong = fit.fit(features[0], labels[0][:, k]).predict(features[1])
        wrong = wrong != labels[1][:, k]
        is_there = labels[1][:, k]
        errors.append((wrong[is_there].mean() + wrong[~is_there].mean()) / 2)
    return float(np.mean(errors))


def rate_of_phase(result: Result, *, end: int) -> float:
    """The learning rate with the lowest median validation error at an epoch."""

    def error(lr: float) -> float:
        return float(np.median(held(result.of("validation", lr=lr))[:, end]))

    return min(result.lrs, key=error)


def layerwise_variants(
    row: Reproduction, protocol: Protocol, *, seeds: int, executor: Executor
) -> dict[str, Result]:
    """Two other ways of layer-wise training, by name.

    "rate for each phase": the rate of the filters' phase is the one with the lower
    median validation error at its end; then that of the phases above, likewise.
    "auxiliary heads": each layer learns together with a readout of its own, at the
    rate that is best for all layers together.
    """
    train = partial(
        sweep, row.problem, row.model, executor=executor, **common_settings(protocol)
    )
    first = rate_of_phase(row.layerwise, end=row.phase_ends[0])
    by_rate = {}
    for above in row.layerwise.lrs:
        lrs = [first, above, above]
        schedule = layerwise(row.model, epochs=protocol.epochs, lrs=lrs)
        by_rate[above] = (
            first_runs(row.layerwise, lr=first, seeds=seeds)
            if above == first
            else train(schedule, grid(range(seeds), [first]))
        )
    validation = {
        above: float(np.median(held(result.of("validation"))[:, -1]))
        for above, result in by_rate.items()
    }
    mixed = by_rate[min(validation, key=validation.get)]
    heads = train(
        greedy(row.model, epochs=protocol.epochs), grid(range(seeds), [row.best])
    )
    return {"rate for each phase": mixed, "auxiliary heads": heads}


def first_runs(result: Result, *, lr: float, seeds: int) -> Result:
    """The runs at one learning rate with the first `seeds` seeds."""
    rows = [
        i
        for i, run in enumerate(result.runs)
        if run["lr"] == lr and run["seed"] < seeds
    ]
    traces = {name: values[rows] for name, values in result.traces.items()}
    spec = {**result.spec, "runs": [result.runs[i] for i in rows]}
    return replace(result, spec=spec, traces=traces)


def kernel_errors(
    row: Reproduction, seed: int, sizes: Sequence[int], *, width: int = 2000
) -> dict[str, list[float]]:
    """Test errors of kernel ridge regression with two fixed kernels, for each size.

    "random features": the hidden units of an untrained network with `width` of them.
    "tangent kernel": that of the row's own network at its initialization. Training
    sets are nested; the penalty is chosen on validation data.
    """
    data = row.problem.split(seed, n_train=max(sizes))
    wide = toy_network(
        d=row.problem.d, T=row.problem.T, n_classes=row.problem.n_classes, hidden=width
    )
    start = wide.init(stream(seed, "random features"))
    own = row.model.init(stream(seed, "init"))
    x = data["train"].x
    features = {on: random_features(wide, start, batch.x) for on, batch in data.items()}
    kernels = {
        "random features": {
            on: linear_kernel(f, features["train"]) for on, f in features.items()
        },
        "tangent kernel": {
            on: tangent_kernel(row.model, own, batch.x, x) for on, batch in data.items()
        },
    }
    labels = {on: batch.y.numpy() for on, batch in data.items()}
    found: dict[str, list[float]] = {}
    for name, kernel in kernels.items():
        found[name] = []
        for n in sizes:
            part = {on: k[:, :n].numpy() for on, k in kernel.items()}
            part["train"] = part["train"][:n]
            error, _ = ridge_errors(
                part,
                {**labels, "train": labels["train"][:n]},
                n_classes=row.problem.n_classes,
                weight=data["test"].weight,
            )
            found[name].append(error)
    return found
