"""Figures of the chapter on pitfalls of simplicity bias, with their words. No torch."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from jaxtyping import Int, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    key,
    legend_below,
    log_ticks,
    medians,
    open_log_axis,
    panels,
    plain_ticks,
)
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import STYLES
from hlnb.metrics.times import describe, held, median
from hlnb.words import in_range, listed

Runs = Real[np.ndarray, "_run _point"]
LABELS = (("#D55E00", "o"), ("#0072B2", "^"))  # of label 0, of label 1
SHADES = matplotlib.colors.LinearSegmentedColormap.from_list(
    "labels", ["#F3B48A", "#FFFFFF", "#8FC1E3"]
)
# AUC → (colour, dashes, marker, words)
KIND_STYLES: Mapping[str, tuple[str, object, str, str]] = {
    "standard": ("#000000", "-", "o", "test inputs as they are"),
    "simple": ("#D55E00", "--", "s", "simple coordinate shuffled"),
    "complex": ("#0072B2", "-.", "^", "complex coordinates shuffled"),
}
SET_STYLES = (
    ("#009E73", "-", "o"),
    ("#E69F00", "--", "s"),
    ("#AA4499", "-.", "^"),
    ("#5522CC", ":", "D"),
)


def _plane(ax: Axes, reach: float) -> None:
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel="$x_1$")
    ax.grid(False)


def _shade(ax: Axes, region: Real[np.ndarray, "side side"], reach: float) -> None:
    ax.imshow(
        region,
        origin="lower",
        extent=(-reach, reach, -reach, reach),
        cmap=SHADES,
        vmin=0,
        vmax=1,
        interpolation="bilinear",
    )


def _dots(
    ax: Axes, x: Real[np.ndarray, "n 2"], y: Int[np.ndarray, " n"], size: float
) -> None:
    for label, (colour, marker) in enumerate(LABELS):
        ax.plot(*x[y == label].T, marker, color=colour, ms=size, mew=0, alpha=0.8)


def _label_keys() -> list:
    return [
        key(f"label {label}", marker, colour=colour, markersize=5)
        for label, (colour, marker) in enumerate(LABELS)
    ]


def sets_figure(
    sets: Mapping[str, tuple[Real[np.ndarray, "_n 2"], Int[np.ndarray, " _n"]]],
    region: Real[np.ndarray, "side side"],
    *,
    reach: float,
) -> Drawn:
    """Two sets of points over the regions of one network.

    A dashed line at 45 degrees in the last: its best halfspace.
    """
    fig, axes = panels(len(sets), height=4.3, sharey=True)
    for ax, (title, (x, y)) in zip(axes, sets.items(), strict=True):
        _shade(ax, region, reach)
        _dots(ax, x, y, 3)
        _plane(ax, reach)
        ax.set_title(title, fontsize=10)
    axes[0].set_ylabel("$x_2$")
    axes[-1].plot(
        [-reach, reach], [reach, -reach], color="black", linestyle="--", linewidth=1.5
    )
    line = key("45-degree halfspace", colour="black", linestyle="--")
    legend_below(fig, [*_label_keys(), line])
    counts = listed(dict.fromkeys(len(y) for _, y in sets.values()))
    return Drawn(
        fig,
        caption=f"The two sets ({counts} training points each), over the regions of "
        "one network with four hidden units that is right on both. Dashed: the "
        "halfspace.",
        alt="Two squares with points in slanted stripes, over the same stripes. Right, "
        "label 1 lies above the dashed diagonal and label 0 below, but for a few near "
        "it.",
    )


def regions_frame(
    sets: Mapping[str, tuple[Real[np.ndarray, "_n 2"], Int[np.ndarray, " _n"]]],
    regions: Sequence[Real[np.ndarray, "side side"]],
    *,
    step: int,
    errors: Sequence[float],
    reach: float,
) -> Figure:
    """What networks say over the plane at one step, one panel per set, with points."""
    fig, axes = panels(len(sets), width=6.2, height=3.5, sharey=True)
    rows = zip(axes, sets.items(), regions, errors, strict=True)
    for ax, (title, (x, y)), region, error in rows:
        _shade(ax, region, reach)
        _dots(ax, x, y, 2)
        _plane(ax, reach)
        ax.set_title(f"{title}, step {step}: error {error:.3f}", fontsize=10)
    axes[0].set_ylabel("$x_2$")
    return fig


def trained_figure(
    sets: Mapping[str, tuple[Real[np.ndarray, "_n 2"], Int[np.ndarray, " _n"]]],
    regions: Sequence[Real[np.ndarray, "side side"]],
    *,
    step: int,
    errors: Sequence[float],
    reach: float,
) -> Drawn:
    """The `regions_frame` of networks after training, with their words."""
    shares = listed(
        f"{100 * (region > 0.5).mean():.0f} % ({name})"
        for name, region in zip(sets, regions, strict=True)
    )
    return Drawn(
        regions_frame(sets, regions, step=step, errors=errors, reach=reach),
        caption=f"What the two networks of the film say over the plane after {step} "
        "steps, with training points. Orange: label 0, blue: label 1, white: the "
        "border between them.",
        alt="Two squares with points over coloured regions, one for each set. Label 1 "
        f"is said on {shares} of the square.",
    )


def stuck_figure(
    curves: Mapping[str, tuple[Real[np.ndarray, " _point"], Runs]],
    times: Mapping[str, Real[np.ndarray, " _run"]],
    *,
    goal: float,
    cap: float,
) -> Drawn:
    """Test error against steps, and the steps until it is at the goal; log scales.

    Thin: runs. Thick: their median, in which runs that ended keep their last value.
    Runs that never got there are crosses. Errors below goal / 3 are drawn at goal / 3.
    """
    fig, (left, right) = panels(2, height=4.6, width_ratios=[1.35, 1])
    for row, (name, (steps, runs)) in enumerate(curves.items()):
        colour, dashes, marker = SET_STYLES[row % len(SET_STYLES)]
        floor = np.clip(runs, goal / 3, None)
        alive = ~np.isnan(runs).all(0)
        left.plot(steps, floor.T, color=colour, linewidth=0.5, alpha=0.4)
        look = {"color": colour, "linestyle": dashes, "linewidth": 2}
        middle = np.median(held(floor), axis=0)[alive]
        left.plot(steps[alive], middle, **look, label=name)
        found = times[name]
        reached = np.sort(found[np.isfinite(found)])
        apart = row + 0.3 * (np.arange(len(reached)) / max(1, len(reached) - 1) - 0.5)
        right.plot(reached, apart, marker, color=colour, ms=4.5, alpha=0.6)
        if np.isfinite(median(found)):
            right.plot(median(found), row, "|", color=colour, ms=18, mew=2.5)
        if missed := len(found) - len(reached):
            right.plot(1.4 * cap, row, "x", color=colour, ms=7)
            right.text(1.7 * cap, row, f"{missed}", va="center", fontsize=8)
    grey, dots, _ = STYLES["chance"]
    left.axhline(goal, color=grey, linestyle=dots, label=f"goal: {goal:g}")
    left.set(xscale="log", yscale="log", xlabel="steps", ylabel="test error (share)")
    open_log_axis(left, *(runs for _, runs in curves.values()))
    plain_ticks(left.yaxis, [v for v in (0.5, 0.2, 0.1, 0.05, 0.02, 0.01) if v >= goal])
    last = float(max(steps[-1] for steps, _ in curves.values()))
    plain_ticks(left.xaxis, log_ticks(1, last))
    right.axvline(cap, color="#999999", linewidth=0.8)
    right.set(xscale="log", xlabel=f"steps to test error {goal:g}")
    known = np.concatenate([[cap], *[t[np.isfinite(t)] for t in times.values()]])
    right.set(xlim=(known.min() / 1.5, 2.4 * cap), ylim=(len(curves) - 0.5, -0.5))
    plain_ticks(right.xaxis, log_ticks(float(known.min()), cap))
    right.set_yticks(range(len(curves)), [*curves])
    right.grid(False, axis="y")
    legend_below(fig, columns=5)
    told = "; ".join(f"{name}: {describe(t, cap=cap)}" for name, t in times.items())
    runs = max(len(t) for t in times.values())
    return Drawn(
        fig,
        caption=f"Left: test error while training, {runs} networks a set (thin) and "
        "their median (thick). Right: steps until the error is at the goal. Records "
        "are about 12 % apart. The share in a name is the accuracy of the best "
        "halfspace.",
        alt="Left panel: test error against steps on log scales, a curve for each set. "
        f"Right panel, steps to the goal: {told}.",
    )


def reliance_figure(
    found: Mapping[str, tuple[Real[np.ndarray, " _point"], Mapping[str, Runs]]],
) -> Drawn:
    """Three AUCs against steps, one panel per data set; thin: runs, thick: medians."""
    fig, axes = panels(len(found), height=4.0, sharey=True)
    for ax, (title, (steps, kinds)) in zip(axes, found.items(), strict=True):
        for kind, runs in kinds.items():
            colour, dashes, marker, words = KIND_STYLES[kind]
            ax.plot(steps, runs.T, color=colour, linewidth=0.6, alpha=0.4)
            ax.plot(
                steps,
                medians(runs),
                color=colour,
                linestyle=dashes,
                marker=marker,
                markevery=[-1],
                ms=5,
                linewidth=2,
                label=words,
            )
        ax.axhline(0.5, color=STYLES["chance"][0], linestyle=":", linewidth=1.2)
        ax.set(title=title, xlabel="steps", ylim=(0.3, 1.04))
        ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3, integer=True))
    axes[0].set_ylabel("AUC (share)")
    legend_below(fig, columns=3)
    ends = "; ".join(
        f"{title}: "
        + ", ".join(f"{medians(runs)[-1]:.3f} {KIND_STYLES[k][3]}" for k, runs in v)
        for title, v in ((title, kinds.items()) for title, (_, kinds) in found.items())
    )
    return Drawn(
        fig,
        caption="AUC on test inputs as they are and with shuffled coordinates, thin: "
        "networks, thick: median. Where a curve lies at 0.5 (dotted) the network has "
        "nothing without what was shuffled.",
        alt=f"A panel for each set, AUC against steps. Medians at the end: {ends}.",
    )


def remedies_figure(
    found: Mapping[str, Mapping[str, Real[np.ndarray, " _run"]]], *, floor: float
) -> Drawn:
    """Test error (left) and AUCs with shuffled parts (right), one row per remedy.

    `floor`: error of the simple classifier alone, a dotted line. Dots: runs.
    """
    fig, (left, right) = panels(2, height=0.9 + 0.65 * len(found), sharey=True)
    for row, values in enumerate(found.values()):
        n = len(values["error"])
        apart = row + 0.4 * (np.arange(n) / max(1, n - 1) - 0.5)
        left.plot(values["error"], apart, "o", color="#000000", ms=5, alpha=0.7)
        for kind in ("simple", "complex"):
            colour, _, marker, _ = KIND_STYLES[kind]
            right.plot(values[kind], apart, marker, color=colour, ms=5, alpha=0.7)
    for ax, at in ((left, floor), (right, 0.5)):
        ax.axvline(at, color=STYLES["chance"][0], linestyle=":", linewidth=1.2)
        ax.grid(False, axis="y")
    left.set_yticks(range(len(found)), [*found])
    left.set(ylim=(len(found) - 0.5, -0.5), xlabel="test error (share)")
    left.set_xlim(-0.004, None)
    right.set(xlabel="AUC (share)", xlim=(0.45, 1.03))
    handles = [
        key(words, marker, colour=colour, markersize=5)
        for colour, _, marker, words in (KIND_STYLES[k] for k in ("simple", "complex"))
    ]
    legend_below(fig, handles)
    said = {
        kind: "; ".join(f"{k} {in_range(v[kind], '.3f')}" for k, v in found.items())
        for kind in ("error", "simple", "complex")
    }
    n = max(len(values["error"]) for values in found.values())
    return Drawn(
        fig,
        caption="Noisy LMS-7: test error (left; dotted: the halfspace) and AUC with "
        f"shuffled coordinates (right; dotted: chance), {n} data sets, a mark each. "
        "All at the lowest validation error, but slabs first at the end.",
        alt=f"Test errors: {said['error']}. AUCs with the linear coordinate shuffled: "
        f"{said['simple']}; with slabs shuffled: {said['complex']}.",
    )
