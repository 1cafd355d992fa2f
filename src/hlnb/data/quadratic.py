"""Targets that are polynomials of a hidden quadratic feature.

`SquaredQuadratic` is the book's own toy for backward feature correction (Allen-Zhu & Li
2020), `Quadratic` the target of Nichani et al. 2023.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least, finite
from hlnb.seeding import stream


@dataclass(frozen=True)
class SquaredQuadratic:
    """y = s + α s² with s = Σ_i a_i (x_i² − 1) and x standard normal in d dimensions.

    Level 1 of a network has to find s, level 2 to square it. a is `direction`, scaled
    so that s has variance 1, and 0 on all other coordinates. Refuses a direction that
    is 0 or longer than d, numbers that are not finite, and sizes below 1.
    """

    direction: tuple[float, ...]
    alpha: float
    d: int = 10
    n_validation: int = 1000
    n_test: int = 10_000

    def __post_init__(self):
        at_least(1, n_validation=self.n_validation, n_test=self.n_test)
        if not any(self.direction) or len(self.direction) > self.d:
            raise HlnbError(
                f"direction = {self.direction} has to name a coefficient that is not "
                f"0, and no more than d = {self.d} of them."
            )
        finite(alpha=self.alpha)
        for coefficient in self.direction:
            finite(direction=coefficient)

    @property
    def n_classes(self) -> int:
        return 1

    @property
    def a(self) -> Float[Tensor, " d"]:
        """The coefficients, in float64; the variance of s is 2 Σ a_i² = 1."""
        a = torch.zeros(self.d, dtype=torch.float64)
        a[: len(self.direction)] = torch.tensor(self.direction, dtype=torch.float64)
        return a / (math.sqrt(2) * a.norm())

    @property
    def alone(self) -> Float[Tensor, " d"]:
        """a_i + 4 α a_i²: the coefficients of the best fit to y by a quadratic alone.

        (x² − 1)² = He_4 + 4 He_2 + 2 in Hermite's polynomials, He_2 = x² − 1. So each
        a_i² He_2(x_i)² in s² has a quadratic part of its own; products He_2(x_i)
        He_2(x_j) and He_4 are orthogonal to all quadratics.
        """
        return self.a + 4 * self.alpha * self.a.square()

    @property
    def predicted_cosine(self) -> float:
        """Cosine of `a` with `alone`, the best fit by a quadratic alone."""
        a, b = self.a, self.alone
        return float(a @ b / (a.norm() * b.norm()))

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x = torch.randn(n, self.d, generator=generator)
        s = (x.square() - 1) @ self.a.to(x.dtype)
        return Batch(x, s + self.alpha * s.square())

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        sizes = {
            "train": n_train,
            "validation": self.n_validation,
            "test": self.n_test,
        }
        return {
            name: self.sample(n, generator=stream(seed, name))
            for name, n in sizes.items()
        }

    def with_seed(self, seed: int) -> "SquaredQuadratic":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> dict[str, Any]:
        return {"problem": "quadratic and its square", **asdict(self)}


@dataclass(frozen=True)
class Quadratic:
    """y = He_p(h(x)) / √p! of a hidden quadratic feature h(x) = xᵀAx.

    x is uniform on the sphere of radius √d. A is symmetric, random and of trace 0,
    scaled so that h has mean 0 and variance 1; He_p is Hermite's polynomial. Refuses d
    below 2, and sizes below 1.
    """

    d: int
    p: int
    seed: int = 0  # fixes A
    n_validation: int = 2000
    n_test: int = 4000

    def __post_init__(self):
        at_least(1, p=self.p, n_validation=self.n_validation, n_test=self.n_test)
        if self.d < 2:
            raise HlnbError(f"d = {self.d} leaves no A of trace 0: take d ≥ 2.")

    @property
    def n_classes(self) -> int:
        return 1

    @cached_property
    def matrix(self) -> Float[Tensor, "d d"]:
        """A, drawn from `seed`."""
        drawn = torch.randn(self.d, self.d, generator=stream(self.seed, "quadratic"))
        a = drawn + drawn.T
        a -= a.trace() / self.d * torch.eye(self.d)
        return a / a.norm() * math.sqrt((self.d + 2) / (2 * self.d))

    def feature(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """h(x), of mean 0 and variance 1."""
        return torch.einsum("ni,ij,nj->n", x, self.matrix.to(x.dtype), x)

    def target(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """y of each input."""
        h = self.feature(x)
        before, value = torch.ones_like(h), h  # He_0, He_1
        for k in range(1, self.p):
            before, value = value, h * value - k * before
        return value / math.sqrt(math.factorial(self.p))

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x = torch.randn(n, self.d, generator=generator)
        x *= math.sqrt(self.d) / x.norm(dim=1, keepdim=True)
        return Batch(x, self.target(x))

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        mine = self.with_seed(seed)
        sizes = {
            "train": n_train,
            "validation": self.n_validation,
            "test": self.n_test,
        }
        return {
            name: mine.sample(n, generator=stream(seed, name))
            for name, n in sizes.items()
        }

    def with_seed(self, seed: int) -> "Quadratic":
        """The same problem with the A of another seed."""
        return replace(self, seed=seed)

    def describe(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["seed"]  # a property of a run, not of the problem
        return {"problem": "quadratic feature", **fields}
