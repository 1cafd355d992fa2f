"""Features that networks learn: a quadratic one, and the parts of pictures.

Sources: Nichani et al. 2023 (three-layer networks), Yuan et al. 2021 (sparse coding).
"""

import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA, DictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from hlnb import kept as keeping
from hlnb.data.quadratic import Quadratic
from hlnb.errors import HlnbError, at_least
from hlnb.models.layers import Params
from hlnb.models.model import Model
from hlnb.models.networks import mlp
from hlnb.results import Result
from hlnb.seeding import stream

# --- Three layers and a quadratic feature --------------------------------------------


def n_parameters(model: Model) -> int:
    """Number of parameters of a model, heads included."""
    return sum(value.numel() for value in model.init(stream(0, "count")).values())


def two_and_three(*, d: int, width: int) -> dict[str, Model]:
    """A three-layer network, and a two-layer one of the same size, up to one unit."""
    at_least(1, d=d, width=width)
    three = mlp(d=d, widths=(width, width), n_out=1)
    wide = max(1, round((n_parameters(three) - 1) / (d + 2)))
    two = mlp(d=d, widths=(wide,), n_out=1)
    return {"two layers": two, "three layers": three}


class Chosen(NamedTuple):
    """The record of a run with the lowest validation loss, and its test loss."""

    run: int  # row of the Result
    lr: float
    record: int
    validation: float
    test: float


def picked(result: Result) -> dict[int, Chosen]:
    """For each seed, the run and record of lowest validation loss, over all rates."""
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
    """|correlation| with h, on test inputs, of the last hidden layer's best unit.

    The best is chosen on validation inputs. sums: of the sums that go into the ReLUs
    instead of what comes out.
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
    """All horizontal, then all vertical bars of a square picture: 1 on a bar, else 0.

    Földiák 1990.
    """
    at_least(1, side=side)
    rows = np.kron(np.eye(side), np.ones(side))
    columns = np.kron(np.ones(side), np.eye(side))
    return np.concatenate([rows, columns])


def bar_pictures(
    n: int, *, side: int, share: float, generator: torch.Generator
) -> Float[np.ndarray, "{n} pixel"]:
    """Pictures in which each bar occurs with probability `share`; crossings stay 1."""
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
    with warnings.catch_warnings():  # codes cut short are continued in the next pass
        warnings.simplefilter("ignore", ConvergenceWarning)
        return learner.fit(pictures).components_


def principal_atoms(
    pictures: Float[np.ndarray, "n pixel"], n_atoms: int
) -> Float[np.ndarray, "{n_atoms} pixel"]:
    """The first `n_atoms` principal components: as many directions, not sparse."""
    return PCA(n_atoms, svd_solver="full").fit(pictures).components_


class Match(NamedTuple):
    """The atom of each part, and how alike the two are."""

    cosine: Float[np.ndarray, " part"]  # |cosine| of each part with its own atom
    atom: Int[np.ndarray, " part"]


def matched(
    atoms: Float[np.ndarray, "atom pixel"], parts: Float[np.ndarray, "part pixel"]
) -> Match:
    """The Match of each part with an atom of its own, of largest sum of |cosines|.

    Refuses fewer atoms than parts.
    """
    if len(atoms) < len(parts):
        raise HlnbError(f"{len(atoms)} atoms for {len(parts)} parts: take more atoms.")
    lengths = np.linalg.norm(atoms, axis=1)[:, None] * np.linalg.norm(parts, axis=1)
    cosines = np.abs(atoms @ parts.T) / np.where(lengths > 0, lengths, 1)
    rows, columns = linear_sum_assignment(-cosines)
    order = np.argsort(columns)
    return Match(cosines[rows, columns][order], rows[order])
