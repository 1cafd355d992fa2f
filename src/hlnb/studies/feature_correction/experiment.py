"""Backward feature correction: what training of all layers does to the first one.

Allen-Zhu & Li 2020. One definition for every problem: the quality φ of the first layer
after layer-wise training, after further epochs of all layers, and, as a control, after
as many further epochs of the first layer alone.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Real
from torch import Tensor

from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.problem import Batch, Problem
from hlnb.data.quadratic import SquaredQuadratic
from hlnb.errors import HlnbError, at_least
from hlnb.kept import kept
from hlnb.metrics.measures import Error, Weights
from hlnb.metrics.probes import probe_accuracy
from hlnb.models.layers import Initialization, Normal, Params
from hlnb.models.model import Model
from hlnb.results import Result
from hlnb.schedules import Phase, Schedule, simultaneous
from hlnb.seeding import stream
from hlnb.training.evaluation import evaluate
from hlnb.training.loop import train
from hlnb.training.optimizers import SGD, Optimizer
from hlnb.training.runs import Run, Start, grid
from hlnb.training.sweep import sweep

Quality = Callable[[Params, int], float]  # φ of a first layer, in the run of a seed


@dataclass(frozen=True)
class QuadraticForm:
    """x ↦ xᵀMx − tr M, one output, whose mean is 0 on standard normal x."""

    name: str
    d: int

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        weight, _ = law.draw((self.d, self.d), (self.d, 1), generator)
        return {f"{self.name}.weight": (weight + weight.mT) / 2}

    def apply(self, params: Params, x: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
        weight = params[f"{self.name}.weight"]
        return ((x @ weight * x).sum(1) - weight.trace())[:, None]


@dataclass(frozen=True)
class PlusSquare:
    """u ↦ u + b u² + c; b and c start at 0, so that u passes as it is."""

    name: str

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        return {
            f"{self.name}.weight": torch.zeros(1),
            f"{self.name}.bias": torch.zeros(1),
        }

    def apply(self, params: Params, x: Float[Tensor, "n 1"]) -> Float[Tensor, "n 1"]:
        b, c = params[f"{self.name}.weight"], params[f"{self.name}.bias"]
        return x + b * x.square() + c


def square_network(d: int) -> Model:
    """The network of the exact toy: layers `form` and `square`."""
    at_least(1, d=d)
    layers = (QuadraticForm("form", d), PlusSquare("square"))
    return Model(layers, initialization=Normal(0.1))


def first_weights(model: Model) -> dict[str, Weights]:
    """Measures of all parameters of the first layer, under their own names."""
    first = model.layers[0]
    names = first.init(stream(0, "names"), model.initialization)
    return {name: Weights(*name.rsplit(".", 1)) for name in names}


class Plan(NamedTuple):
    """Two trainings that share their first phases, and one of all layers at once."""

    corrected: Schedule  # layer-wise, then all layers
    control: Schedule  # the first layer alone for as many epochs as in `corrected`
    together: Schedule  # all layers, for as many epochs in all


def plan(
    model: Model, layer_wise: Schedule, *, epochs: int, lr: float | None = None
) -> Plan:
    """The Plan of `layer_wise`, then `epochs` of all layers, with its two comparisons.

    In the control, the first layer goes on learning as in the last of its own phases,
    through its head if it has one. `lr`: the rate of all layers; None: the run's.
    Refuses a schedule in which the first layer does not learn first.
    """
    layer_wise.check(model)
    first = model.names[0]
    own = [phase for phase in layer_wise.phases if first in phase.learns]
    if not own or own != list(layer_wise.phases[: len(own)]):
        raise HlnbError(
            f"A correction of {first!r} needs it to learn first: put it into phase 1."
        )
    more = replace(own[-1], epochs=epochs)
    learning = {name for phase in own for name in phase.learns}
    exits = {model.heads[p.exit].name for p in own if p.exit is not None}
    others = tuple(n for n in (*model.names, *sorted(exits)) if n not in learning)
    joint = Phase(epochs, model.names, lr=lr)
    return Plan(
        Schedule("layer-wise, then together", (*layer_wise.phases, joint)),
        Schedule("first layer alone", (*own, more), frozen=others),
        simultaneous(model, epochs=layer_wise.epochs + epochs),
    )


STATES = ("untrained", "layer-wise", "first layer longer", "corrected", "together")


@kept
def qualities(
    results: Sequence[Result], model: Model, *, epochs: int, quality: Quality
) -> dict[str, Real[np.ndarray, " run"]]:
    """φ of the first layer in each of STATES, one value per run.

    `results`: of a Plan's three schedules, in order, with `first_weights` measured at
    the ends of phases; without the third, the last state is left out. `epochs`: those
    that follow layer-wise training.
    """
    corrected, control = results[:2]
    at = {
        "untrained": (corrected, 0),
        "layer-wise": (corrected, _before(corrected, epochs)),
        "first layer longer": (control, -1),
        "corrected": (corrected, -1),
    }
    if len(results) > 2:
        at["together"] = (results[2], -1)
    return {
        state: np.array(
            [
                quality(_first(model, result, run, record), result.runs[run]["seed"])
                for run in range(len(result.runs))
            ]
        )
        for state, (result, record) in at.items()
    }


def _before(result: Result, epochs: int) -> int:
    """The record at which the last `epochs` begin."""
    return int(np.searchsorted(result.epochs, result.epochs[-1] - epochs))


class FirstLayers(NamedTuple):
    """Weights of a first layer, one row for each unit of each run."""

    before: Real[np.ndarray, "run unit _"]  # after layer-wise training
    after: Real[np.ndarray, "run unit _"]  # after further epochs of all layers

    @property
    def cosines(self) -> Real[np.ndarray, "run unit"]:
        """Between each unit's weights before and after."""
        lengths = np.linalg.norm(self.before, axis=2) * np.linalg.norm(
            self.after, axis=2
        )
        return (self.before * self.after).sum(2) / lengths


def first_layers(corrected: Result, model: Model, *, epochs: int) -> FirstLayers:
    """The FirstLayers of the first schedule of a Plan, as in `qualities`."""
    weights = corrected.of(f"{model.names[0]}.weight")
    flat = weights.reshape(*weights.shape[:3], -1)
    return FirstLayers(flat[:, _before(corrected, epochs)], flat[:, -1])


class Reach(NamedTuple):
    """How deep the correction has to reach, in one run."""

    error: Real[np.ndarray, " trained"]  # test error if the last 0, 1, … layers train
    moved: Real[np.ndarray, "trained layer"]  # ‖change of weights‖ / ‖weights before‖


@kept
def reach(
    problem: Problem,
    model: Model,
    layer_wise: Schedule,
    run: Run,
    *,
    epochs: int,
    optimizer: Optimizer = SGD(),
    n_train: int = 1024,
    batch_size: int = 64,
) -> Reach:
    """The Reach of further `epochs` of the last k layers after `layer_wise`, k by k."""
    names = list(model.init(stream(0, "names")))
    learn = partial(
        train.anew,
        problem,
        model,
        run=run,
        measures={name: Weights(*name.rsplit(".", 1)) for name in names}
        | {"error": Error("test")},
        optimizer=optimizer,
        n_train=n_train,
        batch_size=batch_size,
        every=10**6,
    )
    begun = learn(layer_wise).values
    before = {name: begun[name][-1] for name in names}
    errors, moved = [begun["error"][-1]], [np.zeros(len(model.names))]
    for k in range(1, 1 + len(model.names)):
        frozen, last = model.names[:-k], model.names[-k:]
        schedule = Schedule(f"the last {k}", (Phase(epochs, last),), frozen=frozen)
        after = learn(schedule, start=Start(before, layer_wise.epochs)).values
        errors.append(after["error"][-1])
        weights = [f"{layer}.weight" for layer in model.names]
        moved.append(
            np.array(
                [
                    np.linalg.norm(after[name][-1] - before[name])
                    / np.linalg.norm(before[name])
                    for name in weights
                ]
            )
        )
    return Reach(np.array(errors), np.stack(moved))


def _first(model: Model, result: Result, run: int, record: int) -> Params:
    names = first_weights(model)
    return {name: torch.tensor(result.of(name)[run, record]) for name in names}


class Correction(NamedTuple):
    """Changes of φ after layer-wise training, one value per run."""

    change: Real[np.ndarray, " run"]  # by further epochs of all layers
    control: Real[np.ndarray, " run"]  # by as many of the first layer alone
    beyond: Real[np.ndarray, " run"]  # the difference: backward feature correction


def correction(states: Mapping[str, Real[np.ndarray, " run"]]) -> Correction:
    """The Correction: φ(after) − φ(before), and its control, from `qualities`."""
    before = states["layer-wise"]
    change = states["corrected"] - before
    control = states["first layer longer"] - before
    return Correction(change, control, change - control)


def form_quality(problem: SquaredQuadratic) -> Quality:
    """The Quality: cosine of M with the diagonal matrix of true coefficients."""
    truth = torch.diag(problem.a)

    def quality(params: Params, seed: int) -> float:
        m = params["form.weight"].double()
        return float((m * truth).sum() / (m.norm() * truth.norm()))

    return quality


def placed(
    features: Float[Tensor, "tuple feature"], parents: Int[Tensor, " tuple"]
) -> float:
    """Share of tuples that are nearest to their own synonyms.

    Each tuple is compared with the mean of every feature's tuples, itself left out.
    Squared distances are corrected for the noise in a mean of few tuples, so that
    features that know nothing get 1 / (number of parents). Tuples without a parent (−1)
    do not count. Refuses features with a single tuple.
    """
    known = parents >= 0
    values, owners = features[known].double(), parents[known]
    member = F.one_hot(owners).double()
    sizes = member.sum(0)
    if sizes.min() < 2:
        raise HlnbError("A tuple is compared with its synonyms: take n_synonyms ≥ 2.")
    means = (member.mT @ values) / sizes[:, None]
    spread = (values - means[owners]).square().sum() / (len(values) - len(sizes))
    distances = torch.cdist(values, means).square() - spread / sizes
    rows, others = torch.arange(len(owners)), sizes[owners] - 1
    # from the mean without it a tuple is n/(n − 1) times as far
    left_out = (values - means[owners]).square().sum(1) * ((others + 1) / others) ** 2
    distances[rows, owners] = left_out - spread / others
    return float((distances.argmin(1) == owners).double().mean())


def synonym_quality(problem: RandomHierarchy, model: Model) -> Quality:
    """The Quality: `placed` of the first level's outputs, on all tuples of symbols."""

    def quality(params: Params, seed: int) -> float:
        mine = problem.with_seed(seed)
        tuples = mine.rules[0].flatten(0, 1)  # all that occur, feature by feature
        parents = torch.arange(len(tuples)) // mine.n_synonyms
        out = evaluate(model, params, mine.one_hot(tuples), stop=1)
        return placed(out[:, 0], parents)

    return quality


def probe_quality(problem: Problem, model: Model, *, n_train: int) -> Quality:
    """The Quality: test accuracy of a linear probe on the first layer's outputs.

    See `metrics.probes`. Outputs for images are averaged in 4×4 regions.
    """

    def quality(params: Params, seed: int) -> float:
        split = problem.split(seed, n_train=n_train)
        batches = {on: split[on] for on in ("train", "validation", "test")}
        features = {on: _outputs(model, params, b) for on, b in batches.items()}
        return probe_accuracy(features, {on: b.y.numpy() for on, b in batches.items()})

    return quality


def _outputs(model: Model, params: Params, batch: Batch) -> Float[np.ndarray, "n _"]:
    out = evaluate(model, params, batch.x, stop=1)
    pooled = F.adaptive_avg_pool2d(out, 4) if out.dim() == 4 else out
    return pooled.flatten(1).numpy()


# The exact toy: rates on the mean squared error, for batches of 1000 of 100,000 inputs.
# The Hessian in M is 4, so that the last rates average over hundreds of batches.
TOY_PHASES = (
    Phase(1, ("form",), lr=0.02),
    Phase(1, ("form",), lr=0.002),
    Phase(2, ("form",), lr=0.0005),
)
TOY_EPOCHS = 4  # of both layers, then
TOY_RATE = 0.01


def exact(
    problem: SquaredQuadratic,
    *,
    seeds: Sequence[int] | range,
    n_train: int = 100_000,
    reference: bool = True,
    executor: Executor | None = None,
) -> tuple[Result, ...]:
    """Results of the `plan` of the exact toy: corrected, control, and with `reference`
    together.

    Its layer-wise training is that of `form` alone, which `square` passes on unchanged.
    All parameters are measured twice per epoch.
    """
    model = square_network(problem.d)
    alone = Schedule("layer-wise", TOY_PHASES, frozen=("square",))
    schedules = plan(model, alone, epochs=TOY_EPOCHS, lr=TOY_RATE)
    batch = max(1, n_train // 100)
    return tuple(
        sweep(
            problem,
            model,
            schedule,
            grid(seeds, [TOY_RATE]),
            measures=first_weights(model) | {"b": Weights("square")},
            optimizer=SGD(),
            n_train=n_train,
            batch_size=batch,
            every=50,
            executor=executor,
        )
        for schedule in schedules[: 3 if reference else 2]
    )


def angle(cosine: Real[np.ndarray, "*n"] | float) -> Real[np.ndarray, "*n"]:
    """The angle in degrees that has this cosine."""
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
