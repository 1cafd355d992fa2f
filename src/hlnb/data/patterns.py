"""The report's five toy problems: patterns hidden in a row of pixels.

Source: M. Glasgow, "Theory of Hierarchical Learning via Gradient Descent", Section 4.
A row of `d` pixels is zero except where patterns of length `T` are placed. The first
level of the hierarchy is "which pattern is where", the second "which class follows".
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.data.problem import Batch
from hlnb.errors import HlnbError, between_0_and_1
from hlnb.seeding import stream


@dataclass(frozen=True)
class Scene:
    """Patterns that occur together in one row."""

    patterns: tuple[
        int, ...
    ]  # indices of patterns; from left to right when `gap` is set
    weight: float = 1.0  # probability within its class
    gap: int | None = None  # blank pixels between neighbours; None: anywhere, apart

    def start_slots(self, d: int, T: int) -> int:
        """Number of start positions to choose from."""
        m = len(self.patterns)
        if self.gap is None:
            return d - m * (T - 1) if m else 1
        return d - m * T - (m - 1) * self.gap + 1

    def starts(self, chosen: Int[Tensor, "n slot"], T: int) -> Int[Tensor, "n m"]:
        """First pixel of each pattern, from `m` distinct slots (or one, with a gap).

        Sorted slots q_0 < q_1 < … become starts q_r + r (T - 1): distinct slots give
        patterns that do not overlap, and each placement comes from exactly one choice.
        """
        if self.gap is not None:
            return chosen + torch.arange(len(self.patterns)) * (T + self.gap)
        rank = chosen.argsort(dim=1).argsort(dim=1)
        return chosen + rank * (T - 1)


@dataclass(frozen=True)
class PatternProblem:
    """Rows of pixels with patterns, labelled by which patterns occur and where.

    Labels are uniform over classes, scenes follow their weights, and placements are
    uniform over all in which no two patterns overlap. Refuses more patterns than
    2^(T−1), a row too short for its patterns, a scale that is not positive, a negative
    noise, a scene's weight outside 0 to 1, and numbers that are not finite.
    """

    classes: tuple[tuple[Scene, ...], ...]  # classes[c]: the scenes of class c
    k: int  # number of patterns
    d: int = 100  # pixels in a row
    T: int = 16  # pixels in a pattern
    scale: float = 1.0  # pattern entries are +scale or -scale
    noise: float = 0.0  # standard deviation of the pixels that no pattern covers
    seed: int = 0  # fixes the patterns
    n_validation: int = 512
    n_test: int = 1024  # size of the test batch where it is sampled
    n_listed: int = 1000  # up to this many distinct inputs, all are tested

    def __post_init__(self):
        if self.T < 1 or self.k < 1 or self.k > 2 ** (self.T - 1):
            raise HlnbError(
                f"There are not k = {self.k} patterns of length T = {self.T} that "
                "differ in more than their sign: take 1 ≤ k ≤ 2^(T-1)."
            )
        needed = max(
            len(s.patterns) * self.T + (len(s.patterns) - 1) * (s.gap or 0)
            for s in itertools.chain(*self.classes)
        )
        if self.d < needed:
            raise HlnbError(
                f"A row of d = {self.d} pixels is too small for its patterns: they "
                f"need {needed} pixels; raise d or lower T or gap."
            )
        for name in ("scale", "noise"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (name == "scale" and not value):
                raise HlnbError(f"{name} = {value} is not a size of pixels: raise it.")
        for scene in itertools.chain(*self.classes):
            between_0_and_1(weight=scene.weight)

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    @cached_property
    def patterns(self) -> Float[Tensor, "k T"]:
        """The patterns F_1 … F_k; no two are equal or each other's negation."""
        generator = stream(self.seed, "patterns")
        found: list[Tensor] = []
        while len(found) < self.k:
            new = 2 * torch.randint(2, (self.T,), generator=generator).float() - 1
            if not any(abs(float(new @ old)) == self.T for old in found):
                found.append(new)
        return self.scale * torch.stack(found)

    def with_seed(self, seed: int) -> "PatternProblem":
        """The same problem with the patterns of another seed."""
        return replace(self, seed=seed)

    def sample(self, n: int, *, generator: torch.Generator) -> Batch:
        y = torch.randint(self.n_classes, (n,), generator=generator)
        x = torch.zeros(n, self.d)
        covered = torch.zeros(n, self.d, dtype=torch.bool)
        pick = torch.rand(n, generator=generator)
        slots = torch.rand(n, self.d, generator=generator)
        noise = torch.randn(n, self.d, generator=generator) if self.noise else None
        for c, scenes in enumerate(self.classes):
            below = 0.0
            for scene in scenes:
                above = math.inf if scene is scenes[-1] else below + scene.weight
                rows = (y == c) & (pick >= below) & (pick < above)
                below = above
                m = len(scene.patterns) if scene.gap is None else 1
                free = slots[rows, : scene.start_slots(self.d, self.T)]
                starts = scene.starts(free.topk(m, dim=1).indices, self.T)
                x[rows], covered[rows] = self._draw(scene, starts)
        if noise is not None:
            x = torch.where(covered, x, self.noise * noise)
        return Batch(x, y)

    def _draw(
        self, scene: Scene, starts: Int[Tensor, "n m"]
    ) -> tuple[Float[Tensor, "n d"], Tensor]:
        """Rows with the scene's patterns at `starts`, and which pixels they cover."""
        x = torch.zeros(len(starts), self.d)
        covered = torch.zeros(len(starts), self.d, dtype=torch.bool)
        for j, pattern in enumerate(scene.patterns):
            pixels = starts[:, j : j + 1] + torch.arange(self.T)
            x.scatter_(1, pixels, self.patterns[pattern].expand(len(starts), -1))
            covered.scatter_(1, pixels, True)
        return x, covered

    def _placements(self, scene: Scene) -> Int[Tensor, "n m"]:
        """Starts of every distinct placement of the scene."""
        slots = range(scene.start_slots(self.d, self.T))
        if scene.gap is not None:
            table = torch.tensor(slots)
        else:
            m = len(scene.patterns)
            table = torch.tensor(list(itertools.permutations(slots, m)))
            for i, j in itertools.combinations(range(m), 2):
                if scene.patterns[i] == scene.patterns[j]:  # swapping changes nothing
                    table = table[table[:, i] < table[:, j]]
        return scene.starts(table.reshape(len(table), -1).long(), self.T)

    def distinct(self, *, limit: int = 20_000) -> Batch:
        """Every distinct input once, with its probability: errors on it are exact.

        Refuses a problem with noise, where inputs never repeat, and more than `limit`
        inputs.
        """
        if reason := self.why_not_listed(limit=limit):
            raise HlnbError(reason)
        xs, ys, weights = [], [], []
        for c, scenes in enumerate(self.classes):
            for scene in scenes:
                starts = self._placements(scene)
                xs.append(self._draw(scene, starts)[0])
                ys.append(torch.full((len(starts),), c))
                share = scene.weight / self.n_classes / len(starts)
                weights.append(torch.full((len(starts),), share))
        return Batch(torch.cat(xs), torch.cat(ys), torch.cat(weights))

    def why_not_listed(self, *, limit: int) -> str | None:
        """Why `distinct` refuses to list the inputs; None if it lists them."""
        if self.noise:
            return "With noise > 0 the inputs cannot be listed: sample them."
        total = 0
        for scene in itertools.chain(*self.classes):
            slots = scene.start_slots(self.d, self.T)
            m = len(scene.patterns)
            count = math.perm(slots, m) if scene.gap is None else slots
            if count > 2 * limit:
                return (
                    f"A scene has {count} placements, more than can be listed: sample "
                    "inputs or lower d."
                )
            alike = Counter(scene.patterns) if scene.gap is None else Counter()
            total += count // math.prod(map(math.factorial, alike.values()))
        if total > limit:
            return (
                f"There are {total} distinct inputs, more than the limit of {limit}: "
                "sample inputs or lower d."
            )
        return None

    def split(self, seed: int, *, n_train: int) -> Mapping[str, Batch]:
        """The batches of one run, whose patterns are those of `seed`.

        Training and validation batches are samples. The test batch lists every distinct
        input with its probability; it is a sample of `n_test` where there are more than
        `n_listed` inputs, and with noise.
        """
        problem = self.with_seed(seed)
        if problem.why_not_listed(limit=self.n_listed):
            test = problem.sample(self.n_test, generator=stream(seed, "test"))
        else:
            test = problem.distinct(limit=self.n_listed)
        return {
            "train": problem.sample(n_train, generator=stream(seed, "train")),
            "validation": problem.sample(
                self.n_validation, generator=stream(seed, "validation")
            ),
            "test": test,
        }

    def describe(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["seed"]  # a property of a run, not of the problem
        return {"problem": "patterns", **fields}


def toy_problem(
    number: int,
    *,
    d: int = 100,
    k: int | None = None,
    T: int = 16,
    scale: float = 1.0,
    noise: float = 0.0,
    gap: int | None = None,
    nothing: float = 0.5,
    seed: int = 0,
) -> PatternProblem:
    """Toy problem 1, 2, 3, 4 or 5 of the report; parameters for what it leaves open.

    d: pixels in a row; not stated in the report.
    k: number of patterns; the report's 2, 2, 2, 10, 4 unless given (problem 4: even).
    T: pixels in a pattern; 16 in the report.
    scale: entries are ±scale; the report prints ±1, and 1/√T gives unit-norm patterns.
    noise: standard deviation of the other pixels; the report saw "similar results".
    gap: blank pixels between the two patterns of problem 5; T unless given.
    nothing: share of empty rows in class 1 of problem 2.

    Refuses another number of a problem, a `k` that the problem is not defined for, a
    negative `gap`, and a `nothing` outside 0 to 1.
    """
    in_report = {1: 2, 2: 2, 3: 2, 4: 10, 5: 4}
    if number not in in_report:
        raise HlnbError(f"The report has toy problems 1 to 5, not {number}.")
    k = in_report[number] if k is None else k
    if number != 4 and k != in_report[number]:
        raise HlnbError(
            f"Toy problem {number} is defined for k = {in_report[number]} patterns."
        )
    if k < 2 or k % 2:
        raise HlnbError(f"Toy problem 4 needs an even number of patterns, not {k}.")
    between_0_and_1(nothing=nothing)
    gap = T if gap is None else gap
    if gap < 0:
        raise HlnbError(f"gap = {gap} would make patterns overlap: take gap ≥ 0.")
    one, two = Scene((0,), 0.5), Scene((1,), 0.5)

    def pair(a: int, b: int) -> Scene:
        return Scene((a, b), 0.5, gap)

    half = k // 2
    classes: dict[int, tuple[tuple[Scene, ...], ...]] = {
        1: ((Scene((0,)),), (Scene((1,)),)),
        2: ((Scene((0, 1), 1 - nothing), Scene((), nothing)), (one, two)),
        3: ((Scene((0, 1)),), (one, two), (Scene((0, 0)),), (Scene((1, 1)),)),
        4: tuple(
            tuple(Scene((j,), 1 / half) for j in range(first, first + half))
            for first in (0, half)
        ),
        5: ((pair(0, 1), pair(2, 3)), (pair(0, 2), pair(1, 3))),
    }
    possible = tuple(tuple(s for s in scenes if s.weight) for scenes in classes[number])
    return PatternProblem(possible, k=k, d=d, T=T, scale=scale, noise=noise, seed=seed)
