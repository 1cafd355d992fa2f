"""Networks for strings of symbols: one layer a level of the hierarchy, or flat."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.errors import HlnbError
from hlnb.models import Affine, Initialization, Model, Normal, Params


@dataclass(frozen=True)
class Patch:
    """(scale · W x)₊ on each of the tuples of `size` positions that tile a string.

    Strings are (n, position, channel); there are `size` times fewer positions above.
    No bias.
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


def deep_cnn(
    *, vocab_size: int, n_classes: int, tuple_size: int, depth: int, width: int
) -> Model:
    """The deep CNN of Cagnetta et al. 2023: layers `level1` … `levelL`, `readout`.

    Their network has weights N(0, 1), divides each layer's sums by the root of its
    input channels, the readout by the width h, and learns at rate `lr`·h (published:
    0.1·h). Ours is the same one in other units: weights N(0, 1/h²), hidden sums times
    h/√channels, and a rate of `lr`/h. Then one rate fits a readout of common form, and
    auxiliary heads after each level but the last. The readout has a bias, theirs none.
    """
    if width < 1:
        raise HlnbError(f"width = {width} leaves the network without units.")
    channels = [vocab_size, *[width] * depth]
    layers = [
        Patch(
            f"level{level}",
            channels[level - 1],
            channels[level],
            tuple_size,
            width / math.sqrt(channels[level - 1]),
        )
        for level in range(1, depth + 1)
    ]
    heads = {
        f"level{level}": Affine(
            f"level{level}_head",
            width * tuple_size ** (depth - level),
            n_classes,
            relu=False,
        )
        for level in range(1, depth)
    }
    readout = Affine("readout", width, n_classes, relu=False)
    return Model((*layers, readout), heads, Normal(1 / width))
