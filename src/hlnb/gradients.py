"""Plain SGD with gradients written out by hand, for rows of pixels.

A step of a toy problem is about a millisecond of matrix products, and autograd's own
work costs as much again. The formulas are the chain rule; tests hold them to autograd.
"""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.models import Affine, Conv, Layer, Params


def written_out(layers: Sequence[Layer]) -> bool:
    """Whether `descend` knows these layers: affine ones, above at most one for rows."""
    first, *above = layers
    if isinstance(first, Conv):
        if first.dims != 1 or first.pool != 1 or not above:
            return False
    else:
        above = layers
    relus = [*(True for _ in above[:-1]), False]
    return all(
        isinstance(layer, Affine) and layer.relu == relu and not layer.skip
        for layer, relu in zip(above, relus, strict=True)
    )


@torch.no_grad()
def descend(
    layers: Sequence[Layer],
    params: Params,
    x: Float[Tensor, "n ..."],
    y: Int[Tensor, " n"],
    *,
    lr: float,
    learns: Collection[str],
) -> None:
    """One step of SGD on the mean cross-entropy of a batch, in place.

    `x` is the input to the first of `layers`; those not named in `learns` stay.
    """
    seen = []  # (input as a matrix, output) of each layer
    for layer in layers:
        weight, bias = _parameters(layer, params)
        rows = layer.windows(x).flatten(0, 1) if isinstance(layer, Conv) else x
        rows = rows.flatten(1)
        out = torch.addmm(bias, rows, weight.mT)
        if layer is not layers[-1]:
            out.relu_()
        seen.append((rows, out))
        x = out.view(len(y), -1)  # positions and channels of one input in a row
    delta = torch.softmax(x, 1)
    delta[torch.arange(len(y), device=y.device), y] -= 1
    delta /= len(y)
    for i in range(len(layers) - 1, -1, -1):
        weight, bias = _parameters(layers[i], params)
        rows, _ = seen[i]
        below = delta @ weight if i else None  # before the weights change
        if layers[i].name in learns:
            weight.addmm_(delta.mT, rows, alpha=-lr)
            bias.sub_(delta.sum(0), alpha=lr)
        if below is not None:
            out = seen[i - 1][1]
            delta = torch.ops.aten.threshold_backward(below.view_as(out), out, 0)


def _parameters(layer: Layer, params: Params) -> tuple[Tensor, Tensor]:
    """Weights as a matrix that shares their memory, and biases."""
    weight = params[f"{layer.name}.weight"]
    return weight.view(len(weight), -1), params[f"{layer.name}.bias"]
