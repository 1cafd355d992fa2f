"""Fourier–Walsh coefficients of functions on the cube: exact, and from samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.data.boolean import Support, characters
from hlnb.errors import HlnbError


def walsh_hadamard(values: Float[Tensor, "*n point"]) -> Float[Tensor, "*n point"]:
    """Every coefficient E[f χ_S] of functions given on the whole cube.

    `values`: in the order of `boolean.cube`. Coefficient m belongs to the support of
    m's bits, see `support`. Takes d·2^d additions per function. Refuses a number of
    points that is no power of 2.
    """
    n = values.shape[-1]
    d = n.bit_length() - 1
    if n != 2**d:
        raise HlnbError(f"A cube has 2^d points, not {n}: give f on all of them.")
    for i in range(d):
        pairs = values.reshape(*values.shape[:-1], -1, 2, 2**i)
        plus, minus = pairs.unbind(-2)
        both = torch.stack([plus + minus, plus - minus], -2)
        values = both.reshape(values.shape)
    return values / n


def support(index: int) -> Support:
    """The coordinates whose bits are set in the index of a coefficient."""
    return tuple(i for i in range(index.bit_length()) if index >> i & 1)


def index(support: Support) -> int:
    """Where `walsh_hadamard` puts the coefficient of a support."""
    return sum(1 << i for i in support)


def estimate(
    values: Float[Tensor, " n"],
    x: Float[Tensor, "n d"],
    supports: Sequence[Support],
) -> tuple[Float[Tensor, " support"], Float[Tensor, " support"]]:
    """Coefficients of f from its values at uniform x, and their standard errors."""
    products = values[:, None] * characters(x, supports)
    return products.mean(0), products.std(0) / math.sqrt(len(x))


@dataclass(frozen=True)
class Coefficients:
    """E[f χ_S] of the network's one output on a batch of uniform inputs."""

    supports: tuple[Support, ...]
    on: str = "test"

    def __call__(self, params, batch, outputs) -> Tensor:
        return outputs[:, 0] @ characters(batch.x, self.supports) / len(batch.x)
