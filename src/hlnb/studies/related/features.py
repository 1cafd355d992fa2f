"""A quadratic feature that two and three layers learn, after Nichani et al. 2023."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hlnb.data.quadratic import Quadratic
from hlnb.errors import at_least
from hlnb.models.layers import Params
from hlnb.models.model import Model
from hlnb.models.networks import mlp
from hlnb.results import Result
from hlnb.seeding import stream


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
