"""Three conditions for learning layer by layer, as numbers, and what happened.

Ren et al. 2026 state the principle in words: layer-wise training learns if the output
correlates with lower-level parts, if lower levels receive a clean signal from it, and
if their features are weakly identifiable. The numbers here are our reading. All three
come from one table: the mean label of the inputs that have a part at a place.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Real
from torch import Tensor

from hlnb.data.altered import Coin
from hlnb.data.boolean import Polynomial, monomial, staircase
from hlnb.data.hierarchy import RandomHierarchy
from hlnb.data.patterns import toy_problem
from hlnb.data.problem import Problem
from hlnb.errors import HlnbError
from hlnb.kept import kept
from hlnb.metrics.measures import Error, Loss, Measure, Weights
from hlnb.models.model import Model
from hlnb.models.networks import deep_cnn, residual_network, toy_network
from hlnb.results import Result
from hlnb.schedules import Schedule
from hlnb.seeding import stream
from hlnb.studies.shallow_to_deep.experiment import ways
from hlnb.training.optimizers import SGD
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

CONDITIONS = ("signal", "cleanness", "separation")
THRESHOLDS: Mapping[str, float] = {"signal": 1.0, "cleanness": 0.5, "separation": 1.0}
LEAST_GAP = 0.1  # in units of guessing's error: below, there is no gap to close
WORST = 2.0  # left of guessing by runs that diverged, and at most


@dataclass(frozen=True)
class Parts:
    """Which part of a level stands where in some inputs, and its role one level up."""

    at: Int[Tensor, "n place"]  # the part at each place; −1: none
    y: Int[Tensor, " n"] | Float[Tensor, " n"]  # labels, or numbers
    roles: Int[Tensor, " part"]  # parts of one role are the same to the level above
    contexts: Int[Tensor, " place"]  # a role's rates are one row for each context


def tuple_parts(
    problem: RandomHierarchy, n: int, *, generator: torch.Generator, level: int = 1
) -> Parts:
    """The Parts of a random hierarchy: tuples of a level.

    A part's role is its feature; the label sees it by its place, so each place is a
    context of its own. Refuses a level without another above it.
    """
    if not 1 <= level < problem.depth:
        raise HlnbError(f"Level {level} has no level above: take 1 to depth − 1.")
    found = problem.derive(n, generator=generator)
    below = found.symbols[level - 1].view(n, -1, problem.tuple_size)
    at = problem.code(below)
    return Parts(
        at, found.labels, problem.parents[level - 1], torch.arange(at.shape[1])
    )


class MeanLabels(NamedTuple):
    """Mean labels of the inputs that have a thing, for each of several things."""

    weight: Float[Tensor, " thing"]  # occurrences per input
    deviation: Float[Tensor, "thing output"]  # mean of y minus its mean over all inputs
    noise: Float[Tensor, " thing"]  # expected square of the deviation by chance alone


def _outputs(y: Int[Tensor, " n"] | Float[Tensor, " n"]) -> Float[Tensor, "n output"]:
    """Labels one-hot, numbers as they are; centred."""
    out = y.double()[:, None] if y.is_floating_point() else F.one_hot(y).double()
    return out - out.mean(0)


def _rows(
    things: Int[Tensor, "n place"], y: Float[Tensor, "n output"], *, n_things: int
) -> MeanLabels:
    """MeanLabels for `things` (−1: none) by inputs; y is centred.

    Things that never occur have weight 0. A thing may occur twice in an input: its
    mean label is then weighted, and less sure.
    """
    n = len(y)
    row, place = (things >= 0).nonzero(as_tuple=True)
    pair, times = torch.unique(row * n_things + things[row, place], return_counts=True)
    row, thing, times = pair // n_things, pair % n_things, times.double()

    def total(values: Float[Tensor, "pair k"]) -> Float[Tensor, "thing k"]:
        out = values.new_zeros(n_things, values.shape[1])
        return out.index_add_(0, thing, values)

    count = total(times[:, None])[:, 0]
    seen = count.clamp(min=1)
    mean = total(times[:, None] * y[row]) / seen[:, None]
    square = total(times[:, None] * y[row].square().sum(1, keepdim=True))[:, 0] / seen
    inside = (square - mean.square().sum(1)).clamp(min=0)
    share = total(times[:, None].square())[:, 0] / seen.square()  # 1 / inputs, or more
    once = share >= 1  # a single input has no spread: take that of all
    spread = torch.where(
        once, y.square().sum() / n, inside / (1 - share.clamp(max=0.999))
    )
    inputs = torch.bincount(thing, minlength=n_things)
    return MeanLabels(count / n, mean, spread * share * (1 - inputs / n))


def _variance(rows: MeanLabels) -> float:
    """Variance of y that the rows explain, one by one and added up; without noise."""
    return float(rows.weight @ (rows.deviation.square().sum(1) - rows.noise))


class Numbers(NamedTuple):
    """The conditions of a problem at one size of its training set."""

    strength: float  # share of the label's variance that single parts explain, summed
    chance: float  # the largest strength found after shuffling labels
    signal: float  # strength over what sampling noise adds to it: (i)
    cleanness: float  # share of the strength that the roles of parts account for: (ii)
    separation: float  # smallest gap of two roles over a part's noise, squared: (iii)

    @property
    def lowest(self) -> float:
        """The lowest condition in units of its threshold.

        Below 1, layer-wise training is predicted to fail.
        """
        return min(getattr(self, name) / THRESHOLDS[name] for name in CONDITIONS)

    @property
    def weakest(self) -> str:
        """The condition that is lowest."""
        return min(CONDITIONS, key=lambda name: getattr(self, name) / THRESHOLDS[name])


def conditions(
    found: Parts, *, n_train: int, generator: torch.Generator, shuffles: int = 10
) -> Numbers:
    """The Numbers of a problem, from some of its inputs, for `n_train` training inputs.

    strength: Σ w ‖μ − ȳ‖² / Var y over all cells, that is, parts by their places; w is
        the share of inputs with that part there, μ their mean label, ȳ that of all.
        Sampling noise is subtracted.
    chance: the largest strength after shuffling the labels `shuffles` times.
    signal: strength / (number of cells that occur / n_train), the denominator being the
        noise that a training set of this size would add.
    cleanness: Σ w ‖μ − ȳ‖² / Var y over roles by their contexts, as a share of the
        strength; 0 where the strength is not above chance.
    separation: the least ‖μ_a − μ_b‖² over two roles a and b, in units of its noise for
        single parts, Var y · (1/w_a + 1/w_b) / n_train, both averaged over contexts;
        w_a is how often a part of role a occurs per input. inf for a single role.

    Refuses fewer than two inputs, `n_train` below 1, and labels that are all equal.
    """
    if n_train < 1 or len(found.y) < 2:
        raise HlnbError("Conditions need two inputs and n_train ≥ 1: take more.")
    n, places = found.at.shape
    n_parts, n_roles = len(found.roles), int(found.roles.max()) + 1
    y = _outputs(found.y)
    whole = float(y.square().sum() / n)
    if whole == 0:
        raise HlnbError("All labels are equal: take more inputs.")
    there = found.at >= 0
    cell = torch.where(there, found.at + n_parts * torch.arange(places), -1)
    cells = _rows(cell, y, n_things=places * n_parts)
    strength = _variance(cells) / whole
    chance = max(
        _variance(
            _rows(
                cell, y[torch.randperm(n, generator=generator)], n_things=len(cells[0])
            )
        )
        / whole
        for _ in range(shuffles)
    )
    noise = int((cells.weight > 0).sum()) / n_train

    part, context = found.at.clamp(min=0), found.contexts.expand(n, -1)
    n_contexts = int(found.contexts.max()) + 1
    role = found.roles[part]
    role = torch.where(there & (role >= 0), role * n_contexts + context, -1)
    by_role = _rows(role, y, n_things=n_roles * n_contexts)
    real = strength > chance
    clean = min(1.0, max(0.0, _variance(by_role) / whole / strength)) if real else 0.0

    members = torch.bincount(found.roles[found.roles >= 0], minlength=n_roles)
    often = by_role.weight.view(n_roles, n_contexts) / members[:, None].clamp(min=1)
    rows = by_role.deviation.view(n_roles, n_contexts, -1)
    taken = by_role.noise.view(n_roles, n_contexts)
    gaps = []
    for a, b in combinations(range(n_roles), 2):
        apart = (rows[a] - rows[b]).square().sum(1) - taken[a] - taken[b]
        unsure = whole / n_train * (1 / often[a] + 1 / often[b])
        gaps.append(float(apart.mean() / unsure.mean()))
    separation = max(0.0, min(gaps)) if gaps else math.inf
    return Numbers(strength, chance, max(0.0, strength) / noise, clean, separation)


@dataclass(frozen=True)
class Case:
    """A problem, with the network and the settings with which it is learned here."""

    problem: Problem
    model: Model
    lr: float
    n_train: int
    batch_size: int
    epochs: int
    momentum: float = 0.0

    @property
    def guessing(self) -> float:
        """Test error of guessing; of the best constant, for numbers."""
        if isinstance(self.problem, Polynomial):
            return self.problem.variance
        return 1 - 1 / self.problem.n_classes

    def scaled(self, share: float) -> "Case":
        """The same case with a share of its epochs."""
        least = len(self.model.names)
        return replace(self, epochs=max(least, round(share * self.epochs)))


def toy_case(number: int, *, d: int = 100, T: int = 16, epochs: int = 60) -> Case:
    """A toy problem with unit-length patterns, as in the report's chapters."""
    problem = toy_problem(number, d=d, T=T, scale=T**-0.5)
    model = toy_network(d=d, n_classes=problem.n_classes, T=T)
    return Case(problem, model, 0.3, 1024, 64, epochs)


def cube_case(
    problem: Polynomial, *, n_train: int = 20_000, epochs: int = 8, lr: float = 0.02
) -> Case:
    """A function on the cube, with the residual network of the staircases."""
    model = residual_network(d=problem.d, depth=4)
    return Case(problem, model, lr, n_train, 20, epochs)


def hierarchy_case(
    problem: RandomHierarchy,
    *,
    ratio: float = 4.0,
    width: int = 128,
    updates: int = 6000,
) -> Case:
    """A random hierarchy with `ratio` times P* training strings, and its deep CNN."""
    model = deep_cnn(
        vocab_size=problem.vocab_size,
        n_classes=problem.n_classes,
        tuple_size=problem.tuple_size,
        depth=problem.depth,
        width=width,
    )
    n_train = round(ratio * problem.n_star)
    epochs = max(len(model.names), math.ceil(updates / math.ceil(n_train / 16)))
    return Case(problem, model, 0.1 / width, n_train, 16, epochs, momentum=0.9)


def cases(
    *,
    d: int = 100,
    heights: Sequence[int] = (3, 5),
    width: int = 128,
    updates: int = 6000,
) -> dict[str, Case]:
    """The problems of the controls; `width` and `updates`: of the deep CNNs."""
    found = {f"toy problem {i}": toy_case(i, d=d) for i in range(1, 6)}
    for k in heights:
        target = staircase(30, k, scale=k**-0.5, n_test=5000)
        found[f"staircase $S_{k}$"] = cube_case(target)
    found["parity of 3"] = cube_case(monomial(30, 3, n_test=5000))
    for depth, v in ((2, 8), (3, 4)):
        grammar = RandomHierarchy(v, v, v, depth=depth)
        found[f"hierarchy, L = {depth}"] = hierarchy_case(
            grammar, width=width, updates=updates
        )
    return found


def _settings(case: Case) -> dict[str, Any]:
    """What all trainings of a case have in common; records at the ends of phases."""
    return {
        "optimizer": SGD(momentum=case.momentum),
        "n_train": case.n_train,
        "batch_size": case.batch_size,
        "every": math.ceil(case.n_train / case.batch_size) * case.epochs,
    }


def _looks(case: Case) -> dict[str, Measure]:
    number = isinstance(case.problem, Polynomial)
    return {
        "error": Loss("test") if number else Error("test"),
        "first": Weights(case.model.names[0]),
    }


def happened(
    case: Case, way: str, *, seeds: Sequence[int], executor: Executor | None = None
) -> Result:
    """The Result of a case in one of the `ways`, measured at the ends of phases.

    Measured: `error` on the test batch, and the `first` layer's weights.
    """
    return sweep(
        case.problem,
        case.model,
        ways(case.model, epochs=case.epochs)[way],
        grid(seeds, [case.lr]),
        measures=_looks(case),
        executor=executor,
        **_settings(case),
    )


def in_two(
    case: Case,
    *,
    seeds: Sequence[int],
    executor: Executor | None = None,
    coin: bool = False,
    scramble: bool = False,
) -> Result:
    """The Result of greedy training whose first phase runs apart and can be altered.

    `coin`: the first layer learns from random labels, the others from the real ones.
    `scramble`: before the others learn, each filter of the first layer moves from its
    start as far as it did in training, but in a random direction; biases stay.
    """
    model, runs = case.model, grid(seeds, [case.lr])
    first, *later = ways(model, epochs=case.epochs)["greedy"].phases
    below, *above = model.names
    everything = {
        name: Weights(model.layer_of(name), name.rpartition(".")[2])
        for name in model.init(stream(0, "names"))
    }
    begun = sweep(
        Coin(case.problem) if coin else case.problem,
        model,
        Schedule("first layer", (first,), frozen=tuple(above)),
        runs,
        measures=everything,
        executor=executor,
        **_settings(case),
    )
    if scramble:
        name = f"{below}.weight"
        moved = [
            _scrambled(weights, generator=stream(run.seed, "random directions"))
            for weights, run in zip(begun.of(name), runs, strict=True)
        ]
        begun = replace(begun, traces={**begun.traces, name: np.stack(moved)})
    return sweep(
        case.problem,
        model,
        Schedule("greedy above", tuple(later), frozen=(below,)),
        runs,
        measures=_looks(case),
        after=begun,
        executor=executor,
        **_settings(case),
    )


def _scrambled(
    weights: Real[np.ndarray, "record filter *shape"], *, generator: torch.Generator
) -> Real[np.ndarray, "record filter *shape"]:
    """The records, whose last filters lie as far from the first, but anywhere."""
    start = weights[0]
    flat = (len(start), -1)
    far = np.linalg.norm((weights[-1] - start).reshape(flat), axis=1, keepdims=True)
    way = torch.randn(start.shape, generator=generator).numpy().reshape(flat)
    way *= far / np.linalg.norm(way, axis=1, keepdims=True)
    return np.concatenate([weights[:-1], [start + way.reshape(start.shape)]])


def left_over(case: Case, result: Result) -> Real[np.ndarray, " run"]:
    """Test error at the end over that of guessing; WORST at most, or if diverged."""
    last = result.of("error")[:, -1] / case.guessing
    return np.where(np.isfinite(last), np.minimum(last, WORST), WORST)


@kept
def numbers(
    problem: RandomHierarchy,
    *,
    n_train: int,
    seed: int,
    n: int = 20_000,
    level: int = 1,
) -> Numbers:
    """The Numbers of a level of a hierarchy, with the grammar of `seed`.

    They are estimated from `n` strings drawn for this alone, labelled as training
    strings are.
    """
    generator = stream(seed, f"inputs for the conditions of level {level}")
    found = tuple_parts(problem.with_seed(seed), n, generator=generator, level=level)
    return conditions(found, n_train=n_train, generator=generator)
