"""What the explorer shows: the five toy problems under few trainings and rates."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Real

from hlnb.data.patterns import toy_problem
from hlnb.metrics.measures import Error, Weights
from hlnb.metrics.times import describe, first_hit, held
from hlnb.models.networks import toy_network
from hlnb.schedules import layerwise, simultaneous
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

TRAININGS: Mapping[str, str] = {  # name in the explorer: name in other figures
    "all at once": "simultaneous",
    "layer by layer": "layer-wise",
    "first layer alone": "first layer",
}


@dataclass(frozen=True)
class View:
    """One problem under one training at one learning rate."""

    epochs: Real[np.ndarray, " record"]
    errors: Real[np.ndarray, "run record"]  # test error
    start: Real[np.ndarray, "channel T"]  # filters of run 0, untrained
    end: Real[np.ndarray, "channel T"]  # and at the end
    patterns: Real[np.ndarray, "k T"]  # of run 0's problem
    ends: tuple[int, ...]  # epochs at which phases end

    @property
    def times(self) -> Real[np.ndarray, " run"]:
        """Epochs to test error 0.1; inf where it was not reached."""
        return first_hit(self.epochs, self.errors)

    @property
    def last(self) -> Real[np.ndarray, " run"]:
        """Test errors at the end; the last one measured, if a run diverged."""
        return held(self.errors)[:, -1]

    def sentence(self) -> str:
        """What happened, in a sentence."""
        reached = int(np.isfinite(self.times).sum())
        cap, n = float(self.epochs[-1]), len(self.times)
        last = float(np.median(self.last))
        text = f"Error 0.1 was not reached in {cap:.0f} epochs by any of {n} runs."
        if reached:
            text = f"Epochs to error 0.1: {describe(self.times, cap=cap)}."
        return f"{text} Error at the end: {last:.2f} (median)."

    @property
    def travelled(self) -> float:
        """How far the filters of run 0 moved, relative to their length at the start."""
        moved = np.linalg.norm(self.end - self.start)
        return float(moved / np.linalg.norm(self.start))


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

    Patterns have unit length. `epochs`: of all layers at once, and of each phase of
    layer-wise training; the first of these is training of the first layer alone.
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
    found = {
        "all at once": together,
        "layer by layer": in_turn,
        "first layer alone": in_turn.upto(epochs),
    }
    views = {}
    for training, result in found.items():
        phases = len(model.layers) if training == "layer by layer" else 1
        for lr in lrs:
            filters = held_filters(result.of("filters", lr=lr)[0, :, :, 0])
            views[training, lr] = View(
                result.epochs,
                result.of("test", lr=lr),
                filters[0],
                filters[-1],
                problem.with_seed(seeds[0]).patterns.numpy(),
                tuple(epochs * (i + 1) for i in range(phases)),
            )
    return views


def held_filters(
    filters: Real[np.ndarray, "record channel T"],
) -> Real[np.ndarray, "record channel T"]:
    """The records of a run; after an early end, the last one measured."""
    known = np.flatnonzero(np.isfinite(filters).all(axis=(1, 2)))
    rows = np.minimum(np.arange(len(filters)), known.max())
    return filters[rows]
