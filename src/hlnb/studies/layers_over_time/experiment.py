"""When each layer of a network reaches its final state, and what its units prefer.

Source: Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017 (SVCCA), which the seminar notes
cite. A state is all parameters of a network at one time, as arrays by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Float, Int, Real

from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics.similarity import basis, mean_correlation
from hlnb.models.model import Model
from hlnb.results import Result
from hlnb.schedules import Phase, Schedule

State = Mapping[str, np.ndarray]
Inputs = Float[np.ndarray, "_ ..."]
SETTLED = 0.9  # of the way from the untrained similarity to 1


def states(result: Result, run: int) -> list[State]:
    """The parameters of one run at each record; `result` has all of them as traces."""
    found = [result.params(run, record) for record in range(len(result.steps))]
    return [{name: value.numpy() for name, value in one.items()} for one in found]


@dataclass(frozen=True)
class HeldOut:
    """The inputs that a run never sees, with labels, and those that it learns from."""

    x: Inputs  # validation and test inputs
    y: Int[np.ndarray, " n"]
    train: Inputs


def held_out(problem: Problem, seed: int, *, n_train: int) -> HeldOut:
    """The HeldOut of a run's split, on whose inputs its layers are compared."""
    parts = problem.split(seed, n_train=n_train)
    x, y = (
        np.concatenate([getattr(parts[k], f).numpy() for k in ("validation", "test")])
        for f in "xy"
    )
    return HeldOut(x, y, parts["train"].x.numpy())


def outputs(model: Model, state: State, x: Inputs) -> dict[str, np.ndarray]:
    """The outputs of each layer on the inputs, by name, in order."""
    params = {name: torch.tensor(value) for name, value in state.items()}
    with torch.no_grad():
        found = model.activations(params, torch.tensor(x))
    return {name: value.numpy() for name, value in found.items()}


def observations(made: Real[np.ndarray, "n ..."]) -> Real[np.ndarray, "row feature"]:
    """A row for each input; of a convolution, for every fourth place along each side.

    The channels of a convolution are its features, as in the source.
    """
    if made.ndim < 4:
        return made.reshape(len(made), -1)
    places = made[:, :, ::4, ::4]
    return np.moveaxis(places, 1, -1).reshape(-1, made.shape[1])


@dataclass(frozen=True)
class Similarity:
    """A measure of likeness: what it keeps of features, and how it compares that."""

    name: str
    prepare: Callable[[np.ndarray], np.ndarray]
    compare: Callable[[np.ndarray, np.ndarray], float]


def _centred(features: np.ndarray) -> np.ndarray:
    return features - features.mean(0)


def _cka(a: np.ndarray, b: np.ndarray) -> float:
    """`metrics.similarity.linear_cka` of centred features; 0 for constant ones."""
    within = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.linalg.norm(a.T @ b) ** 2 / within) if within else 0.0


SVCCA = Similarity("SVCCA", basis, mean_correlation)
CKA = Similarity("linear CKA", _centred, _cka)


def _prepared(model: Model, state: State, x: Inputs, how: Similarity) -> list:
    return [how.prepare(observations(f)) for f in outputs(model, state, x).values()]


def likeness(
    model: Model, path: Sequence[State], x: Inputs, how: Similarity
) -> Float[np.ndarray, "record layer layer"]:
    """Similarity of each layer at each time (rows) to each layer at the end (columns).

    For layers without convolutions, whose observations are the inputs.
    """
    last = _prepared(model, path[-1], x, how)
    return np.array(
        [
            [[how.compare(a, b) for b in last] for a in _prepared(model, state, x, how)]
            for state in path
        ]
    )


def to_the_end(
    model: Model, path: Sequence[State], x: Inputs, how: Similarity
) -> Float[np.ndarray, "record layer"]:
    """Similarity of each layer at each time to the same layer at the end."""
    last = _prepared(model, path[-1], x, how)
    return np.array(
        [
            [how.compare(*pair) for pair in zip(made, last, strict=True)]
            for made in (_prepared(model, state, x, how) for state in path)
        ]
    )


def own_weights(
    model: Model, path: Sequence[State], x: Inputs, how: Similarity
) -> Float[np.ndarray, "record layer"]:
    """As `to_the_end`, but with the final layers below each layer throughout.

    What is left is the change of that layer's own parameters.
    """
    last = outputs(model, path[-1], x)
    fed = dict(zip(model.names, [x, *last.values()], strict=False))
    final = {name: how.prepare(observations(value)) for name, value in last.items()}
    found = []
    for state in path:
        params = {name: torch.tensor(value) for name, value in state.items()}
        row = []
        for layer in model.layers:
            made = layer.apply(params, torch.tensor(fed[layer.name])).numpy()
            kept = how.prepare(observations(made))
            row.append(how.compare(kept, final[layer.name]))
        found.append(row)
    return np.array(found)


def straight(path: Sequence[State], records: int) -> list[State]:
    """States on the straight line from the first to the last: no layer goes ahead."""
    first, last = path[0], path[-1]
    return [
        {k: (first[k] + a * (last[k] - first[k])).astype(first[k].dtype) for k in first}
        for a in np.linspace(0, 1, records)
    ]


@kept
def over_runs(
    measure: Callable[..., np.ndarray],
    model: Model,
    paths: Sequence[Sequence[State]],
    inputs: Sequence[Inputs],
    how: Similarity = SVCCA,
) -> Float[np.ndarray, "run record ..."]:
    """`likeness`, `to_the_end` or `own_weights` of every run."""
    pairs = zip(paths, inputs, strict=True)
    return np.array([measure(model, path, x, how) for path, x in pairs])


def times_settled(
    done: Real[np.ndarray, "run record layer"], at: Real[np.ndarray, " record"]
) -> Float[np.ndarray, "run layer"]:
    """`settled` of every run."""
    return np.array([settled(run, at) for run in done])


def orders(times: Real[np.ndarray, "run layer"]) -> Float[np.ndarray, " run"]:
    """`in_order` of every run."""
    return np.array([in_order(run) for run in times])


def progress(
    similarity: Real[np.ndarray, "*run record layer"],
) -> Float[np.ndarray, "*run record layer"]:
    """Similarity of each layer on a scale from 0 (untrained) to 1 (equal)."""
    start = similarity[..., :1, :]
    return (similarity - start) / np.maximum(1 - start, 1e-12)


def settled(
    done: Real[np.ndarray, "record layer"], at: Real[np.ndarray, " record"]
) -> Float[np.ndarray, " layer"]:
    """When the progress of each layer first reaches SETTLED, in the units of `at`.

    Interpolated linearly between records.
    """
    found = []
    for curve in done.T:
        t = int(np.argmax(curve >= SETTLED))
        if t == 0:
            found.append(float(at[0]))
            continue
        share = (SETTLED - curve[t - 1]) / (curve[t] - curve[t - 1])
        found.append(float(at[t - 1] + share * (at[t] - at[t - 1])))
    return np.array(found)


def in_order(values: Real[np.ndarray, " layer"]) -> float:
    """Share of pairs of layers in which the lower one has the smaller value.

    A tie counts half. 1/2 is what layers in random order have on average.
    """
    pairs = list(combinations(values, 2))
    return float(np.mean([(a < b) + 0.5 * (a == b) for a, b in pairs]))


def by_layer(values: Real[np.ndarray, "run layer"], form: str = ".2f") -> str:
    """The median over runs of each layer, first layer first, in words."""
    return ", ".join(f"{v:{form}}" for v in np.median(values, axis=0))


def freezing(model: Model, *, epochs: int, from_below: bool) -> Schedule:
    """The Schedule in which layers stop one after the other, `epochs` apart.

    From below, as in the source's freeze training, or from above. All layers learn in
    the first phase, and one in the last.
    """
    names = list(model.names)
    order = names if from_below else names[::-1]
    phases = (
        Phase(epochs, tuple(n for n in names if n in order[i:]))
        for i in range(len(names))
    )
    return Schedule(f"frozen from {'below' if from_below else 'above'}", tuple(phases))


def linear_share(
    train: tuple[Inputs, Real[np.ndarray, "n unit"]],
    test: tuple[Inputs, Real[np.ndarray, "m unit"]],
) -> Float[np.ndarray, " unit"]:
    """Share of each unit's variance that an affine map of the pixels explains.

    Least squares on `train`, judged on `test`; NaN for a unit that is constant there.
    """
    (x, h), (other, g) = train, test
    design = np.column_stack([x, np.ones(len(x))])
    weights = np.linalg.lstsq(design.astype(float), h.astype(float), rcond=1e-8)[0]
    left = g - np.column_stack([other, np.ones(len(other))]) @ weights
    spread = g.astype(float).var(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 1e-12, 1 - (left**2).mean(0) / spread, np.nan)


def profile(
    model: Model, state: State, held: HeldOut, *, top: int = 20
) -> tuple[list[float], list[float]]:
    """By layer: mean purity and median linear share of its units."""
    made, fitted = outputs(model, state, held.x), outputs(model, state, held.train)
    pure = [float(np.nanmean(purity(h, held.y, top=top))) for h in made.values()]
    linear = [
        float(np.nanmedian(linear_share((held.train, fitted[n]), (held.x, made[n]))))
        for n in made
    ]
    return pure, linear


def purity(
    h: Real[np.ndarray, "n unit"], y: Int[np.ndarray, " n"], *, top: int
) -> Float[np.ndarray, " unit"]:
    """Share of the commonest class among the `top` inputs that excite a unit most.

    NaN for a unit that fewer than `top` inputs excite above its least value. Refuses a
    `top` below 1, and above the number of inputs.
    """
    if not 1 <= top <= len(y):
        raise HlnbError(f"top = {top}: take at least one input, and at most {len(y)}.")
    best = np.argsort(-h, axis=0, kind="stable")[:top]
    shares = [np.bincount(y[rows]).max() / top for rows in best.T]
    excited = (h > h.min(0)).sum(0) >= top
    return np.where(excited, shares, np.nan)
