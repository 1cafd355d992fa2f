"""Two-layer networks in the mean-field scaling, trained by one pass of SGD.

f(x) = 1/N Σ_j a_j σ(⟨w_j, x⟩) on x in {−1, 1}^d, where f has to follow a target of the
first P coordinates. Source: Abbe, Boix-Adsera & Misiakiewicz 2022.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from hlnb.data.boolean import Polynomial, Support
from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.kept import kept
from hlnb.metrics import fourier
from hlnb.metrics.fits import log_slope
from hlnb.metrics.measures import Loss, Weights
from hlnb.metrics.times import first_hit
from hlnb.models.layers import Initialization, Params
from hlnb.models.model import Model
from hlnb.results import Result
from hlnb.schedules import simultaneous
from hlnb.training.executors import Here
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

ACTIVATIONS = ("sigmoid", "tanh")


def activate(
    x: Float[Tensor, "*n"], activation: str, shift: float
) -> Float[Tensor, "*n"]:
    """σ(x): 1/(1 + e^{−x + shift}), or tanh(x − shift)."""
    return torch.sigmoid(x - shift) if activation == "sigmoid" else (x - shift).tanh()


def slope(value: Float[Tensor, "*n"], activation: str) -> Float[Tensor, "*n"]:
    """σ'(x), from the value σ(x)."""
    return value * (1 - value) if activation == "sigmoid" else 1 - value.square()


def check_activation(activation: str) -> None:
    """Refuses an activation other than ACTIVATIONS."""
    if activation not in ACTIVATIONS:
        raise HlnbError(
            f"There is no activation {activation!r} here: take one of {ACTIVATIONS}."
        )


@dataclass(frozen=True)
class Units:
    """x ↦ σ(W x) without bias; √d·W starts standard normal, whatever the model asks.

    So a unit's input has variance 1 on the cube, and one coordinate's share is 1/d.
    Refuses an activation other than ACTIVATIONS.
    """

    name: str
    d: int
    width: int
    activation: str = "sigmoid"
    shift: float = 1.0

    def __post_init__(self):
        check_activation(self.activation)

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        weight = torch.randn((self.width, self.d), generator=generator)
        return {f"{self.name}.weight": weight / math.sqrt(self.d)}

    def apply(self, params: Params, x: Float[Tensor, "n d"]) -> Float[Tensor, "n unit"]:
        inputs = x @ params[f"{self.name}.weight"].mT
        return activate(inputs, self.activation, self.shift)


@dataclass(frozen=True)
class Mean:
    """h ↦ 1/N Σ_j a_j h_j, the one output; a starts uniform on [−1, 1]."""

    name: str
    width: int

    def init(
        self, generator: torch.Generator, law: Initialization
    ) -> dict[str, Tensor]:
        weight = 2 * torch.rand((1, self.width), generator=generator) - 1
        return {f"{self.name}.weight": weight}

    def apply(self, params: Params, x: Float[Tensor, "n unit"]) -> Float[Tensor, "n 1"]:
        return x @ params[f"{self.name}.weight"].mT / self.width


def mean_field_network(
    *, d: int, width: int, activation: str = "sigmoid", shift: float = 1.0
) -> Model:
    """The network of Abbe et al. 2022, eq. (1): layers `units` and `mean`."""
    at_least(1, d=d, width=width)
    return Model((Units("units", d, width, activation, shift), Mean("mean", width)))


def learning_rate(*, width: int, step: float) -> float:
    """The learning rate, on the mean squared error, of a mean-field step of `step`.

    A mean-field step moves a_j by step · E[(y − f) σ_j] and w_j by
    step · a_j E[(y − f) σ'_j x]: the gradient of a_jσ_j is not divided by N. The
    squared error's gradient has a factor 2, and f one of 1/N.
    """
    return width * step / 2


@dataclass(frozen=True)
class Missing:
    """What a term still lacks on a batch: its coefficient minus the network's.

    1 at the start where the coefficient is 1 and f is near 0; 0 when it is learned.
    """

    support: Support
    coefficient: float = 1.0
    on: str = "test"

    def __call__(self, params, batch, outputs) -> Tensor:
        found = fourier.Coefficients((self.support,), self.on)
        return self.coefficient - found(params, batch, outputs)[0]


def learn(
    target: Polynomial,
    *,
    seeds: Iterable[int],
    width: int,
    step: float,
    batch_size: int,
    time: float,
    every: int = 10,
    activation: str = "sigmoid",
    shift: float = 1.0,
    until: Mapping[str, float] | None = None,
    weights: bool = False,
    executor: Executor | None = None,
) -> Result:
    """The Result of SGD in which every batch is fresh.

    `time` is step size × steps; records, and epochs, are `every` steps apart. `width`:
    the units N; `shift`: of the activation. Traces: `risk` on the test batch,
    `coefficients` of the target's terms, `missing` of its last one, and all parameters
    with `weights`. `until`: a run ends when `risk` or `missing` is down to this.
    Refuses a `time` or an `every` that is not above 0.
    """
    model = mean_field_network(
        d=target.d, width=width, activation=activation, shift=shift
    )
    rate = learning_rate(width=width, step=step)
    runs = grid(seeds, [rate])
    above_zero(time=time)
    at_least(1, every=every)
    measures = {
        "risk": Loss("test"),
        "coefficients": fourier.Coefficients(target.supports),
        "missing": Missing(target.supports[-1], target.coefficients[-1]),
    }
    if weights:
        measures |= {f"{name}.weight": Weights(name) for name in model.names}
    return sweep(
        target,
        model,
        simultaneous(model, epochs=math.ceil(time / step / every)),
        runs,
        measures=measures,
        n_train=every * batch_size,
        batch_size=batch_size,
        online=True,
        until=until,
        executor=executor,
    )


def passing(
    at: Real[np.ndarray, " record"],
    coefficients: Float[np.ndarray, "*run record"],
    *,
    level: float,
) -> Float[np.ndarray, "*run"]:
    """The first `at` with a coefficient ≥ `level`; inf where there is none."""
    return first_hit(at, -coefficients, threshold=-level)


def samples_taken(
    target: Polynomial,
    *,
    seeds: Iterable[int],
    batch_size: int,
    step: float,
    time: float,
    risk: float,
    width: int,
    executor: Executor | None = None,
) -> Float[np.ndarray, " run"]:
    """Fresh samples until the test risk is at most `risk`; inf: not by `time`.

    Samples are counted in a two-hundredth of those that `time` takes.
    """
    found = learn(
        target,
        seeds=seeds,
        width=width,
        step=step,
        batch_size=batch_size,
        time=time,
        every=max(1, round(time / step / 200)),
        until={"risk": risk},
        executor=executor,
    )
    return first_hit(found.steps * batch_size, found.of("risk"), threshold=risk)


@kept
def by_batch(
    target: Polynomial,
    *,
    seeds: Iterable[int],
    batches: Sequence[int],
    step: float,
    time: float,
    risk: float,
    width: int,
) -> dict[int, Float[np.ndarray, " run"]]:
    """The `samples_taken` by batch size, from the largest of `batches` down.

    It goes on as long as the slowest run takes fewer, and until all runs arrive.
    """
    found: dict[int, Float[np.ndarray, " run"]] = {}
    best = math.inf
    for batch_size in sorted(batches, reverse=True):
        found[batch_size] = samples_taken(
            target,
            seeds=seeds,
            batch_size=batch_size,
            step=step,
            time=time,
            risk=risk,
            width=width,
            executor=Here(),
        )
        slowest = float(found[batch_size].max())
        if math.isfinite(best) and slowest >= best:
            break
        best = slowest
    return found


def best_batch(found: Mapping[int, Float[np.ndarray, " run"]]) -> int:
    """The batch size whose slowest run takes fewest samples; the larger if two tie."""
    return min(found, key=lambda size: (found[size].max(), -size))


def growth_exponents(
    times: Mapping[int, Float[np.ndarray, " run"]],
) -> Float[np.ndarray, " run"]:
    """The `log_slope` against d, for each run; NaN for one that is censored at some d.

    `times[d]`: one time, or count of samples, per run; inf: censored.
    """
    runs = np.stack([*times.values()], 1)
    return np.array([log_slope([*times], run) for run in runs])


def best_order(supports: Sequence[Support]) -> list[tuple[Support, int]]:
    """The supports in the order that gives the leap, each with its new coordinates."""
    left, seen, found = list(supports), set[int](), []
    while left:
        nearest = min(left, key=lambda support: (len(set(support) - seen), support))
        found.append((nearest, len(set(nearest) - seen)))
        seen |= set(nearest)
        left.remove(nearest)
    return found
