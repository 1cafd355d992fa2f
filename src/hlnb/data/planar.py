"""Problems in the plane: stripes, and a boundary that bends.

Sources: the seminar notes (Theodosis 2021) for `Stripes`, Nakkiran et al. 2019 for
`Bent`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, finite
from hlnb.seeding import stream


@dataclass(frozen=True)
class Stripes:
    """Points of the square [−1, 1]²; the class alternates between diagonal stripes.

    The seminar notes' first example. width: of a stripe, measured along x₁ + x₂.
    Refuses a width outside 0 to 4.
    """

    width: float = 0.5
    n_validation: int = 500
    n_test: int = 2000

    def __post_init__(self):
        if not 0 < self.width <= 4:
            raise HlnbError(f"width = {self.width}: a stripe is between 0 and 4 wide.")

    @property
    def n_classes(self) -> int:
        return 2

    def labels(self, x: Float[Tensor, "n 2"]) -> Int[Tensor, " n"]:
        """The class of each point."""
        return torch.floor(x.sum(1) / self.width).long() % 2

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x = 2 * torch.rand(n, 2, generator=generator) - 1
        return Batch(x, self.labels(x))

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        return _split(self, seed, n_train=n_train, name="stripes")

    def with_seed(self, seed: int) -> "Stripes":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> dict[str, Any]:
        return {"problem": "stripes", **asdict(self)}


@dataclass(frozen=True)
class Bent:
    """Points of the unit disc above or below a sine, some labels flipped.

    The toy problem of Nakkiran et al. 2019, in which a line is right for most points.
    The boundary is x₂ = height · sin(2π · waves · x₁). flipped: probability that a
    label is wrong, in every part of a split. Refuses it below 0, and from 0.5 up, and a
    boundary whose numbers are not finite.
    """

    height: float = 0.5
    waves: float = 1.0
    flipped: float = 0.1
    n_validation: int = 1000
    n_test: int = 5000

    def __post_init__(self):
        finite(height=self.height, waves=self.waves)
        if not 0 <= self.flipped < 0.5:
            raise HlnbError(f"flipped = {self.flipped}: take a share below one half.")

    @property
    def n_classes(self) -> int:
        return 2

    def labels(self, x: Float[Tensor, "n 2"]) -> Int[Tensor, " n"]:
        """The class of each point, before any label is flipped."""
        sine = self.height * torch.sin(2 * math.pi * self.waves * x[:, 0])
        return (x[:, 1] > sine).long()

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        angle = 2 * math.pi * torch.rand(n, generator=generator)
        radius = torch.rand(n, generator=generator).sqrt()
        x = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
        wrong = torch.rand(n, generator=generator) < self.flipped
        return Batch(x, self.labels(x) ^ wrong.long())

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        return _split(self, seed, n_train=n_train, name="bent")

    def with_seed(self, seed: int) -> "Bent":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> dict[str, Any]:
        return {"problem": "bent", **asdict(self)}


def _split(
    problem: Stripes | Bent, seed: int, *, n_train: int, name: str
) -> Mapping[str, Batch]:
    sizes = {
        "train": n_train,
        "validation": problem.n_validation,
        "test": problem.n_test,
    }
    return {
        part: problem.sample(n, generator=stream(seed, f"{name}/{part}"))
        for part, n in sizes.items()
    }
