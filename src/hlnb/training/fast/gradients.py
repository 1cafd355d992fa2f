"""Plain SGD with gradients written out by hand, for rows of pixels.

A step of a toy problem is about a millisecond of matrix products, and autograd's own
work costs as much again. The formulas are the chain rule; tests hold them to autograd.
"""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.errors import HlnbError
from hlnb.models.layers import Affine, Conv, Layer, Params
from hlnb.training.fast.rows import Lower, Rows, laid_out
from hlnb.training.fast.vectors import compiled


def written_out(layers: Sequence[Layer]) -> bool:
    """Whether the formulas cover these layers: affine ones, above at most one for rows
    of numbers (one channel).

    They cover no class derived from these: it may compute something else.
    """
    first, *above = layers
    if type(first) is Conv:
        if (first.dims, first.pool, first.channels_in) != (1, 1, 1) or not above:
            return False
    else:
        above = layers
    relus = [*(True for _ in above[:-1]), False]
    return all(
        type(layer) is Affine and layer.relu == relu and not layer.skip
        for layer, relu in zip(above, relus, strict=True)
    )


def skips_blanks(layers: Sequence[Layer]) -> bool:
    """Whether `Descent` leaves out the blank windows of these layers."""
    return len(layers) > 1 and type(layers[0]) is Conv and written_out(layers)


def prepared(layers: Sequence[Layer], params: Params) -> dict[str, Tensor]:
    """`params` with the same values, in memory as `Descent` needs them."""
    if not written_out(layers):
        raise HlnbError(
            f"No gradient is written out for the layers {_named(layers)}: "
            "train them with `train`, which takes autograd's."
        )
    params = {name: value.detach() for name, value in params.items()}
    if type(layers[0]) is Conv:
        laid_out(layers[1], params)
    return params


class Descent:
    """Steps of SGD on the mean cross-entropy of batches of `x`, in place.

    `x`: every input to the first of `layers`; layers not named in `learns` stay.
    `params` come from `prepared`; between steps they are read with `seen`.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        params: Params,
        x: Float[Tensor, "n ..."],
        *,
        lr: float = 0.0,
        learns: Collection[str] = (),
    ):
        self.x, self.lr, self.learns = x, lr, learns
        self.lower = None
        if type(layers[0]) is Conv:
            self.lower = Lower(*layers[:2], params)
            self.rows = Rows(layers[0].padded(x), layers[0].size)
            self.pair = (layers[0].name in learns, layers[1].name in learns)
            layers = layers[2:]
        self.layers = [(layer.name, *_parameters(layer, params)) for layer in layers]

    @torch.no_grad()
    def outputs(self, chosen: Int[Tensor, " batch"]) -> Float[Tensor, "batch channel"]:
        """The network's outputs on the chosen inputs."""
        return self._forward(chosen)[0]

    @torch.no_grad()
    def __call__(self, chosen: Int[Tensor, " batch"], y: Int[Tensor, " batch"]) -> None:
        """One step on the chosen inputs and their labels."""
        out, inputs, windows, kept = self._forward(chosen)
        delta = torch.from_numpy(_slope(out.numpy(), y.numpy()))
        for i in range(len(self.layers) - 1, -1, -1):
            name, weight, bias = self.layers[i]
            bottom = i == 0 and self.lower is None
            below = None if bottom else delta @ weight  # before the weights change
            if name in self.learns:
                weight.addmm_(delta.mT, inputs[i], alpha=-self.lr)
                bias.sub_(delta.sum(0), alpha=self.lr)
            if below is not None:
                delta = torch.ops.aten.threshold_backward(below, inputs[i], 0)
        if self.lower is not None and any(self.pair):
            step = {"lr": self.lr, "learns": self.pair}
            self.lower.descend(self.rows.x, windows, kept, delta.numpy(), **step)

    def settle(self) -> None:
        """Brings `params` up to date."""
        if self.lower is not None:
            self.lower.settle()

    def seen(self, params: Params) -> dict[str, Tensor]:
        """`params` up to date; the steps go on as if nobody had looked."""
        if self.lower is None:
            return dict(params)
        return {**params, **self.lower.now()}

    def _forward(self, chosen):
        """Outputs; the input of each affine layer; what the lower pair keeps."""
        windows = kept = None
        if self.lower is None:
            x = self.x[chosen].flatten(1)
        else:
            windows = self.rows.windows(chosen)
            out, kept = self.lower.forward(self.rows.x, windows)
            x = torch.from_numpy(out)
            if self.layers:
                x = x.relu_()
        inputs = []
        for i, (_, weight, bias) in enumerate(self.layers):
            inputs.append(x)
            x = torch.addmm(bias, x, weight.mT)
            if i < len(self.layers) - 1:
                x.relu_()
        return x, inputs, windows, kept


@compiled
def _slope(out, y):
    """The mean cross-entropy by the outputs: softmax less the one of the label."""
    slope = np.empty_like(out)
    for i in range(len(y)):
        high, total = out[i].max(), out.dtype.type(0)
        for k in range(out.shape[1]):
            slope[i, k] = np.exp(out[i, k] - high)
            total += slope[i, k]
        for k in range(out.shape[1]):
            slope[i, k] /= total * len(y)
        slope[i, y[i]] -= 1 / len(y)
    return slope


def _named(layers: Sequence[Layer]) -> str:
    return ", ".join(f"{layer.name} ({type(layer).__name__})" for layer in layers)


def _parameters(layer: Layer, params: Params) -> tuple[Tensor, Tensor]:
    return params[f"{layer.name}.weight"], params[f"{layer.name}.bias"]
