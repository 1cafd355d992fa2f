"""Functions on the cube {−1, 1}^d: characters, parities, staircases and their leap.

A support is a set of coordinates, counted from 0; its character is their product.
Sources: Abbe et al. 2021 (staircases), 2022 (merged staircases), 2023 (leap).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least, finite
from hlnb.seeding import stream

Support = tuple[int, ...]
LARGEST_CUBE = 20  # coordinates; above, the cube has more than a million points


def signs(n: int, d: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """`n` uniform points of {−1, 1}^d."""
    return 1 - 2 * torch.randint(2, (n, d), generator=generator).float()


def cube(d: int) -> Float[Tensor, "n d"]:
    """All 2^d points; in row r, coordinate i is −1 where bit i of r is set.

    Refuses d below 1 and above LARGEST_CUBE.
    """
    if not 1 <= d <= LARGEST_CUBE:
        raise HlnbError(
            f"The cube of d = {d} cannot be listed: take 1 ≤ d ≤ {LARGEST_CUBE}."
        )
    return 1 - 2 * (torch.arange(2**d)[:, None] >> torch.arange(d) & 1).float()


def characters(
    x: Float[Tensor, "n d"], supports: Sequence[Support]
) -> Float[Tensor, "n support"]:
    """χ_S(x) = Π_{i in S} x_i for each support S; the empty one's is 1."""
    return torch.stack([x[:, list(support)].prod(1) for support in supports], 1)


def leap(supports: Sequence[Support]) -> int:
    """Leap complexity: the most new coordinates in any step, in the best order.

    Supports are taken one after another; the new coordinates of a step are those that
    no earlier support has. 0: there is no support but the empty one. Abbe et al. 2023.
    """
    height, seen, left = 0, set[int](), [set(support) for support in supports]
    while left:  # taking what is within reach never puts another out of reach
        lowest = min(left, key=lambda support: len(support - seen))
        height = max(height, len(lowest - seen))
        seen |= lowest
        left.remove(lowest)
    return height


def is_merged_staircase(supports: Sequence[Support]) -> bool:
    """Whether some order adds at most one new coordinate with each support.

    The merged-staircase property of Abbe et al. 2022.
    """
    return leap(supports) <= 1


@dataclass(frozen=True)
class Polynomial:
    """Regression on f(x) = Σ_S c_S χ_S(x), x uniform on {−1, 1}^d, without noise.

    Refuses a polynomial without terms, coefficients that are not finite or do not match
    the supports, a support that repeats a coordinate or has one outside 0 to d − 1, and
    sizes below 1.
    """

    d: int
    supports: tuple[Support, ...]
    coefficients: tuple[float, ...]
    n_validation: int = 1000
    n_test: int = 10_000

    def __post_init__(self):
        at_least(1, d=self.d, n_validation=self.n_validation, n_test=self.n_test)
        for support in self.supports:
            if not set(support) <= set(range(self.d)) or len(set(support)) < len(
                support
            ):
                raise HlnbError(
                    f"{support} is no set of coordinates below d = {self.d}: name each "
                    "coordinate once, counted from 0."
                )
        if len(self.supports) != len(self.coefficients) or not self.supports:
            raise HlnbError("A polynomial has at least one term, each a coefficient.")
        for coefficient in self.coefficients:
            finite(coefficient=coefficient)

    @property
    def n_classes(self) -> int:
        return 1

    @property
    def variance(self) -> float:
        """Variance of f: the sum of c_S² over all terms but the constant."""
        pairs = zip(self.supports, self.coefficients, strict=True)
        return math.fsum(c**2 for support, c in pairs if support)

    def target(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """f(x) for each input."""
        weights = torch.tensor(self.coefficients, dtype=x.dtype, device=x.device)
        return characters(x, self.supports) @ weights

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x = signs(n, self.d, generator=generator)
        return Batch(x, self.target(x))

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        return _split(self, seed, n_train=n_train)

    def with_seed(self, seed: int) -> "Polynomial":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> dict[str, Any]:
        return {"problem": "polynomial", **asdict(self)}


@dataclass(frozen=True)
class Parity:
    """Labels (1 − χ_I(x))/2 of uniform x, with a hidden support I of `k` coordinates.

    noise: probability that a label is flipped, in every part of a split.
    chance: labels are fair coins, independent of x, as a control.

    Refuses k outside 0 to d, noise outside 0 to 0.5, and sizes below 1.
    """

    d: int
    k: int
    noise: float = 0.0
    chance: bool = False
    seed: int = 0  # fixes the support
    n_validation: int = 1000
    n_test: int = 10_000

    def __post_init__(self):
        at_least(1, d=self.d, n_validation=self.n_validation, n_test=self.n_test)
        if not 0 <= self.k <= self.d:
            raise HlnbError(f"No k = {self.k} of d = {self.d} coordinates: lower k.")
        if not 0 <= self.noise <= 0.5:
            raise HlnbError(f"noise = {self.noise}: take a probability up to 0.5.")

    @property
    def n_classes(self) -> int:
        return 2

    @cached_property
    def support(self) -> Support:
        """The coordinates of I, ascending."""
        order = torch.randperm(self.d, generator=stream(self.seed, "support"))
        return tuple(sorted(order[: self.k].tolist()))

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x = signs(n, self.d, generator=generator)
        y = ((1 - characters(x, [self.support])[:, 0]) / 2).long()
        if self.chance:
            y = torch.randint(2, (n,), generator=generator)
        if self.noise:
            y ^= (torch.rand(n, generator=generator) < self.noise).long()
        return Batch(x, y)

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        return _split(self, seed, n_train=n_train)

    def with_seed(self, seed: int) -> "Parity":
        """The same problem with the support of another seed."""
        return replace(self, seed=seed)

    def describe(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["seed"]  # a property of a run, not of the problem
        return {"problem": "parity", **fields}


def _split(
    problem: Polynomial | Parity, seed: int, *, n_train: int
) -> Mapping[str, Batch]:
    mine = problem.with_seed(seed)
    sizes = {
        "train": n_train,
        "validation": problem.n_validation,
        "test": problem.n_test,
    }
    return {
        name: mine.sample(n, generator=stream(seed, name)) for name, n in sizes.items()
    }


def prefixes(k: int) -> tuple[Support, ...]:
    """The supports {0}, {0, 1}, …, the last one with the first `k` coordinates."""
    return tuple(tuple(range(j)) for j in range(1, k + 1))


def staircase(d: int, k: int, *, scale: float = 1.0, **sizes: int) -> Polynomial:
    """scale · (x_1 + x_1x_2 + … + x_1⋯x_k): the function S_k of Abbe et al. 2021.

    `sizes`: `n_validation` and `n_test`, if not those of `Polynomial`.
    """
    return Polynomial(d, prefixes(k), (scale,) * k, **sizes)


def monomial(d: int, k: int, *, scale: float = 1.0, **sizes: int) -> Polynomial:
    """scale · x_1⋯x_k: the staircase's last term alone."""
    return Polynomial(d, (tuple(range(k)),), (scale,), **sizes)
