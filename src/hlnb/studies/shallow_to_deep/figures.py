"""Figures of the chapter on learning from shallow to deep. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    beside,
    key,
    legend_below,
    log_range,
    log_ticks,
    multiples,
    panels,
    plain_ticks,
    say_diverged,
)
from hlnb.figures.style import STYLES

Values = Real[np.ndarray, " _run"]

# what learns → (colour, dashes, marker)
LEARNERS: Mapping[str, tuple[str, Any, str]] = {
    "one step, first patch": ("#8C6D00", (0, (1, 1)), "v"),
    "one step, all patches": ("#AA4499", (0, (5, 1.5)), "D"),
    "regression, all patches": ("#009E73", "-.", "^"),
    "simultaneous": STYLES["simultaneous"],
    "greedy": STYLES["greedy"],
    "layer-wise": STYLES["layer-wise"],
    "first layer untrained": STYLES["random features"],
    "first layer scrambled": ("#880011", (0, (8, 2, 2, 2)), "P"),
    "first layer by coin": ("#444444", (0, (2, 2)), "*"),
}
FEATURES = ("#0072B2", "#E69F00", "#009E73", "#AA4499", "#D55E00", "#444444")
SHAPES = "os^Dv*"
FLOOR = 0.01  # lower edge of the axis of predictions; 0 stands there


def learners_figure(
    found: Mapping[str, Mapping[str, Mapping[float, Values]]],
) -> Figure:
    """Relative error against training strings over P*, one panel per grammar.

    `found[grammar][learner][ratio]`: one value per run. Dots: runs; lines: medians.
    """
    fig, axes = multiples(
        [*found],
        xlabel="training strings / P*",
        ylabel="test error / error of guessing",
        row=2.7,
        below=0.6,
    )
    ratios = sorted({r for rows in found.values() for v in rows.values() for r in v})
    for ax, rows in zip(axes, found.values(), strict=True):
        for i, (label, by_ratio) in enumerate(rows.items()):
            colour, dashes, marker = LEARNERS[label]
            shift = 1.03 ** (i - (len(rows) - 1) / 2)
            for ratio, values in by_ratio.items():
                x = beside(values, shift * ratio)
                ax.plot(x, values, marker, color=colour, ms=3, alpha=0.45)
            at = [shift * ratio for ratio in by_ratio]
            middle = [np.median(values) for values in by_ratio.values()]
            ax.plot(at, middle, color=colour, linestyle=dashes, lw=2, label=label)
        ax.axhline(0.1, color=STYLES["chance"][0], linestyle=":", label="10 %")
        ax.set(xscale="log", ylim=(-0.03, 1.1))
        plain_ticks(ax.xaxis, ratios)
    legend_below(fig, columns=3)
    return fig


def why_figure(
    found: Mapping[str, tuple[Values, Values]],
) -> Figure:
    """End error against the share of tuples in a wrong level-1 cluster: dots for runs.

    `found[learner]`: shares, and relative errors.
    """
    fig, (ax,) = panels(1, width=5.6, height=3.6)
    for label, (shares, errors) in found.items():
        colour, _, marker = LEARNERS[label]
        ax.plot(
            shares,
            errors,
            marker,
            color=colour,
            ms=4.5,
            alpha=0.55,
            markerfacecolor="none",
            label=label,
        )
    ax.set(
        xlabel="level-1 tuples in a wrong cluster (share)",
        ylabel="test error / error of guessing",
        xlim=(-0.03, 1),
        ylim=(-0.03, 1.1),
    )
    legend_below(fig, columns=3)
    return fig


def signal_figure(found: Mapping[str, tuple[Values, Values]]) -> Figure:
    """Share of tuples in a wrong cluster against signal over noise: dots for runs.

    `found[grammar]`: signals and shares; each grammar has its marker.
    """
    fig, (ax,) = panels(1, width=5.8, height=3.5)
    for i, (name, (signals, shares)) in enumerate(found.items()):
        look = SHAPES[i % len(SHAPES)]
        colour = FEATURES[i % len(FEATURES)]
        ax.plot(signals, shares, look, color=colour, ms=4.5, alpha=0.6, label=name)
    ax.axvline(1, color="black", linestyle="--", linewidth=1)
    signals = [signals for signals, _ in found.values()]
    ax.set(
        xscale="log",
        xlabel="(i) signal / noise of the grammar, at this training set",
        ylabel="level-1 tuples in a\nwrong cluster (share)",
        ylim=(-0.02, None),
    )
    plain_ticks(ax.xaxis, log_ticks(*log_range(*signals)))
    legend_below(fig, columns=3)
    say_diverged(fig, *signals)
    return fig


def clusters_frame(
    points: Real[np.ndarray, "code 2"],
    features: Int[np.ndarray, " code"],
    wrong: Sequence[bool],
    *,
    limit: float,
    title: str,
) -> Figure:
    """Tuples as points in the plane of label rates; shape and colour: their feature.

    `wrong`: which tuples are in a wrong cluster; these are crossed.
    """
    fig, (ax,) = panels(1, width=4.6, height=3.9)
    for feature in np.unique(features):
        mine = features == feature
        ax.plot(
            *points[mine].T,
            SHAPES[feature % len(SHAPES)],
            color=FEATURES[feature % len(FEATURES)],
            ms=6,
            alpha=0.75,
            clip_on=True,
        )
    crossed = points[np.asarray(wrong, bool)]
    ax.plot(*crossed.T, "x", color="black", ms=9, mew=1.2)
    ax.set(
        xlim=(-limit, limit),
        ylim=(-limit, limit),
        aspect="equal",
        xlabel="label rates, first direction",
        ylabel="second direction",
        title=title,
    )
    return fig


def _problem_rows(ax: Axes, names: Sequence[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(False, axis="y")
    for i in range(1, len(names)):
        ax.axhline(i - 0.5, color="#dddddd", linewidth=0.6)


def conditions_figure(
    found: Mapping[str, Mapping[str, Values]],
    thresholds: Mapping[str, float],
    labels: Mapping[str, str],
) -> Figure:
    """The conditions, one panel each, problems from top to bottom: marks for draws.

    `found[problem][condition]`; `labels[condition]` names an axis. Values below FLOOR
    stand at the left edge.
    """
    fig, axes = panels(len(labels), width=7.6, height=0.9 + 0.33 * len(found))
    for ax, (name, label) in zip(axes, labels.items(), strict=True):
        _problem_rows(ax, [*found])
        if ax is not axes[0]:
            ax.set_yticklabels([])
        largest = 1.0
        for row, numbers in enumerate(found.values()):
            values = np.maximum(numbers[name], FLOOR)
            held = (np.median(numbers[name]) >= thresholds[name]).item()
            ax.plot(
                values,
                np.full(len(values), row),
                "o" if held else "X",
                color="#0072B2" if held else "#D55E00",
                ms=6,
                alpha=0.7,
                clip_on=False,
            )
            largest = max(largest, float(values[np.isfinite(values)].max(initial=1)))
        ax.axvline(thresholds[name], color="black", linestyle="--", linewidth=1)
        ax.set(xscale="log", xlim=(FLOOR, 2 * largest), xlabel=label)
        plain_ticks(ax.xaxis, [FLOOR, 1, *(t for t in (100, 10_000) if t <= largest)])
    handles = [
        key("holds", "o", colour="#0072B2"),
        key("does not hold", "X", colour="#D55E00"),
        key("threshold", colour="black", linestyle="--"),
    ]
    legend_below(fig, handles)
    return fig


def left_figure(found: Mapping[str, Mapping[str, Values]]) -> Figure:
    """Test error left, in units of guessing, one row per problem: marks for runs.

    `found[problem][way]`. A bar: the median. Errors above 1.3 stand at the edge.
    """
    fig, (ax,) = panels(1, width=7.2, height=1.1 + 0.5 * len(found))
    _problem_rows(ax, [*found])
    names = [*dict.fromkeys(way for rows in found.values() for way in rows)]
    for row, rows in enumerate(found.values()):
        for way, values in rows.items():
            colour, _, marker = LEARNERS[way]
            y = row + 0.19 * (names.index(way) - (len(names) - 1) / 2)
            drawn = np.minimum(values, 1.3)
            ax.plot(drawn, y + 0 * drawn, marker, color=colour, ms=4, alpha=0.55)
            ax.plot(min(np.median(values), 1.3), y, "|", color=colour, ms=10, mew=2.2)
    ax.axvline(1, color=STYLES["chance"][0], linestyle=":")
    ax.set(xlabel="test error at the end / error of guessing", xlim=(-0.03, 1.33))
    handles = [key(way, LEARNERS[way][2], colour=LEARNERS[way][0]) for way in names]
    legend_below(fig, [*handles, key("median", "|", markersize=10)], columns=3)
    return fig


def prediction_figure(
    predicted: Mapping[str, float],
    closed: Mapping[str, Mapping[str, float]],
    *,
    success: float,
) -> Figure:
    """The share of a gap that is closed, against the lowest condition: named dots.

    `predicted[problem]`: in units of thresholds; `closed[title][problem]`, NaN where
    there is no gap to close (not drawn). Shaded: where prediction and outcome agree.
    """
    fig, axes = panels(len(closed), width=7.4, height=4.3, sharey=True)
    for ax, (title, shares) in zip(axes, closed.items(), strict=True):
        colour, _, marker = LEARNERS.get(title, LEARNERS["greedy"])
        for x, y in (((FLOOR / 2, 1), (-2, success)), ((1, 9), (success, 3))):
            ax.fill_between(x, *y, color="#eeeeee", zorder=0, linewidth=0)
        ax.axvline(1, color="black", linestyle="--", linewidth=1)
        ax.axhline(success, color="black", linestyle="--", linewidth=1)
        places: list[tuple[float, float]] = []
        shown = {n: (predicted[n], y) for n, y in shares.items() if np.isfinite(y)}
        for name, (x, y) in sorted(shown.items(), key=lambda item: item[1][1]):
            x, y = max(x, FLOOR), float(np.clip(y, -0.45, 1.35))
            ax.plot(x, y, marker, color=colour, ms=7, alpha=0.8)
            height = y  # names of near points stand above one another
            while any(abs(height - h) < 0.075 and (x < 0.3) == (u < 0.3)
                      for u, h in places):  # fmt: skip
                height += 0.02
            places.append((x, height))
            left = x >= 0.3
            ax.annotate(
                name,
                (x, y),
                (x / 1.25 if left else x * 1.25, height),
                fontsize=8,
                ha="right" if left else "left",
                va="center",
                arrowprops={"arrowstyle": "-", "color": "#999999", "lw": 0.6},
            )
        ax.set(xscale="log", xlim=(FLOOR / 1.3, 3.2), ylim=(-0.5, 1.4), title=title)
        ax.set_xlabel("lowest condition / its threshold")
        plain_ticks(ax.xaxis, [FLOOR, 0.1, 1, 2])
    axes[0].set_ylabel("share of the gap closed")
    return fig
