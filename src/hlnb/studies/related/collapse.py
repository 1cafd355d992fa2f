"""Deep linear networks whose layers compress classes and separate their means.

Source: Wang et al. 2023, who call it layerwise feature compression and discrimination.
Features are (n, unit), one row per input. NumPy in float64.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Real
from scipy.stats import linregress

from hlnb import kept as keeping
from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.seeding import stream


def class_data(
    seed: int,
    *,
    n_classes: int = 3,
    n_each: int = 10,
    d: int = 50,
    noise: float = 0.0,
) -> tuple[Float[np.ndarray, "n {d}"], Int[np.ndarray, " n"]]:
    """Orthonormal inputs of `n_classes` classes, and their labels, class by class.

    noise: Frobenius norm of a normal perturbation of all inputs; above 0 they are only
    nearly orthogonal. The authors' code perturbs by 1. Refuses more inputs than d.
    """
    n = n_classes * n_each
    if n > d:
        raise HlnbError(f"{n} inputs are not orthogonal in d = {d}: take d ≥ {n}.")
    draw = stream(seed, "deep linear data")
    square = torch.randn(d, d, generator=draw, dtype=torch.float64)
    shift = torch.randn(n, d, generator=draw, dtype=torch.float64)
    x = torch.linalg.qr(square).Q[:n] + noise * shift / shift.norm()
    return x.numpy(), np.repeat(np.arange(n_classes), n_each)


def compression(
    features: Float[np.ndarray, "n unit"], labels: Int[np.ndarray, " n"]
) -> float:
    """C = tr Σ_W / tr Σ_B: scatter within classes over scatter of the class means."""
    means, counts = _class_means(features, labels)
    within = np.square(features - means[labels]).sum() / len(features)
    centre = features.mean(0)
    between = counts @ np.square(means - centre).sum(1) / len(features)
    return float(within / between)


def discrimination(
    features: Float[np.ndarray, "n unit"], labels: Int[np.ndarray, " n"]
) -> float:
    """D = 1 − the largest cosine between two class means."""
    means, _ = _class_means(features, labels)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return float(1 - (means @ means.T)[~np.eye(len(means), dtype=bool)].max())


def _class_means(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """The mean of each class, and its size."""
    member = labels == np.arange(labels.max() + 1)[:, None]
    return member @ features / member.sum(1, keepdims=True), member.sum(1)


class Linear(NamedTuple):
    """A trained deep linear network, layer 0 being its input."""

    compression: Float[np.ndarray, " layer"]  # of the output of each hidden layer
    discrimination: Float[np.ndarray, " layer"]
    kept: Float[np.ndarray, "hidden k"]  # the largest singular values, one per class
    rest: Float[np.ndarray, " hidden"]  # the largest of all other singular values
    loss: float  # at the end
    steps: int  # made until the loss was below the tolerance, or in all


@keeping.kept
def deep_linear(
    seed: int,
    *,
    scale: float,
    lr: float = 0.1,
    max_steps: int = 20_000,
    noise: float = 0.0,
    n_hidden: int = 5,
    width: int = 50,
    n_classes: int = 3,
    n_each: int = 10,
    d: int = 50,
    tolerance: float = 1e-11,
) -> Linear:
    """What full-batch gradient descent leaves in the layers of a deep linear network.

    Weights start orthogonal, times `scale`; the loss is the squared error to one-hot
    labels, summed over outputs, averaged over inputs; no biases. Wang et al. 2023.
    Refuses a `scale` and an `lr` that are not above 0, a `width` below the number of
    classes, fewer than two classes, and sizes below 1.
    """
    above_zero(scale=scale, lr=lr)
    at_least(1, n_hidden=n_hidden, n_each=n_each, max_steps=max_steps)
    if n_classes < 2 or width < n_classes:
        raise HlnbError(f"{n_classes} classes need 2 ≤ classes ≤ width = {width}.")
    x, labels = class_data(seed, n_classes=n_classes, n_each=n_each, d=d, noise=noise)
    weights = _start(seed, scale, [d, *[width] * n_hidden, n_classes])
    target = np.eye(n_classes)[labels].T
    # Not `train`: its losses are cross-entropy, or the error of a single output.
    steps = 0
    outputs, loss = _forward(weights, x, target)
    while loss > tolerance and steps < max_steps and math.isfinite(loss):
        back = 2 * (outputs[-1] - target) / len(x)
        for i in range(n_hidden, -1, -1):
            slope = back @ outputs[i].T
            back = weights[i].T @ back
            weights[i] = weights[i] - lr * slope
        steps += 1
        outputs, loss = _forward(weights, x, target)
    return _looked_at(weights, outputs, float(loss), labels, steps)


def _start(seed: int, scale: float, sizes: Sequence[int]) -> list[np.ndarray]:
    """Orthogonal weights times `scale`, from the input up."""
    draw = stream(seed, "deep linear init")
    return [scale * _orthogonal(n_out, n_in, draw) for n_in, n_out in pairwise(sizes)]


def _looked_at(
    weights: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    loss: float,
    labels: np.ndarray,
    steps: int,
) -> Linear:
    """What is measured of a network after `steps`, from the output of every layer."""
    k = len(weights[-1])
    singular = [np.linalg.svd(w, compute_uv=False)[: k + 1] for w in weights[:-1]]
    kept, rest = np.split(np.array(singular), [k], axis=1)
    hidden = [out.T for out in outputs[:-1]]
    return Linear(
        np.array([compression(out, labels) for out in hidden]),
        np.array([discrimination(out, labels) for out in hidden]),
        kept,
        rest[:, 0],
        loss,
        steps,
    )


def _orthogonal(n_out: int, n_in: int, draw: torch.Generator) -> np.ndarray:
    """A matrix with orthonormal rows or columns, whichever are fewer."""
    largest = max(n_out, n_in)
    square = torch.randn(largest, largest, generator=draw, dtype=torch.float64)
    return torch.linalg.qr(square).Q[:n_out, :n_in].numpy().copy()


def _forward(
    weights: Sequence[np.ndarray], x: np.ndarray, target: np.ndarray
) -> tuple[list[np.ndarray], float]:
    """The output of every layer, input first, columns being examples; and the loss."""
    outputs = [x.T]
    for weight in weights:
        outputs.append(weight @ outputs[-1])
    return outputs, float(np.square(outputs[-1] - target).sum() / len(x))


def predicted_slope(scale: float, *, n_each: int, n_layers: int) -> float:
    """log10 C_{l+1}/C_l, if unused directions keep their gain and layers are balanced.

    Derived for orthonormal inputs: the network has to map each class mean, of length
    1/√n, to length 1, a gain of √n. Balanced layers give a factor of n^(1/2L) each, and
    directions that no class uses keep the factor `scale`. C is a ratio of squares.
    """
    return 2 * math.log10(scale) - math.log10(n_each) / n_layers


class Lines(NamedTuple):
    """Slope and R² of the line of each run."""

    slope: Float[np.ndarray, " run"]
    r2: Float[np.ndarray, " run"]


def lines(values: Real[np.ndarray, "run layer"]) -> Lines:
    """The least-squares line of each run through its values at layers 0, 1, …"""
    found = [linregress(np.arange(len(row)), row) for row in values]
    slopes, r = ([getattr(f, name) for f in found] for name in ("slope", "rvalue"))
    return Lines(np.array(slopes), np.square(r))


class Layers(NamedTuple):
    """What the runs of every scale do to classes, layer by layer, and how evenly."""

    c: dict[float, Float[np.ndarray, "run layer"]]  # compression, by scale
    d: dict[float, Float[np.ndarray, "run layer"]]  # discrimination, by scale
    c_lines: dict[float, Lines]  # through log10 C
    d_lines: dict[float, Lines]  # through D

    def off(self, predicted: Mapping[float, float]) -> Float[np.ndarray, " run"]:
        """By which share a slope is off the predicted one: each run's worst scale."""
        rows = [np.abs(v.slope / predicted[s] - 1) for s, v in self.c_lines.items()]
        return np.max(rows, axis=0)


def layers(runs: Mapping[float, Sequence[Linear]]) -> Layers:
    """The Layers of trained networks, given by the scale of their initial weights."""
    c = {s: np.array([run.compression for run in of]) for s, of in runs.items()}
    d = {s: np.array([run.discrimination for run in of]) for s, of in runs.items()}
    return Layers(
        *(c, d),
        {s: lines(np.log10(values)) for s, values in c.items()},
        {s: lines(values) for s, values in d.items()},
    )


def worst(found: Mapping[float, Lines]) -> Float[np.ndarray, " run"]:
    """The R² of each run at the scale where its line is least straight."""
    return np.min([of.r2 for of in found.values()], axis=0)


def first_alone(
    seed: int,
    *,
    scale: float,
    n_hidden: int = 5,
    width: int = 50,
    n_classes: int = 3,
    n_each: int = 10,
    d: int = 50,
) -> Linear:
    """Where gradient descent ends if the first layer alone learns, on orthonormal x.

    The other layers stay orthogonal times `scale`, so the loss is convex in the first
    layer, and for orthonormal inputs a single step of the right length ends at 0.
    """
    x, labels = class_data(seed, n_classes=n_classes, n_each=n_each, d=d)
    weights = _start(seed, scale, [d, *[width] * n_hidden, n_classes])
    above = np.linalg.multi_dot(weights[:0:-1]) if n_hidden > 1 else weights[1]
    target = np.eye(n_classes)[labels].T
    missing = target - above @ weights[0] @ x.T
    weights[0] = weights[0] + np.linalg.pinv(above) @ missing @ x
    outputs, loss = _forward(weights, x, target)
    return _looked_at(weights, outputs, loss, labels, 1)
