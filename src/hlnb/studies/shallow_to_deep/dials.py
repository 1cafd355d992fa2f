"""Random hierarchies with a dial that moves one condition, and what is predicted.

Each dial takes one of three conditions through its threshold and leaves the grammar
without ambiguity: whoever finds the rules makes no error on test strings.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Real
from torch import Tensor

from hlnb.data.hierarchy import Derivation, RandomHierarchy
from hlnb.errors import HlnbError, between_0_and_1
from hlnb.seeding import stream
from hlnb.studies.shallow_to_deep import conditions
from hlnb.studies.shallow_to_deep.conditions import LEAST_GAP, THRESHOLDS
from hlnb.studies.shallow_to_deep.experiment import (
    LEARNERS,
    grammars,
    samples_needed,
    sizes,
    trial,
)

# each dial and the condition that it moves
DIALS: Mapping[str, str] = {
    "Latin square": "signal",
    "clue": "cleanness",
    "alike": "separation",
}
SWAPS = 20_000  # proposals, after which the features are as alike as they will be


@dataclass(frozen=True)
class Dialed(RandomHierarchy):
    """A random hierarchy one of whose DIALS is turned by `amount`, 0 (as drawn) to 1.

    "Latin square": the table of classes over pairs of features is a Latin square, but
    for a share 1 − amount of its cells, which are shuffled. In a Latin square no single
    feature tells anything of the class.
    "clue": the label of a share `amount` of the training strings is not their class but
    a fixed random function of one of their level-1 tuples. Test labels are classes.
    "alike": cells of the table of classes are exchanged until the first two features go
    with each class nearly as often as one another, in either place. 1 − amount: the
    share that is left of the distance.

    Refuses another dial, an amount outside 0 to 1, and a grammar that does not use
    every pair of features.
    """

    dial: str = "Latin square"
    amount: float = 0.0

    def __post_init__(self):
        RandomHierarchy(**self._sizes())
        between_0_and_1(amount=self.amount)
        if self.dial not in DIALS:
            raise HlnbError(
                f"There is no dial {self.dial!r}: take one of {', '.join(DIALS)}."
            )
        even = self.vocab_size == self.n_classes == self.n_synonyms
        if not even or self.tuple_size != 2 or self.depth < 2:
            raise HlnbError("A dial needs pairs, two levels, and v = m = n_c.")

    def _sizes(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if k not in ("dial", "amount")}

    def describe(self) -> dict[str, Any]:
        about = super().describe()
        return about | {"problem": "random hierarchy with a dial"}

    @cached_property
    def rules(self) -> tuple[Int[Tensor, "_ m s"], ...]:
        """As of any hierarchy, but for the rules of the classes."""
        *below, top = RandomHierarchy(**self._sizes()).rules
        if self.amount == 0 or self.dial == "clue":
            return (*below, top)
        v = self.vocab_size
        classes = torch.empty(v * v, dtype=torch.int64)
        classes[self.code(top).flatten()] = torch.arange(v).repeat_interleave(v)
        turned = _latin if self.dial == "Latin square" else _alike
        generator = stream(self.seed, f"{self.dial}, {self.amount}")
        classes = turned(classes.view(v, v), self.amount, generator=generator)
        order = classes.flatten().argsort(stable=True).view(v, v)
        return (*below, torch.stack([order // v, order % v], 2))

    @cached_property
    def clues(self) -> Int[Tensor, "place code"]:
        """The label that each level-1 tuple would give at each place."""
        places, codes = self.d // self.tuple_size, self.vocab_size**self.tuple_size
        generator = stream(self.seed, "clues")
        return torch.randint(self.n_classes, (places, codes), generator=generator)

    def _with_clues(
        self, strings: Derivation, *, generator: torch.Generator
    ) -> Derivation:
        if self.dial != "clue" or self.amount == 0:
            return strings
        n = len(strings.labels)
        codes = self.code(strings.symbols[0].view(n, -1, self.tuple_size))
        place = torch.randint(codes.shape[1], (n,), generator=generator)
        told = self.clues[place, codes[torch.arange(n), place]]
        misled = torch.rand(n, generator=generator) < self.amount
        labels = torch.where(misled, told, strings.labels)
        return strings._replace(symbols=(*strings.symbols[:-1], labels[:, None]))

    def derive(self, n: int, *, generator: torch.Generator) -> Derivation:
        """`n` independent strings, labelled as training strings are."""
        return self._with_clues(
            super().derive(n, generator=generator), generator=generator
        )

    def derivations(self, seed: int, *, n_train: int) -> dict[str, Derivation]:
        """As of any hierarchy; with clues in the training strings alone."""
        found = super().derivations(seed, n_train=n_train)
        mine = self.with_seed(seed)
        generator = stream(seed, "which strings have a clue")
        train = mine._with_clues(found["train"], generator=generator)
        return found | {"train": train}


def _latin(
    drawn: Int[Tensor, "v v"], amount: float, *, generator: torch.Generator
) -> Int[Tensor, "v v"]:
    """A Latin square with a share 1 − amount of its cells shuffled."""
    v = len(drawn)
    rows, columns, names = (torch.randperm(v, generator=generator) for _ in range(3))
    square = names[(rows[:, None] + columns) % v].flatten()
    mixed = torch.randperm(v * v, generator=generator)[: round((1 - amount) * v * v)]
    square[mixed] = square[mixed[torch.randperm(len(mixed), generator=generator)]]
    return square.view(v, v)


def distance(table: Int[Tensor, "v v"]) -> int:
    """Squared distance of the first two features' counts of classes, in both places."""
    v = len(table)
    return sum(
        int((lines[0].bincount(minlength=v) - lines[1].bincount(minlength=v)).square()
            .sum())
        for lines in (table, table.mT)
    )  # fmt: skip


def _alike(
    drawn: Int[Tensor, "v v"], amount: float, *, generator: torch.Generator
) -> Int[Tensor, "v v"]:
    """The table with cells exchanged until its first two features are near enough."""
    v, table = len(drawn), drawn.clone()
    flat, now = table.view(-1), distance(table)
    wanted = (1 - amount) * now
    for _ in range(SWAPS):
        if now <= wanted:
            break
        a, b = torch.randint(v * v, (2,), generator=generator).tolist()
        flat[[a, b]] = flat[[b, a]]
        if (then := distance(table)) <= now:
            now = then
        else:
            flat[[a, b]] = flat[[b, a]]
    return table


def needs(
    problem: RandomHierarchy, *, seed: int, n: int = 20_000
) -> Mapping[str, float]:
    """Training strings that each condition asks for, the largest over all levels.

    Signal and separation grow in proportion to the training set, so what they are for
    one string says when they reach their thresholds; inf where they never do, and where
    the signal is not clean. "all": the largest of the three.
    """
    asked = dict.fromkeys(THRESHOLDS, 0.0)
    for level in range(1, problem.depth):
        seen = conditions.numbers(problem, n_train=1, seed=seed, n=n, level=level)
        real = seen.strength > seen.chance
        for name in ("signal", "separation"):
            value = getattr(seen, name)
            least = THRESHOLDS[name] / value if real and value > 0 else math.inf
            asked[name] = max(asked[name], least)
        clean = seen.cleanness >= THRESHOLDS["cleanness"]
        asked["cleanness"] = max(asked["cleanness"], 0.0 if clean else math.inf)
    return asked | {"all": max(asked.values())}


def dialed(code: str, dial: str = "alike", amount: float = 0.0) -> Dialed:
    """The grammar of a code, such as 8-2, with a dial; as drawn by default."""
    (plain,) = grammars([code]).values()
    names = {"vocab_size", "n_classes", "n_synonyms", "depth"}
    return Dialed(**{k: getattr(plain, k) for k in names}, dial=dial, amount=amount)


Outcome = Mapping[str, float]
Outcomes = Mapping[str, Real[np.ndarray, " _run"]]


def outcome(
    problem: RandomHierarchy, ratios: Sequence[float], *, seed: int, n: int = 20_000
) -> Outcome:
    """What was predicted for one run of a grammar, and what was found, in units of P*.

    "all" and "signal": strings that all conditions ask for, and signal alone; "one": 1.
    "found": strings from which "one step, all patches" has learned, inf if it never
    has. "top": the largest training set that was tried. Refuses ratios all of which
    leave too few strings for tests.
    """
    tried = sizes(problem, ratios)
    if not tried:
        raise HlnbError("No training set leaves strings for tests: lower the ratios.")
    errors = [
        trial(problem, LEARNERS[1], n_train=k, seed=seed).error for k in tried.values()
    ]
    found = samples_needed([*tried], np.array(errors)[:, None])[0]
    asked = needs(problem, seed=seed, n=n)
    return {
        **{name: asked[name] / problem.n_star for name in ("all", "signal")},
        **{"one": 1.0, "found": float(found), "top": float(max(tried))},
    }


def together(outcomes: Sequence[Outcome]) -> Outcomes:
    """The outcomes of several runs, an array of each number."""
    return {name: np.array([o[name] for o in outcomes]) for name in outcomes[0]}


def joined(outcomes: Sequence[Outcomes]) -> Outcomes:
    """The outcomes of several grammars, one after another."""
    return {name: np.concatenate([o[name] for o in outcomes]) for name in outcomes[0]}


def scaled(
    outcomes: Sequence[Outcomes], key: str, factor: float
) -> tuple[Real[np.ndarray, " run"], ...]:
    """Predicted by `key` times a factor, found, and the top, of several grammars."""
    every = joined(outcomes)
    return factor * every[key], every["found"], every["top"]


def auc(scores: Real[np.ndarray, " cell"], learned: Bool[np.ndarray, " cell"]) -> float:
    """How often a cell that was learned has the higher score of two; ties count half.

    NaN where all cells were learned, or none.
    """
    scores, learned = np.asarray(scores, float), np.asarray(learned, bool)
    yes, no = scores[learned], scores[~learned]
    if not len(yes) or not len(no):
        return math.nan
    above = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
    return float(above)


def log_errors(
    predicted: Real[np.ndarray, " run"],
    found: Real[np.ndarray, " run"],
    top: Real[np.ndarray, " run"],
) -> Float[np.ndarray, " run"]:
    """|log2| of the factor between numbers of strings, both ended at `top`.

    `top`: the largest training set that was tried; what lies above counts as `top`.
    """
    first, second = (np.minimum(np.asarray(n, float), top) for n in (predicted, found))
    return np.abs(np.log2(first / second))


def calibrated(
    predicted: Real[np.ndarray, " run"], found: Real[np.ndarray, " run"]
) -> float:
    """The factor by which to multiply predictions: the median of what is known.

    Refuses runs none of which has both numbers.
    """
    known = np.isfinite(predicted) & np.isfinite(found)
    if not known.any():
        raise HlnbError("No run has both numbers: take grammars that are learned.")
    return float(np.median(found[known] / predicted[known]))


def half_closed(
    scrambled: Real[np.ndarray, " run"],
    greedy: Real[np.ndarray, " run"],
    together: Real[np.ndarray, " run"],
    *,
    least: float = LEAST_GAP,
) -> list[bool | None]:
    """Whether greedy training closes half of each run's gap; None where there is none.

    The gap lies between a first layer of scrambled filters and all layers together. A
    run has one if it is `least` or more, in units of the error of guessing.
    """
    rows = zip(scrambled, greedy, together, strict=True)
    return [bool(g <= (s + t) / 2) if s - t >= least else None for s, g, t in rows]


def score(scores: Sequence[float], outcomes: Sequence[bool | None]) -> float:
    """The `auc` of the cells whose outcome is known; NaN if they are all alike."""
    known = [i for i, out in enumerate(outcomes) if out is not None]
    learned = np.array([bool(outcomes[i]) for i in known], bool)
    return auc(np.array([scores[i] for i in known], float), learned)
