"""What Table 1 depends on, and what other ways of learning make of the same problems.

The search: one choice of the reproduction changed at a time. Layer-wise variants:
a rate of its own for each phase, and an auxiliary head for each layer. What the first
layer knows: which patterns are present, read off its largest responses.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Real
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hlnb.data.patterns import PatternProblem, toy_problem
from hlnb.kept import kept
from hlnb.metrics.kernels import (
    linear_kernel,
    random_features,
    ridge_errors,
    tangent_kernel,
)
from hlnb.metrics.times import held
from hlnb.models.layers import Glorot
from hlnb.models.model import Model
from hlnb.models.networks import toy_network
from hlnb.results import Result
from hlnb.schedules import greedy, layerwise, simultaneous
from hlnb.seeding import stream
from hlnb.studies.table_1.experiment import (
    Protocol,
    Reproduction,
    arrived,
    common_settings,
    moved,
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


def present(
    problem: PatternProblem, x: Real[np.ndarray, "n d"]
) -> Bool[np.ndarray, "n k"]:
    """Which patterns each row without noise contains."""
    F = problem.patterns.numpy()
    windows = np.lib.stride_tricks.sliding_window_view(x, problem.T, axis=1)
    best = (windows @ F.T).max(1)  # equal to ‖F‖² only where the window is the pattern
    return best > (F**2).sum(1) * (1 - 1e-4)


@kept
def detection_error(
    problem: PatternProblem,
    filters: Real[np.ndarray, "channel T"],
    *,
    seed: int,
    noise: float = 1.0,
    classes: bool = False,
) -> float:
    """Error of detecting patterns in noisy rows by the filters' responses; 0.5: chance.

    For each pattern, a logistic regression on the largest and smallest response of each
    filter along the row tells whether it is present; the balanced error on fresh rows
    is averaged over patterns. `classes`: it tells the class instead. `noise`: standard
    deviation of the noise in every pixel, in units of the patterns' entries; without it
    the responses of any twenty filters give the patterns away.
    """
    mine = problem.with_seed(seed)
    features, labels = [], []
    for name in ("detection train", "detection test"):
        generator = stream(seed, name)
        x, y, _ = mine.sample(2048, generator=generator)
        one_hot = np.eye(mine.n_classes, dtype=bool)[y.numpy()]
        labels.append(one_hot if classes else present(mine, x.numpy()))
        x = x + noise * mine.scale * torch.randn(x.shape, generator=generator)
        windows = np.lib.stride_tricks.sliding_window_view(x.numpy(), mine.T, axis=1)
        responses = windows @ filters.T
        features.append(np.concatenate([responses.max(1), responses.min(1)], axis=1))
    errors = []
    for there, truth in zip(labels[0].T, labels[1].T, strict=True):
        fit = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced")
        )
        wrong = fit.fit(features[0], there).predict(features[1]) != truth
        errors.append((wrong[truth].mean() + wrong[~truth].mean()) / 2)
    return float(np.mean(errors))


def layerwise_variants(
    row: Reproduction,
    protocol: Protocol,
    *,
    lrs: Sequence[float],
    seeds: int,
    executor: Executor,
) -> dict[str, Result]:
    """Results of two other ways of layer-wise training, by name.

    "layer-wise, best rates": the rate of the filters' phase is the one of `lrs` with
    the lower median validation error at its end; then that of the phases above, with
    the lower median at the end. "greedy": each layer learns together with a readout of
    its own, at the rate that is best for all layers together.
    """
    train = partial(
        sweep, row.problem, row.model, executor=executor, **common_settings(protocol)
    )
    few = range(seeds)
    one_rate = {
        lr: train(layerwise(row.model, epochs=protocol.epochs), grid(few, [lr]))
        for lr in lrs
    }
    end = row.phase_ends[0]
    first = min(lrs, key=lambda lr: _error_at(one_rate[lr], end))
    mixed = {
        above: one_rate[first]
        if above == first
        else train(
            layerwise(row.model, epochs=protocol.epochs, lrs=[first, above, above]),
            grid(few, [first]),
        )
        for above in lrs
    }
    return {
        "layer-wise, best rates": min(mixed.values(), key=lambda r: _error_at(r, -1)),
        "greedy": train(
            greedy(row.model, epochs=protocol.epochs), grid(few, [row.best])
        ),
    }


def _error_at(result: Result, record: int) -> float:
    """Median validation error at a record; runs that ended early keep their last."""
    return float(np.median(held(result.of("validation"))[:, record]))


@kept
def kernel_errors(
    problem: PatternProblem,
    model: Model,
    seed: int,
    sizes: Sequence[int],
    *,
    width: int = 2000,
) -> dict[str, list[float]]:
    """Test errors of kernel ridge regression with two fixed kernels, for each size.

    "random features": the hidden units of an untrained network with `width` of them.
    "tangent kernel": that of the model at its initialization. Training sets are nested;
    the penalty is chosen on validation data.
    """
    data = problem.split(seed, n_train=max(sizes))
    d, T, n_classes = problem.d, problem.T, problem.n_classes
    wide = toy_network(d=d, T=T, n_classes=n_classes, hidden=width)
    start = wide.init(stream(seed, "random features"))
    own = model.init(stream(seed, "init"))
    x = data["train"].x
    features = {on: random_features(wide, start, batch.x) for on, batch in data.items()}
    kernels = {
        "random features": {
            on: linear_kernel(f, features["train"]) for on, f in features.items()
        },
        "tangent kernel": {
            on: tangent_kernel(model, own, batch.x, x) for on, batch in data.items()
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
                n_classes=n_classes,
                weight=data["test"].weight,
            )
            found[name].append(error)
    return found


def network_errors(
    row: Reproduction,
    protocol: Protocol,
    *,
    sizes: Sequence[int],
    seeds: int,
    executor: Executor,
) -> Real[np.ndarray, "run size"]:
    """Test error of the trained network for each number of training examples.

    All layers together at the row's best rate, until the validation error is 0.02 or
    the cap of the sweep is reached.
    """
    found = []
    for n in sizes:
        settings = {**common_settings(protocol), "n_train": n}
        result = sweep(
            row.problem,
            row.model,
            simultaneous(row.model, epochs=protocol.sweep_epochs),
            grid(range(seeds), [row.best]),
            until={"validation": 0.02},
            executor=executor,
            **settings,
        )
        found.append(held(result.of("test"))[:, -1])
    return np.stack(found, axis=1)
