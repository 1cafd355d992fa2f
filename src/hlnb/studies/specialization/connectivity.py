"""What lies between two trained networks: barriers, and permutations of units.

Sources: Frankle, Dziugaite, Roy and Carbin 2020 (linear mode connectivity), which the
seminar notes cite; Ainsworth, Hayase and Srinivasa 2023 (weight matching).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int, Real
from scipy.optimize import linear_sum_assignment

from hlnb.data.altered import SameData
from hlnb.data.problem import Batch, Problem
from hlnb.errors import HlnbError
from hlnb.metrics.measures import all_weights
from hlnb.models.model import Model
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.training.loop import train
from hlnb.training.runs import Run, Start

State = Mapping[str, np.ndarray]
APART = 500_000  # between seeds of two networks on the same data


def untrained(model: Model, seed: int) -> State:
    """The parameters that a run of that seed starts from."""
    drawn = model.init(stream(seed, "init"))
    return {name: value.numpy() for name, value in drawn.items()}


def go_on(
    problem: Problem,
    model: Model,
    start: State,
    *,
    done: int,
    epochs: int,
    data: int,
    order: int,
    lr: float,
    **settings,
) -> State:
    """The parameters after `epochs` more epochs from `start`, which has had `done`.

    `data`: the seed of the split. `order`: the seed of the order of its examples. Equal
    starts and data with different orders give siblings. `settings` are those of
    `train`.
    """
    if epochs == 0:
        return start
    trace = train(
        SameData(problem, data),
        model,
        simultaneous(model, epochs=epochs),
        Run(order, lr),
        measures=all_weights(model.names),
        start=Start(start, done),
        every=10**9,  # the end alone
        **settings,
    )
    return {name: values[-1] for name, values in trace.values.items()}


def independent(
    problem: Problem,
    model: Model,
    *,
    data: Sequence[int],
    epochs: int,
    members: int = 2,
    executor: Executor,
    **settings,
) -> list[list[State]]:
    """For each seed of the data, `members` networks with different initializations."""
    tasks = [
        [
            executor.submit(
                go_on,
                problem,
                model,
                untrained(model, APART * j + seed),
                done=0,
                epochs=epochs,
                data=seed,
                order=APART * j + seed,
                **settings,
            )
            for j in range(members)
        ]
        for seed in data
    ]
    return [[task.result() for task in row] for row in tasks]


def siblings(
    problem: Problem,
    model: Model,
    *,
    data: Sequence[int],
    shared: int,
    epochs: int,
    executor: Executor,
    **settings,
) -> list[list[State]]:
    """For each seed of the data, two networks that share their first epochs.

    One initialization; `shared` epochs in common, then the rest of `epochs` with two
    orders of the data.
    """
    common = partial(executor.submit, go_on, problem, model)
    begun = {
        seed: common(
            untrained(model, seed),
            done=0,
            epochs=shared,
            data=seed,
            order=seed,
            **settings,
        )
        for seed in data
    }
    tasks = [
        [
            common(
                begun[seed].result(),
                done=shared,
                epochs=epochs - shared,
                data=seed,
                order=APART * j + seed,
                **settings,
            )
            for j in (1, 2)
        ]
        for seed in data
    ]
    return [[task.result() for task in row] for row in tasks]


def mixed(states: Sequence[State], shares: Sequence[float]) -> State:
    """Σ share · parameters, over `states`."""
    return {
        name: sum(w * s[name] for w, s in zip(shares, states, strict=True))
        for name in states[0]
    }


def logits(model: Model, state: State, batch: Batch) -> Float[np.ndarray, "n class"]:
    """The network's outputs."""
    params = {name: torch.as_tensor(value) for name, value in state.items()}
    x = batch.x.to(next(iter(params.values())).dtype)
    with torch.no_grad():
        return model.apply(params, x).numpy()


def error(made: Real[np.ndarray, "n class"], batch: Batch) -> float:
    """Share of wrong answers."""
    return float((made.argmax(1) != batch.y.numpy()).mean())


def along(
    model: Model, one: State, other: State, batch: Batch, *, points: int = 11
) -> Float[np.ndarray, " point"]:
    """Errors on the straight line between two networks, ends included.

    Refuses fewer than three points.
    """
    if points < 3:
        raise HlnbError(f"points = {points}: a line needs its ends and one between.")
    shares = np.linspace(0, 1, points)
    states = (mixed([one, other], [1 - a, a]) for a in shares)
    return np.array([error(logits(model, s, batch), batch) for s in states])


def barrier(errors: Real[np.ndarray, "*n point"]) -> Float[np.ndarray, "*n"] | float:
    """The largest error on the line minus the mean of its ends; at least 0.

    Frankle et al. call two networks connected where it is below 0.02.
    """
    ends = (errors[..., 0] + errors[..., -1]) / 2
    return np.maximum(errors.max(-1) - ends, 0)


Permutations = Mapping[str, Int[np.ndarray, " unit"]]  # layer → order of its units


def permuted(model: Model, state: State, orders: Permutations) -> State:
    """The same function, with the units of hidden layers in another order."""
    new = {name: np.array(value) for name, value in state.items()}
    for layer, above in zip(model.names[:-1], model.names[1:], strict=True):
        rows = orders[layer]
        new[f"{layer}.weight"] = new[f"{layer}.weight"][rows]
        new[f"{layer}.bias"] = new[f"{layer}.bias"][rows]
        new[f"{above}.weight"] = new[f"{above}.weight"][:, rows]
    return new


def random_orders(model: Model, state: State, seed: int) -> Permutations:
    """A random order of the units of each hidden layer."""
    draw = stream(seed, "permutations")
    return {
        layer: torch.randperm(len(state[f"{layer}.bias"]), generator=draw).numpy()
        for layer in model.names[:-1]
    }


def matched(
    model: Model, state: State, to: State, *, rounds: int = 20
) -> tuple[State, Permutations]:
    """`state` with its hidden units in the order nearest to `to`, and that order.

    Weight matching (Ainsworth et al. 2023): the assignment of one layer's units that
    maximizes ⟨to, permuted state⟩, the other layers held, until nothing changes. No
    step lowers that product, so it ends in a local maximum.
    """
    hidden = model.names[:-1]
    orders = {layer: np.arange(len(state[f"{layer}.bias"])) for layer in hidden}
    for _ in range(rounds):
        before = {layer: order.copy() for layer, order in orders.items()}
        for i, layer in enumerate(hidden):
            below = orders[hidden[i - 1]] if i else slice(None)
            own = state[f"{layer}.weight"][:, below]
            gain = to[f"{layer}.weight"] @ own.T
            gain = gain + np.outer(to[f"{layer}.bias"], state[f"{layer}.bias"])
            above = model.names[i + 1]
            rows = orders[above] if above in orders else slice(None)
            gain = gain + to[f"{above}.weight"].T @ state[f"{above}.weight"][rows]
            orders[layer] = linear_sum_assignment(gain, maximize=True)[1]
        if all((orders[k] == before[k]).all() for k in hidden):
            break
    return permuted(model, state, orders), orders
