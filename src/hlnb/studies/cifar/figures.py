"""Figures of image networks: filters, patches, accuracies. Imports no torch."""

import math
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    beside,
    curves,
    finite_medians,
    finite_part,
    key,
    legend_below,
    log_ticks,
    open_log_axis,
    panels,
    phase_marks,
    plain_ticks,
    say_diverged,
)
from hlnb.figures.style import STYLES, style
from hlnb.metrics.chance import mean_interval
from hlnb.results import Result

BEFORE, AFTER = STYLES["chance"][0], STYLES["simultaneous"][0]
Marks = Real[np.ndarray, " _run"]
NULLS = ("#999933", BEFORE, AFTER)  # random, untrained, trained


def strip(patches: np.ndarray, *, frame: int = 1) -> np.ndarray:
    """Patches (count, side, side, 3) side by side, with white lines between them."""
    framed = np.pad(
        patches, ((0, 0), (0, frame), (0, frame), (0, 0)), constant_values=255
    )
    return np.concatenate(list(framed), axis=1)


def patches_figure(
    layers: Mapping[str, np.ndarray],
    *,
    filters: Mapping[str, Sequence[int]],
    columns: int = 1,
) -> Figure:
    """For each layer, the patches (channel, count, side, side, 3) of some filters.

    A row of patches is one filter, most exciting patch first; `columns`: number of such
    rows side by side.
    """
    rows = math.ceil(max(map(len, filters.values())) / columns)
    fig = plt.figure(figsize=(7.2, 0.42 * rows + 0.5 if columns > 1 else 0.8 * rows))
    for part, (layer, patches) in zip(
        fig.subfigures(1, len(layers), squeeze=False)[0], layers.items(), strict=True
    ):
        part.suptitle(layer, fontsize=10)
        axes = part.subplots(rows, columns, squeeze=False)
        for ax, j in zip(axes.flat, filters[layer], strict=False):
            ax.imshow(strip(patches[j]))
            ax.set_ylabel(j, rotation=0, ha="right", va="center", fontsize=8)
        for ax in axes.flat:
            bare(ax)
    return fig


def accuracies_figure(
    accuracies: Mapping[str, Real[np.ndarray, " run"]], *, report: float
) -> Figure:
    """Accuracies of variants: runs, their medians, and the report's number."""
    colour, _, marker = STYLES["simultaneous"]
    fig, (ax,) = panels(1, height=0.8 + 0.6 * len(accuracies))
    for row, values in enumerate(accuracies.values()):
        ax.plot(values, beside(values, row), marker, color=colour, alpha=0.6)
        ax.plot(finite_medians(values[:, None]), row, "|", color=colour, ms=18, mew=2.5)
    black, dashes, _ = STYLES["report"]
    ax.axvline(report, color=black, linestyle=dashes, linewidth=1)
    ax.text(report, -0.75, f" report: over {report:g}", fontsize=8, va="center")
    ax.set_yticks(range(len(accuracies)), accuracies)
    ax.set(ylim=(len(accuracies) - 0.5, -1.1), xlabel="validation accuracy (share)")
    say_diverged(fig, *accuracies.values())
    return fig


def bare(ax: Axes) -> None:
    """Takes ticks, grid and frame from an axis, for pictures."""
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)


def spread_figure(
    layers: Mapping[str, Mapping[str, Real[np.ndarray, "run value"]]],
    *,
    ylabel: str,
    colours: Mapping[str, str],
) -> Figure:
    """One panel per layer, groups side by side: dots for values, bars for runs' means.

    NaN values are left out. `colours`: by group.
    """
    columns = min(2, len(layers))
    height = 2.5 * math.ceil(len(layers) / columns)
    fig, axes = panels(len(layers), columns=columns, height=height, sharey=True)
    for ax, (layer, groups) in zip(axes, layers.items(), strict=True):
        for x, (group, runs) in enumerate(groups.items()):
            for r, values in enumerate(runs):
                at = x + (r - (len(runs) - 1) / 2) * 0.75 / len(runs)
                colour = colours[group]
                ax.plot(beside(values, at), values, ".", color=colour, alpha=0.3, ms=4)
                if (~np.isnan(values)).any():
                    mean = np.nanmean(values)
                    ax.plot(at, mean, "_", color=colour, ms=11, mew=2.5)
        ax.set_xticks(range(len(groups)), groups)
        ax.set(title=layer, xlim=(-0.6, len(groups) - 0.4))
        ax.grid(axis="x", visible=False)
    for ax in axes[::columns]:
        ax.set_ylabel(ylabel)
    return fig


def before_after_figure(
    shares: Mapping[
        str, tuple[Real[np.ndarray, "run filter"], Real[np.ndarray, "run filter"]]
    ],
) -> Figure:
    """Statistics after training against before: dots for filters, crosses for runs."""
    fig, axes = panels(len(shares), height=3.1)
    for ax, (name, (before, after)) in zip(axes, shares.items(), strict=True):
        known = finite_part(before, after)
        known = known if len(known) else np.array([0.0, 1.0])
        low, high = known.min() - 0.03, known.max() + 0.03
        ax.plot([low, high], [low, high], ":", color=BEFORE, linewidth=1.2)
        ax.plot(before.ravel(), after.ravel(), ".", color=AFTER, alpha=0.3, ms=4)
        means = before.mean(1), after.mean(1)
        ax.plot(*means, "P", color=STYLES["report"][0], ms=6, mec="white", mew=0.6)
        ax.set(
            title=name, xlim=(low, high), ylim=(low, high), xlabel="before", aspect=1
        )
    axes[0].set_ylabel("after training")
    handles = [
        key("one filter", ".", colour=AFTER),
        key("mean of a run", "P", colour=STYLES["report"][0]),
        key("no change", colour=BEFORE, linestyle=":"),
    ]
    legend_below(fig, handles)
    say_diverged(fig, *(runs for pair in shares.values() for runs in pair))
    return fig


def picture(weights: Real[np.ndarray, "3 h w"]) -> np.ndarray:
    """Weights or an input as colours: 0 is mid-grey, the largest |entry| saturated."""
    scaled = 0.5 + 0.5 * weights / max(float(np.abs(weights).max()), 1e-12)
    return (255 * np.moveaxis(scaled, 0, -1)).round().astype(np.uint8)


def best_inputs_figure(
    layers: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    filters: Mapping[str, Sequence[int]],
) -> Figure:
    """Best inputs (channel, 3, s, s) beside patches of the images, for each layer."""
    rows = max(map(len, filters.values()))
    fig = plt.figure(figsize=(7.2, 0.8 * rows + 0.2))
    parts = fig.subfigures(1, len(layers), squeeze=False)[0]
    for part, (layer, (best, patches)) in zip(parts, layers.items(), strict=True):
        part.suptitle(layer, fontsize=10)
        axes = part.subplots(rows, 2, squeeze=False, width_ratios=[1, 5])
        for pair, j in zip(axes, filters[layer], strict=False):
            pair[0].imshow(picture(best[j]))
            pair[0].set_ylabel(j, rotation=0, ha="right", va="center", fontsize=8)
            pair[1].imshow(strip(patches[j]))
        for ax in axes.flat:
            bare(ax)
    return fig


def filter_frame(
    rows: Mapping[str, tuple[Real[np.ndarray, "3 s s"], np.ndarray, str]],
) -> Figure:
    """One filter: rows of its best input, its patches (count, s, s, 3) and words."""
    fig = plt.figure(figsize=(6.0, 0.62 * len(rows)))
    axes = fig.subplots(len(rows), 3, squeeze=False, width_ratios=[1.2, 5, 2.6])
    for (left, middle, right), (name, (best, patches, words)) in zip(
        axes, rows.items(), strict=True
    ):
        left.imshow(picture(best))
        left.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        middle.imshow(strip(patches))
        right.text(0, 0.5, words, va="center", fontsize=8, transform=right.transAxes)
        for ax in (left, middle, right):
            bare(ax)
    return fig


def filters_figure(networks: Mapping[str, Real[np.ndarray, "filter 3 s s"]]) -> Figure:
    """All first-layer filters of several networks, in the same order, as colours."""
    fig, axes = panels(len(networks), height=0.6 + 3.4, columns=len(networks))
    for ax, (name, filters) in zip(axes, networks.items(), strict=True):
        pictures = np.stack([picture(weights) for weights in filters])
        across = 4
        rows = [
            strip(pictures[k : k + across]) for k in range(0, len(pictures), across)
        ]
        ax.imshow(np.concatenate(rows, axis=0))
        ax.set_title(textwrap.fill(name, 17), fontsize=9)
        bare(ax)
    return fig


def dynamics_figure(
    columns: Mapping[str, Mapping[str, Result]],
    *,
    rows: Mapping[str, tuple[str, bool]],
    ends: Sequence[int],
    parts: Sequence[str],
    log: Sequence[str] = (),
) -> Figure:
    """Figure 2 of the report: curves against iteration, changes of part marked.

    columns: title → kind of training (a key of STYLES) → Result.
    rows: axis label → (trace, whether to show one minus it).
    log: the axis labels whose axis is logarithmic.
    """
    fig, axes = panels(
        len(rows) * len(columns),
        columns=len(columns),
        height=2.3 * len(rows) + 0.6,
        sharex=True,
        sharey="row",
    )
    for i, (label, (trace, flip)) in enumerate(rows.items()):
        for j, (title, kinds) in enumerate(columns.items()):
            ax = axes[i * len(columns) + j]
            for meaning, result in kinds.items():
                values = result.of(trace)
                curves(
                    ax, result.steps, 1 - values if flip else values, meaning=meaning
                )
            phase_marks(ax, ends, parts if i == j == 0 else [""] * len(parts))
            if label in log:
                ax.set_yscale("log")
                plain_ticks(ax.yaxis, log_ticks(*ax.get_ylim()))
            if i == 0:
                ax.set_title(title, fontsize=10, pad=16)
            if i == len(rows) - 1:
                ax.set_xlabel("iteration (batches of 64)")
            if j == 0:
                ax.set_ylabel(label)
    legend_below(fig)
    return fig


def variants_figure(
    accuracies: Mapping[str, Real[np.ndarray, " run"]],
    *,
    meanings: Mapping[str, str],
    xlabel: str,
    chance: float | None = None,
) -> Figure:
    """One row per variant: runs (dots), their mean (bar), its 95 % interval (line)."""
    fig, (ax,) = panels(1, height=0.8 + 0.5 * len(accuracies))
    for row, (name, values) in enumerate(accuracies.items()):
        colour, _, marker = style(meanings[name])
        ended = values[np.isfinite(values)]
        if len(ended):
            middle, low, high = mean_interval(ended)
            ax.plot([low, high], [row, row], "-", color=colour, linewidth=1.2)
        ax.plot(values, beside(values, row), marker, color=colour, alpha=0.5, ms=5)
        if len(ended):
            ax.plot(middle, row, "|", color=colour, ms=14, mew=2.5)
    if chance is not None:
        ax.axvline(chance, color=BEFORE, linestyle=":", linewidth=1.2)
        ax.text(chance, -0.7, " guessing", fontsize=8, va="center")
    ax.set_yticks(range(len(accuracies)), accuracies)
    ax.set(ylim=(len(accuracies) - 0.5, -1), xlabel=xlabel)
    say_diverged(fig, *accuracies.values())
    return fig


def heights_figure(
    panels_: Mapping[str, Mapping[float, Real[np.ndarray, "run 3"]]],
    *,
    ylabel: str,
) -> Figure:
    """A curve before, at its highest in and after a phase, against the learning rate.

    `panels_[title][lr]`: these three values for each run.
    """
    fig, axes = panels(len(panels_), height=4.6, sharey=True)
    looks = {
        "highest in the part": ("^", STYLES["layer-wise"][0]),
        "at its end": ("o", STYLES["simultaneous"][0]),
    }
    for ax, (title, rates) in zip(axes, panels_.items(), strict=True):
        lrs = sorted(rates)
        start = np.median(np.concatenate([rates[lr][:, 0] for lr in lrs]))
        ax.axhline(start, color=BEFORE, linestyle=":", linewidth=1.2)
        for k, (name, (marker, colour)) in enumerate(looks.items(), start=1):
            for lr in lrs:
                values = rates[lr][:, k]
                ax.plot(
                    beside(values, lr), values, marker, color=colour, alpha=0.4, ms=4
                )
            middle = [np.median(rates[lr][:, k]) for lr in lrs]
            ax.plot(lrs, middle, "-", color=colour, linewidth=1.8, label=name)
        ax.set(
            title=title, xscale="log", yscale="log", xlabel="learning rate of part 3"
        )
        plain_ticks(ax.xaxis, lrs)
    axes[0].set_ylabel(ylabel)
    handles = [
        key("at its start", colour=BEFORE, linestyle=":"),
        *axes[0].get_legend_handles_labels()[0],
    ]
    legend_below(fig, handles)
    every = [runs for rates in panels_.values() for runs in rates.values()]
    open_log_axis(axes[0], *every)
    plain_ticks(axes[0].yaxis, log_ticks(*axes[0].get_ylim()))
    say_diverged(fig, *every)
    return fig


def states_figure(
    panels_: Mapping[str, Mapping[str, Real[np.ndarray, " run"]]],
    *,
    ylabels: Sequence[str],
) -> Figure:
    """Values of a network in several states, one panel per quantity, a line per run."""
    colour, _, marker = STYLES["simultaneous"]
    fig, axes = panels(len(panels_), height=4.7)
    for ax, (title, states), ylabel in zip(axes, panels_.items(), ylabels, strict=True):
        runs = np.stack(list(states.values()), axis=1)
        where = np.arange(len(states))
        for run in runs:
            ax.plot(where, run, marker + "-", color=colour, alpha=0.4, lw=0.7, ms=4)
        ax.plot(where, np.median(runs, axis=0), "_", color=colour, ms=15, mew=2.5)
        ax.set_xticks(where, [textwrap.fill(s, 11) for s in states], fontsize=8)
        ax.set(title=title, ylabel=ylabel, xlim=(-0.5, len(states) - 0.5))
        ax.grid(axis="x", visible=False)
    return fig


def leaps_figure(
    panels_: Mapping[str, Mapping[str, tuple[Marks, Marks]]],
    *,
    borders: Sequence[float],
    xlabels: Sequence[str],
) -> Figure:
    """How far the loss leaps against what curvature says in advance, log-log.

    `panels_[optimizer][part]`: what is measured, and the leap (highest loss over that
    at the start), one value a run each. `borders`: above them a leap is expected.
    """
    fig, axes = panels(len(panels_), height=4.9, sharey=True)
    looks = (("o", "#222222"), ("s", "#777777"), ("^", "#AAAAAA"))
    both = zip(axes, panels_.items(), borders, xlabels, strict=True)
    for ax, (title, cases), border, xlabel in both:
        for (part, (said, leap)), (marker, colour) in zip(
            cases.items(), looks, strict=False
        ):
            look = {"color": colour, "ms": 7, "alpha": 0.6}
            ax.plot(said, leap, marker, label=part, **look)
        ax.axvline(border, color=STYLES["report"][0], linestyle="--", linewidth=1.2)
        ax.axhline(1.1, color=BEFORE, linestyle=":", linewidth=1.4)
        ax.set(title=title, xlabel=xlabel, xscale="log", yscale="log")
        shown = np.concatenate([np.ravel(said) for said, _ in cases.values()])
        ax.set_xlim(*_reach(shown, border))
        plain_ticks(ax.xaxis, log_ticks(*ax.get_xlim()))
    leaps = [np.ravel(leap) for cases in panels_.values() for _, leap in cases.values()]
    axes[0].set_ylim(*_reach(np.concatenate(leaps), 1.1))
    plain_ticks(axes[0].yaxis, log_ticks(*axes[0].get_ylim()))
    axes[0].set_ylabel("highest loss / loss at the start")
    legend_below(
        fig,
        [
            *axes[0].get_legend_handles_labels()[0],
            key("a leap is expected to the right", linestyle="--", colour="black"),
            key("a leap: above", linestyle=":", colour=BEFORE),
        ],
        columns=3,
    )
    return fig


def _reach(values: Real[np.ndarray, " _value"], line: float) -> tuple[float, float]:
    """Ends of a log axis with room for the positive values and a line."""
    known = np.append(values[np.isfinite(values) & (values > 0)], line)
    return known.min() / 1.3, known.max() * 1.3


def alone_figure(
    alone: Mapping[str, Real[np.ndarray, " run"]],
    together: float,
    travel: Mapping[str, Mapping[str, Real[np.ndarray, " run"]]],
    *,
    meanings: Mapping[str, str],
) -> Figure:
    """Accuracies of parts that learn alone, and how far each part's weights travel.

    `alone`: by part, from the input up. `together`: the accuracy of all parts.
    `travel[training][part]`: of each run;
    `meanings`: by training, keys of STYLES.
    """
    fig, (left, right) = panels(2, height=4.7)
    where = np.arange(len(alone))
    names = [textwrap.fill(name, 10) for name in alone]
    ways = ("only conv", "only conv2", "only hidden", "only readout")
    for x, (values, way) in enumerate(zip(alone.values(), ways, strict=True)):
        colour, _, marker = STYLES[way]
        left.plot(beside(values, x), values, marker, color=colour, alpha=0.6, ms=5)
        left.plot(x, values.mean(), "_", color=colour, ms=18, mew=2.5)
    blue, dashes, _ = STYLES["simultaneous"]
    left.axhline(together, color=blue, linestyle=dashes, lw=1.4)
    left.axhline(0.1, color=BEFORE, linestyle=":", linewidth=1.2)
    half = (together + 0.1) / 2
    left.axhline(half, color=STYLES["report"][0], linestyle="--", linewidth=1)
    left.set(ylabel="test accuracy (share)", title="one part alone")
    shown = finite_part(np.array([together, 0.1]), *alone.values())
    left.set_ylim(0, 1.1 * shown.max())
    for i, (training, parts) in enumerate(travel.items()):
        colour, _, marker = STYLES[meanings[training]]
        at = where + 0.2 * (i - (len(travel) - 1) / 2)
        for x, values in zip(at, parts.values(), strict=True):
            right.plot(beside(values, x), values, marker, color=colour, alpha=0.5, ms=4)
        middle = [np.median(values) for values in parts.values()]
        right.plot(at, middle, "_", color=colour, ms=12, mew=2.5)
    right.axhline(1, color=BEFORE, linestyle=":", linewidth=1.2)
    right.set(ylabel="travel (share of the length at the start)", title="travel")
    right.set_ylim(0, None)
    for ax in (left, right):
        ax.set_xticks(where, names)
        ax.set_xlim(-0.5, len(where) - 0.5)
        ax.grid(axis="x", visible=False)
    legend_below(
        fig,
        [
            key("half of the gain", colour="black", linestyle="--"),
            *(
                key(name, STYLES[m][2], colour=STYLES[m][0])
                for name, m in meanings.items()
            ),
            key("guessing; length at the start", colour=BEFORE, linestyle=":"),
        ],
        columns=3,
    )
    say_diverged(fig, np.stack([*alone.values()], axis=1))
    return fig
