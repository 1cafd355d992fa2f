"""Works related to hierarchical learning, each in small: what their chapter computes.

Sources: Wang et al. 2023 (layers of deep linear networks), Feng et al. 2022 (rank and
depth), Nichani et al. 2023 (three-layer networks), Yuan et al. 2021 (sparse coding).
Pruning (Patil et al. 2023) has a module of its own, `related_pruning`.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Real
from scipy.optimize import linear_sum_assignment
from scipy.stats import linregress
from sklearn.decomposition import PCA, DictionaryLearning
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from hlnb import kept as keeping
from hlnb.data.digits import Digits
from hlnb.data.quadratic import Quadratic
from hlnb.errors import HlnbError
from hlnb.models import Affine, Model, Normal, Params
from hlnb.results import Result
from hlnb.seeding import stream


def _check_size(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise HlnbError(f"{name} = {size} leaves nothing: take a number from 1 up.")


def parameters(
    result: Result, model: Model, *, run: int, record: int
) -> dict[str, Tensor]:
    """The model's parameters at a record of a run whose traces hold all of them."""
    names = model.init(stream(0, "names"))
    return {name: torch.tensor(result.of(name)[run, record]) for name in names}


# --- Deep linear networks ------------------------------------------------------------


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
    nearly orthogonal. The authors' code perturbs by 1.
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
    kept: Float[np.ndarray, "hidden k"]  # the largest singular values, one a class
    rest: Float[np.ndarray, " hidden"]  # the largest of all other singular values
    loss: float  # at the end
    steps: int  # until the loss fell below the tolerance, or all


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
    """
    if not (scale > 0 and lr > 0):
        raise HlnbError(f"scale = {scale} and lr = {lr} do not learn: take both > 0.")
    _check_size(n_hidden=n_hidden, n_each=n_each, max_steps=max_steps)
    if n_classes < 2 or width < n_classes:
        raise HlnbError(f"{n_classes} classes need 2 ≤ classes ≤ width = {width}.")
    x, labels = class_data(seed, n_classes=n_classes, n_each=n_each, d=d, noise=noise)
    draw = stream(seed, "deep linear init")
    sizes = [d, *[width] * n_hidden, n_classes]
    weights = [
        scale * _orthogonal(n_out, n_in, draw) for n_in, n_out in pairwise(sizes)
    ]
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
    singular = np.array(
        [np.linalg.svd(w, compute_uv=False)[: n_classes + 1] for w in weights[:-1]]
    )
    return Linear(
        np.array([compression(out.T, labels) for out in outputs[:-1]]),
        np.array([discrimination(out.T, labels) for out in outputs[:-1]]),
        singular[:, :n_classes],
        singular[:, n_classes],
        float(loss),
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
    """log10 C_{l+1}/C_l if noise keeps its gain and classes share theirs evenly.

    Orthonormal inputs: the network has to map each class mean, of length 1/√n, to
    length 1, a gain of √n. Balanced layers give a factor of n^(1/2L) each, and
    directions that no class uses keep the factor `scale`. C is a ratio of squares.
    """
    return 2 * math.log10(scale) - math.log10(n_each) / n_layers


class Lines(NamedTuple):
    slope: Float[np.ndarray, " run"]
    r2: Float[np.ndarray, " run"]


def lines(values: Real[np.ndarray, "run layer"]) -> Lines:
    """The least-squares line of each run through its values at layers 0, 1, …"""
    found = [linregress(np.arange(len(row)), row) for row in values]
    slopes, r = ([getattr(f, name) for f in found] for name in ("slope", "rvalue"))
    return Lines(np.array(slopes), np.square(r))


# --- Rank and depth ------------------------------------------------------------------


def deep_network(
    *, d: int, width: int, depth: int, n_out: int, skip: bool = False
) -> Model:
    """`depth` layers of ReLUs and a linear readout; weights of variance 2 / width.

    Layers are named `layer1` to `layerN` and `readout`. skip: every layer but the first
    adds its input to its output.
    """
    _check_size(width=width, depth=depth)
    hidden = [
        Affine(f"layer{i}", width if i > 1 else d, width, skip=skip and i > 1)
        for i in range(1, depth + 1)
    ]
    readout = Affine("readout", width, n_out, relu=False)
    return Model((*hidden, readout), initialization=Normal(math.sqrt(2 / width)))


def singular_values(
    model: Model, params: Params, x: Float[Tensor, "n d"], *, depth: int
) -> Float[np.ndarray, "n {depth} d"]:
    """Of the Jacobian of the first 1 to `depth` layers at each input, falling.

    In double precision; zeros stand for directions that a narrow layer has not.
    """
    double = {name: value.double() for name, value in params.items()}
    found = torch.zeros(len(x), depth, x.shape[1], dtype=torch.float64)
    for stop in range(1, depth + 1):

        def below(point: Tensor, stop: int = stop) -> Tensor:
            return model.apply(double, point[None], stop=stop)[0]

        jacobian = torch.func.vmap(torch.func.jacrev(below))(x.double())
        values = torch.linalg.svdvals(jacobian)
        found[:, stop - 1, : values.shape[1]] = values
    return found.numpy()


def numerical_rank(
    singular: Float[np.ndarray, "*batch value"], threshold: float
) -> Int[np.ndarray, "*batch"]:
    """How many singular values exceed `threshold` times the largest."""
    return (singular > threshold * singular.max(-1, keepdims=True)).sum(-1)


def active_units(
    model: Model, params: Params, x: Float[Tensor, "n d"], *, depth: int
) -> Int[np.ndarray, "n {depth}"]:
    """How many ReLUs of each of the first `depth` plain layers are on."""
    double = {name: value.double() for name, value in params.items()}
    outputs = [*model.activations(double, x.double()).values()][:depth]
    return torch.stack([(out > 0).sum(1) for out in outputs], 1).numpy()


class Ranks(NamedTuple):
    """Of the first 1, 2, … layers, at every input of every run."""

    rank: dict[float, Int[np.ndarray, "run n layer"]]  # by threshold
    fewest: Int[np.ndarray, "run n layer"]  # active units in any layer up to this one

    def never_rises(self, threshold: float) -> Float[np.ndarray, " run"]:
        """For each run the share of inputs at which no layer raises the rank."""
        return (np.diff(self.rank[threshold], axis=2) <= 0).all(2).mean(1)


@keeping.kept
def ranks(
    result: Result,
    model: Model,
    *,
    depth: int,
    record: int,
    n_inputs: int,
    n_train: int,
    thresholds: Sequence[float],
) -> Ranks:
    """Ranks at the first `n_inputs` test digits of each run of `result`."""
    spectra, on = [], []
    for run, about in enumerate(result.runs):
        params = parameters(result, model, run=run, record=record)
        x = Digits().split(about["seed"], n_train=n_train)["test"].x[:n_inputs]
        spectra.append(singular_values(model, params, x, depth=depth))
        on.append(active_units(model, params, x, depth=depth))
    found = {t: numerical_rank(np.array(spectra), t) for t in thresholds}
    return Ranks(found, np.minimum.accumulate(np.array(on), axis=2))


# --- Three layers and a quadratic feature --------------------------------------------


def n_parameters(model: Model) -> int:
    return sum(value.numel() for value in model.init(stream(0, "count")).values())


def two_and_three(*, d: int, width: int) -> dict[str, Model]:
    """A three-layer network, and a two-layer one of the same size but for one unit."""
    _check_size(width=width)
    readout = Affine("readout", width, 1, relu=False)
    three = Model((Affine("layer1", d, width), Affine("layer2", width, width), readout))
    wide = max(1, round((n_parameters(three) - 1) / (d + 2)))
    two = Model((Affine("layer1", d, wide), Affine("readout", wide, 1, relu=False)))
    return {"two layers": two, "three layers": three}


class Chosen(NamedTuple):
    """A record of a run that was chosen on validation data, and what it is on test."""

    run: int  # row of the Result
    lr: float
    record: int
    validation: float
    test: float


def chosen(result: Result) -> dict[int, Chosen]:
    """For each seed the rate and record of least validation loss, its test loss too."""
    best: dict[int, Chosen] = {}
    losses = result.of("validation"), result.of("test")
    for row, (validation, test) in enumerate(zip(*losses, strict=True)):
        run = result.runs[row]
        if np.isnan(validation).all():
            continue
        at = int(np.nanargmin(validation))
        found = Chosen(row, run["lr"], at, float(validation[at]), float(test[at]))
        if run["seed"] not in best or found.validation < best[run["seed"]].validation:
            best[run["seed"]] = found
    return best


def correlations(
    features: Float[np.ndarray, "n unit"], h: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " unit"]:
    """|correlation| of each unit with h; 0 for a unit that is constant."""
    centred, h = features - features.mean(0), h - h.mean()
    norms = np.linalg.norm(centred, axis=0) * np.linalg.norm(h)
    constant = norms <= 1e-9 * len(h)
    return np.where(constant, 0, np.abs(h @ centred) / np.where(constant, 1, norms))


def best_unit(
    model: Model, params: Params, problem: Quadratic, seed: int, *, sums: bool = False
) -> float:
    """Test |correlation| with h of the last hidden unit that has most on validation.

    sums: of the sums that go into the ReLUs instead of what comes out.
    """
    mine, found = problem.with_seed(seed), {}
    *below, last, _ = model.layers
    top = replace(last, relu=False) if sums else last
    for name, batch in problem.split(seed, n_train=1).items():
        units = batch.x
        for layer in (*below, top):
            units = layer.apply(params, units)
        h = mine.feature(batch.x).double().numpy()
        found[name] = correlations(units.double().numpy(), h)
    return float(found["test"][found["validation"].argmax()])


# --- Sparse coding of bars -----------------------------------------------------------


def bars(side: int) -> Float[np.ndarray, "bar pixel"]:
    """All horizontal, then all vertical bars of a square picture: 1 where there is one.

    Földiák 1990.
    """
    _check_size(side=side)
    rows = np.kron(np.eye(side), np.ones(side))
    columns = np.kron(np.ones(side), np.eye(side))
    return np.concatenate([rows, columns])


def bar_pictures(
    n: int, *, side: int, share: float, generator: torch.Generator
) -> Float[np.ndarray, "{n} pixel"]:
    """Pictures with each bar there with probability `share`; crossings stay 1."""
    if not 0 < share < 1:
        raise HlnbError(f"share = {share} shows all bars or none: take 0 < share < 1.")
    there = torch.rand(n, 2 * side, generator=generator, dtype=torch.float64) < share
    return np.minimum(there.double().numpy() @ bars(side), 1)


@keeping.kept
def sparse_atoms(
    pictures: Float[np.ndarray, "n pixel"],
    n_atoms: int,
    *,
    penalty: float,
    seed: int,
    max_iter: int = 100,
    positive: bool = True,
) -> Float[np.ndarray, "{n_atoms} pixel"]:
    """Atoms of a dictionary learned with an L1 penalty on the codes.

    positive: atoms and codes have no negative entries.
    """
    random_state = torch.randint(2**31, (1,), generator=stream(seed, "dictionary"))
    learner = DictionaryLearning(
        n_components=n_atoms,
        alpha=penalty,
        max_iter=max_iter,
        fit_algorithm="cd",
        positive_code=positive,
        positive_dict=positive,
        random_state=int(random_state),
    )
    with warnings.catch_warnings():  # a code cut short goes on in the next pass
        warnings.simplefilter("ignore", ConvergenceWarning)
        return learner.fit(pictures).components_


def principal_atoms(
    pictures: Float[np.ndarray, "n pixel"], n_atoms: int
) -> Float[np.ndarray, "{n_atoms} pixel"]:
    """The first principal components: as many directions, without sparsity."""
    return PCA(n_atoms, svd_solver="full").fit(pictures).components_


class Match(NamedTuple):
    cosine: Float[np.ndarray, " part"]  # |cosine| of each part with its own atom
    atom: Int[np.ndarray, " part"]


def matched(
    atoms: Float[np.ndarray, "atom pixel"], parts: Float[np.ndarray, "part pixel"]
) -> Match:
    """Each part with an atom of its own, so that the sum of |cosines| is largest."""
    if len(atoms) < len(parts):
        raise HlnbError(f"{len(atoms)} atoms for {len(parts)} parts: take more atoms.")
    lengths = np.linalg.norm(atoms, axis=1)[:, None] * np.linalg.norm(parts, axis=1)
    cosines = np.abs(atoms @ parts.T) / np.where(lengths > 0, lengths, 1)
    rows, columns = linear_sum_assignment(-cosines)
    order = np.argsort(columns)
    return Match(cosines[rows, columns][order], rows[order])
