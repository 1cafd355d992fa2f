"""The rank of deep networks: of the derivative of their first layers.

Source: Feng et al. 2022. The rank at an input is that of the Jacobian of the first l
layers, which never rises with l; the numerical rank, above a threshold, may rise.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb import kept as keeping
from hlnb.data.digits import Digits
from hlnb.models.layers import Params
from hlnb.models.model import Model
from hlnb.results import Result


def singular_values(
    model: Model, params: Params, x: Float[Tensor, "n d"], *, depth: int
) -> Float[np.ndarray, "n {depth} d"]:
    """Singular values of the Jacobian of the first 1 to `depth` layers, at each input.

    Falling, in float64; zeros fill up what a layer narrower than the input lacks.
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
    """Number of active ReLUs in each of the first `depth` layers, without skips."""
    double = {name: value.double() for name, value in params.items()}
    outputs = [*model.activations(double, x.double()).values()][:depth]
    return torch.stack([(out > 0).sum(1) for out in outputs], 1).numpy()


class Ranks(NamedTuple):
    """Ranks of the first 1, 2, … layers, at every input of every run."""

    rank: dict[float, Int[np.ndarray, "run n layer"]]  # by threshold
    fewest: Int[np.ndarray, "run n layer"]  # active units in any layer up to this one

    def never_rises(self, threshold: float) -> Float[np.ndarray, " run"]:
        """Share of inputs at which no layer raises the rank, for each run."""
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
        params = result.params(run, record)
        x = Digits().split(about["seed"], n_train=n_train)["test"].x[:n_inputs]
        spectra.append(singular_values(model, params, x, depth=depth))
        on.append(active_units(model, params, x, depth=depth))
    found = {t: numerical_rank(np.array(spectra), t) for t in thresholds}
    return Ranks(found, np.minimum.accumulate(np.array(on), axis=2))
