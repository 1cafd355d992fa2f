"""What a network can do with its features fixed: kernels of an untrained network.

Sources: Rahimi & Recht 2007 (random features), Jacot et al. 2018 (tangent kernel).
Kernels are in float64, so that ridge regression on them can take small penalties.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from sklearn.kernel_ridge import KernelRidge
from torch import Tensor

from hlnb.errors import above_zero
from hlnb.models.layers import Params

KernelRows = Float[Tensor | np.ndarray, "_ train"]
Labels = Int[Tensor | np.ndarray, "_"]

CHUNK = 256  # inputs whose gradients are computed at once: bounds the memory
PENALTIES = tuple(10.0**power for power in range(-6, 3))


@runtime_checkable
class Layered(Protocol):
    """Named layers in order from the input, and their outputs."""

    @property
    def layers(self) -> Sequence[Any]:
        """The layers in order from the input, each with a name."""
        ...

    def apply(
        self, params: Params, x: Tensor, *, start: int = 0, stop: int | None = None
    ) -> Tensor:
        """Output of layers `start` to `stop` (exclusive) on input to layer `start`."""
        ...


def random_features(
    model: Layered, params: Params, x: Float[Tensor, "n ..."]
) -> Float[Tensor, "n feature"]:
    """The input of the last layer: what an untrained network lets its readout see."""
    return model.apply(params, x, stop=len(model.layers) - 1).flatten(1)


def linear_kernel(
    a: Float[Tensor, "n feature"], b: Float[Tensor, "m feature"]
) -> Float[Tensor, "n m"]:
    """⟨a, b⟩ + 1: the tangent kernel of an affine readout of these features."""
    return a.double() @ b.double().T + 1


def _gradients(
    model: Layered,
    params: Params,
    below: Tensor,
    depth: int,
    names: Sequence[str],
) -> Float[Tensor, "n entry"]:
    """∂f_c/∂(parameters `names` of layer `depth`) of each input, all c in one row."""

    def outputs(own: Params, one: Tensor) -> Float[Tensor, " channel"]:
        return model.apply({**params, **own}, one[None], start=depth)[0]

    own = {name: params[name] for name in names}
    if below.dim() == 4:  # images: vmap does not know their channels-last layout
        alone = torch.func.jacrev(outputs, chunk_size=1)
        rows = [alone(own, one) for one in below]
        found = {name: torch.stack([row[name] for row in rows]) for name in names}
    else:
        each = torch.func.vmap(torch.func.jacrev(outputs), (None, 0), chunk_size=CHUNK)
        found = each(own, below)
    return torch.cat([part.flatten(1) for part in found.values()], dim=1)


def tangent_kernel(
    model: Layered,
    params: Params,
    x: Float[Tensor, "n ..."],
    z: Float[Tensor, "m ..."],
) -> Float[Tensor, "n m"]:
    """K(x, z) = 1/C Σ_c ⟨∂f_c(x)/∂θ, ∂f_c(z)/∂θ⟩ at `params`, C the number of outputs.

    Exact and summed over layers. An affine layer's gradient is an outer product, of its
    input a and its bias's gradient δ, so its share is ⟨δ_x, δ_z⟩ (⟨a_x, a_z⟩ + 1); the
    gradients of convolutions are held in memory.
    """
    params = {name: value.detach().double() for name, value in params.items()}
    x, z = x.double(), z.double()
    kernel = x.new_zeros(len(x), len(z))
    for depth, layer in enumerate(model.layers):
        weight, bias = f"{layer.name}.weight", f"{layer.name}.bias"
        affine = params[weight].dim() == 2
        inputs = [model.apply(params, batch, stop=depth) for batch in (x, z)]
        names = [bias] if affine else [weight, bias]
        one, two = (_gradients(model, params, a, depth, names) for a in inputs)
        share = one @ two.T
        if affine:
            share *= linear_kernel(*(a.flatten(1) for a in inputs))
        kernel += share
    return kernel / model.apply(params, x[:1]).shape[1]


def ridge_wrong(
    kernels: Mapping[str, KernelRows],
    labels: Mapping[str, Labels],
    *,
    n_classes: int,
    penalties: Sequence[float] = PENALTIES,
) -> tuple[Bool[np.ndarray, " test"], float]:
    """Which test inputs kernel ridge regression gets wrong, and its penalty.

    `kernels`: `train`, `validation` and `test`, each with one column per training
    input. Targets are +1 for the label's class and −1 for the others; the largest
    output is the answer. Kernels are divided by the mean of the training diagonal, so
    that a penalty means the same for each. Validation chooses the penalty; ties go to
    the largest. Refuses an empty list of penalties, and any that are not above 0.
    """
    above_zero(penalties=penalties)
    y = {name: np.asarray(values) for name, values in labels.items()}
    K = {name: np.asarray(rows, dtype=float) for name, rows in kernels.items()}
    scale = K["train"].diagonal().mean()
    targets = 2.0 * (y["train"][:, None] == np.arange(n_classes)) - 1

    def fit(penalty: float) -> KernelRidge:
        machine = KernelRidge(alpha=penalty, kernel="precomputed")
        return machine.fit(K["train"] / scale, targets)

    def wrong(machine: KernelRidge, name: str) -> Bool[np.ndarray, " n"]:
        return machine.predict(K[name] / scale).argmax(1) != y[name]

    machines = [fit(penalty) for penalty in sorted(penalties, reverse=True)]
    best = min(machines, key=lambda machine: wrong(machine, "validation").mean())
    return wrong(best, "test"), float(best.alpha)
