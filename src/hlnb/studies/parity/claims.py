"""The claims of the chapter on parities: elimination, gradients, SGD, sparse ones."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Real

from hlnb.claims import Claim, counted, in_every_run, measured, near

NOTES = "theodosis2021notes, parities"
LEMMA = "theodosis2021notes, lemma"
BARAK = "barak2022hidden"

Values = Real[np.ndarray, " run"]


def elimination(
    *,
    found: Sequence[bool],
    ds: Sequence[int],
    law: Sequence[float],
    spare: Sequence[int],
) -> list[Claim]:
    """Claims on elimination without noise, and on systems of full rank.

    found: whether 2d examples gave the support, for each problem with d among `ds`.
    law: probability of full rank with `spare` equations beyond d.
    """
    return [
        counted(
            id="parity-elimination",
            source=NOTES,
            statement="Given 2d samples we can recover I",
            theirs="recovered",
            holds=found,
            of="problems",
            note=f"d from {min(ds)} to {max(ds)}, |I| = d/2",
        ),
        counted(
            id="parity-above-d",
            source=NOTES,
            statement="When n > d, full rank is very likely (in our reading: 0.95 or "
            "more)",
            theirs="very likely",
            holds=[p >= 0.95 for p in law],
            of=f"values of n − d in {spare}",
        ),
    ]


def rank_law(
    *,
    gaps: Values,
    p_values: Real[np.ndarray, " point"],
    seconds: Sequence[float],
    d_large: int,
) -> list[Claim]:
    """Claims on the law of full rank, and on how long one elimination takes.

    gaps: largest difference of share and law, for each d. p_values: of the shares under
    the law, corrected for their number. seconds: of eliminations at `d_large`.
    """
    return [
        measured(
            id="parity-rank-law",
            source="derived here, by counting",
            statement="P(rank d) = ∏ (1 − 2^−(n−d+j))",
            theirs="equal",
            values=gaps,
            unit="largest difference of share and law, for each d",
            verdict=in_every_run(p_values > 0.01),
            note=f"smallest corrected p-value {min(p_values):.2f}; false alarms: 1 %",
        ),
        counted(
            id="parity-fast",
            source="our guess",
            statement=f"At d = {d_large} elimination answers in under a second",
            theirs="< 1 s",
            holds=[s < 1 for s in seconds],
            of="problems",
        ),
    ]


def with_noise(
    *, found: int, problems: int, tries: Values, expected: float, noise: float, d: int
) -> list[Claim]:
    """Claims on elimination in d dimensions, if labels are flipped with p = `noise`.

    found: how many of the `problems` one elimination solves. tries: eliminations until
    a problem is solved; `expected`: their mean by the law.
    """
    failed = problems - found
    return [
        counted(
            id="parity-noise-one",
            source=NOTES,
            statement=f"With noise Gaussian elimination fails ({noise:g}, d = {d})",
            theirs="will fail",
            holds=[True] * failed + [False] * found,
            of="problems",
        ),
        measured(
            id="parity-noise-tries",
            source="derived here, by counting",
            statement=f"Repeated elimination takes (1 − p)^−(d+10) tries (d = {d})",
            theirs=f"{expected:.0f} on average",
            values=tries,
            unit="tries",
            verdict=near(expected, tries),
            note=f"mean {np.mean(tries):.0f}",
        ),
    ]


def representation(
    *, exact: Sequence[bool], silent: Sequence[bool], ds: Sequence[int]
) -> list[Claim]:
    """Claims on what ReLUs compute and what linear functions see, for each d of `ds`.

    exact: whether a network of at most 4d ReLUs computes its parity. silent: whether
    each linear function's coefficient is 0, for each set of more than one coordinate.
    """
    return [
        counted(
            id="parity-relus",
            source=NOTES,
            statement="A combination of at most 4d ReLUs computes the parity, exactly",
            theirs="at most 4d",
            holds=exact,
            of="networks",
            note="both constructions, every |I|, every point of the cube",
        ),
        counted(
            id="parity-linear",
            source=NOTES,
            statement="No linear function correlates with a parity of more than one "
            "coordinate",
            theirs="0",
            holds=silent,
            of="supports",
            note=f"all with |I| > 1 at d in {ds}; sums of whole numbers",
        ),
    ]


def lemma(
    *, deviations: Real[np.ndarray, " network"], bounded: Sequence[bool]
) -> list[Claim]:
    """Claims on the gradient lemma.

    deviations: the largest of each network and d. bounded: whether the share of all
    sets of one size is at most 1, for each size, d and initialization.
    """
    return [
        measured(
            id="parity-lemma",
            source=LEMMA,
            statement="E_I ⟨g, χ_I⟩² = E[g²]/2^d for every parameter, as an equality",
            theirs="≤ poly(d, n) E[g²]/2^d",
            values=deviations,
            unit="largest relative deviation, for each network and d",
            verdict=in_every_run(deviations <= 1e-12),
            note="threshold 1e-12: rounding in double precision",
        ),
        counted(
            id="parity-lemma-size",
            source="derived here, from the lemma",
            statement="The mean over |I| = k is at most E[g²]/C(d, k)",
            theirs="at most",
            holds=bounded,
            of="cases (d, k, initialization)",
        ),
    ]


def dense_share(*, shares: Values, d: int) -> list[Claim]:
    """The claim on the mean share of sets of half of d coordinates, times 2^d."""
    return [
        measured(
            id="parity-dense-below",
            source="our guess",
            statement="Sets of half the coordinates get less than the mean share "
            f"(d = {d})",
            theirs="< 1",
            values=shares,
            unit="times the mean over all sets",
            verdict=in_every_run(shares < 1),
        )
    ]


def by_chance(*, lowest: float, runs: int) -> str:
    """The lowest test error that runs reach where labels are random, in words."""
    return f"lowest error with random labels: {lowest:.3f} ({runs} runs)"


def within_budget(
    *, steps: Real[np.ndarray, " case"], errors: Values, d: int, chance: str
) -> list[Claim]:
    """Claims on what SGD solves within the budget.

    steps: until a dense parity of at most 10 dimensions is solved, or inf. errors: the
    lowest of each run in d dimensions; none if that was not trained. chance: the errors
    of random labels, in words.
    """
    return [
        counted(
            id="parity-sgd-10",
            source="our guess",
            statement="SGD solves dense parities at d ≤ 10 within the budget",
            theirs="solved",
            holds=np.isfinite(steps),
        ),
        counted(
            id="parity-sgd-20",
            source="our guess",
            statement=f"With the same budget it is at chance (error > 0.45) at d = {d}",
            theirs="at chance",
            holds=errors > 0.45,
            note=chance,
        ),
    ]


def cost(
    *, errors: Values, d: int, growth: Values, ds: Sequence[int], chance: str
) -> list[Claim]:
    """Claims on what dense parities cost SGD.

    errors: the lowest of each run in d dimensions, the most there are. growth: of
    log2(steps) with a coordinate, over `ds`. chance: the errors of random labels, in
    words.
    """
    return [
        counted(
            id="parity-sgd-fails",
            source=NOTES,
            statement=f"SGD fails to find the parity (error > 0.45, d = {d})",
            theirs="will fail",
            holds=errors > 0.45,
            note=chance,
        ),
        measured(
            id="parity-sgd-cost",
            source=NOTES,
            statement="The number of steps is exponential in d, as far as it can be "
            "measured",
            theirs="e^Ω(d)",
            values=growth,
            unit=f"doublings a coordinate, d in {ds}",
            verdict=in_every_run(growth > 0),
            note="slope of log2(steps) on d in each run; says nothing of larger d",
        ),
    ]


def sparse(
    *,
    d: int,
    k: int,
    half_error: Values,
    leads_from: Values,
    falls_at: Values,
    runs: int,
    chance: str,
) -> list[Claim]:
    """Claims on a parity of k of d coordinates, over those of the `runs` that learn it.

    half_error: test error at half of the time to learn. leads_from: when the signal of
    I is above all others, and stays so. falls_at: when the error first is at most 0.45.
    chance: the errors of random labels, in words.
    """
    return [
        counted(
            id=f"parity-jump-{d}-{k}",
            source=BARAK,
            statement=f"({d}, {k}): at chance (error > 0.45) at half of the time to "
            "error 0.01",
            theirs="discontinuous phase transitions",
            holds=half_error > 0.45,
            note=f"{len(half_error)} of {runs} runs learned it; {chance}",
        ),
        counted(
            id=f"parity-hidden-{d}-{k}",
            source=BARAK,
            statement=f"({d}, {k}): the signal of I is above that of all other sets, "
            "and stays so, before the error falls below 0.45",
            theirs="continual progress, invisible to error",
            holds=leads_from < falls_at,
            note="others: all sets without a coordinate of I",
        ),
    ]


def memory(*, epochs: Values, intervals: Sequence[tuple[float, float]]) -> list[Claim]:
    """The claim on networks that learn a training set by heart.

    epochs: until the training error is 0, or inf. intervals: 99 % intervals of the test
    error, a run each.
    """
    half: Bool[np.ndarray, " run"]
    half = np.array([low <= 0.5 <= high for low, high in intervals])
    runs = len(epochs)
    return [
        counted(
            id="parity-memory",
            source=NOTES,
            statement="A network that memorizes the training set performs poorly on a "
            "test set",
            theirs="memorizes; poor in a test set",
            holds=np.isfinite(epochs) & half,
            note="training error 0, and 1/2 in the test error's 99 % interval; by "
            f"chance alone {0.01 * runs:.1f} runs of {runs} would miss it",
        ),
    ]
