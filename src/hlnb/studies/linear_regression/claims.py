"""The claims of the chapter on linear regression."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Real

from hlnb import verdicts
from hlnb.claims import Claim, counted, measured, shown
from hlnb.verdicts import most

NOTES, OURS = "theodosis2021notes, linear regression", "derived here"
REPORT = "glasgow, footnote 1"
TO_8 = "distance below 1e-8"
WITHIN = 0.15  # of a limit law: near enough at a few hundred examples
STEEP = 0.5  # an exponent is 2 if it is nearer than this
MANY_MORE, ALIKE = 4.0, 2.0  # times as many examples

Runs = Real[np.ndarray, " run"]
Matrices, Batches = Real[np.ndarray, " matrix"], Real[np.ndarray, " batch"]


def about_limits(
    *, missed: Mapping[str, Runs], drift: Mapping[str, Runs], passes: int
) -> list[Claim]:
    """Claims on where descent and SGD end.

    By way of fitting, for each run: how far the last iterate `missed` the limit, and
    the largest `drift` out of the row space.
    """
    arrives = {way: gap < 1e-8 for way, gap in missed.items()}
    tiny, far = (arrives[f"descent from length {size}"] for size in ("0.001", "1"))
    largest = np.maximum(drift["descent from 0"], drift["SGD from 0"])
    return [
        shown(
            id="reg-limit",
            source=NOTES,
            statement="Descent from 0 ends at the minimum-norm X⁺y",
            theirs="proof",
            holds=arrives["descent from 0"],
            note=TO_8,
        ),
        shown(
            id="reg-sgd",
            source=NOTES,
            statement="SGD from 0 ends at the minimum-norm X⁺y",
            theirs="proof",
            holds=arrives["SGD from 0"],
            note=f"{TO_8} after {passes} passes, constant step size",
        ),
        shown(
            id="reg-span",
            source=NOTES,
            statement="From 0, no iterate leaves the row space of X",
            theirs="proof",
            holds=largest < 1e-12,
            note="descent and SGD; distance below 1e-12 in all steps",
        ),
        shown(
            id="reg-start",
            source=OURS,
            statement="From w₀ the limit is X⁺y + (I − P)w₀",
            theirs="proof",
            holds=tiny & far,
            note=f"{TO_8}, from length 0.001 and length 1",
        ),
    ]


def about_rates(
    *,
    exact: Bool[np.ndarray, "step _mode"],
    falls: Mapping[float, Bool[np.ndarray, " run"]],
    grown: Mapping[float, Runs],
    flips: Mapping[float, Real[np.ndarray, "run mode"]],
    lost: Runs,
) -> list[Claim]:
    """Claims on which step sizes η let the error fall, and how fast.

    By η · λ₁, for each run: whether the error `falls` in each step, by what factor the
    first mode's error has `grown`, and how often each mode `flips` its sign. exact:
    whether a step multiplied a mode by 1 − ηλ to the bit. lost: κ times the share that
    the slowest mode loses in a step at η · λ₁ = 1.
    """
    stable = falls[1.98] & (abs(grown[2.0] - 1) < 1e-6) & (grown[2.02] > 1)
    calm = ~(flips[0.5] + flips[1.0]).any(1)
    return [
        shown(
            id="reg-modes",
            source=NOTES,
            statement="A step takes 1 − ηλ times a mode's error",
            theirs="identity",
            holds=exact.ravel(),
            of="modes and steps",
            note="to the bit, on dyadic numbers",
        ),
        shown(
            id="reg-stable",
            source=OURS,
            statement="Descent's error goes to 0 iff η < 2/λ₁",
            theirs="proof",
            holds=stable,
            note="ηλ₁ = 1.98 falls, at 2 one mode swings for ever, 2.02 grows",
        ),
        shown(
            id="reg-monotone",
            source=OURS,
            statement="In descent no mode overshoots iff η ≤ 1/λ₁",
            theirs="proof",
            holds=calm & (flips[1.02][:, 0] > 0),
            note="no mode at ηλ₁ = 0.5 and 1; the first at 1.02",
        ),
        shown(
            id="reg-required",
            source=NOTES,
            statement="Progress of descent requires η < 1/λ₁",
            theirs="required",
            holds=~falls[1.5],
            note="at 1.5/λ₁ the error falls in each step",
        ),
        shown(
            id="reg-progress",
            source=NOTES,
            statement="At η = 1/λ₁ the slowest mode loses 1/κ a step",
            theirs="1/κ",
            holds=abs(lost - 1) < 1e-9,
            note="κ of XᵀX on the row space; to 1e-9",
        ),
    ]


def about_spectra(
    *,
    gaps: Mapping[float, Runs],
    sides: Mapping[float, int],
    ratios: Mapping[float, Runs],
    zeros: Bool[np.ndarray, " matrix"],
) -> list[Claim]:
    """Claims on the law of eigenvalues and on condition numbers.

    By d/n, a matrix of each seed: `gaps`, its distance from the law; `sides`, the
    smaller of n and d; `ratios`, κ over that of the law. zeros: whether a square matrix
    has an eigenvalue that can't be told from zero.
    """
    close = [gaps[g] < 5 / side for g, side in sides.items()]
    alike = [abs(ratio - 1) < WITHIN for ratio in ratios.values()]
    return [
        counted(
            id="reg-law",
            source=NOTES,
            statement="Spectra of XᵀX/n follow Marchenko and Pastur",
            theirs="limit law",
            holds=np.all(close, axis=0),
            rule=most,
            of=f"draws, at {len(close)} d/n each",
            note="KS gap · min(n, d) < 5 (our threshold, from a pilot: 3.8)",
        ),
        counted(
            id="reg-kappa",
            source=NOTES,
            statement="κ of XᵀX is ((1 + √γ)/(1 − √γ))², γ = d/n",
            theirs="9; 34.0",
            holds=np.all(alike, axis=0),
            rule=most,
            of=f"draws, at {len(alike)} d/n each",
            note=f"each within {100 * WITHIN:.0f} % (our threshold)",
        ),
        shown(
            id="reg-zero",
            source=NOTES,
            statement="At d = n (the notes: d ≈ n) some eigenvalues of XᵀX are zero",
            theirs="some",
            holds=zeros,
            of="matrices",
            note="least singular value below rounding; the probability is 0",
        ),
    ]


def about_square(*, scaled: Matrices, median: float, growth: Batches) -> list[Claim]:
    """Claims on square matrices.

    scaled: n λ_min of each of the largest matrices. median: of the limit law. growth:
    the exponent of κ in each batch of matrices.
    """
    return [
        measured(
            id="reg-square",
            source="edelman1988",
            statement="At d = n, n λ_min has a limit law with this median",
            theirs=f"{median:.3f}",
            values=scaled,
            unit="n λ_min",
            verdict=verdicts.number(median, scaled),
            note="the largest matrices; the law itself is tested in the text",
        ),
        measured(
            id="reg-growth",
            source="edelman1988",
            statement="At d = n, κ of XᵀX grows like n²",
            theirs="exponent 2",
            values=growth,
            unit="exponent, of medians over a batch of matrices",
            verdict=most(abs(growth - 2) < STEEP),
            note=f"nearer than {STEEP} (our threshold); a run is a batch",
        ),
    ]


def about_risk(
    *,
    risks: Mapping[str, Runs],
    limits: Mapping[str, float],
    peaked: Bool[np.ndarray, " draw"],
    n_ratios: int,
) -> list[Claim]:
    """Claims on the risk of the minimum-norm solution.

    By ratio ("d = 2n"): the `risks` of all runs and their `limits`. peaked: whether a
    run's risk is the largest of all `n_ratios` at d = n.
    """
    return [
        measured(
            id=f"reg-limit-risk-{where[4:].replace('/', '-')}",
            source="hastie2022surprises",
            statement=f"The risk of X⁺y tends to this number at {where}",
            theirs=f"{limits[where]:.2f}",
            values=found,
            unit="excess risk",
            verdict=verdicts.number(
                limits[where],  # without noise nothing is left at d < n
                found if limits[where] else np.full(len(found), np.nan),
            ),
        )
        for where, found in risks.items()
    ] + [
        counted(
            id="reg-peak",
            source="belkin2019reconciling",
            statement="The risk of X⁺y peaks at d = n",
            theirs="d = n",
            holds=peaked,
            rule=most,
            note=f"the largest of {n_ratios} ratios, in each run",
        ),
    ]


def about_sparse_truth(*, sparse: Runs, turned: Runs, d: int) -> list[Claim]:
    """Claims on the examples that ridge regression needs, over those of least ℓ₁ norm.

    A ratio for each problem of d parameters: where the truth is `sparse`, and where it
    is sparse in a `turned` basis.
    """
    return [
        measured(
            id="reg-sparse",
            source=REPORT,
            statement="On a sparse truth ridge regression needs many more examples "
            "than least ℓ₁ norm",
            theirs="many more",
            values=sparse,
            unit="times as many examples",
            verdict=verdicts.larger(sparse, by=MANY_MORE),
            note=f"d = {d}; judged: more than {MANY_MORE:g} times (our threshold)",
        ),
        counted(
            id="reg-sparse-turned",
            source="our guess",
            statement="Where it is sparse in another basis it needs less than twice as "
            "many",
            theirs="–",
            holds=turned < ALIKE,
            rule=most,
            kind="guess",
            note="a random basis; ridge regression does not notice",
        ),
    ]
