"""The figures of the chapter on linear regression, with their words. No torch."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Real

from hlnb.figures.drawn import Drawn
from hlnb.studies.linear_regression import figures
from hlnb.studies.linear_regression.figures import Curve, Runs
from hlnb.words import in_range


def paths(far: Mapping[str, Real[np.ndarray, "_run _t"]], *, n: int, d: int) -> Drawn:
    """Distances to the minimum-norm solution, by way of fitting, one value a pass."""
    ends = "; ".join(
        f"{way} {in_range(found[:, -1], '.1e')}" for way, found in far.items()
    )
    passes = {way: np.arange(found.shape[1]) for way, found in far.items()}
    return Drawn(
        figures.paths_figure({way: (passes[way], found) for way, found in far.items()}),
        caption="Distance to the minimum-norm solution: "
        f"{len(next(iter(far.values())))} problems, {n} examples in dimension {d} "
        "(thin) and their median (thick). In a pass descent takes one step, of size "
        "1/λ₁, and SGD one for each example.",
        alt="Against passes over the data, log scale. From zero, both algorithms fall "
        "along straight lines to rounding. From length 0.001 or 1 the curve levels "
        f"off. At the end: {ends}.",
    )


def spectra(
    eigenvalues: Mapping[float, Real[np.ndarray, "_matrix _k"]],
    law: Mapping[float, Curve],
    *,
    n: int,
) -> Drawn:
    """Eigenvalues of random matrices and their law, by d/n."""
    shown = {
        f"d/n = {g:g}": (found.ravel(), law[g]) for g, found in eigenvalues.items()
    }
    apart = [g for g in eigenvalues if g != 1]
    return Drawn(
        figures.spectra_figure(shown, top=2.0),
        caption=f"Eigenvalues of XᵀX/n that are not zero, $n$ = {n}, "
        f"{len(eigenvalues[1])} matrices for each $d/n$, and the law.",
        alt="Five histograms, each filled up to its curve. For d/n = "
        f"{', '.join(f'{g:g}' for g in apart)} the smallest eigenvalues stay away from "
        f"zero: {', '.join(f'{eigenvalues[g].min():.2f}' for g in apart)}. For d = n "
        f"the density piles up at zero; smallest: {eigenvalues[1].min():.1e}.",
    )


def condition(
    ratios: Runs, theory: Curve, square: Runs, growth: Curve, *, n: int
) -> Drawn:
    """Condition numbers against d/n, and for d = n against n; their theory."""
    by_ratio = ", ".join(f"{np.median(k):.3g} at {g:g}" for g, k in ratios.items())
    by_size = ", ".join(f"{np.median(k):.0f} at {m}" for m, k in square.items())
    return Drawn(
        figures.condition_figure(ratios, theory, square, growth),
        caption=f"Condition number of XᵀX on the row space. Left: $n$ = {n}, "
        f"{len(next(iter(ratios.values())))} matrices each. Right: $d = n$, "
        f"{len(next(iter(square.values())))} matrices each.",
        alt="Left, against d/n, a peak at 1, falling the same to both sides. Medians: "
        f"{by_ratio}. Right, d = n, rising as the square of n: {by_size}.",
    )


def risk(risks: Runs, theory: Curve, *, n: int, noise: float) -> Drawn:
    """Excess risk of the minimum-norm solution against d/n, and its limit."""
    medians = ", ".join(f"{np.median(r):.2g} at {g:g}" for g, r in risks.items())
    return Drawn(
        figures.risk_figure(risks, theory, null=1.0),
        caption=f"Excess risk of the minimum-norm solution, $n$ = {n}, noise "
        f"{noise:g}: {len(next(iter(risks.values())))} problems for each $d/n$ (dots), "
        "their median, and the limit.",
        alt="Against d/n on log scales the risk rises to a sharp peak at 1, falls to a "
        f"minimum near 2 and rises slowly to the risk of w = 0. Medians: {medians}.",
    )


def sparse(
    ns: Real[np.ndarray, " _n"],
    errors: Mapping[str, Real[np.ndarray, "_run _n"]],
    needed: Mapping[str, Mapping[int, Real[np.ndarray, " _run"]]],
    *,
    d: int,
    sparsity: int,
) -> Drawn:
    """A sparse truth by learner; arguments as those of `figures.sparse_figure`."""
    largest = max(needed["ridge"])
    words = "; ".join(
        f"{label} {np.median(found[largest]):.0f}"
        for label, found in needed.items()
        if largest in found
    )
    return Drawn(
        figures.sparse_figure(ns, errors, needed, d=d),
        caption=f"Targets without noise from a β with {sparsity} entries that are not "
        "zero, or with such a β in a randomly turned basis. Left: what is left against "
        "the number of examples. Right: examples until a tenth is left; "
        f"{len(needed['ridge'][largest])} problems (dots) and their median (line). "
        "Ridge regression has its best penalty.",
        alt="Left, ridge regression falls along a straight line and reaches a tenth "
        f"near {0.9 * d:.0f} examples; least ℓ₁ norm drops to zero early, and late if "
        "the basis is turned. Right, on log scales the need of ridge regression grows "
        "in proportion to d, that of least ℓ₁ norm hardly. Medians at "
        f"d = {largest}: {words}.",
    )
