"""Layers and their initializations, written for one network.

A layer holds no parameters. `init` draws them and `apply` uses them; both are pure, so
that any part of a network can learn while the rest stays as it is. Inputs and outputs
have one row per example.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hlnb.errors import HlnbError

Params = Mapping[str, Tensor]  # "layer.weight" and "layer.bias" of every layer


@dataclass(frozen=True)
class Uniform:
    """Weights and biases uniform between ±1/√fan_in: PyTorch's default."""

    def draw(
        self, shape: tuple[int, ...], fans: tuple[int, int], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Weights of `shape` and one bias per row; `fans`: a unit's inputs, outputs."""
        bound = 1 / math.sqrt(fans[0])
        weight, bias = (
            (2 * torch.rand(size, generator=generator) - 1) * bound
            for size in (shape, shape[:1])
        )
        return weight, bias


@dataclass(frozen=True)
class Glorot:
    """Weights uniform between ±√(6 / (fan_in + fan_out)), biases 0 (Glorot, Bengio)."""

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
    def name(self) -> str:
        """The layer's name, unique in its network."""
        ...

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        """The layer's parameters, freshly drawn, each under "name.…".

        `law`: the model's initialization, which a layer may ignore.
        """
        ...

    def apply(
        self, params: Params, x: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n ..."]:
        """The layer's outputs for inputs x."""
        ...


@dataclass(frozen=True)
class Affine:
    """x ↦ W x + b of the flattened input, then ReLU unless told otherwise.

    `skip`: the input is added after that, as in a residual network. Refuses a skip
    where n_in and n_out differ.
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
        """Rows of one channel with zeros added on each side (`dims` 1)."""
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
class Patch:
    """(scale · W x)₊ on each of the tuples of `size` positions that tile a string.

    Strings are (n, position, channel); there are `size` times fewer positions above. No
    bias. One level of `networks.deep_cnn`.
    """

    name: str
    channels_in: int
    channels_out: int
    size: int
    scale: float

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        n_in = self.size * self.channels_in
        weight, _ = law.draw(
            (self.channels_out, n_in), (n_in, self.channels_out), generator
        )
        return {f"{self.name}.weight": weight}

    def patches(
        self, x: Float[Tensor, "n position channel"]
    ) -> Float[Tensor, "n patch pixel"]:
        """What each unit sees: the channels of the first position, of the second, …"""
        return x.reshape(len(x), x.shape[1] // self.size, -1)

    def apply(
        self, params: Params, x: Float[Tensor, "n position channel"]
    ) -> Float[Tensor, "n patch out"]:
        weight = params[f"{self.name}.weight"]
        return (self.scale * (self.patches(x) @ weight.mT)).relu()
