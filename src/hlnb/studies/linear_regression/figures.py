"""Figures of the chapter on linear regression. Imports no torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    beside,
    finite_medians,
    key,
    legend_below,
    log_range,
    log_ticks,
    panels,
    plain_ticks,
    say_diverged,
    threshold,
)
from hlnb.figures.style import STYLES

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#AA4499"

# way of fitting → (colour, dashes, marker)
PATH_STYLES: Mapping[str, tuple[str, Any, str]] = {
    "descent from 0": (BLUE, "-", "o"),
    "SGD from 0": (ORANGE, "--", "s"),
    "descent from length 0.001": (GREEN, (0, (6, 1.5)), "^"),
    "descent from length 1": (PURPLE, "-.", "D"),
}
THEORY = ("#000000", "--")
Curve = tuple[Real[np.ndarray, " _point"], Real[np.ndarray, " _point"]]
Runs = Mapping[float, Real[np.ndarray, " _run"]]


def paths_figure(
    paths: Mapping[str, tuple[Real[np.ndarray, " _t"], Real[np.ndarray, "_run _t"]]],
) -> Figure:
    """Distances to X⁺y against passes over the data, on a log scale.

    Thin: runs. Thick: their median.
    """
    fig, (ax,) = panels(1, height=4.4)
    for label, (passes, runs) in paths.items():
        colour, dashes, marker = PATH_STYLES[label]
        shown = np.maximum(runs, 1e-17)  # zero has no place on a log scale
        ax.plot(passes, shown.T, color=colour, linewidth=0.6, alpha=0.4)
        ax.plot(
            passes,
            finite_medians(shown),
            color=colour,
            linestyle=dashes,
            linewidth=2,
            marker=marker,
            markevery=[-1],
            label=label,
        )
    ax.set(yscale="log", xlabel="passes over the data")
    ax.set_ylabel("distance to the minimum-norm solution")
    legend_below(fig, columns=2)
    say_diverged(fig, *(runs for _, runs in paths.values()))
    return fig


def rate_frame(
    values: Real[np.ndarray, " r"], errors: Real[np.ndarray, "t r"], *, rate: float
) -> Figure:
    """One step size η = `rate` / λ₁: the factor of each mode, and its error in time.

    `values`: eigenvalues; `errors`: one column per mode. Errors are signed shares
    of the first error; first, middle and last mode are drawn.
    """
    fig, (left, right) = panels(2, height=4.1)
    share = values / values[0]
    left.axhspan(-1, 0, color="#fbe3d3", zorder=0)
    left.axhspan(0, 1, color="#dcebf5", zorder=0)
    for level in (-1, 0, 1):
        left.axhline(level, color="#666666", linewidth=0.8)
    left.plot(share, 1 - rate * share, "o", color="#444444", ms=4)
    left.set(xlim=(0, 1.05), ylim=(-1.35, 1.1))
    left.set(xlabel="eigenvalue / largest", ylabel="factor 1 − ηλ of a step")
    left.set_title(f"η = {rate:g} / λ₁", fontsize=10)
    chosen = {"largest λ": 0, "middle λ": len(values) // 2, "smallest λ": -1}
    looks = zip((ORANGE, PURPLE, BLUE), ("-", "--", "-."), "osD", strict=True)
    for (label, i), (colour, dashes, marker) in zip(chosen.items(), looks, strict=True):
        right.plot(
            errors[:, i] / errors[0, i],
            color=colour,
            linestyle=dashes,
            marker=marker,
            ms=3.5,
            linewidth=1.3,
            label=label,
        )
        place = (share[i], 1 - rate * share[i])
        left.plot(*place, marker, color=colour, ms=7)
    right.axhline(0, color="#666666", linewidth=0.8)
    right.set(ylim=(-2.1, 2.1), xlabel="step", ylabel="error of a mode / first error")
    right.set_title("its error in time", fontsize=10)
    legend_below(fig)
    return fig


def spectra_figure(
    found: Mapping[str, tuple[Real[np.ndarray, " _k"], Curve]], *, top: float
) -> Figure:
    """Eigenvalues (histogram) and a density, a panel per title; cut at height `top`."""
    fig, axes = panels(len(found), height=5.2, columns=3)
    for i, (ax, (title, (values, curve))) in enumerate(
        zip(axes, found.items(), strict=True)
    ):
        ax.hist(values, bins=40, density=True, color="#9ecae1", label="eigenvalues")
        ax.plot(*curve, color=THEORY[0], linewidth=1.6, label="Marchenko–Pastur")
        ax.set_title(title, fontsize=10)
        ax.set(xlim=(0, None), ylim=(0, min(top, ax.get_ylim()[1])))
        if i >= len(found) - 3:
            ax.set_xlabel("eigenvalue of XᵀX/n")
        if i % 3 == 0:
            ax.set_ylabel("density")
    legend_below(fig)
    return fig


def dots(ax: Axes, found: Runs) -> None:
    """Draws a dot for each run, and a bar at each median."""
    for at, runs in found.items():
        ax.plot(beside(runs, at), runs, "o", color=BLUE, ms=3.5, alpha=0.35)
    middle = [float(finite_medians(runs[:, None])[0]) for runs in found.values()]
    bar = {"ls": "", "marker": "_", "ms": 12, "mew": 2.2, "color": BLUE, "zorder": 4}
    ax.plot([*found], middle, **bar, label="median of runs")


def _log_axes(ax: Axes, found: Runs) -> None:
    ax.set(xscale="log", yscale="log")
    low, high = log_range(*found.values())
    if high < 1e6 * low:  # else powers of ten, as matplotlib has them
        plain_ticks(ax.yaxis, log_ticks(low, high))


def condition_figure(
    ratios: Runs, theory: Curve, square: Runs, growth: Curve
) -> Figure:
    """Condition numbers against d/n and their limit; for d = n against n.

    `ratios[d / n]` and `square[n]`: one value per run.
    """
    fig, (left, right) = panels(2, height=4.2)
    for ax, found, curve in ((left, ratios, theory), (right, square, growth)):
        dots(ax, found)
        ax.plot(*curve, color=THEORY[0], linestyle=THEORY[1], lw=1.4, label="theory")
        _log_axes(ax, found)
    plain_ticks(left.xaxis, [0.25, 0.5, 1, 2, 4])
    plain_ticks(right.xaxis, [*square])
    left.set(xlabel="d/n", ylabel="condition number")
    right.set(xlabel="n = d")
    legend_below(fig)
    say_diverged(fig, *ratios.values(), *square.values())
    return fig


def risk_figure(risks: Runs, theory: Curve, *, null: float) -> Figure:
    """Excess risk against d/n on log scales, its limit, and the risk of w = 0."""
    fig, (ax,) = panels(1, height=4.6)
    dots(ax, risks)
    x, y = theory
    for label, side in (("limit n, d → ∞", x < 1), ("", x > 1)):  # broken at the pole
        ax.plot(
            x[side],
            y[side],
            color=THEORY[0],
            linestyle=THEORY[1],
            lw=1.6,
            label=label or "_",
        )
    ax.axhline(null, color=STYLES["chance"][0], linestyle=":", lw=1.4)
    _log_axes(ax, risks)
    plain_ticks(ax.xaxis, [0.1, 0.25, 0.5, 1, 2, 4, 10])
    ax.set(xlabel="d/n", ylabel="excess risk of the minimum-norm solution")
    known = ax.get_legend_handles_labels()[0]
    chance = key("w = 0", colour=STYLES["chance"][0], linestyle=":")
    legend_below(fig, [*known, chance])
    say_diverged(fig, *risks.values())
    return fig


# learner and truth → (colour, dashes, marker)
SPARSE_STYLES: Mapping[str, tuple[str, Any, str]] = {
    "ridge": (BLUE, "-", "o"),
    "least ℓ₁ norm": (ORANGE, "--", "s"),
    "least ℓ₁ norm, turned basis": (GREEN, (0, (6, 1.5)), "^"),
}


def sparse_figure(
    ns: Real[np.ndarray, " _n"],
    errors: Mapping[str, Real[np.ndarray, "_run _n"]],
    needed: Mapping[str, Mapping[int, Real[np.ndarray, " _run"]]],
    *,
    d: int,
) -> Figure:
    """What is left after n examples, d parameters, and how many are needed against d.

    `errors[learner]`: shares of the variance. `needed[learner][d]`: a number a run.
    """
    fig, (left, right) = panels(2, height=3.5)
    for label, runs in errors.items():
        colour, dashes, marker = SPARSE_STYLES[label]
        left.plot(ns, runs.T, color=colour, linewidth=0.5, alpha=0.35)
        middle = finite_medians(runs)
        look = {"color": colour, "linestyle": dashes, "marker": marker, "ms": 3.5}
        left.plot(ns, middle, linewidth=1.8, label=label, **look)
    threshold(left, value=0.1, label="a tenth of the variance")
    left.set(xlabel=f"examples, d = {d}", ylabel="excess risk / variance")
    for label, found in needed.items():
        colour, dashes, marker = SPARSE_STYLES[label]
        for at, runs in found.items():
            right.plot(np.full(len(runs), at), runs, marker, color=colour, ms=3)
        typical = [np.median(runs) for runs in found.values()]
        right.plot([*found], typical, color=colour, linestyle=dashes, lw=1.6)
    right.set(xscale="log", yscale="log", xlabel="parameters d")
    right.set_ylabel("examples until a tenth is left")
    plain_ticks(right.xaxis, [*needed["ridge"]])
    plain_ticks(right.yaxis, [10, 20, 50, 100, 200, 400])
    legend_below(fig)
    return fig
