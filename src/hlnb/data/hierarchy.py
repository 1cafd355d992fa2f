"""Random hierarchy models: labels that expand, level by level, into strings.

Source: Cagnetta et al. 2024. Level 1 is nearest the input: its rules expand a feature
of level 1 into a tuple of input symbols; the rules of level `depth` expand a class. No
tuple has two parents, so that every string has one label.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, at_least
from hlnb.seeding import stream

COUNTABLE = 2**62  # derivations up to this many have a number in 64 bits


class Derivation(NamedTuple):
    """How strings were derived: their features, and the rules that expanded them."""

    symbols: tuple[Int[Tensor, "n _"], ...]  # by level, from the input (0) to the class
    choices: tuple[Int[Tensor, "n _"], ...]  # choices[l − 1]: which rule of level l

    @property
    def labels(self) -> Int[Tensor, " n"]:
        """The class of each string."""
        return self.symbols[-1][:, 0]


@dataclass(frozen=True)
class RandomHierarchy:
    """Classify strings of a grammar with `depth` levels; inputs are one-hot symbols.

    Each feature has `n_synonyms` tuples of `tuple_size` features of the level below.
    The tuples of a level are drawn without replacement, so that no tuple has two
    parents. Inputs are (n, position, symbol), with tuple_size^depth positions. Refuses
    numbers below 1, and a grammar that needs more tuples than there are.
    """

    vocab_size: int  # v: features of every level below the classes
    n_classes: int  # n_c
    n_synonyms: int  # m: tuples of each feature
    tuple_size: int = 2  # s
    depth: int = 2  # L
    seed: int = 0  # fixes the grammar
    n_validation: int = 1000  # at most; fewer where the strings run out
    n_test: int = 5000  # likewise

    def __post_init__(self):
        at_least(1, **{k: v for k, v in asdict(self).items() if k != "seed"})
        parents = max(self.n_classes, self.vocab_size if self.depth > 1 else 0)
        if self.n_synonyms * parents > self.vocab_size**self.tuple_size:
            raise HlnbError(
                f"{parents} features with {self.n_synonyms} tuples each need more than "
                f"the {self.vocab_size**self.tuple_size} tuples of {self.tuple_size} "
                f"out of {self.vocab_size} symbols: lower n_synonyms."
            )

    @property
    def d(self) -> int:
        """Number of positions in a string."""
        return self.tuple_size**self.depth

    @property
    def n_max(self) -> int:
        """P_max = n_c · m^((s^L − 1)/(s − 1)): how many strings there are."""
        rules_used = sum(self.tuple_size**level for level in range(self.depth))
        return self.n_classes * self.n_synonyms**rules_used

    @property
    def n_star(self) -> int:
        """P* = n_c · m^L: the paper's unit of training-set size."""
        return self.n_classes * self.n_synonyms**self.depth

    def features(self, level: int) -> int:
        """Number of features of a level; level 0 is the input."""
        return self.n_classes if level == self.depth else self.vocab_size

    @cached_property
    def rules(self) -> tuple[Int[Tensor, "_ m s"], ...]:
        """rules[l − 1][feature, synonym]: a tuple of level l − 1, for each level l."""
        v, s = self.vocab_size, self.tuple_size
        found = []
        for level in range(1, self.depth + 1):
            parents = self.features(level)
            order = torch.randperm(
                v**s, generator=stream(self.seed, f"rules of level {level}")
            )
            codes = order[: parents * self.n_synonyms].view(parents, self.n_synonyms)
            found.append(self._tuple(codes))
        return tuple(found)

    @cached_property
    def parents(self) -> tuple[Int[Tensor, " tuple"], ...]:
        """parents[l − 1][code of a tuple]: its feature of level l; −1: none."""
        found = []
        for level, rules in enumerate(self.rules, start=1):
            of = torch.full((self.vocab_size**self.tuple_size,), -1)
            owners = torch.arange(self.features(level))[:, None].expand(
                -1, self.n_synonyms
            )
            of[self.code(rules)] = owners
            found.append(of)
        return tuple(found)

    def code(self, tuples: Int[Tensor, "*n s"]) -> Int[Tensor, "*n"]:
        """Each tuple as a number, 0 to v^s − 1; its first symbol weighs most."""
        out = torch.zeros_like(tuples[..., 0])
        for i in range(self.tuple_size):
            out = out * self.vocab_size + tuples[..., i]
        return out

    def _tuple(self, codes: Int[Tensor, "*n"]) -> Int[Tensor, "*n s"]:
        powers = self.vocab_size ** torch.arange(self.tuple_size - 1, -1, -1)
        return codes[..., None] // powers % self.vocab_size

    def expand(
        self, labels: Int[Tensor, " n"], choices: tuple[Int[Tensor, "n _"], ...]
    ) -> Derivation:
        """The strings derived from `labels` by these choices of rules."""
        symbols = [labels[:, None]]
        for rules, chosen in zip(reversed(self.rules), reversed(choices), strict=True):
            flat = rules.view(-1, self.tuple_size)
            # index_select gathers whole rows, several times as fast as fancy indexing
            rows = flat.index_select(
                0, (symbols[-1] * self.n_synonyms + chosen).flatten()
            )
            symbols.append(rows.view(len(labels), -1))
        return Derivation(tuple(reversed(symbols)), choices)

    def derive(self, n: int, *, generator: torch.Generator) -> Derivation:
        """`n` independent strings, uniform over the language; they can repeat."""
        labels = torch.randint(self.n_classes, (n,), generator=generator)
        widths = [
            self.d // self.tuple_size**level for level in range(1, 1 + self.depth)
        ]
        choices = tuple(
            torch.randint(self.n_synonyms, (n, width), generator=generator)
            for width in widths
        )
        return self.expand(labels, choices)

    def numbered(self, numbers: Int[Tensor, " n"]) -> Derivation:
        """Strings by number, 0 to P_max − 1; `arange(P_max)` gives all of them.

        Refuses a grammar with more than COUNTABLE strings.
        """
        if self.n_max > COUNTABLE:
            raise HlnbError(f"{self.n_max} strings are too many to be numbered.")
        left, choices = numbers, []
        for level in range(1, self.depth + 1):
            digits = []
            for _ in range(self.d // self.tuple_size**level):
                digits.append(left % self.n_synonyms)
                left = left // self.n_synonyms
            choices.append(torch.stack(digits, 1))
        return self.expand(left, tuple(choices))

    def distinct(self, n: int, *, generator: torch.Generator) -> Derivation:
        """`n` strings drawn without replacement.

        Above COUNTABLE strings they are drawn with replacement: a repeat is then rarer
        than 1 in 10^6 for `n` up to 10^6. Refuses `n` above the number of strings.
        """
        if n > self.n_max:
            raise HlnbError(
                f"{n} distinct strings are asked for, and the grammar has {self.n_max}."
            )
        if self.n_max <= 4 * n:
            order = torch.randperm(self.n_max, generator=generator)
            return self.numbered(order[:n])
        if self.n_max > COUNTABLE:  # repeats: rarer than 1 in 10^6 for n up to 10^6
            return self.derive(n, generator=generator)
        numbers = torch.empty(0, dtype=torch.int64)
        while len(numbers) < n:
            more = torch.randint(
                self.n_max, (2 * (n - len(numbers)),), generator=generator
            )
            numbers = _first_of_each(torch.cat([numbers, more]))
        return self.numbered(numbers[:n])

    def parse(self, x: Int[Tensor, "n position"]) -> tuple[Int[Tensor, "n _"], ...]:
        """The features of each string at every level, from the input to the class.

        Refuses a string that is not of this grammar.
        """
        symbols = [x]
        for level, parents in enumerate(self.parents, start=1):
            tuples = symbols[-1].view(len(x), -1, self.tuple_size)
            above = parents[self.code(tuples)]
            if (above < 0).any():
                row = int((above < 0).any(1).nonzero()[0])
                raise HlnbError(
                    f"String {row} is not of this grammar: a tuple of level "
                    f"{level - 1} has no parent."
                )
            symbols.append(above)
        return tuple(symbols)

    def exchange(
        self, derivation: Derivation, *, level: int, generator: torch.Generator
    ) -> Derivation:
        """The strings with synonyms of `level` exchanged; labels stay.

        Every rule of that level is drawn again, uniformly, so that one in m stays by
        chance. Choices below are kept, and now expand other features.
        """
        choices = list(derivation.choices)
        chosen = choices[level - 1]
        choices[level - 1] = torch.randint(
            self.n_synonyms, chosen.shape, generator=generator
        )
        return self.expand(derivation.labels, tuple(choices))

    def one_hot(self, x: Int[Tensor, "n position"]) -> Float[Tensor, "n position v"]:
        """Symbols as one-hot vectors."""
        return F.one_hot(x, self.vocab_size).to(torch.float32)

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        return self._batch(self.derive(n, generator=generator))

    def _batch(self, derivation: Derivation) -> Batch:
        return Batch(self.one_hot(derivation.symbols[0]), derivation.labels)

    def derivations(self, seed: int, *, n_train: int) -> dict[str, Derivation]:
        """The derivations of the strings of `split`, by part.

        Refuses an `n_train` that leaves fewer than two strings.
        """
        mine = self.with_seed(seed)
        rest = self.n_max - n_train
        if rest < 2:
            raise HlnbError(
                f"n_train = {n_train} leaves none of the {self.n_max} strings to test: "
                "lower it."
            )
        n_test = min(self.n_test, rest // 2)
        n_validation = min(self.n_validation, rest - n_test)
        found = mine.distinct(
            n_test + n_validation + n_train, generator=stream(seed, "strings")
        )
        edges = {
            "test": slice(0, n_test),
            "validation": slice(n_test, n_test + n_validation),
            "train": slice(n_test + n_validation, None),
        }
        return {
            name: Derivation(*(tuple(part[rows] for part in parts) for parts in found))
            for name, rows in edges.items()
        }

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        """Batches of distinct strings, no string in two of them.

        Where strings run out, test and validation batches are smaller than asked for.
        Refuses an `n_train` that leaves fewer than two strings.
        """
        drawn = self.derivations(seed, n_train=n_train)
        return {name: self._batch(found) for name, found in drawn.items()}

    def with_seed(self, seed: int) -> "RandomHierarchy":
        """The same problem with the grammar of another seed."""
        return replace(self, seed=seed)

    def describe(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["seed"]  # a property of a run, not of the problem
        return {"problem": "random hierarchy", **fields}


def _first_of_each(numbers: Int[Tensor, " n"]) -> Int[Tensor, " m"]:
    """The numbers without repeats, in order of their first appearance."""
    ordered, where = torch.sort(numbers, stable=True)
    new = torch.ones_like(ordered, dtype=torch.bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return numbers[where[new].sort().values]
