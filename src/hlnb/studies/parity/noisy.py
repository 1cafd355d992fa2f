"""Descent on noisy gradients, and what no such run can know of a parity.

A step follows the expected gradient under the labels χ_I, with Gaussian noise on each
coordinate. The run under I and the run whose labels are coins, independent of the
input, differ in one term, E[χ_I ∇f]. Along a run with coins a Walsh–Hadamard transform
gives that term for all 2^d sets at once, and with it the likelihood ratio of the run
under I, so the total variation between both laws. Sources: Shalev-Shwartz et al. 2017,
Abbe and Sandon 2020.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from hlnb.data.boolean import LARGEST_CUBE, Parity, characters, cube
from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, above_zero, at_least
from hlnb.kept import kept
from hlnb.metrics.fourier import support, walsh_hadamard
from hlnb.models.layers import Params
from hlnb.models.networks import mlp
from hlnb.seeding import stream
from hlnb.studies.parity.gf2 import solve

LEARNED = 0.75  # share of the cube on which the sign of f is right


@dataclass(frozen=True)
class NoisyDescent:
    """Descent on log(2 cosh f) − χ_I f over the whole cube, with noise in each step.

    The network has one hidden layer of `width` ReLUs and one output f; the learning
    rate multiplies gradient and noise. Refuses a cube that cannot be listed, a width
    and steps below 1, and a rate or a noise that is not above 0.
    """

    d: int
    width: int = 16
    lr: float = 0.1
    noise: float = 1.0  # standard deviation, on each coordinate of the gradient
    steps: int = 200

    def __post_init__(self):
        at_least(1, d=self.d, width=self.width, steps=self.steps)
        above_zero(lr=self.lr, noise=self.noise)
        if self.d > LARGEST_CUBE:
            raise HlnbError(f"d = {self.d}: take a cube of at most {LARGEST_CUBE}.")


class Step(NamedTuple):
    """A network before a step, on the whole cube, and the noise of the step."""

    x: Float[Tensor, "point d"]
    f: Float[Tensor, " point"]
    hidden: Float[Tensor, "point unit"]
    slopes: Float[Tensor, "point unit"]  # α_j where unit j is active, else 0
    noise: Params


class Told(NamedTuple):
    """What runs with coins tell of each set; supports in the order of the cube.

    The mean of `divergence` over runs is the Kullback–Leibler divergence of the run
    under I from the run with coins.
    """

    divergence: Float[np.ndarray, "run support"]
    log_ratio: Float[np.ndarray, "run support"]  # of densities, under I and with coins
    ceiling: Float[np.ndarray, " run"]  # Σ_t E‖∇f‖² / (2 σ² 2^d)


def _walk(how: NoisyDescent, labels: Tensor | None, seed: int) -> Iterator[Step]:
    """Each step of a run before it is taken, then the end of the run.

    `labels`: χ_I on the cube; None: coins, which have no term in the expectation.
    """
    x, draw = cube(how.d).double(), stream(seed, "noise in gradients")
    model = mlp(d=how.d, widths=(how.width,), n_out=1)
    params = {n: v.double() for n, v in model.init(stream(seed, "init")).items()}
    for step in range(how.steps + 1):
        above = x @ params["layer1.weight"].T + params["layer1.bias"]
        hidden, out = above.clamp(min=0), params["readout.weight"][0]
        f = hidden @ out + params["readout.bias"]
        slopes = (above > 0) * out
        noise = {
            n: torch.randn(v.shape, generator=draw, dtype=torch.float64)
            for n, v in params.items()
        }
        yield Step(x, f, hidden, slopes, noise)
        if step == how.steps:
            return
        residual = (torch.tanh(f) - (0 if labels is None else labels)) / len(x)
        back = residual[:, None] * slopes
        gradient = {
            "layer1.weight": back.T @ x,
            "layer1.bias": back.sum(0),
            "readout.weight": (residual @ hidden)[None],
            "readout.bias": residual.sum()[None],
        }
        params = {
            n: v - how.lr * (gradient[n] + how.noise * noise[n])
            for n, v in params.items()
        }


def signal_energy(step: Step) -> Float[Tensor, " support"]:
    """‖E[χ_I ∇f]‖² of every set I, over all parameters, from two transforms."""
    d = step.x.shape[1]
    read = walsh_hadamard(step.hidden.T).square().sum(0)
    active = walsh_hadamard(step.slopes.T).square().sum(0)
    sets = torch.arange(len(active))
    beside = sum(active[sets ^ (1 << i)] for i in range(d))  # x_i χ_I = χ of I ⊕ {i}
    found = read + active + beside
    found[0] += 1  # the bias of the output
    return found


def along(step: Step) -> Float[Tensor, " point"]:
    """⟨∇f(x), ξ⟩ at every input, for the noise ξ of the step."""
    into = step.x @ step.noise["layer1.weight"].T + step.noise["layer1.bias"]
    out = step.hidden @ step.noise["readout.weight"][0] + step.noise["readout.bias"]
    return (step.slopes * into).sum(1) + out


@kept
def told(how: NoisyDescent, *, seeds: Sequence[int]) -> Told:
    """The Told of runs with coins, one for each seed."""
    n = 2**how.d
    divergence, ratio = np.zeros((2, len(seeds), n))
    ceiling = np.zeros(len(seeds))
    for run, seed in enumerate(seeds):
        for step in islice(_walk(how, None, seed), how.steps):
            energy = signal_energy(step).numpy() / (2 * how.noise**2)
            toward = walsh_hadamard(along(step)[None])[0].numpy() / how.noise
            divergence[run] += energy
            ratio[run] -= toward + energy
            ceiling[run] += energy.sum() / n
    return Told(divergence, ratio, ceiling)


def variation(found: Told) -> Float[np.ndarray, " run"]:
    """Total variation between the run under I and the run with coins, averaged over I.

    E[(1 − dP_I/dP_0)₊] under coins: each run's mean over all sets. Their mean is an
    estimate without bias.
    """
    return np.clip(-np.expm1(np.minimum(found.log_ratio, 0)), 0, 1).mean(1)


def bound(found: Told) -> float:
    """What that total variation, averaged over all sets, cannot exceed.

    √(D/2) by Pinsker and √(1 − e^−D) by Bretagnolle and Huber, whichever is less, D the
    mean `ceiling`: both are concave in the divergence of a set, whose mean over all
    sets is D by the lemma.
    """
    mean = float(found.ceiling.mean())
    return min(math.sqrt(mean / 2), math.sqrt(-math.expm1(-mean)))


def by_luck(d: int) -> float:
    """How many runs with coins can be right of a random set, at most: 1/(c² 2^d).

    A run that is right on a share LEARNED of the cube has a correlation c of its sign
    with χ_I, and the squares of the correlations of one sign sum to 1.
    """
    correlation = 2 * LEARNED - 1
    return min(1.0, 1 / (correlation**2 * 2**d))


@kept
def accuracies(how: NoisyDescent, *, seeds: Sequence[int]) -> Float[np.ndarray, " run"]:
    """The share of the cube on which a run is right at its end, I uniform over all."""
    found = []
    for seed in seeds:
        drawn = torch.randint(2**how.d, (1,), generator=stream(seed, "any support"))
        chosen = support(int(drawn))
        labels = characters(cube(how.d).double(), [chosen])[:, 0]
        (end,) = deque(_walk(how, labels, seed), maxlen=1)
        found.append(float((end.f.sign() == labels).double().mean()))
    return np.array(found)


def rounded_apart(
    signals: Real[np.ndarray, " support"], *, grid: float, at: float
) -> float:
    """For what share of sets a rounded gradient differs from that of another set.

    The gradient is `at` plus the signal of the set, rounded to a multiple of `grid`.
    The share is that of sets outside the most frequent value.
    """
    above_zero(grid=grid)
    _, counts = np.unique(np.rint((at + signals) / grid), return_counts=True)
    return float(1 - counts.max() / counts.sum())


def digits(batch: Batch, *, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """Examples read back from the weights of one linear unit, after a step for each.

    The unit has the hinge loss max(0, 1 − yf), a bias, and starts at zero; step t has
    the learning rate 2^−(t+1)/(d + 1), so its output never leaves the slope. Its
    weights are then sums of ±2^−t, one sign for each example: its inputs times its
    label. Returns bits and labels as equations modulo 2, in the order of the examples.
    `dtype`: of the weights; `object`: whole numbers, without rounding.
    """
    y = 1 - 2 * batch.y.numpy()
    signed = y[:, None] * np.hstack([batch.x.numpy(), np.ones((len(y), 1))])
    last = len(y) - 1  # the common factor 1/(d + 1) is left out
    rates = [
        2 ** (last - t) if dtype is object else dtype(0.5 ** (t + 1))
        for t in range(len(y))
    ]
    weights = np.zeros(signed.shape[1], dtype)
    for rate, example in zip(rates, signed.astype(int).astype(dtype), strict=True):
        weights = weights + rate * example
    signs = []
    for rate in rates:
        signs.append(np.where(weights > 0, 1, -1))
        weights = weights - rate * signs[-1].astype(dtype)
    read = np.array(signs)  # y_t x_t, and y_t itself
    labels, inputs = read[:, -1], read[:, :-1] * read[:, -1:]
    return ((1 - inputs) // 2).astype(np.uint8), ((1 - labels) // 2).astype(np.uint8)


def read_out(batch: Batch, *, dtype: type = np.float64) -> tuple[int, ...]:
    """The set that elimination finds in the weights that `digits` reads; () if none."""
    found = solve(*digits(batch, dtype=dtype))
    return (*np.flatnonzero(found.s).tolist(),) if found.unique else ()


def recovered(d: int, *, seeds: Sequence[int], dtype: type = np.float64) -> list[bool]:
    """Whether d + 10 steps of one example each leave a parity's set in the weights."""
    found = []
    for seed in seeds:
        problem = Parity(d, d // 2, seed=seed)
        batch = problem.sample(d + 10, generator=stream(seed, "train"))
        found.append(read_out(batch, dtype=dtype) == problem.support)
    return found
