"""The runs of the explorer: the five toy problems under few trainings and rates."""

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from jaxtyping import Real

from hlnb.data.patterns import toy_problem
from hlnb.metrics.measures import Error, Weights
from hlnb.models.networks import toy_network
from hlnb.schedules import greedy, layerwise, simultaneous
from hlnb.studies.explorer.views import ALONE, GREEDY, IN_TURN, TOGETHER, View
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep


def explore(
    number: int,
    *,
    lrs: Sequence[float],
    seeds: Sequence[int],
    epochs: int,
    d: int,
    T: int,
    n_train: int,
    executor: Executor,
) -> dict[tuple[str, float], View]:
    """The views of toy problem `number`, by training and learning rate.

    Patterns have unit length. `epochs`: of all layers together, and of each phase of
    training layer by layer, with readouts of their own or without; the first phase
    without them is training of the first layer alone.
    """
    problem = toy_problem(number, d=d, T=T, scale=T**-0.5)
    model = toy_network(d=d, n_classes=problem.n_classes, T=T)
    common = {
        "measures": {"test": Error("test"), "filters": Weights("conv")},
        "n_train": n_train,
        "executor": executor,
    }
    runs = grid(seeds, lrs)
    together = sweep(problem, model, simultaneous(model, epochs=epochs), runs, **common)
    in_turn = sweep(problem, model, layerwise(model, epochs=epochs), runs, **common)
    with_heads = sweep(problem, model, greedy(model, epochs=epochs), runs, **common)
    found = {
        TOGETHER: together,
        IN_TURN: in_turn,
        GREEDY: with_heads,
        ALONE: in_turn.upto(epochs),
    }
    phases = {IN_TURN: len(model.layers), GREEDY: len(model.layers) - 1}
    views = {}
    for training, result in found.items():
        for lr in lrs:
            filters = held_filters(result.of("filters", lr=lr)[0, :, :, 0])
            views[training, lr] = View(
                result.epochs,
                result.of("test", lr=lr),
                filters[0],
                filters[-1],
                problem.with_seed(seeds[0]).patterns.numpy(),
                tuple(epochs * (i + 1) for i in range(phases.get(training, 1))),
            )
    return views


def held_filters(
    filters: Real[np.ndarray, "record channel T"],
) -> Real[np.ndarray, "record channel T"]:
    """The records of a run; after an early end, the last one measured."""
    known = np.flatnonzero(np.isfinite(filters).all(axis=(1, 2)))
    rows = np.minimum(np.arange(len(filters)), known.max())
    return filters[rows]
