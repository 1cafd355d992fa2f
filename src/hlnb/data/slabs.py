"""Inputs that hold their label several times: along a line, and in slabs.

Source: H. Shah and others, "The Pitfalls of Simplicity Bias in Neural Networks", 2020
(arXiv 2006.07710); the geometry is that of its published code. A coordinate of k pieces
is cut into k intervals of equal width, 2·margin apart, on which the label alternates.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, between_0_and_1, finite
from hlnb.seeding import stream

# pieces → how a coordinate is spread over them, from left to right, for labels 0 and 1.
# Five and seven pieces: so that both labels have the same variance.
SHARES: Mapping[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    1: ((1.0,), (1.0,)),
    2: ((1.0, 0.0), (0.0, 1.0)),
    3: ((0.0, 1.0, 0.0), (0.5, 0.0, 0.5)),
    5: ((1 / 8, 0.0, 3 / 4, 0.0, 1 / 8), (0.0, 1 / 2, 0.0, 1 / 2, 0.0)),
    7: (
        (0.0, 1 / 4, 0.0, 1 / 2, 0.0, 1 / 4, 0.0),
        (1 / 16, 0.0, 7 / 16, 0.0, 7 / 16, 0.0, 1 / 16),
    ),
}


@dataclass(frozen=True)
class Slabs:
    """Coordinates in [−1, 1], independent given the label, then rotated.

    pieces: intervals of each coordinate. 1: noise, no information. 2: linear, negative
    left and positive right. 3, 5, 7: slabs, with label 0 in the middle one. The first
    coordinate is meant as the simple one, the others as the complex ones. Refuses other
    numbers of pieces, a margin that leaves no gap or no width, a noise outside 0 to 1,
    a turn of other than two coordinates, and numbers that are not finite.
    """

    pieces: tuple[int, ...] = (2, *[5] * 49)
    margin: float = 0.1  # half of the gap between neighbouring pieces
    noise: float = 0.0  # share of inputs whose linear coordinate is in the gap
    turn: float | None = None  # degrees, of two coordinates; None: a random rotation
    seed: int = 0  # fixes the random rotation
    n_validation: int = 1000
    n_test: int = 10_000

    def __post_init__(self):
        if not self.pieces or not set(self.pieces) <= set(SHARES):
            raise HlnbError(
                f"Coordinates have 1, 2, 3, 5 or 7 pieces, not {list(self.pieces)}."
            )
        finite(margin=self.margin, turn=self.turn or 0)
        widest = max(self.pieces)
        if self.margin <= 0 or self.margin * (widest - 1) >= 1:
            raise HlnbError(
                f"A margin of {self.margin} leaves {widest} pieces no gap or no width: "
                f"take one between 0 and 1/{max(1, widest - 1)}."
            )
        between_0_and_1(noise=self.noise)
        if self.turn and len(self.pieces) != 2:
            raise HlnbError(
                f"A turn by {self.turn} degrees is for two coordinates, not "
                f"{len(self.pieces)}: take 0, or None for a random rotation."
            )

    @property
    def n_classes(self) -> int:
        return 2

    @cached_property
    def rotation(self) -> Float[Tensor, "d d"]:
        """The orthogonal matrix R of x = s R, where s are the coordinates."""
        d = len(self.pieces)
        if self.turn is None:
            normal = torch.randn(
                d, d, generator=stream(self.seed, "rotation"), dtype=torch.float64
            )
            q, r = torch.linalg.qr(normal)
            return q * r.diagonal().sign()  # uniform over all rotations
        matrix = torch.eye(d, dtype=torch.float64)
        if self.turn:
            c, s = (f(math.radians(self.turn)) for f in (math.cos, math.sin))
            matrix = torch.tensor([[c, s], [-s, c]], dtype=torch.float64)
        return matrix

    def with_seed(self, seed: int) -> "Slabs":
        """The same problem with the rotation of another seed."""
        return replace(self, seed=seed)

    def turned(self, s: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Inputs x from coordinates s."""
        return s @ self.rotation.to(s.dtype)

    def coordinates(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Coordinates s of inputs x."""
        return x @ self.rotation.T.to(x.dtype)

    def draw(self, n: int, *, generator: torch.Generator) -> Batch:
        """`n` inputs before the rotation: x of this batch holds coordinates s."""
        y = torch.randint(2, (n,), generator=generator)
        s = torch.empty(n, len(self.pieces))
        for j, k in enumerate(self.pieces):
            shares = torch.tensor(SHARES[k])[y]
            piece = torch.multinomial(shares, 1, generator=generator)[:, 0]
            width = piece_width(k, self.margin)
            inside = width * (torch.rand(n, generator=generator) - 0.5)
            s[:, j] = (piece - (k - 1) / 2) * (width + 2 * self.margin) + inside
            if k == 2 and self.noise:
                unsaid = torch.rand(n, generator=generator) < self.noise
                within = self.margin * (2 * torch.rand(n, generator=generator) - 1)
                s[:, j] = torch.where(unsaid, within, s[:, j])
        return Batch(s, y)

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        s, y, _ = self.draw(n, generator=generator)
        return Batch(self.turned(s), y)

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        """Three samples, and the test sample twice more, with shuffled coordinates.

        `simple shuffled`: the first coordinate of each input is that of another test
        input; `complex shuffled`: all others are, together. Labels stay.
        """
        problem = self.with_seed(seed)
        s, y, _ = problem.draw(self.n_test, generator=stream(seed, "test"))
        order = torch.randperm(self.n_test, generator=stream(seed, "shuffle"))
        simple, rest = ([0], [*range(1, len(self.pieces))])
        sizes = {"train": n_train, "validation": self.n_validation}
        drawn = {
            name: problem.sample(n, generator=stream(seed, name))
            for name, n in sizes.items()
        }
        return drawn | {
            "test": Batch(problem.turned(s), y),
            "simple shuffled": Batch(problem.turned(shuffled(s, simple, order)), y),
            "complex shuffled": Batch(problem.turned(shuffled(s, rest, order)), y),
        }

    def describe(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["seed"]  # a property of a run, not of the problem
        return {"problem": "slabs", **fields}


def piece_width(k: int, margin: float) -> float:
    """The width of each of `k` pieces that fill [−1, 1], 2·margin apart."""
    return (2 - 2 * margin * (k - 1)) / k


def threshold_accuracy(k: int, *, noise: float = 0.0) -> float:
    """The accuracy of the best single cut through a coordinate of `k` pieces.

    Labels are equally likely. `noise`: as in `Slabs`, for the linear coordinate.
    """
    zeros, ones = (torch.tensor(shares).cumsum(0) for shares in SHARES[k])
    gap = float((zeros - ones).abs().max())  # of the two shares left of a cut
    return 0.5 + gap * (1 - noise if k == 2 else 1) / 2


def moment(k: int, margin: float, *, label: int, power: int) -> float:
    """E[s^power | label] of a coordinate of `k` pieces, in closed form."""
    width = piece_width(k, margin)
    total = 0.0
    for piece, share in enumerate(SHARES[k][label]):
        middle = (piece - (k - 1) / 2) * (width + 2 * margin)
        ends = middle - width / 2, middle + width / 2
        antiderivatives = [end ** (power + 1) / (power + 1) for end in ends]
        total += share * (antiderivatives[1] - antiderivatives[0]) / width
    return total


def moment_gap(k: int, margin: float, *, power: int) -> float:
    """E[s^power | 1] − E[s^power | 0]; exactly 0 where only rounding is left."""
    one, zero = (moment(k, margin, label=y, power=power) for y in (1, 0))
    return 0.0 if math.isclose(one, zero, abs_tol=1e-12) else one - zero


def shuffled(
    s: Float[Tensor, "n d"], columns: Sequence[int], order: Int[Tensor, " n"]
) -> Float[Tensor, "n d"]:
    """`s` with `columns` taken together from other rows: row i from row order[i]."""
    mixed = s.clone()
    for j in columns:
        mixed[:, j] = s[order, j]
    return mixed
