"""Layer-wise training of an image network: Example 5.2 of the report, and beyond it.

The network's four parts are its layers `conv1`, `conv2`, `hidden` and `readout`.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Real

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics.distance import deviation
from hlnb.metrics.probes import probe_accuracy
from hlnb.metrics.similarity import linear_cka
from hlnb.models.layers import Params
from hlnb.models.model import Model
from hlnb.results import Result
from hlnb.schedules import Phase, Schedule
from hlnb.seeding import stream
from hlnb.training.evaluation import evaluate
from hlnb.training.runs import grid

Train = Callable[..., Result]  # `sweep` that lacks only schedule, runs and `after`


def moments_after_changes(
    n_train: int, *, batch_size: int = 64, phases: int
) -> tuple[int, ...]:
    """Steps at which to measure: powers of 2 after each change of phase, and its end.

    Each phase is one epoch.
    """
    batches = -(-n_train // batch_size)
    inside = [2**k for k in range((batches - 1).bit_length())]
    return tuple(
        batches * phase + step for phase in range(phases) for step in [*inside, batches]
    )


class PartChange(NamedTuple):
    """What happens to a curve in each phase, one value per run."""

    before: Real[np.ndarray, "run phase"]  # at the phase's start
    highest: Real[np.ndarray, "run phase"]  # in the phase
    after: Real[np.ndarray, "run phase"]  # at its end


def changes(result: Result, name: str, *, epochs: Sequence[float]) -> PartChange:
    """How the trace `name` changes; `epochs`: where phases end, the start not named.

    A run that stopped being finite is at infinity from there on.
    """
    values = np.nan_to_num(result.of(name), nan=np.inf)
    ends = np.searchsorted(result.epochs, [result.epochs[0], *epochs])
    pairs = list(itertools.pairwise(ends))
    return PartChange(
        values[:, ends[:-1]],
        np.stack([values[:, a : b + 1].max(1) for a, b in pairs], axis=1),
        values[:, ends[1:]],
    )


def part_alone(model: Model, part: str, *, epochs: int) -> Schedule:
    """One phase of layer-wise training: `part` learns, all other layers stay."""
    others = tuple(name for name in model.names if name != part)
    return Schedule(f"part {part}", (Phase(epochs, (part,)),), frozen=others)


def lasting(schedule: Schedule, epochs: Sequence[int]) -> Schedule:
    """The schedule with phases of these lengths."""
    phases = zip(schedule.phases, epochs, strict=True)
    stretched = tuple(dataclasses.replace(phase, epochs=n) for phase, n in phases)
    return dataclasses.replace(schedule, phases=stretched)


class RatesInTurn(NamedTuple):
    """A learning rate for each part of layer-wise training."""

    rates: dict[str, float]  # part → the rate that was taken
    losses: dict[str, dict[float, float]]  # part → rate → median validation loss


def choose_rates(
    train: Train,
    model: Model,
    *,
    lrs: Sequence[float],
    seeds: Iterable[int],
    epochs: int,
) -> RatesInTurn:
    """Each part at the rate of lowest median validation loss at its end.

    Parts are chosen from the input up, each on top of those that were chosen before. A
    loss that is not finite counts as infinite. `train` measures the trace `validation
    loss` and all weights; `epochs` is the length of each phase. Refuses rates of which
    none trains a part.
    """
    runs = grid(seeds, lrs)
    after, rates, losses = None, {}, {}
    for part in model.names:
        schedule = part_alone(model, part, epochs=epochs)
        found = train(schedule, runs, after=after)
        ends = {
            lr: np.nan_to_num(found.of("validation loss", lr=lr)[:, -1], nan=np.inf)
            for lr in lrs
        }
        losses[part] = {lr: float(np.median(values)) for lr, values in ends.items()}
        rates[part] = min(losses[part], key=losses[part].get)
        if not np.isfinite(losses[part][rates[part]]):
            raise HlnbError(f"No rate of {list(lrs)} trains {part}: take smaller ones.")
        after = found.at(rates[part])
    return RatesInTurn(rates, losses)


def in_turn(
    train: Train,
    model: Model,
    *,
    rates: Mapping[str, float],
    seeds: Iterable[int],
    epochs: int,
) -> dict[str, Result]:
    """Layer-wise training with a rate for each part: by part, the Result of its phase.

    `train` measures all weights; `epochs` is the length of each phase. With one rate
    for all parts the runs are those of layer-wise training, to the bit.
    """
    seeds, after, found = list(seeds), None, {}
    for part in model.names:
        schedule = part_alone(model, part, epochs=epochs)
        after = train(schedule, grid(seeds, [rates[part]]), after=after)
        found[part] = after
    return found


@kept
def accuracies(
    result: Result, model: Model, batch: Batch, *, record: int = -1
) -> Float[np.ndarray, " run"]:
    """Accuracy of each run's network on a batch, at a record; default: at the end.

    A run whose parameters stopped being finite guesses.
    """
    found = []
    for run in range(len(result.runs)):
        params = result.params(run, record)
        right = evaluate(model, params, batch.x).argmax(1) == batch.y
        finite = all(bool(value.isfinite().all()) for value in params.values())
        guess = 1 / model.layers[-1].n_out
        found.append(float(right.double().mean()) if finite else guess)
    return np.array(found)


def deviations(
    result: Result, model: Model, *, record: int = -1
) -> dict[str, Real[np.ndarray, " run"]]:
    """‖W_t − W_0‖/‖W_0‖ of each layer's weights at a record; W_0: its first."""
    found = {}
    for layer in model.names:
        weights = result.of(f"{layer}.weight")
        found[layer] = deviation(weights, axes=weights.ndim - 2)[:, record]
    return found


@kept
def part_curvature(
    model: Model,
    params: Params,
    x: Float[torch.Tensor, "n ..."],
    y: Int[torch.Tensor, " n"],
    part: str,
    *,
    tolerance: float = 1e-5,
) -> float:
    """Largest eigenvalue λ of the Hessian of the mean loss in a part's parameters.

    Descent at rate η overshoots along its eigenvector where η·λ > 2, with momentum β
    where η·λ > 2(1 + β) (Cohen et al. 2021, arXiv:2103.00065).

    `x`, `y`: inputs of the network and their classes. In the weights of a single layer
    a network of ReLUs and maxima is piecewise linear, and cross-entropy is convex in
    its outputs: no eigenvalue is negative, and power iteration on products of Hessian
    and vector (float64, one start for all) finds the largest. It ends when an iteration
    changes λ by less than `tolerance`·λ, after 1,000 at the latest. NaN if a parameter
    is not finite. Refuses a part that the model has not.
    """
    slope, times = _derivatives(model, params, x, y, part)
    vector = torch.randn(len(slope), generator=stream(0, "curvature")).double()
    found = 0.0
    for _ in range(1000):
        vector = vector / vector.norm()
        product = times(vector)
        before, found = found, float(vector @ product)
        if not abs(found - before) > tolerance * abs(found):  # or it is no number
            break
        vector = product
    return found


@kept
def overshoot(
    model: Model,
    params: Params,
    x: Float[torch.Tensor, "n ..."],
    y: Int[torch.Tensor, " n"],
    part: str,
    *,
    lr: float,
    signs: bool,
) -> float:
    """What curvature adds to the loss in a part's first step, over what slope takes.

    The step is −lr · d, with d the gradient g of the mean loss in the part's parameters
    (SGD), or the signs of g (`signs`: Adam). To second order the loss changes by
    −lr · g·d + lr²/2 · d·Hd, so that it rises where the quotient lr · d·Hd / (2 g·d) is
    above 1. It is at most lr · λ / 2 for SGD, with λ that of `part_curvature`.

    `x`, `y`: inputs of the network and their classes. NaN if a parameter is not finite
    or the gradient is 0. Refuses a part that the model has not.
    """
    slope, times = _derivatives(model, params, x, y, part)
    step = slope.detach().sign() if signs else slope.detach()
    takes, adds = float(slope.detach() @ step), float(step @ times(step))
    return lr * adds / (2 * takes) if takes else math.nan


def _derivatives(
    model: Model,
    params: Params,
    x: Float[torch.Tensor, "n ..."],
    y: Int[torch.Tensor, " n"],
    part: str,
) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """Gradient of the mean loss in a part's parameters, and products of the Hessian.

    In float64, parameters in a row: weight, bias.
    """
    if part not in model.names:
        raise HlnbError(f"There is no part {part!r}: take one of {model.names}.")
    start = model.names.index(part)
    exact = {name: value.double() for name, value in params.items()}
    own = [
        value.requires_grad_()
        for name, value in exact.items()
        if model.layer_of(name) == part
    ]
    with torch.no_grad():
        below = model.apply(exact, x.double(), stop=start)
    loss = F.cross_entropy(model.apply(exact, below, start=start), y)
    slope = _flat(torch.autograd.grad(loss, own, create_graph=True))

    def times(vector: torch.Tensor) -> torch.Tensor:
        return _flat(torch.autograd.grad(slope @ vector, own, retain_graph=True))

    return slope, times


def _flat(values: Iterable[torch.Tensor]) -> Float[torch.Tensor, " parameter"]:
    return torch.cat([value.flatten() for value in values])


def first_step(
    model: Model, params: Params, x: Float[torch.Tensor, "n 3 h w"], layer: str
) -> tuple[float, float]:
    """Mean ‖a‖₁ of the input to an affine layer, and the sd of its output before ReLU.

    Adam's first step moves each weight by the learning rate. If all weights of a unit
    move in one direction, its output moves by rate · ‖a‖₁.
    """
    a = evaluate(model, params, x, stop=model.names.index(layer)).flatten(1)
    out = F.linear(a, params[f"{layer}.weight"], params[f"{layer}.bias"])
    return float(a.abs().sum(1).mean()), float(out.std(0).mean())


def squared_length(
    model: Model, params: Params, x: Float[torch.Tensor, "n ..."], layer: str
) -> float:
    """Mean ‖a‖² of the input a to a layer, flattened; `x`: inputs of the network.

    An affine unit's gradient is a multiple of a, so that the curvature of the loss in
    its weights grows with ‖a‖².
    """
    a = evaluate(model, params, x, stop=model.names.index(layer)).flatten(1)
    return float(a.square().sum(1).mean())


def pooled_features(
    model: Model,
    params: Params,
    x: Float[torch.Tensor, "n 3 h w"],
    layers: Sequence[str],
) -> dict[str, Float[np.ndarray, "n _"]]:
    """Outputs of some layers; those of a convolution averaged in 4×4 image regions.

    `layers`: names of the model from the input up; `pixels` is the input itself.
    Refuses another order.
    """
    found, out, start = {}, x, 0
    for layer in layers:
        stop = 0 if layer == "pixels" else model.names.index(layer) + 1
        if stop < start:
            raise HlnbError(f"Layers go from the input up: {layer} comes too late.")
        out, start = evaluate(model, params, out, start=start, stop=stop), stop
        pooled = F.adaptive_avg_pool2d(out, 4) if out.dim() == 4 else out
        found[layer] = pooled.flatten(1).numpy()
    return found


@kept
def probes(
    model: Model,
    params: Params,
    batches: Mapping[str, Batch],
    layers: Sequence[str],
) -> dict[str, float]:
    """Linear-probe accuracy of each layer, on `pooled_features`.

    `batches`: train, validation (chooses the penalty), test.
    """
    labels = {on: batch.y.numpy() for on, batch in batches.items()}
    features = {
        on: pooled_features(model, params, batch.x, layers)
        for on, batch in batches.items()
    }
    return {
        layer: probe_accuracy({on: of[layer] for on, of in features.items()}, labels)
        for layer in layers
    }


def first_layer_features(
    model: Model,
    params: Params,
    x: Float[torch.Tensor, "n 3 h w"],
    *,
    places: int = 16,
    seed: int = 0,
) -> Float[np.ndarray, "m channel"]:
    """Outputs of the first layer at `places` random places of each image.

    Equal seeds give equal places, so that networks are compared on the same input.
    """
    out = evaluate(model, params, x, stop=1).flatten(2)
    generator = stream(seed, "places to compare features")
    chosen = torch.randint(out.shape[2], (len(x), 1, places), generator=generator)
    picked = out.gather(2, chosen.expand(-1, out.shape[1], -1))
    return picked.movedim(1, 2).flatten(0, 1).numpy()


@kept
def first_layer_likeness(
    model: Model,
    pairs: Sequence[tuple[Params, Params]],
    x: Float[torch.Tensor, "n 3 h w"],
) -> Float[np.ndarray, " pair"]:
    """Linear CKA of the first layers of each pair of networks, on the same places."""
    return np.array(
        [
            linear_cka(*(first_layer_features(model, p, x) for p in pair))
            for pair in pairs
        ]
    )
