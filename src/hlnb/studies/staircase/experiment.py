"""Learning staircases: the order in which terms come, and growth by products.

Sources: Abbe et al. 2021 (the staircase property); the report's Section 3.2.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Real
from scipy import stats
from torch import Tensor

from hlnb import kept as keeping
from hlnb.data.boolean import Polynomial, Support, characters, cube, signs
from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.metrics.fourier import index, walsh_hadamard
from hlnb.metrics.measures import Error, Weights
from hlnb.metrics.times import first_hit
from hlnb.models.model import Model
from hlnb.results import Result
from hlnb.schedules import Phase, Schedule, greedy, layerwise, simultaneous
from hlnb.seeding import stream
from hlnb.training.evaluation import evaluate

PENALTIES = tuple(10.0**-k for k in range(2, 9))  # of the ridge readout


def halving(model: Model, *, lr: float, epochs: Sequence[int]) -> Schedule:
    """The Schedule of all layers together, whose rate is halved with each phase.

    `lr`: the first rate. `epochs`: how long each phase lasts.
    """
    phases = (Phase(n, model.names, lr=lr / 2**i) for i, n in enumerate(epochs))
    return Schedule("simultaneous", tuple(phases))


def trainings(model: Model, *, epochs: int) -> dict[str, tuple[Model, Schedule]]:
    """Three ways to train, in equally many epochs: by name, network and Schedule.

    `epochs`: for each layer in turn. Greedy training has one phase fewer, since the
    last two layers learn together; that one is twice as long. Only this way has heads.
    """
    plain = replace(model, heads={})
    *lower, last = greedy(model, epochs=epochs).phases
    phases = (*lower, replace(last, epochs=2 * epochs))
    return {
        "simultaneous": (plain, simultaneous(plain, epochs=epochs * len(plain.layers))),
        "layer-wise": (plain, layerwise(plain, epochs=epochs)),
        "greedy": (model, Schedule("greedy", phases)),
    }


def toy_settings() -> dict[str, Any]:
    """What trainings on toy problem 4 have in common: measures, sizes, device.

    Those of the report's Table 1, so that errors compare with those of chapter 05.
    """
    return {
        "measures": {
            "test": Error("test"),
            "validation": Error("validation"),
            "filters": Weights("conv"),
        },
        "n_train": 1024,
        "device": "cpu",
    }


def learned_at(
    result: Result, name: str, target: Sequence[float], *, share: float = 0.5
) -> Real[np.ndarray, "run term"]:
    """The step at which each coefficient first reaches `share` of its target, or inf.

    name: the trace (run, record, term) of coefficients.
    """
    got = result.of(name) / np.asarray(target)
    return first_hit(result.steps, -np.moveaxis(got, 2, 1), threshold=-share)


def inversions(
    times: Real[np.ndarray, "run term"], *, slack: float = 0.0
) -> Real[np.ndarray, " run"]:
    """Number of pairs of terms whose later one was first by more than `slack`.

    Terms stand in order of degree. Times of inf are equally late.
    """
    earlier, later = np.triu_indices(times.shape[1], 1)
    before, after = times[:, earlier], times[:, later]
    with np.errstate(invalid="ignore"):  # inf + slack is inf, and not above inf
        return (before > after + slack).sum(1).astype(float)


def order_agreement(times: Real[np.ndarray, "run term"]) -> Real[np.ndarray, " run"]:
    """Kendall's τ_b between degree and time: 1 in order, 0 unrelated, −1 reversed.

    NaN where all times are equal.
    """
    degrees = np.arange(times.shape[1])
    return np.array(
        [stats.kendalltau(degrees, stats.rankdata(row)).statistic for row in times]
    )


def degree_mass(
    model: Model,
    weights: Sequence[dict[str, np.ndarray]],
    *,
    d: int,
    leave_out: Sequence[Support] = (),
) -> Float[np.ndarray, "network degree"]:
    """Squared Fourier coefficients of networks on the whole cube, summed by degree.

    Exact up to rounding. `weights`: the parameters of each network. `leave_out`: these
    coefficients do not count.
    """
    x = cube(d)
    degree = (x < 0).sum(1).numpy()  # row m of the cube holds the bits of index m
    found = []
    for arrays in weights:
        params = {name: torch.tensor(value) for name, value in arrays.items()}
        outputs = evaluate(model, params, x)[:, 0].double()
        squares = walsh_hadamard(outputs).square().numpy()
        squares[[index(support) for support in leave_out]] = 0
        found.append(np.bincount(degree, squares, minlength=d + 1))
    return np.array(found)


@keeping.kept
def in_two_phases(
    target: Polynomial,
    *,
    steps: Sequence[int],
    seed: int,
    width: int = 300,
    batch_size: int = 300,
    step: float = 0.5,
    n: int = 4000,
) -> Float[np.ndarray, " phase"]:
    """What two layers leave of the variance if they are trained one after the other.

    The network is f(x) = 1/N Σ_j a_j σ(⟨w_j, x⟩) with N = `width` shifted sigmoids, √d
    w_j standard normal and a_j uniform on [−1, 1]. First w learns by steps of online
    SGD in the mean-field scaling, with a as drawn; after each number in `steps`, a is
    fitted by ridge regression on `n` fresh examples, its penalty chosen on as many. So
    the layers are trained in the order of the theorem of Abbe et al. 2022. Refuses
    numbers of steps that do not rise, and sizes below 1.
    """
    at_least(1, width=width, batch_size=batch_size, n=n)
    at_least(0, steps=steps)
    above_zero(step=step)
    if [*steps] != sorted({*steps}):
        raise HlnbError(f"steps = {[*steps]}: take whole numbers that rise.")
    draw = stream(seed, "two phases")
    w = torch.randn(width, target.d, generator=draw) / math.sqrt(target.d)
    a = 2 * torch.rand(width, generator=draw) - 1
    left, taken = [], 0
    for until in steps:
        for _ in range(until - taken):
            x = signs(batch_size, target.d, generator=draw)
            w = w + step * first_layer_step(w, a, x, target.target(x))
        taken = until
        batches = (target.sample(n, generator=draw) for _ in range(3))
        left.append(_readout_leaves(w, *batches))
    return np.array(left)


def units(w: Float[Tensor, "unit d"], x: Float[Tensor, "n d"]) -> Tensor:
    """σ(⟨w_j, x⟩ − 1), σ the logistic function."""
    return torch.sigmoid(x @ w.T - 1)


def first_layer_step(
    w: Float[Tensor, "unit d"],
    a: Float[Tensor, " unit"],
    x: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
) -> Float[Tensor, "unit d"]:
    """a_j E[(y − f(x)) σ'(⟨w_j, x⟩) x], the mean-field step of w_j, over a batch."""
    values = units(w, x)
    missing = y - values @ a / len(a)
    back = missing[:, None] * values * (1 - values) * a
    return back.T @ x / len(x)


def _readout_leaves(
    w: Float[Tensor, "unit d"], train: Batch, validation: Batch, test: Batch
) -> float:
    """The share of test variance that a ridge readout of the units leaves."""
    values = units(w, train.x).double()
    mean, level = values.mean(0), train.y.double().mean()
    gram = (values - mean).T @ (values - mean) / len(values)
    moment = (values - mean).T @ (train.y.double() - level) / len(values)

    def leaves(batch: Batch, penalty: float) -> float:
        ridge = gram + penalty * torch.eye(len(gram), dtype=gram.dtype)
        fitted = (units(w, batch.x).double() - mean) @ torch.linalg.solve(ridge, moment)
        return float((fitted + level - batch.y).square().mean())

    chosen = min(PENALTIES, key=lambda penalty: leaves(validation, penalty))
    return leaves(test, chosen) / float(test.y.double().var())


class Stage(NamedTuple):
    """One stage of product growth."""

    candidates: tuple[Support, ...]  # products of two known features
    correlations: Float[np.ndarray, " candidate"]  # with what is still unexplained
    kept: tuple[Support, ...]
    left: float  # share of the target's variance that stays unexplained
    deviation: float  # standard deviation of what was unexplained at the start


@keeping.kept
def grow(
    problem: Polynomial,
    *,
    n: int,
    threshold: float,
    generator: torch.Generator,
    most: int = 100,
) -> list[Stage]:
    """The stages of greedy growth by products: layer-wise learning in spirit.

    Known at first are 1 and the d coordinates. In each stage every product of two known
    features is correlated with the residual on the same `n` examples; those above
    `threshold` in size are kept, and the target is fitted anew on all that were kept.
    Ends with a stage that keeps none. Our simplification of Abbe et al. 2021, who train
    neurons by coordinate descent, one after another, and freeze them. Refuses fewer
    than two examples, and a threshold that is not above 0.
    """
    at_least(2, n=n)
    above_zero(threshold=threshold)
    x, y, _ = problem.sample(n, generator=generator)
    x, y = x.double(), y.double()
    total = float(y.var(correction=0))
    known: list[Support] = [(), *((i,) for i in range(problem.d))]
    fitted: list[Support] = [()]
    stages: list[Stage] = []
    while len(stages) < most:
        features = characters(x, fitted)
        residual = y - features @ torch.linalg.lstsq(features, y).solution
        pairs = itertools.combinations(known, 2)
        products = {tuple(sorted({*a} ^ {*b})) for a, b in pairs} - set(fitted)
        candidates = tuple(sorted(products, key=lambda s: (len(s), s)))
        found = torch.cat(
            [
                residual @ characters(x, candidates[i : i + 64]) / n
                for i in range(0, len(candidates), 64)
            ]
        ).numpy()
        kept = tuple(
            support
            for support, value in zip(candidates, found, strict=True)
            if abs(value) > threshold
        )
        left = float(residual.var(correction=0))
        share = left / total if total else 0.0
        stages.append(Stage(candidates, found, kept, share, math.sqrt(left)))
        if not kept:
            break
        fitted += kept
        known += [support for support in kept if support not in known]
    return stages


def false_alarm(stages: Sequence[Stage], *, n: int, threshold: float) -> float:
    """A bound on the probability that a growth keeps some product by chance alone.

    The sum of normal tails over all candidates of all stages: a correlation of
    unrelated things has standard deviation `Stage.deviation`/√n.
    """
    return min(
        1.0,
        sum(
            len(stage.candidates)
            * 2
            * float(stats.norm.sf(threshold * math.sqrt(n) / stage.deviation))
            for stage in stages
            if stage.deviation > 0
        ),
    )
