"""A tower of squares: what the first layers learn when those above are missing.

Level 1 is a quadratic form s, and each level above adds the square of the one below:
v ← v + α v². The best fit by the first k layers is computed exactly, by Gauss's rule.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import least_squares

from hlnb.data.problem import Batch
from hlnb.data.quadratic import SquaredQuadratic
from hlnb.errors import HlnbError, at_least, finite
from hlnb.kept import kept
from hlnb.metrics.measures import Weights
from hlnb.models.layers import Normal
from hlnb.models.model import Model
from hlnb.results import Result
from hlnb.schedules import Phase, Schedule
from hlnb.seeding import stream
from hlnb.studies.feature_correction.experiment import PlusSquare, QuadraticForm
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep


@dataclass(frozen=True)
class Tower:
    """y = v_L with v_1 = s and v_(l+1) = v_l + α_l v_l², on standard normal inputs.

    s is that of `SquaredQuadratic`, of variance 1; `strengths` are α_1 … α_(L−1).
    Refuses what that refuses, and no strength at all.
    """

    direction: tuple[float, ...]
    strengths: tuple[float, ...]
    d: int = 10
    n_validation: int = 100
    n_test: int = 100

    def __post_init__(self):
        if not self.strengths:
            raise HlnbError("A tower has a square: give it a strength at least.")
        for strength in self.strengths:
            finite(strengths=strength)
        _ = self.bottom  # refuses what it can't be

    @property
    def bottom(self) -> SquaredQuadratic:
        """The two levels that it begins with."""
        sizes = {"n_validation": self.n_validation, "n_test": self.n_test}
        return SquaredQuadratic(self.direction, self.strengths[0], d=self.d, **sizes)

    @property
    def n_classes(self) -> int:
        return 1

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x, y, *_ = self.bottom.sample(n, generator=generator)
        for strength in self.strengths[1:]:
            y = y + strength * y.square()
        return Batch(x, y)

    def split(self, seed: int, *, n_train: int) -> dict[str, Batch]:
        sizes = {"train": n_train, "validation": self.n_validation}
        sizes["test"] = self.n_test
        return {
            name: self.sample(n, generator=stream(seed, name))
            for name, n in sizes.items()
        }

    def with_seed(self, seed: int) -> "Tower":
        """The problem itself: nothing in it is drawn from a seed."""
        return self

    def describe(self) -> dict[str, Any]:
        return {"problem": "a tower of squares", **asdict(self)}


def tower_network(problem: Tower) -> Model:
    """The network that can be exact: layers `form`, `square2`, … `squareL`."""
    squares = (PlusSquare(f"square{k + 2}") for k in range(len(problem.strengths)))
    return Model(
        (QuadraticForm("form", problem.d), *squares), initialization=Normal(0.1)
    )


class Learned(NamedTuple):
    """What the first two layers know."""

    angle: float  # of layer 1 to the truth, in degrees
    strength: float  # of the square in layer 2, where the truth is α_1; NaN: none


def learned(
    form: Float[np.ndarray, "d d"], square: float, *, truth: Float[np.ndarray, " d"]
) -> Learned:
    """What is Learned by a form of matrix `form` and a coefficient u + `square`·u².

    A form that is twice as long with half the coefficient says the same, up to scale.
    So the strength is that at the length of the truth.
    """
    wanted = np.diag(truth)
    along = (form * wanted).sum() / np.linalg.norm(wanted)
    across = np.linalg.norm(form - along * wanted / np.linalg.norm(wanted))
    angle = float(np.degrees(np.arctan2(across, along)))
    return Learned(angle, square * np.linalg.norm(form) / np.linalg.norm(wanted))


def best(problem: Tower, *, layers: int) -> Learned:
    """What is Learned by the best fit, in mean square, of the first `layers` layers.

    By Gauss's rule with as many points as make every integral exact, and by least
    squares: from the true form, weaker towers first, once without squares and once with
    the tower's own, whichever fits better. Forms are diagonal, in the coordinates that
    the truth has: the signs of inputs, and all others, are free.
    Refuses more layers than the tower has levels.
    """
    at_least(1, layers=layers)
    if layers > 1 + len(problem.strengths):
        raise HlnbError(f"The tower has {1 + len(problem.strengths)} levels only.")
    small = replace(problem, d=len(problem.direction))
    truth = small.bottom.a.numpy()
    fits = []
    for own in (0.0, 1.0):
        squares = own * np.array(problem.strengths[: layers - 1]) / 8
        pairs = np.stack([squares, np.zeros(layers - 1)], 1).ravel()
        params, cost = np.concatenate([truth, pairs]), np.inf
        for part in (0.125, 0.25, 0.5, 1.0):
            strengths = part * np.array(problem.strengths)
            params, cost = _fitted(truth, strengths, start=params)
        fits.append((cost, params))
    _, params = min(fits, key=lambda fit: fit[0])
    square = params[len(truth)] if layers > 1 else np.nan
    return learned(np.diag(params[: len(truth)]), float(square), truth=truth)


def _fitted(
    truth: Float[np.ndarray, " d"],
    strengths: Float[np.ndarray, " level"],
    *,
    start: Float[np.ndarray, " param"],
) -> tuple[Float[np.ndarray, " param"], float]:
    """The best parameters near `start`, and their cost.

    The form's diagonal, then b and c of each further layer.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(2 ** (len(strengths) + 1) + 1)
    d = len(truth)
    points = np.stack([g.ravel() for g in np.meshgrid(*[nodes] * d)], 1)
    share = np.prod([g.ravel() for g in np.meshgrid(*[weights] * d)], 0)
    root = np.sqrt(share / share.sum())
    squares = points**2 - 1
    target = squares @ truth
    for strength in strengths:
        target = target + strength * target**2

    def missing(params):
        out = squares @ params[:d]
        for b, c in params[d:].reshape(-1, 2):
            out = out + b * out**2 + c
        return root * (out - target)

    exact = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 2000}
    found = least_squares(missing, start, x_scale="jac", **exact)
    return found.x, float(found.cost)


@kept
def best_angles(
    direction: tuple[float, ...],
    strengths: Sequence[float],
    *,
    levels: int,
    ratio: float = 1.0,
) -> dict[int, Float[np.ndarray, " strength"]]:
    """Degrees between layer 1 and the truth, after the `best` fit of k layers, by k.

    Of towers of so many levels, for each of `strengths`, which is that of the first
    square; each further one is `ratio` times as strong as the one below. k runs up to
    the last layer but one.
    """
    shares = [ratio**level for level in range(levels - 1)]
    return {
        k: np.array(
            [
                best(Tower(direction, tuple(alpha * s for s in shares)), layers=k).angle
                for alpha in strengths
            ]
        )
        for k in range(1, levels)
    }


# Rates on the mean squared error, for batches of a hundredth of the inputs. After layer
# 1 alone, the layers that train do so at falling rates.
BEGIN = (Phase(2, ("form",), lr=0.01),)
RATES = ((4, 0.005), (4, 0.001), (2, 0.0002))


def climb(
    problem: Tower,
    *,
    layers: int,
    seeds: Sequence[int] | range,
    n_train: int,
    executor: Executor | None = None,
) -> Result:
    """The Result of training the first `layers` layers of a tower, the others frozen.

    Layer 1 begins alone. Layers above pass their input on unchanged at the start.
    """
    model = tower_network(problem)
    names, above = model.names[:layers], model.names[layers:]
    more = tuple(Phase(epochs, names, lr=lr) for epochs, lr in RATES)
    return sweep(
        problem,
        model,
        Schedule(f"the first {layers}", (*BEGIN, *more), frozen=above),
        grid(seeds, [RATES[0][1]]),
        measures={"form": Weights("form"), "square": Weights(model.names[1])},
        n_train=n_train,
        batch_size=max(1, n_train // 100),
        every=10**6,
        executor=executor,
    )


def reached(result: Result, problem: Tower) -> list[Learned]:
    """What is Learned at the end of each run of `climb`."""
    truth = problem.bottom.a.numpy()
    forms, squares = (result.of(name)[:, -1] for name in ("form", "square"))
    return [
        learned(form.astype(float), float(square[0]), truth=truth)
        for form, square in zip(forms, squares, strict=True)
    ]


def slopes(
    angles: Float[np.ndarray, " strength"], strengths: Sequence[float]
) -> Float[np.ndarray, " pair"]:
    """Exponents between neighbouring strengths: slopes on a log-log plot."""
    return np.array(
        [
            np.log(high / low) / np.log(more / less)
            for (low, high), (less, more) in zip(
                pairwise(angles), pairwise(strengths), strict=True
            )
        ]
    )
