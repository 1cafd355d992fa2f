"""Experiments on the random hierarchy model: who learns it, from how many strings, how.

Source: Cagnetta et al. 2024. Errors are in units of the error of guessing, 1 − 1/n_c,
and numbers of strings in units of P* = n_c·m^L.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Real
from torch import Tensor

from hlnb.data.hierarchy import Derivation, RandomHierarchy
from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least
from hlnb.metrics.measures import Error, Loss
from hlnb.metrics.synonyms import label_counts, sensitivity, synonym_ratio
from hlnb.metrics.times import held
from hlnb.models.model import Model
from hlnb.models.networks import deep_cnn, mlp
from hlnb.results import Result
from hlnb.schedules import simultaneous
from hlnb.seeding import stream
from hlnb.training.optimizers import SGD
from hlnb.training.runs import grid
from hlnb.training.sweep import sweep

FITTED = (
    0.01  # training ends at this cross-entropy on the training strings, as published
)
DEAD = 0.5  # a run that ends with a larger loss than this has died, or was cut off
LOOK_EVERY = 100  # steps between records, rounded up to whole epochs


@dataclass(frozen=True)
class Probed(RandomHierarchy):
    """A grammar whose splits hold one more batch, `exchanged`, for sensitivities.

    It has `n_probes` strings of the whole language, then the same strings with synonyms
    of level 1 exchanged, then those with synonyms of level 2 exchanged, and so on.
    """

    n_probes: int = 200

    def probes(self, seed: int) -> tuple[Derivation, ...]:
        """The strings, and those with synonyms exchanged, for each level in turn."""
        mine, generator = self.with_seed(seed), stream(seed, "exchange of synonyms")
        strings = mine.derive(self.n_probes, generator=generator)
        levels = range(1, self.depth + 1)
        moved = (mine.exchange(strings, level=k, generator=generator) for k in levels)
        return strings, *moved

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        found = self.probes(seed)
        x = torch.cat([self.one_hot(each.symbols[0]) for each in found])
        y = torch.cat([each.labels for each in found])
        return {**super().split(seed, n_train=n_train), "exchanged": Batch(x, y)}


@dataclass(frozen=True)
class Uncorrelated(RandomHierarchy):
    """A grammar in which no single feature below the class tells anything of the class.

    The rules of the classes are a Latin square: features α(a), β(b) make up the class
    γ(a + b mod v), with random permutations α, β, γ. Whatever a is, every class is as
    likely as any other. The levels below are random as ever. Refuses all but v = m =
    n_c and s = 2.
    """

    def __post_init__(self):
        super().__post_init__()
        square = self.vocab_size == self.n_synonyms == self.n_classes
        if not square or self.tuple_size != 2:
            raise HlnbError(
                "A Latin square has as many features as synonyms and as classes, and "
                "tuples of 2: take v = m = n_c and s = 2."
            )

    @cached_property
    def rules(self) -> tuple[Int[Tensor, "_ m s"], ...]:
        v, generator = self.vocab_size, stream(self.seed, "Latin square")
        alpha, beta, gamma = (torch.randperm(v, generator=generator) for _ in range(3))
        total, a = torch.meshgrid(torch.arange(v), torch.arange(v), indexing="ij")
        square = torch.stack([alpha[a], beta[(total - a) % v]], 2)
        latin = torch.empty_like(square)
        latin[gamma] = square
        return *super().rules[:-1], latin

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"problem": "random hierarchy, uncorrelated"}


@dataclass(frozen=True)
class Sensitivities:
    """S[k − 1, l − 1]: sensitivity of level k of a deep CNN to an exchange at level l.

    It reads the batch `exchanged` of a `Probed` grammar.
    """

    model: Model
    depth: int
    on: str = "exchanged"

    def __call__(self, params, batch, outputs) -> Tensor:
        hidden = self.model.activations(params, batch.x)
        table = []
        for level in range(1, self.depth + 1):
            plain, *moved = hidden[f"level{level}"].chunk(self.depth + 1)
            table.append([sensitivity(plain, other) for other in moved])
        return torch.tensor(table, dtype=torch.float64)


def deep(problem: RandomHierarchy, *, width: int) -> Model:
    """The deep CNN of Cagnetta et al. for strings of this grammar, without heads."""
    model = deep_cnn(
        vocab_size=problem.vocab_size,
        n_classes=problem.n_classes,
        tuple_size=problem.tuple_size,
        depth=problem.depth,
        width=width,
    )
    return replace(model, heads={})


def shallow(problem: RandomHierarchy, *, width: int) -> Model:
    """A network of one hidden layer that sees the whole string at once."""
    at_least(1, width=width)
    flat = problem.vocab_size * problem.d
    return mlp(d=flat, widths=(width,), n_out=problem.n_classes)


def learn(
    problem: RandomHierarchy,
    model: Model,
    *,
    lrs: Sequence[float],
    n_train: int,
    seeds: Sequence[int] | range,
    batch_size: int = 16,
    updates: int = 6000,
    executor: Executor | None = None,
) -> Result:
    """The Result of SGD with momentum 0.9 until strings are fitted, by seed and rate.

    A seed draws its own grammar, strings and network. A run ends with the first epoch
    in which the training loss was seen at FITTED, or after `updates` updates, rounded
    up to whole epochs. Measured: `train` (loss), `test` (error), and `sensitivity`
    where the grammar is `Probed` and the network deep.
    """
    batches = math.ceil(n_train / batch_size)
    measures = {"train": Loss("train"), "test": Error("test")}
    if isinstance(problem, Probed) and "level1" in model.names:
        measures["sensitivity"] = Sensitivities(model, problem.depth)
    return sweep(
        problem,
        model,
        simultaneous(model, epochs=math.ceil(updates / batches)),
        grid(seeds, lrs),
        measures=measures,
        optimizer=SGD(momentum=0.9),
        n_train=n_train,
        batch_size=batch_size,
        every=batches * math.ceil(LOOK_EVERY / batches),
        until={"train": FITTED},
        executor=executor,
    )


class Outcome(NamedTuple):
    """How each run ended."""

    errors: Float[np.ndarray, " run"]  # test error / error of guessing
    losses: Float[np.ndarray, " run"]  # on training strings
    updates: Float[np.ndarray, " run"]  # made until the end
    tries: Int[np.ndarray, " run"]  # 1; 2 if the first died, and so on
    sensitivity: Float[np.ndarray, "2 run level level"] | None  # at the start, the end

    @property
    def dead(self) -> Bool[np.ndarray, " run"]:
        """Which runs ended with a loss above DEAD."""
        return self.losses > DEAD


def outcome(problem: RandomHierarchy, result: Result) -> Outcome:
    """The Outcome of `learn` at one rate."""

    def ends(name: str) -> Float[np.ndarray, " run"]:
        return held(result.of(name))[:, -1]

    last = (~np.isnan(result.of("train"))).sum(1) - 1  # NaN after the end of a run
    found = None
    if "sensitivity" in result.traces:
        tables = result.of("sensitivity")
        found = np.stack([tables[:, 0], tables[np.arange(len(last)), last]])
    return Outcome(
        errors=ends("test") / (1 - 1 / problem.n_classes),
        losses=ends("train"),
        updates=result.steps[last].astype(float),
        tries=np.ones(len(last), int),
        sensitivity=found,
    )


def retried(
    problem: RandomHierarchy,
    model: Model,
    *,
    lrs: Sequence[float],
    seeds: Sequence[int] | range,
    **settings: Any,
) -> Outcome:
    """The Outcome at the first rate; a run that died is run again at the next one.

    Its loss on training strings says that it died, so that test strings choose nothing.
    """
    first, *others = lrs
    result = learn(problem, model, lrs=[first], seeds=seeds, **settings)
    found = outcome(problem, result)
    if not others or not found.dead.any():
        return found
    rows = np.flatnonzero(found.dead)
    again = [seeds[row] for row in rows]
    more = retried(problem, model, lrs=others, seeds=again, **settings)
    for name in ("errors", "losses", "updates"):
        getattr(found, name)[rows] = getattr(more, name)
    found.tries[rows] = 1 + more.tries
    if found.sensitivity is not None and more.sensitivity is not None:
        found.sensitivity[:, rows] = more.sensitivity
    return found


def learning_curve(
    problem: RandomHierarchy, model: Model, ns: Iterable[int], **settings: Any
) -> dict[int, Outcome]:
    """Outcomes by number of training strings; `settings` are those of `retried`."""
    return {n: retried(problem, model, n_train=n, **settings) for n in ns}


def strings_needed(
    problem: RandomHierarchy,
    model: Model,
    ratios: Sequence[float],
    *,
    seeds: Sequence[int] | range,
    level: float = 0.1,
    **settings: Any,
) -> Float[np.ndarray, " run"]:
    """Strings from which a run's error is `level` of guessing or less.

    Each run begins at the middle of `ratios` (strings over P*, which ascend). It takes
    more strings while its error is above the level, or fewer while it is not, until two
    neighbours stand on either side; between them log P is interpolated. inf: not at the
    last ratio. At the first ratio: there already.
    """
    errors = np.full((len(seeds), len(ratios)), np.nan)
    at = np.full(len(seeds), len(ratios) // 2)
    while len(left := np.flatnonzero((at >= 0) & (at < len(ratios)))):
        column = at[left].min()
        rows = left[at[left] == column]
        found = retried(
            problem,
            model,
            n_train=round(ratios[column] * problem.n_star),
            seeds=[seeds[row] for row in rows],
            **settings,
        )
        errors[rows, column] = found.errors
        at[rows] += np.where(found.errors > level, 1, -1)
        inside = rows[(at[rows] >= 0) & (at[rows] < len(ratios))]
        at[inside[~np.isnan(errors[inside, at[inside]])]] = -1
    crossed = []
    for row in errors:
        seen = ~np.isnan(row)
        crossed.append(crossing(np.asarray(ratios)[seen], row[seen], level=level))
    return problem.n_star * np.array(crossed)


def sensitivities(
    outcomes: Sequence[Outcome],
) -> Float[np.ndarray, "column run level level"]:
    """Sensitivities before training, then at the end of each of several trainings.

    Refuses outcomes of which none has any.
    """
    found = [each.sensitivity for each in outcomes if each.sensitivity is not None]
    if not found:
        raise HlnbError("No sensitivities were measured: learn a Probed grammar.")
    return np.stack([found[0][0], *(ends for _, ends in found)])


def crossing(
    x: Sequence[float] | Real[np.ndarray, " point"],
    y: Real[np.ndarray, " point"],
    *,
    level: float,
) -> float:
    """The smallest x from which on y is at most `level`, interpolated in log x.

    inf: y is above it at the end. The first x: y never was above. For a curve that
    rises to a level, give −y and −level.
    """
    above = np.flatnonzero(np.asarray(y) > level)
    if not len(above):
        return float(x[0])
    last = above[-1]
    if last == len(y) - 1:
        return math.inf
    low, high = float(y[last]), float(y[last + 1])
    share = (low - level) / (low - high) if math.isfinite(high) else 1.0
    return float(x[last] * (x[last + 1] / x[last]) ** share)


def laws(problem: RandomHierarchy) -> dict[str, float]:
    """The law n_c m^L, and rivals that differ from it in one factor or in kind."""
    v, classes = problem.vocab_size, problem.n_classes
    paths = problem.n_synonyms**problem.depth
    return {
        "n_c m^L": classes * paths,
        "m^L": paths,
        "√n_c m^L": math.sqrt(classes) * paths,
        "n_c m^(L+1)": classes * paths * problem.n_synonyms,
        "v n_c m^L": v * classes * paths,
        "√P_max": math.sqrt(problem.n_max),
    }


def spreads(
    needed: Mapping[RandomHierarchy, Float[np.ndarray, " run"]],
) -> dict[str, Float[np.ndarray, " run"]]:
    """By law, how far strings needed stray from it: largest over smallest ratio over
    grammars, for each seed. NaN where a run did not get there (inf)."""
    strings = np.array([*needed.values()])
    strings = np.where(np.isinf(strings), np.nan, strings)
    values = [laws(problem) for problem in needed]
    found = {}
    for name in values[0]:
        ratios = strings / np.array([each[name] for each in values])[:, None]
        found[name] = ratios.max(0) / ratios.min(0)
    return found


def label_ratios(
    problem: RandomHierarchy, ns: Sequence[int], *, seed: int
) -> Float[np.ndarray, " n"]:
    """How far label rates of tuples differ by feature, in units of their spread.

    The spread is that within synonyms, see `synonym_ratio`; rates are P(class | tuple
    of inputs at a position). The median over positions, on nested sets of `ns` distinct
    strings.
    """
    mine = problem.with_seed(seed)
    strings = mine.distinct(max(ns), generator=stream(seed, "correlations"))
    tuples = strings.symbols[0].view(max(ns), -1, mine.tuple_size)
    codes, found = mine.code(tuples), []
    for n in ns:
        counts = label_counts(
            codes[:n],
            strings.labels[:n],
            n_codes=mine.vocab_size**mine.tuple_size,
            n_classes=mine.n_classes,
        ).double()
        rates = counts / counts.sum(2, keepdim=True)  # NaN where a tuple was not seen
        ratios = [synonym_ratio(each, mine.parents[0]) for each in rates]
        found.append(float(np.median(ratios)))
    return np.array(found)


class Listing(NamedTuple):
    """A small grammar listed in full."""

    strings: int  # different ones among those with the numbers 0 to P_max − 1
    parsed_back: int  # of these, parsed to every feature that they were made from
    accepted: int  # of all strings of that length over the vocabulary
    per_class: Int[np.ndarray, " n_class"]


def list_all(problem: RandomHierarchy) -> Listing:
    """The Listing: every string made and parsed, and every other string refused.

    Refuses a grammar with more than 10^6 strings.
    """
    total = problem.vocab_size**problem.d
    if max(total, problem.n_max) > 10**6:
        raise HlnbError(
            f"{max(total, problem.n_max)} strings are too many to be listed here: take "
            "a smaller grammar."
        )
    made = problem.numbered(torch.arange(problem.n_max))
    parsed = problem.parse(made.symbols[0])
    right = torch.stack(
        [
            (a == b).all(1) for a, b in zip(parsed, made.symbols, strict=True)
        ]
    ).all(0)  # fmt: skip
    powers = problem.vocab_size ** torch.arange(problem.d)
    every = torch.arange(total)[:, None] // powers % problem.vocab_size
    return Listing(
        strings=len((made.symbols[0] @ powers).unique()),
        parsed_back=int(right.sum()),
        accepted=int(_accepted(problem, every).sum()),
        per_class=torch.bincount(made.labels, minlength=problem.n_classes).numpy(),
    )


def _accepted(
    problem: RandomHierarchy, x: Int[Tensor, "n position"]
) -> Bool[Tensor, " n"]:
    """Whether each string is of the language; level by level, as in `parse`."""
    good = torch.ones(len(x), dtype=torch.bool)
    for parents in problem.parents:
        above = parents[problem.code(x.view(len(x), -1, problem.tuple_size))]
        good &= (above >= 0).all(1)
        x = above.clamp(min=0)
    return good
