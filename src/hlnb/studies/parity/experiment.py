"""Parities: what elimination finds, what gradients see, and what SGD pays.

Source: Theodosis 2021 (seminar notes). For sparse parities see `sparse`.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Real, UInt8
from scipy import stats
from torch import Tensor
from torch.func import grad, vmap

from hlnb.data.boolean import Parity, Support, cube
from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least
from hlnb.kept import kept
from hlnb.metrics.fourier import walsh_hadamard
from hlnb.metrics.measures import Error, Measure
from hlnb.metrics.times import first_hit, median
from hlnb.models.layers import Params
from hlnb.models.model import Model
from hlnb.models.networks import mlp
from hlnb.results import Result
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.studies.parity.gf2 import solve, solve_noisy
from hlnb.training.runs import Run, grid
from hlnb.training.sweep import sweep

CAP = 2000  # eliminations until a problem with noise is given up
CHUNK = 1024  # characters, or inputs with their gradients, at a time


def equations(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Examples of a parity as equations modulo 2: Z = (1 − x)/2 and the labels.

    A label is (1 − χ_I(x))/2, so Σ_j Z_ij s_j = b_i (mod 2) holds for the indicator s
    of the support I.
    """
    return ((1 - batch.x) / 2).to(torch.uint8).numpy(), batch.y.to(torch.uint8).numpy()


def finds(d: int, *, n: int, seed: int, noise: float = 0.0) -> bool:
    """Whether elimination finds a parity of d/2 coordinates from n examples.

    `noise`: probability with which a label is flipped.
    """
    problem = Parity(d, d // 2, noise=noise, seed=seed)
    batch = problem.sample(n, generator=stream(seed, "train"))
    found = solve(*equations(batch))
    return found.unique and (*np.flatnonzero(found.s),) == problem.support


@kept
def solved(d: int, *, seeds: Sequence[int], noise: float) -> int:
    """Of how many problems, one a seed, elimination on d + 10 examples finds I."""
    return sum(finds(d, n=d + 10, seed=seed, noise=noise) for seed in seeds)


@kept
def tries(
    d: int, *, seeds: Sequence[int], noise: float, held: int = 4000, cap: int = CAP
) -> Real[np.ndarray, " problem"]:
    """Eliminations until a parity of d/2 coordinates is found in spite of noise.

    Each has d + 10 fresh examples; a solution is taken if it fits three quarters of
    `held` further ones. inf: none was in `cap` eliminations. NaN: a wrong set was.
    """
    return np.array([_tries(d, seed, noise, held=held, cap=cap) for seed in seeds])


def _tries(d: int, seed: int, noise: float, *, held: int, cap: int) -> float:
    problem, order = Parity(d, d // 2, noise=noise, seed=seed), stream(seed, "tries")
    further = equations(problem.sample(held, generator=stream(seed, "held out")))
    fresh = (equations(problem.sample(d + 10, generator=order)) for _ in range(cap))
    found = solve_noisy(fresh, held=further)
    if found.s is None:
        return np.inf
    right = (*np.flatnonzero(found.s),) == problem.support
    return found.tries if right else np.nan


def geometric_fit(
    taken: Real[np.ndarray, " problem"], *, p: float, seed: int, cap: int = CAP
) -> list[float]:
    """Exact p-values of `tries`, under the law that each succeeds with probability p.

    First of their distribution: 1 − (1 − p)^(T − 1) (1 − pV), with V uniform, is
    uniform under the law, which Kolmogorov and Smirnov's test asks. Then of their sum,
    which is negative binomial; it is left out where a problem was given up. A wrong set
    is impossible by the law: 0.
    """
    if np.isnan(taken).any():
        return [0.0]
    v = torch.rand(len(taken), generator=stream(seed, "ranks")).double().numpy()
    ended = np.isfinite(taken)
    before = np.where(ended, taken - 1, cap)
    ranks = 1 - (1 - p) ** before * (1 - np.where(ended, p, 1) * v)
    found = [float(stats.kstest(ranks, "uniform").pvalue)]
    if ended.all():
        law, failed = stats.nbinom(len(taken), p), taken.sum() - len(taken)
        found.append(float(min(1, 2 * min(law.cdf(failed), law.sf(failed - 1)))))
    return found


def zigzag_network(support: Support, *, d: int) -> tuple[Model, dict[str, Tensor]]:
    """A network with |I| ReLUs whose one output is the label (1 − χ_I(x))/2, exactly.

    With s the number of −1 among the coordinates in I, it joins the points (s, s mod 2)
    by lines: relu(s) − 2 relu(s − 1) + 2 relu(s − 2) − … up to s − |I| + 1.
    """
    k = len(support)
    slopes = [1.0, *(2.0 * (-1) ** j for j in range(1, k))]
    return _of_count(support, d=d, kinks=list(map(float, range(k))), slopes=slopes)


def steps_network(support: Support, *, d: int) -> tuple[Model, dict[str, Tensor]]:
    """The notes' network for a parity: four ReLUs for each odd s up to |I|.

    They make f_k(s): 1 for |s − k| ≤ 1/4, 0 for |s − k| ≥ 1/2. The output is the label.
    """
    odd = range(1, len(support) + 1, 2)
    kinks = [k + shift for k in odd for shift in (-0.5, -0.25, 0.25, 0.5)]
    slopes = [4.0, -4.0, -4.0, 4.0] * len(odd)
    return _of_count(support, d=d, kinks=kinks, slopes=slopes)


def _of_count(
    support: Support, *, d: int, kinks: Sequence[float], slopes: Sequence[float]
) -> tuple[Model, dict[str, Tensor]]:
    """The network Σ_j slope_j relu(s − kink_j), with s = Σ_{i in I} (1 − x_i)/2.

    All numbers are multiples of 1/4, so floating-point sums have no rounding.
    """
    at_least(1, d=d)
    if not support or not set(support) <= set(range(d)):
        raise HlnbError(
            f"{support} is no set of coordinates below d = {d}: take one or more."
        )
    weight = torch.zeros(len(kinks), d)
    weight[:, list(support)] = -0.5
    params = {
        "layer1.weight": weight,
        "layer1.bias": len(support) / 2 - torch.tensor(kinks),
        "readout.weight": torch.tensor([slopes]),
        "readout.bias": torch.zeros(1),
    }
    return mlp(d=d, widths=(len(kinks),), n_out=1), params


def output(
    model: Model, params: Params, x: Float[Tensor, "n d"]
) -> Float[Tensor, " n"]:
    """f(x): the one output, or half of the first logit minus half of the second.

    With two logits the cross-entropy of an example is −χ_I(x) f(x) plus a term without
    I, so the label enters its gradient as it enters that of the squared error. Refuses
    other numbers of outputs.
    """
    outputs = model.apply(params, x)
    if outputs.shape[1] == 1:
        return outputs[:, 0]
    if outputs.shape[1] == 2:
        return (outputs[:, 0] - outputs[:, 1]) / 2
    raise HlnbError(f"{outputs.shape[1]} outputs: a parity has one, or two logits.")


def gradients(
    model: Model, params: Params, x: Float[Tensor, "n d"]
) -> Float[Tensor, "n parameter"]:
    """The derivative of `output` with respect to every parameter, at each input."""

    def single(params: Params, x: Tensor) -> Tensor:
        return output(model, params, x[None])[0]

    each = vmap(grad(single), in_dims=(None, 0), chunk_size=CHUNK)(dict(params), x)
    return torch.cat([value.flatten(1) for value in each.values()], 1)


def cube_gradients(
    model: Model, params: Params, *, d: int
) -> Float[Tensor, "point parameter"]:
    """`gradients` on the whole cube, in its order and in double precision."""
    wide = {name: value.double() for name, value in params.items()}
    return gradients(model, wide, cube(d).double())


def signals(g: Float[Tensor, "point parameter"]) -> Float[Tensor, "support parameter"]:
    """⟨g, χ_I⟩² for every I and every column g, by definition.

    `g`: on the whole cube, in its order. Every character is multiplied out: 4^d
    products for each column, where `walsh_hadamard` needs d·2^d additions.
    """
    d = len(g).bit_length() - 1
    minus = (1 - cube(d)) / 2
    found = []
    for chosen in minus.split(CHUNK):  # a set's indicator is a row of the cube, too
        characters = 1 - 2 * (chosen @ minus.T % 2)
        found.append((characters.to(g) @ g / len(g)).square())
    return torch.cat(found)


def lemma_deviations(
    g: Float[Tensor, "point parameter"],
) -> Float[Tensor, " parameter"]:
    """|E_I ⟨g, χ_I⟩² · 2^d / E[g²] − 1| of each column, 0 by the lemma; 0/0 is 0."""
    energy = g.square().mean(0)
    ratio = signals(g).mean(0) * len(g) / energy.where(energy > 0, 1)
    return (ratio - 1).abs().where(energy > 0, 0)


@kept
def cube_deviations(
    model: Model, params: Params, *, d: int
) -> Float[np.ndarray, " parameter"]:
    """`lemma_deviations` of a network's parameters, on the whole cube."""
    return lemma_deviations(cube_gradients(model, params, d=d)).numpy()


def shares(g: Float[Tensor, "point parameter"]) -> Float[Tensor, " support"]:
    """The share of the gradient's mean square that depends on each I; they sum to 1.

    ‖E[χ_I ∇f]‖² / E‖∇f‖², over all parameters together.
    """
    seen = walsh_hadamard(g.T).square().sum(0)
    return seen / g.square().mean(0).sum()


def degrees(d: int) -> Int[np.ndarray, " support"]:
    """|I| for each I, in the order of `signals` and `shares`."""
    return np.bitwise_count(np.arange(2**d)).astype(int)


@kept
def shares_by_size(
    models: Mapping[int, Model], *, seeds: Sequence[int]
) -> tuple[dict[str, Float[np.ndarray, "run d"]], list[bool]]:
    """How the `shares` of untrained networks fall with d, and what bounds them.

    `models`: by d, from 4 up. By name: the mean over sets of three, the mean over sets
    of half the coordinates, the median over all. Second: whether the sets of one size
    have at most 1 together, for each run, d and size.
    """
    names, bounded = ("|I| = 3, mean", "|I| = d/2, mean", "all sets, median"), []
    curves = {name: np.zeros((len(seeds), len(models))) for name in names}
    for run, seed in enumerate(seeds):
        for j, (d, model) in enumerate(models.items()):
            g = cube_gradients(model, model.init(stream(seed, "init")), d=d)
            found, size = shares(g).numpy(), degrees(d)
            total = np.bincount(size, found)  # over the sets of each size
            mean = total / np.bincount(size)
            bounded += (total <= 1 + 1e-12).tolist()
            values = (mean[3], mean[d // 2], np.median(found))
            for name, value in zip(names, values, strict=True):
                curves[name][run, j] = value
    return curves, bounded


def random_bits(
    shape: tuple[int, int, int], *, seed: int = 0
) -> UInt8[np.ndarray, "trial n d"]:
    """Fair bits; equal shape and seed, equal bits. Refuses sizes below 1."""
    at_least(1, shape=shape)
    generator = stream(seed, f"bits {shape}")
    return torch.randint(2, shape, generator=generator, dtype=torch.uint8).numpy()


def train_dense(
    d: int,
    runs: Sequence[Run],
    *,
    steps: int,
    batch_size: int = 100,
    until: float = 0.01,
    n_test: int = 10_000,
    measures: Mapping[str, Measure] | None = None,
    executor: Executor | None = None,
    **changes: Any,
) -> Result:
    """The Result of SGD on parities of d/2 coordinates, until a test error of `until`.

    10 d hidden units, `batch_size` fresh examples per step, a record every 5000
    examples, or every step: "test error" and `measures`. `changes`: other fields of
    `Parity`.
    """
    problem = Parity(d, d // 2, n_test=n_test, **changes)
    model = mlp(d=d, widths=(10 * d,))
    return sweep(
        problem,
        model,
        simultaneous(model, epochs=steps // 100),
        runs,
        measures={"test error": Error(), **(measures or {})},
        n_train=100 * batch_size,
        batch_size=batch_size,
        online=True,
        every=max(1, 5000 // batch_size),
        until={"test error": until},
        executor=executor,
    )


def at_equal_samples(
    d: int,
    batch_size: int,
    *,
    lrs: Sequence[float],
    choosing: Sequence[int],
    seeds: Sequence[int],
    examples: int,
    n_test: int = 10_000,
    executor: Executor | None = None,
) -> tuple[float, Float[np.ndarray, " run"]]:
    """The rate of a batch size, and the examples that each run takes with it.

    As `train_dense`, with so many `examples` at most (in whole hundreds of steps, and
    one hundred at least). The rate is that with the least median over the seeds for
    `choosing`. inf: not learned.
    """
    steps = 100 * max(1, round(examples / batch_size / 100))
    how = {"steps": steps, "batch_size": batch_size, "n_test": n_test}
    tried = train_dense(d, grid(choosing, lrs), **how, executor=executor)
    lr = min(lrs, key=lambda rate: (median(steps_to(tried.at(rate))), rate))
    result = train_dense(d, grid(seeds, [lr]), **how, executor=executor)
    return lr, batch_size * steps_to(result)


def carried_on(
    ds: Sequence[int], steps: Sequence[float], *, to: int
) -> dict[str, float]:
    """The steps that laws fitted on `ds` predict at the dimension `to`.

    "power law" and "exponential": log steps is linear in log d, or in d. Refuses fewer
    than two dimensions.
    """
    if len(ds) < 2:
        raise HlnbError("A law is fitted on two dimensions or more: add some.")
    found = {}
    for name, of in (("power law", np.log), ("exponential", np.asarray)):
        slope, start = np.polyfit(of(np.array(ds, float)), np.log(steps), 1)
        found[name] = float(np.exp(start + slope * of(float(to))))
    return found


def memorize(
    problem: Parity,
    runs: Sequence[Run],
    *,
    n_train: int,
    width: int,
    epochs: int = 500,
    executor: Executor | None = None,
) -> Result:
    """The Result of SGD on a fixed training set, until its error is 0.

    Traces: "training error" and "test error".
    """
    model = mlp(d=problem.d, widths=(width,))
    return sweep(
        problem,
        model,
        simultaneous(model, epochs=epochs),
        runs,
        measures={"training error": Error("train"), "test error": Error()},
        n_train=n_train,
        batch_size=50,
        until={"training error": 0.0},
        executor=executor,
    )


def steps_to(result: Result, error: float = 0.01) -> Float[np.ndarray, " run"]:
    """Steps of each run until its test error is `error`; inf: not by the end."""
    return first_hit(result.steps, result.of("test error"), threshold=error)


def last_values(result: Result, name: str) -> Float[np.ndarray, "run ..."]:
    """The trace `name` of each run at its last record."""
    last = (~np.isnan(result.of("test error"))).sum(1) - 1
    return result.of(name)[np.arange(len(last)), last]
