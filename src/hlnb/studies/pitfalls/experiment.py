"""Pitfalls of simplicity bias: what a network relies on, and remedies.

Source: H. Shah and others, "The Pitfalls of Simplicity Bias in Neural Networks", 2020
(arXiv 2006.07710), and D. Morwani and others, "Simplicity Bias in 1-Hidden Layer Neural
Networks", 2023 (arXiv 2302.00457), for the network on what another one left unused.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Real
from scipy import stats
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.data.slabs import Slabs, piece_width
from hlnb.errors import HlnbError
from hlnb.metrics.measures import Error, all_weights
from hlnb.models.layers import Params
from hlnb.models.model import Model
from hlnb.models.networks import mlp
from hlnb.results import Result
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.training.evaluation import evaluate
from hlnb.training.optimizers import SGD
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

WIDTHS = (100, 100)  # hidden layers of the networks on many slabs
APART = 100  # seeds from one member of an ensemble to the next
# AUC → the batch of `Slabs.split` that it is taken on
KINDS: Mapping[str, str] = {
    "standard": "test",
    "simple": "simple shuffled",
    "complex": "complex shuffled",
}


def plane(noise: float | None = None) -> Slabs:
    """Two coordinates at 45 degrees, the label in five slabs along the second.

    None: the first is noise (the notes' left set). Else it is linear and says nothing
    for this share of inputs (their right set), so the best halfspace errs for half.
    """
    if noise is None:
        return Slabs((1, 5), turn=45.0)
    return Slabs((2, 5), noise=noise, turn=45.0)


def by_hand(problem: Slabs, coordinate: int) -> tuple[Model, dict[str, Tensor]]:
    """A network built by hand: one hidden unit fewer than the coordinate has pieces.

    Its score runs in straight lines from −1 to 1 and back, between the middles of the
    pieces, and so is 0 in the middle of each gap. In float64. Refuses a coordinate of
    noise.
    """
    k = problem.pieces[coordinate]
    if k < 2:
        raise HlnbError("A coordinate of noise holds no label: take another one.")
    step = piece_width(k, problem.margin) + 2 * problem.margin
    knots = (torch.arange(k - 1, dtype=torch.float64) - (k - 1) / 2) * step
    below = -1.0 if k in (2, 5) else 1.0  # the score on the leftmost piece
    slopes = torch.full((k - 1,), -4 * below / step, dtype=torch.float64)
    slopes[1::2] *= -1
    slopes[0] /= 2
    readout = torch.stack([-slopes, slopes]) / 2
    params = {
        "layer1.weight": problem.rotation[coordinate].repeat(k - 1, 1),
        "layer1.bias": -knots,
        "readout.weight": readout,
        "readout.bias": torch.tensor([-below, below], dtype=torch.float64) / 2,
    }
    return mlp(d=len(problem.pieces), widths=(k - 1,)), params


def hand_errors(problem: Slabs, seeds: Sequence[int]) -> list[float]:
    """Test error, for each seed, of the network `by_hand` for the second coordinate."""
    model, params = by_hand(problem, 1)
    found = []
    for seed in seeds:
        x, y, _ = problem.split(seed, n_train=1)["test"]
        wrong = evaluate(model, params, x.double()).argmax(1) != y
        found.append(float(wrong.double().mean()))
    return found


def points(
    problem: Slabs, seed: int, *, n: int = 500
) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
    """The first training inputs and labels of a seed, as arrays to draw."""
    x, y, _ = problem.split(seed, n_train=n)["train"]
    return x.numpy(), y.numpy()


def score(outputs: Float[Tensor, "n 2"]) -> Float[Tensor, " n"]:
    """The score of label 1: its output minus that of label 0."""
    return outputs[:, 1] - outputs[:, 0]


def auc(scores: Real[np.ndarray, " n"], y: Int[np.ndarray, " n"]) -> float:
    """P(score of a label 1 > score of a label 0), ties counted half; chance is 0.5.

    Refuses inputs of one label only.
    """
    ones = y == 1
    n = int(ones.sum())
    if not 0 < n < len(y):
        raise HlnbError("An AUC needs inputs of both labels: take more of them.")
    wins = stats.rankdata(scores)[ones].sum() - n * (n + 1) / 2
    return float(wins / (n * (len(y) - n)))


@dataclass(frozen=True)
class AUC:
    """`auc` of the network's scores on a batch; NaN if its outputs are not finite."""

    on: str = "test"

    def __call__(self, params, batch, outputs) -> Tensor:
        if not bool(outputs.isfinite().all()):
            return torch.tensor(torch.nan)
        found = auc(score(outputs).cpu().numpy(), batch.y.cpu().numpy())
        return torch.tensor(found, dtype=torch.float64)


def reliance() -> dict[str, AUC | Error]:
    """Measures: error on test, training and validation inputs; the AUCs of KINDS."""
    errors = {"error": Error(), "train": Error("train")}
    errors["validation"] = Error("validation")
    return errors | {name: AUC(on) for name, on in KINDS.items()}


@dataclass(frozen=True)
class Members:
    """A problem whose data depend on the last two digits of the seed only.

    Seeds s, s + 100, s + 200 … are members of one ensemble: same data, other networks.
    """

    problem: Slabs
    n_classes: int = 2

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        return self.problem.sample(n, generator=generator)

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        return self.problem.split(seed % APART, n_train=n_train)

    def with_seed(self, seed: int) -> "Members":
        return Members(self.problem.with_seed(seed % APART))

    def describe(self) -> dict[str, Any]:
        return {"problem": "members", "of": self.problem.describe()}


@dataclass(frozen=True)
class Without:
    """A problem whose inputs lack their component along a direction, one per seed.

    directions: seed → a vector of length 1.
    """

    problem: Slabs
    directions: Mapping[int, tuple[float, ...]]
    n_classes: int = 2

    def removed(self, x: Float[Tensor, "n d"], seed: int) -> Float[Tensor, "n d"]:
        """x − ⟨x, v⟩ v."""
        v = self.vector(seed).to(x.dtype)
        return x - torch.outer(x @ v, v)

    def vector(self, seed: int) -> Float[Tensor, " d"]:
        """The direction that is removed, in float64."""
        return torch.tensor(self.directions[seed], dtype=torch.float64)

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        x, y, _ = self.problem.sample(n, generator=generator)
        return Batch(self.removed(x, self.problem.seed), y)

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        return {
            name: Batch(self.removed(batch.x, seed), batch.y)
            for name, batch in self.problem.split(seed, n_train=n_train).items()
        }

    def with_seed(self, seed: int) -> "Without":
        return Without(self.problem.with_seed(seed), self.directions)

    def describe(self) -> dict[str, Any]:
        return {
            "problem": "without",
            "of": self.problem.describe(),
            "directions": self.directions,
        }


def used_direction(
    model: Model, params: Params, x: Float[Tensor, "n d"]
) -> Float[Tensor, " d"]:
    """The direction of length 1 along which the score changes most, on average.

    The first eigenvector of the mean of ∇ ∇ᵀ, where ∇ is the gradient of the score in
    the input. Its sign is arbitrary.
    """
    x = x.detach().clone().requires_grad_(True)
    (gradients,) = torch.autograd.grad(score(model.apply(params, x)).sum(), x)
    moment = (gradients.T @ gradients).double()
    return torch.linalg.eigh(moment).eigenvectors[:, -1]


def removing_used(
    problem: Slabs, model: Model, networks: Mapping[int, Params]
) -> Without:
    """The problem without what each network (by the seed of its data) uses most.

    The direction is found from validation inputs.
    """
    found = {}
    for seed, params in networks.items():
        x = problem.split(seed, n_train=1)["validation"].x
        found[seed] = tuple(used_direction(model, params, x).tolist())
    return Without(problem, found)


def removing_random(problem: Slabs, seeds: Sequence[int]) -> Without:
    """The problem without a direction drawn uniformly, another for each seed."""
    found = {}
    for seed in seeds:
        v = torch.randn(len(problem.pieces), generator=stream(seed, "direction"))
        found[seed] = tuple((v / v.norm()).tolist())
    return Without(problem, found)


def reliance_of(
    model: Model,
    members: Sequence[Params],
    splits: Sequence[Mapping[str, Batch]],
) -> dict[str, float]:
    """Error and AUCs of the mean of several networks' outputs; each has its own inputs.

    Outputs are first divided by the standard deviation of the score on validation
    inputs, so that no member counts more. Names are those of `reliance`.
    """
    pairs = [*zip(members, splits, strict=True)]
    sizes = [
        score(evaluate(model, params, split["validation"].x)).std()
        for params, split in pairs
    ]
    found = {}
    for name, on in KINDS.items():
        outputs = sum(
            evaluate(model, params, split[on].x) / size
            for (params, split), size in zip(pairs, sizes, strict=True)
        )
        y = splits[0][on].y
        found[name] = auc(score(outputs).numpy(), y.numpy())
        if name == "standard":
            found["error"] = float((outputs.argmax(1) != y).double().mean())
    return found


def learned(
    problem: Slabs | Members | Without,
    seeds: Sequence[int],
    *,
    lr: float,
    epochs: int,
    n_train: int,
    optimizer: SGD,
    records: int = 8,
    after: Result | None = None,
    executor: Executor | None = None,
) -> Result:
    """The Result of networks of two hidden layers of 100, trained in batches of 256.

    `reliance` and all weights at the start, at the end and at about `records` steps
    between. `after`: go on from the networks of the same seeds.
    """
    inner = problem if isinstance(problem, Slabs) else problem.problem
    model = mlp(d=len(inner.pieces), widths=WIDTHS)
    steps = -(-n_train // 256) * epochs
    return sweep(
        problem,
        model,
        simultaneous(model, epochs=epochs),
        grid(seeds, [lr]),
        measures=reliance() | all_weights(model.names),
        optimizer=optimizer,
        n_train=n_train,
        batch_size=256,
        every=-(-steps // records),
        executor=executor,
        after=after,
    )


def stopped(result: Result, *, since: int = 0) -> Result:
    """The Result whose last record is each run's record of lowest validation error.

    The first of them where there are several, and none before record `since`. All other
    records are as they were, so only the last one should be looked at.
    """
    best = since + np.nanargmin(result.of("validation")[:, since:], axis=1)
    traces = {name: result.of(name).copy() for name in result.traces}
    for values in traces.values():
        values[:, -1] = values[np.arange(len(best)), best]
    return replace(result, traces=traces)


def at_end(result: Result, *, n: int | None = None) -> list[dict[str, float]]:
    """What `reliance_of` gives, for each of the first `n` networks alone."""
    names = ("error", *KINDS)
    last = {name: result.of(name)[:n, -1] for name in names}
    count = len(last["error"])
    return [{name: float(last[name][i]) for name in names} for i in range(count)]


def remedies(
    problem: Slabs,
    rest: Without,
    *,
    base: Result,
    faster: Result,
    first: Result,
    second: Result,
) -> dict[str, dict[str, Float[np.ndarray, " run"]]]:
    """What `reliance_of` gives, one value for each data set, by remedy.

    Each of the Results is read at its last record, and all have the seeds of `rest`.
    base: all members of all ensembles on `problem`, first members first. second: the
    networks on `rest`.
    """
    seeds = [*rest.directions]
    n, model = len(seeds), mlp(d=len(problem.pieces), widths=WIDTHS)
    nets = [base.params(i) for i in range(len(base.of("error")))]
    crowd, duo = [], []
    for i, seed in enumerate(seeds):
        split = problem.split(seed, n_train=1)
        without = rest.split(seed, n_train=1)
        mates = nets[i::n]
        crowd.append(reliance_of(model, mates, [split] * len(mates)))
        duo.append(reliance_of(model, [nets[i], second.params(i)], [split, without]))
    found = {"one network": at_end(base, n=n), "ensemble": crowd}
    found |= {"larger step": at_end(faster), "slabs first": at_end(first)}
    found["second network"] = duo
    return {
        name: {kind: np.array([row[kind] for row in rows]) for kind in rows[0]}
        for name, rows in found.items()
    }


def halfspace_share(
    model: Model, params: Params, problem: Slabs, *, far: float = 0.5, side: int = 81
) -> float:
    """On what share of the plane a network says what the halfspace s₁ > 0 says.

    Of a grid of coordinates from −1 to 1 only those with |s₁| ≥ `far`, which is away
    from the border. A coin has one half.
    """
    line = torch.linspace(-1, 1, side)
    s = torch.cartesian_prod(line[line.abs() >= far], line)
    x = problem.turned(s).to(params["readout.bias"].dtype)
    said = evaluate(model, params, x).argmax(1)
    return float((said == (s[:, 0] > 0)).double().mean())


def regions(
    model: Model, params: Params, *, side: int = 121, reach: float = 1.5
) -> Float[np.ndarray, "side side"]:
    """P(label 1) on a grid of the plane, from −reach to reach; rows go up with x₂."""
    line = torch.linspace(-reach, reach, side)
    x = torch.cartesian_prod(line, line).flip(1).to(params["readout.bias"].dtype)
    found = evaluate(model, params, x).softmax(1)[:, 1]
    return found.reshape(side, side).numpy()
