"""The claims of the chapters on parities and on sparse ones, by section."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Real
from scipy import stats

from hlnb.claims import Claim, counted, measured, shown
from hlnb.verdicts import every, exactly, larger, most

NOTES = "theodosis2021notes, parities"
LEMMA = "theodosis2021notes, lemma"
BARAK = "barak2022hidden"
LIKELY = 0.95  # "very likely", in our reading
RARE = 1e-4  # false alarms of a test that a law holds
CHANCE = 0.45  # a test error above this is at chance
TOLD = 0.1  # total variation below this: as good as nothing
APART = 0.5  # exponents that differ by less are alike

Values, Cases = Real[np.ndarray, " run"], Real[np.ndarray, " case"]


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
            rule=every,
            of="problems",
            note=f"d from {min(ds)} to {max(ds)}, |I| = d/2",
        ),
        shown(
            id="parity-above-d",
            source=NOTES,
            statement=f"When n > d, full rank is very likely (in our reading: {LIKELY} "
            "or more)",
            theirs="very likely",
            holds=[p >= LIKELY for p in law],
            of=f"values of n − d in {spare}",
            note=f"by the law; {law[0]:.2f} at n − d = {spare[0]}",
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
            verdict=exactly(p_values > RARE),
            note=f"smallest corrected p-value {min(p_values):.2f}; false alarms: one "
            "in 10,000",
        ),
        counted(
            id="parity-fast",
            source="our guess",
            statement=f"At d = {d_large} elimination answers in under a second",
            theirs="< 1 s",
            holds=[s < 1 for s in seconds],
            rule=most,
            of="problems",
            kind="guess",
        ),
    ]


def with_noise(
    *,
    found: Sequence[int],
    problems: int,
    ratios: Cases,
    p_values: Real[np.ndarray, " test"],
    noise: float,
    ds: Sequence[int],
) -> list[Claim]:
    """Claims on elimination, if labels are flipped with probability `noise`.

    found: how many of the `problems` one elimination solves, for each d of `ds`.
    ratios: the mean number of tries by that of the law, for each d. p_values: of tries
    under the law, which is geometric, corrected for their number.
    """
    failed = problems - found[-1]
    return [
        counted(
            id="parity-noise-one",
            source=NOTES,
            statement=f"With noise Gaussian elimination fails ({noise:g}, d = "
            f"{ds[-1]})",
            theirs="will fail",
            holds=[True] * failed + [False] * found[-1],
            rule=most,
            of="problems",
            note=f"at d = {ds[0]} it fails in {problems - found[0]}",
        ),
        measured(
            id="parity-noise-tries",
            source="derived here, by counting",
            statement="The tries of repeated elimination are geometric, with mean "
            "(1 − p)^−(d+10)/P(rank d)",
            theirs="geometric",
            values=ratios,
            unit="times the mean by the law, for each d",
            verdict=exactly(p_values > RARE),
            note=f"smallest corrected p-value of distributions and sums "
            f"{min(p_values):.2f}; false alarms: one in 10,000",
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
        shown(
            id="parity-relus",
            source=NOTES,
            statement="A combination of at most 4d ReLUs computes the parity, exactly",
            theirs="at most 4d",
            holds=exact,
            of="networks",
            note="both constructions, every |I|, every point of the cube",
        ),
        shown(
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
            verdict=exactly(deviations <= 1e-12),
            note="to 1e-12: rounding in double precision",
        ),
        shown(
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
            verdict=most(shares < 1),
            kind="guess",
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
            rule=every,
            kind="guess",
        ),
        counted(
            id="parity-sgd-20",
            source="our guess",
            statement=f"With the same budget it is at chance (error > {CHANCE}) at d = "
            f"{d}",
            theirs="at chance",
            holds=errors > CHANCE,
            rule=most,
            note=chance,
            kind="guess",
        ),
    ]


def cost(
    *,
    errors: Values,
    d: int,
    steps: Values,
    ahead: int,
    fitted: Sequence[int],
    laws: Mapping[str, float],
    cap: float,
    chance: str,
) -> list[Claim]:
    """Claims on what dense parities cost SGD.

    errors: the lowest of each run in d dimensions, the most there are. steps: of each
    run in `ahead` dimensions, at most `cap`, or inf; `laws`: what the "power law" and
    the "exponential" that fit those of `fitted` dimensions predict there. chance: the
    errors of random labels, in words.
    """
    power = laws["power law"]
    late = True if cap >= power else None  # of a run that was ended
    longer = [late if math.isinf(taken) else bool(taken > power) for taken in steps]
    done = np.isfinite(steps).sum()
    return [
        counted(
            id="parity-sgd-fails",
            source=NOTES,
            statement=f"Within {cap:,.0f} steps SGD does not find the parity (error > "
            f"{CHANCE}, d = {d})",
            theirs="will fail",
            holds=errors > CHANCE,
            rule=most,
            note=chance,
        ),
        counted(
            id="parity-sgd-cost",
            source=NOTES,
            statement="The number of steps grows faster than a power of d: at d = "
            f"{ahead} it is above the power law fitted to d = {min(fitted)} to "
            f"{max(fitted)}",
            theirs="e^Ω(d)",
            holds=longer,
            rule=most,
            note=f"power law {power:,.0f} steps, exponential "
            f"{laws['exponential']:,.0f}; {done} of {len(steps)} runs learned it by "
            f"{cap:,.0f}",
        ),
    ]


def about_noise(
    *, deviation: Cases, variation: Values, d: int, noise: float, steps: int
) -> list[Claim]:
    """Claims on descent with noise in its gradients.

    deviation: of the mean divergence over all sets from its ceiling, relative, for each
    run of each d. variation: total variation between a run under I and a run with
    coins, averaged over I, in d dimensions.
    """
    return [
        measured(
            id="parity-noisy-mean",
            source="derived here, from the lemma",
            statement="Noisy gradients: the mean divergence over all sets is Σ E‖∇f‖² "
            "/ (2σ² 2^d)",
            theirs="equal",
            values=deviation,
            unit="largest relative deviation of a run",
            verdict=exactly(deviation <= 1e-12),
            note="to 1e-12: rounding in double precision",
        ),
        measured(
            id="parity-noisy",
            source="our guess",
            statement=f"After {steps} steps with noise {noise:g}, runs are as good as "
            f"runs with coins: total variation below {TOLD} (d = {d})",
            theirs=f"< {TOLD}",
            values=variation,
            unit="total variation, mean over all sets",
            verdict=most(variation < TOLD),
            note="threshold set after a pilot at smaller d",
            kind="guess",
        ),
    ]


def exact_steps(*, found: Sequence[bool], d: int) -> list[Claim]:
    """The Claim on all architectures; `found`: whether d + 10 exact steps gave I."""
    return [
        shown(
            id="parity-every",
            source=NOTES,
            statement="For every architecture SGD requires e^Ω(d) steps",
            theirs="every neural network architecture",
            holds=[not one for one in found],
            of="problems",
            note=f"d = {d}: {d + 10} steps of one example each, without rounding, "
            "leave I in the weights; that networks can read it out: Abbe and Sandon "
            "2020",
        )
    ]


def about_batches(examples: Mapping[int, Values], *, d: int) -> list[Claim]:
    """The Claim on batches; `examples`: that each run takes, by batch size."""
    small, *_, large = sorted(examples)
    few, many = examples[small], examples[large]
    with np.errstate(invalid="ignore"):  # neither learned: nobody can say
        more, times = many - few, many / few
    return [
        measured(
            id="parity-batches",
            source="our guess",
            statement=f"Batches of {small} learn from fewer examples than batches of "
            f"{large} (d = {d})",
            theirs="fewer",
            values=times,
            unit="times as many examples",
            verdict=larger(more),
            note="each with its own rate",
            kind="guess",
        )
    ]


def about_powers(exponents: Mapping[int, Values], *, ds: Sequence[int]) -> list[Claim]:
    """Claims on how the time of a sparse parity grows with d, for each |I| = k.

    exponents: by k, of each run; NaN: not learned at some d of `ds`.
    """
    sizes = sorted(exponents)
    rises = np.diff([exponents[k] for k in sizes], axis=0).min(0)
    return [
        measured(
            id=f"parity-power-{k}",
            source=BARAK,
            statement=f"Sets of {k} take n^O(k) iterations: an exponent of at most {k}",
            theirs=f"n^O({k})",
            values=found,
            unit=f"exponent, d in {[*ds]}",
            verdict=most([None if np.isnan(e) else bool(e <= k) for e in found]),
            note="n^O(k) leaves the constant open; \u201cat most k\u201d is our "
            "reading",
        )
        for k, found in sorted(exponents.items())
    ] + [
        measured(
            id="parity-power-grows",
            source="our guess",
            statement="Each further coordinate of I raises the exponent by "
            f"{APART} or more",
            theirs="–",
            values=rises,
            unit="least rise of the exponent",
            verdict=larger(rises, by=APART),
            kind="guess",
        )
    ]


def by_luck(*, n_test: int) -> str:
    """How likely an error of CHANCE is where the network knows nothing, in words."""
    p = stats.binom.cdf(int(CHANCE * n_test), n_test, 0.5)
    return f"knowing nothing, an error of {CHANCE} or less has probability {p:.0e}"


def fourier_gap(ratios: Values, *, d: int, k: int) -> list[Claim]:
    """The Claim on what the expected gradient knows before training.

    ratios: the weakest signal of a coordinate of I by the strongest of all others.
    """
    return [
        measured(
            id="parity-gap",
            source=BARAK,
            statement=f"({d}, {k}): before training the expected gradient tells each "
            "coordinate of I from all others",
            theirs="a Fourier gap",
            values=ratios,
            unit="lowest signal in I by the highest elsewhere",
            verdict=most(ratios > 1),
        )
    ]


def amplified(
    few: Values, many: Values, *, batches: Sequence[int], d: int, k: int
) -> list[Claim]:
    """The Claim on steps with small and with large batches, of the same seeds.

    few, many: with batches of the first and of the last size, or inf.
    """
    with np.errstate(invalid="ignore"):  # neither learned: nobody can say
        ratios = many / few
    return [
        measured(
            id="parity-amplified",
            source=BARAK,
            statement=f"({d}, {k}): with less noise in the gradient it takes no more "
            f"steps (batches of {batches[-1]} against {batches[0]})",
            theirs="amplifies the sparse solution, no search",
            values=ratios,
            unit="times as many steps",
            verdict=most([None if np.isnan(r) else bool(r <= 1) for r in ratios]),
            note="our reading; a search by chance would need the noise",
        )
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
    chance: how low an error may be by chance, in words.
    """
    return [
        counted(
            id=f"parity-jump-{d}-{k}",
            source=BARAK,
            statement=f"({d}, {k}): at chance (error > 0.45) at half of the time to "
            "error 0.01",
            theirs="discontinuous phase transitions",
            holds=half_error > CHANCE,
            rule=most,
            note=f"{len(half_error)} of {runs} runs learned it; {chance}",
        ),
        counted(
            id=f"parity-hidden-{d}-{k}",
            source=BARAK,
            statement=f"({d}, {k}): the signal of I is above that of all other sets, "
            "and stays so, before the error falls below 0.45",
            theirs="continual progress, invisible to error",
            holds=leads_from < falls_at,
            rule=most,
            note="all other sets of as many coordinates",
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
            rule=most,
            note="training error 0, and 1/2 in the test error's 99 % interval; by "
            f"chance alone {0.01 * runs:.1f} runs of {runs} would miss it",
        ),
    ]
