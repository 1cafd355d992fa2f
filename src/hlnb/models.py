"""Networks as data: layers in order from the input, written for one network.

A model holds no parameters. `init` draws them, `apply` uses them, and both are pure, so
that any part of a network can learn while the rest stays as it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hlnb.errors import HlnbError

Params = Mapping[str, Tensor]  # "layer.weight" and "layer.bias" of every layer


@dataclass(frozen=True)
class Uniform:
    """Weights and biases uniform on ±1/√fan_in: PyTorch's default."""

    def draw(
        self, shape: tuple[int, ...], fans: tuple[int, int], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Weights of `shape` and one bias for each row; `fans`: inputs, outputs."""
        bound = 1 / math.sqrt(fans[0])
        weight, bias = (
            (2 * torch.rand(size, generator=generator) - 1) * bound
            for size in (shape, shape[:1])
        )
        return weight, bias


@dataclass(frozen=True)
class Glorot:
    """Weights uniform on ±√(6 / (fan_in + fan_out)), biases 0 (Glorot & Bengio)."""

    def draw(
        self, shape: tuple[int, ...], fans: tuple[int, int], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        bound = math.sqrt(6 / sum(fans))
        weight = (2 * torch.rand(shape, generator=generator) - 1) * bound
        return weight, torch.zeros(shape[0])


@dataclass(frozen=True)
class Normal:
    """Weights normal with standard deviation `sd`, biases 0."""

    sd: float = 0.01

    def draw(
        self, shape: tuple[int, ...], fans: tuple[int, int], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        return self.sd * torch.randn(shape, generator=generator), torch.zeros(shape[0])


Initialization = Uniform | Glorot | Normal


@runtime_checkable
class Layer(Protocol):
    """A named part of a network: draws its parameters, and applies them."""

    @property
    def name(self) -> str: ...

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        """The layer's parameters, each under "name.…"; `law`: what the model asks."""
        ...

    def apply(
        self, params: Params, x: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n ..."]: ...


@dataclass(frozen=True)
class Affine:
    """x ↦ W x + b of the flattened input, then ReLU unless told otherwise.

    `skip`: the input is added after that (n_in = n_out), as in a residual network.
    """

    name: str
    n_in: int
    n_out: int
    relu: bool = True
    skip: bool = False

    def __post_init__(self):
        if self.skip and self.n_in != self.n_out:
            raise HlnbError(
                f"Layer {self.name} cannot add {self.n_in} inputs to {self.n_out} "
                "outputs: give it as many, or no skip."
            )

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        fans = (self.n_in, self.n_out)
        weight, bias = law.draw((self.n_out, self.n_in), fans, generator)
        return {f"{self.name}.weight": weight, f"{self.name}.bias": bias}

    def apply(
        self, params: Params, x: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n channel"]:
        weight, bias = params[f"{self.name}.weight"], params[f"{self.name}.bias"]
        x = x.flatten(1)
        out = F.linear(x, weight, bias)
        if self.relu:
            out = out.relu()
        return out + x if self.skip else out


@dataclass(frozen=True)
class Conv:
    """Convolution over a row (`dims` 1) or an image (`dims` 2), ReLU, max-pooling.

    Rows come as (n, position) or (n, position, channel) and leave as (n, position,
    channel): a window is then contiguous in memory. Images are (n, channel, h, w).
    """

    name: str
    channels_in: int
    channels_out: int
    size: int  # pixels along each side of a filter
    dims: int
    padding: int = 0  # zeros added on each side; 0: filters stay inside the input
    pool: int = 1  # side of the max-pooling window; 1: none

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        pixels = self.size**self.dims
        fans = (self.channels_in * pixels, self.channels_out * pixels)
        window = (self.size,) * self.dims
        shape = (self.channels_out, self.channels_in, *window)
        weight, bias = law.draw(shape, fans, generator)
        return {f"{self.name}.weight": weight, f"{self.name}.bias": bias}

    def padded(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n wide"]:
        """Rows of one channel with the zeros on each side (`dims` 1)."""
        return F.pad(x, (self.padding, self.padding)) if self.padding else x

    def windows(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n position pixel"]:
        """What each filter sees of a row, window after window (`dims` 1)."""
        if x.dim() == 2:  # one input channel
            return self.padded(x).unfold(1, self.size, 1)
        rows = F.pad(x, (0, 0, self.padding, self.padding)) if self.padding else x
        return rows.unfold(1, self.size, 1).flatten(2)

    def apply(
        self, params: Params, x: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n ..."]:
        weight, bias = params[f"{self.name}.weight"], params[f"{self.name}.bias"]
        if self.dims == 1:
            out = F.linear(self.windows(x), weight.flatten(1), bias).relu_()
            if self.pool == 1:
                return out
            return F.max_pool1d(out.mT, self.pool).mT
        # Channels last is the faster layout; ReLU and maximum commute, and pooled
        # outputs are fewer. DECISIONS.md has the measurement.
        x = x.contiguous(memory_format=torch.channels_last)
        out = F.conv2d(x, weight, bias, padding=self.padding)
        if self.pool > 1:
            out = F.max_pool2d(out, self.pool)
        return out.relu_()

    def side(self, side: int) -> int:
        """Positions along a side of the output, for an input with `side` pixels."""
        return (side + 2 * self.padding - self.size + 1) // self.pool


@dataclass(frozen=True)
class Model:
    """A feed-forward network: its layers in order from the input.

    `heads`: auxiliary readouts, each by the name of the layer whose output it reads.
    They serve greedy layer-wise training and are no part of the network itself.
    """

    layers: tuple[Layer, ...]
    heads: Mapping[str, Affine] = field(default_factory=dict)
    initialization: Initialization = Uniform()

    def __init_subclass__(cls) -> None:
        raise HlnbError(
            f"{cls.__name__} derives from Model, whose layers alone are trained: write "
            "a layer with an `apply` of its own."
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.layers)

    def path(self, exit: str | None = None) -> tuple[Layer, ...]:
        """The layers from the input to the readout, or to the head after `exit`."""
        if exit is None:
            return self.layers
        return (*self.layers[: self.names.index(exit) + 1], self.heads[exit])

    def init(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Parameters drawn from `initialization`, input layer first, heads last."""
        return {
            name: value
            for layer in (*self.layers, *self.heads.values())
            for name, value in layer.init(generator, self.initialization).items()
        }

    def apply(
        self,
        params: Params,
        x: Float[Tensor, "n ..."],
        *,
        start: int = 0,
        stop: int | None = None,
        exit: str | None = None,
    ) -> Float[Tensor, "n ..."]:
        """Output of layers `start` to `stop` (exclusive) on input to layer `start`.

        `exit`: leave the network after that layer, through its head.
        """
        for layer in self.path(exit)[start:stop]:
            x = layer.apply(params, x)
        return x

    def activations(
        self, params: Params, x: Float[Tensor, "n ..."]
    ) -> dict[str, Tensor]:
        """Every layer's output, by name, input layer first."""
        outputs = {}
        for layer in self.layers:
            outputs[layer.name] = x = layer.apply(params, x)
        return outputs

    def layer_of(self, parameter: str) -> str:
        """Name of the layer that owns a parameter."""
        return parameter.rpartition(".")[0]


def _check_width(**widths: int) -> None:
    for name, width in widths.items():
        if width < 1:
            raise HlnbError(f"{name} = {width} leaves the network without units.")


def toy_network(
    *,
    d: int,
    n_classes: int,
    T: int = 16,
    channels: int = 20,
    hidden: int = 100,
    n_layers: int = 3,
    padding: int = 0,
    initialization: Initialization = Uniform(),
) -> Model:
    """The report's network for rows of `d` pixels (Section 5, "Architecture").

    Three layers: `conv` (`channels` filters of length T), `hidden`, `readout`. Two
    layers: without `hidden`; the report says that it tried this too. One auxiliary
    head, after `conv`, waits for a schedule that uses it.
    """
    _check_width(channels=channels, hidden=hidden)
    if n_layers not in (2, 3):
        raise HlnbError(f"The report's networks have 2 or 3 layers, not {n_layers}.")
    if d + 2 * padding < T:
        raise HlnbError(
            f"Filters of length T = {T} do not fit a row of d = {d} pixels."
        )
    conv = Conv("conv", 1, channels, T, dims=1, padding=padding)
    flat = channels * conv.side(d)
    if n_layers == 2:
        readout = Affine("readout", flat, n_classes, relu=False)
        return Model((conv, readout), initialization=initialization)
    layers = (
        conv,
        Affine("hidden", flat, hidden),
        Affine("readout", hidden, n_classes, relu=False),
    )
    head = Affine("conv_head", flat, n_classes, relu=False)
    return Model(layers, {"conv": head}, initialization)


def image_network(
    *,
    n_classes: int = 10,
    side: int = 32,
    channels: int = 32,
    size: int = 4,
    hidden: int = 128,
    padding: int = 0,
) -> Model:
    """The report's CNN for RGB images (Section 5.1): four parts, named in order.

    `conv1` (32 filters 4×4) – `conv2` (32 filters 4×4, 2×2 max-pooling) – `hidden` –
    `readout`. Padding, pooling window and width of `hidden` are not in the report.
    Auxiliary heads after both convolutions wait for a schedule that uses them.
    """
    _check_width(channels=channels, hidden=hidden)
    conv1 = Conv("conv1", 3, channels, size, dims=2, padding=padding)
    conv2 = Conv("conv2", channels, channels, size, dims=2, padding=padding, pool=2)
    first = conv1.side(side)
    flat = channels * conv2.side(first) ** 2
    layers = (
        conv1,
        conv2,
        Affine("hidden", flat, hidden),
        Affine("readout", hidden, n_classes, relu=False),
    )
    heads = {
        "conv1": Affine("conv1_head", channels * first**2, n_classes, relu=False),
        "conv2": Affine("conv2_head", flat, n_classes, relu=False),
    }
    return Model(layers, heads)
