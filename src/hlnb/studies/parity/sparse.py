"""Sparse parities: what the expected gradient and the weights know before the error.

Source: Barak et al. 2022.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hlnb.data.boolean import Parity, Support
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics.measures import Error, all_weights
from hlnb.models.layers import Params
from hlnb.models.networks import mlp
from hlnb.results import Result
from hlnb.schedules import simultaneous
from hlnb.training.runs import Run
from hlnb.training.sweep import sweep

SPARSE_WIDTH = 100  # hidden units of networks for sparse parities
SPARSE_WEIGHTS = all_weights(["layer1", "readout"])


def paired(d: Sequence[int], k: Sequence[int]) -> list[tuple[int, int]]:
    """(d, k) for each parity of k of d coordinates; refuses lists of other lengths."""
    if len(d) != len(k):
        raise HlnbError(
            f"{len(d)} values of d and {len(k)} of k: give one k for each d."
        )
    return [*zip(d, k, strict=True)]


def activity_coefficients(
    weight: Float[Tensor, "unit d"],
    bias: Float[Tensor, " unit"],
    supports: Sequence[Support],
    *,
    reach: float = 14.0,
    points: int = 200,
) -> Float[Tensor, "unit support"]:
    """E[χ_S(x) 1(w·x + b > 0)] for each unit and each S, without sampling.

    From sign(u) = (2/π) ∫ sin(tu)/t dt over t > 0, and E[χ_S e^{itw·x}] = Π_{i in S} i
    sin(t w_i) Π_{i not in S} cos(t w_i). The integral stops at t = reach/‖w‖, which
    makes 1(…) a smooth step. Inputs near the step then err in both senses, by about
    2^(−d/2)/8 on average: 4·10⁻⁶ at d = 30. `points`: number of points of the midpoint
    rule.
    """
    weight, bias = weight.double(), bias.double()
    tangents, weighted = _integrand(weight, bias, reach=reach, points=points)
    found = []
    for support in supports:
        k = len(support)
        integral = (weighted(k) * tangents[list(support)].prod(0)).sum(1)
        found.append(integral + (0.0 if k else 0.5))
    return torch.stack(found, 1)


def _integrand(
    weight: Float[Tensor, "unit d"],
    bias: Float[Tensor, " unit"],
    *,
    reach: float,
    points: int,
) -> tuple[Float[Tensor, "d unit t"], Callable[[int], Float[Tensor, "unit t"]]]:
    """tan(t w_i), coordinates first, and what their products are multiplied by.

    The latter depends on the number of factors; its sum over t is the integral.
    """
    step = reach / points / weight.norm(dim=1)
    t = (torch.arange(points) + 0.5) * step[:, None]
    angles = weight.T[:, :, None] * t
    rest = angles.cos().prod(0) * step[:, None] / (math.pi * t)

    @cache
    def weighted(k: int) -> Tensor:
        return rest * torch.sin(t * bias[:, None] + k * math.pi / 2)  # i^k e^{itb}

    return angles.tan(), weighted


def _unit_weights(params: Params) -> Float[Tensor, " unit"]:
    """α_j: the weight of each hidden unit in `output`."""
    readout = params["readout.weight"].double()
    return readout[0] if len(readout) == 1 else (readout[0] - readout[1]) / 2


def first_layer_signal(
    params: Params, support: Support, coordinates: Sequence[int]
) -> Float[Tensor, "unit d"]:
    """E[χ_I(x) ∂f(x)/∂W] for the weights W from some coordinates to the hidden layer.

    `params`: of an `mlp` with one hidden layer. It is what the expected gradient of
    these weights knows of I: α_j times the coefficient of unit j's activity at I
    without i, where i is in I, and at I with i, where it is not.
    """
    chosen = set(support)
    found = activity_coefficients(
        params["layer1.weight"],
        params["layer1.bias"],
        [tuple(sorted(chosen ^ {i})) for i in coordinates],
    )
    return _unit_weights(params)[:, None] * found


def set_signals(params: Params, k: int) -> Float[np.ndarray, " support"]:
    """‖`first_layer_signal`‖ of every set of k coordinates, 2 or 3, on its own weights.

    In the order of `itertools.combinations`. A set's square is a sum over its subsets
    of k − 1 coordinates, each of which is computed once. Refuses another k.
    """
    weight, bias = params["layer1.weight"].double(), params["layer1.bias"].double()
    tangents, weighted = _integrand(weight, bias, reach=14.0, points=100)
    energy = _unit_weights(params).square()
    sets = np.array([*combinations(range(weight.shape[1]), k)])
    if k == 2:
        one = torch.einsum("ut,aut->ua", weighted(1), tangents)
        found = (energy @ one.square()).numpy()[sets]
    elif k == 3:
        left = (weighted(2) * tangents).transpose(0, 1)
        two = left @ tangents.permute(1, 2, 0)  # unit, coordinate, coordinate
        pairs = torch.einsum("u,uab->ab", energy, two.square()).numpy()
        found = pairs[sets[:, [0, 0, 1]], sets[:, [1, 2, 2]]]
    else:
        raise HlnbError(f"Signals of all sets of {k} are not computed: take k 2 or 3.")
    return np.sqrt(found.sum(1))


class Hidden(NamedTuple):
    """What one run on a sparse parity shows, and hides, until it has learned it.

    Times are shares of the time to learn; inf: not by then. `others` below are all
    other sets of as many coordinates.
    """

    t: Float[np.ndarray, " record"]
    error: Float[np.ndarray, " record"]
    own: Float[np.ndarray, " record"]  # signal of I, see `set_signals`
    best: Float[np.ndarray, " record"]  # the largest signal of the others
    half_error: float  # at half of the time, as the next
    half_behind: float  # share of the others with a smaller signal than I
    leads_from: float  # own > best from here on
    falls_at: float  # first error ≤ 0.45
    lead: Float[np.ndarray, " record"]  # the largest signal of all / the next largest


def record_signals(
    result: Result, run: int, record: int, *, k: int
) -> Float[np.ndarray, " support"]:
    """`set_signals` of a run of `train_sparse` at one of its records."""
    weights = {n: torch.tensor(result.of(n)[run][record]) for n in SPARSE_WEIGHTS}
    return set_signals(weights, k)


@kept
def hidden_run(problem: Parity, result: Result, run: int, *, time: float) -> Hidden:
    """The Hidden of a run of `train_sparse` that learned its parity by step `time`."""
    known = result.steps <= time
    t = result.steps[known] / time
    error = result.of("test error")[run][known]
    support = problem.with_seed(result.runs[run]["seed"]).support
    sets = np.array([*combinations(range(problem.d), problem.k)])
    shared = np.isin(sets, support).sum(1)
    signals = np.stack(
        [record_signals(result, run, record, k=problem.k) for record in range(len(t))]
    )
    own, others = signals[:, shared == problem.k][:, 0], signals[:, shared < problem.k]
    best, two = others.max(1), np.sort(signals, 1)[:, -2:]
    half = int(np.searchsorted(t, 0.5, side="right")) - 1
    return Hidden(
        t,
        error,
        own,
        best,
        float(error[half]),
        float((others[half] < own[half]).mean()),
        _from(t, own > best),
        float(t[np.argmax(error <= 0.45)]),
        two[:, 1] / two[:, 0],
    )


def _from(t: Float[np.ndarray, " record"], holds: Bool[np.ndarray, " record"]) -> float:
    """The time from which on `holds` at every record; inf if not at the last."""
    start = len(t) - int(np.argmin([*holds[::-1], False]))
    return float(t[start]) if start < len(t) else math.inf


class Seen(NamedTuple):
    """What a reader of one record of a run sees, with I known for comparison."""

    share: float  # of the run's records
    error: float
    own: float  # signal of I, see `set_signals`
    others: Float[np.ndarray, " support"]  # those of all other sets


def seen_at(
    problem: Parity, result: Result, run: int, *, shares: Sequence[float]
) -> list[Seen]:
    """A Seen for the records at these `shares` of a run of `train_sparse`."""
    errors = result.of("test error")[run]
    last = int((~np.isnan(errors)).sum()) - 1
    support = problem.with_seed(result.runs[run]["seed"]).support
    sets = [*combinations(range(problem.d), problem.k)]
    place, found = sets.index(tuple(sorted(support))), []
    for share in shares:
        record = round(share * last)
        signals = record_signals(result, run, record, k=problem.k)
        others = np.delete(signals, place)
        error = float(errors[record])
        found.append(Seen(record / last, error, float(signals[place]), others))
    return found


def train_sparse(
    d: int,
    k: int,
    runs: Sequence[Run],
    *,
    steps: int,
    every: int,
    batch_size: int = 32,
    n_test: int = 10_000,
    executor: Executor | None = None,
) -> Result:
    """The Result of SGD on parities of k coordinates, until the test error is 0.01.

    100 hidden units, `batch_size` fresh examples per step, a record `every` so many
    steps: "test error" and all weights.
    """
    model = mlp(d=d, widths=(SPARSE_WIDTH,))
    return sweep(
        Parity(d, k, n_test=n_test),
        model,
        simultaneous(model, epochs=steps // 50),
        runs,
        measures={"test error": Error(), **SPARSE_WEIGHTS},
        n_train=50 * batch_size,
        batch_size=batch_size,
        online=True,
        every=every,
        until={"test error": 0.01},
        executor=executor,
    )
