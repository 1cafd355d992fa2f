"""Figures of the toy problems and of Table 1."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Bool, Real
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter

from hlnb.figures.artists import (
    cosine_image,
    curves,
    ink,
    key,
    legend_below,
    log_ticks,
    medians,
    multiples,
    panels,
    phase_marks,
    plain,
    plain_ticks,
    threshold,
)
from hlnb.figures.style import BETWEEN, PART_COLOURS, STYLES, style
from hlnb.metrics.times import median
from hlnb.results import Result
from hlnb.words import training_in_words

# (epochs (record,), values (run, record)), where a figure needs no more of a Result
Pair = tuple[Real[np.ndarray, " _record"], Real[np.ndarray, "_run _record"]]


def hits(
    ax: Axes,
    lrs: Sequence[float],
    times: Real[np.ndarray, "lr run"],
    stays: Bool[np.ndarray, "lr run"],
    *,
    meaning: str,
    cap: float,
) -> None:
    """Draws epochs to the threshold against learning rate: runs, and their median.

    Runs that arrived and do not stay are hollow. Those that never got there stand as
    crosses, with their number, above the cap.
    """
    colour, dashes, marker = STYLES[meaning]
    never = 1.7 * cap
    for lr, found, stay in zip(lrs, times, stays, strict=True):
        there = np.isfinite(found)
        for runs, face in ((there & stay, colour), (there & ~stay, "none")):
            ax.plot(
                np.full(runs.sum(), lr),
                found[runs],
                marker,
                color=colour,
                markerfacecolor=face,
                ms=4,
                alpha=0.6,
            )
        missed = int((~there).sum())
        if missed:
            ax.plot(lr, never, "x", color=colour, ms=7)
            ax.text(lr * 1.08, never, f"{missed}", va="center", fontsize=8)
    middle = np.array([median(found) for found in times])
    middle[~np.isfinite(middle)] = np.nan  # the line breaks where it is unknown
    label = training_in_words(meaning)
    ax.plot(lrs, middle, color=colour, linestyle=dashes, linewidth=2.2, label=label)
    ax.axhline(cap, color="#999999", linewidth=0.8)
    ax.text(lrs[0], 1.06 * cap, "not reached:", fontsize=8, color="#444444")
    ax.set(yscale="log", ylim=(0.8, 2.3 * cap))
    plain_ticks(ax.yaxis, log_ticks(1, cap))
    rate_axis(ax, lrs)


def rate_axis(ax: Axes, lrs: Sequence[float]) -> None:
    """Makes the x axis logarithmic, with room for all these learning rates."""
    ax.set(xscale="log", xlim=(min(lrs) * 0.8, max(lrs) * 1.35))
    plain_ticks(ax.xaxis, log_ticks(min(lrs), max(lrs)))
    ax.set_xlabel("learning rate")


def reported(ax: Axes, value: float) -> None:
    """Draws a line at the number that the report prints."""
    colour, dashes, _ = STYLES["report"]
    ax.axhline(
        value, color=colour, linestyle=dashes, linewidth=1, label=f"report: {value:g}"
    )


def rows_figure(
    x: Real[np.ndarray, "n d"], labels: Sequence[str], patterns: np.ndarray
) -> Figure:
    """Inputs as rows of a colour map, with their labels, beside the patterns."""
    limit = float(np.abs(patterns).max())
    fig, axes = panels(2, height=2.6, width_ratios=[4, 1.3])
    for ax, image in zip(axes, (x, patterns), strict=True):
        ax.imshow(image, aspect="auto", vmin=-limit, vmax=limit)
        for row in range(1, len(image)):
            ax.axhline(row - 0.5, color="white", linewidth=1.5)
        ax.set_xlabel("pixel")
        ax.grid(False)
    axes[0].set_yticks(range(len(x)), labels, fontsize=8)
    axes[0].set_ylabel("example")
    axes[1].set_yticks(
        range(len(patterns)), [f"$F_{{{j + 1}}}$" for j in range(len(patterns))]
    )
    axes[1].set_title("patterns")
    return fig


def rates_figure(
    found: Mapping[str, tuple[Real[np.ndarray, "lr run"], Bool[np.ndarray, "lr run"]]],
    lrs: Sequence[float],
    *,
    cap: float,
    report: float | None,
) -> Figure:
    """Epochs to error 0.1 against learning rate, one panel for each reading.

    `found[reading]`: times, and which runs stay there.
    """
    fig, axes = panels(len(found), sharey=True)
    for ax, (reading, (times, stays)) in zip(axes, found.items(), strict=True):
        hits(ax, lrs, times, stays, meaning="simultaneous", cap=cap)
        if report is not None:
            reported(ax, report)
        ax.set_title(reading)
    axes[0].set_ylabel("epochs to test error 0.1")
    legend_below(fig)
    return fig


def trace(found: Result | Pair) -> Pair:
    """Epochs and test errors of a Result; a pair as it is."""
    return (found.epochs, found.of("test")) if isinstance(found, Result) else found


def errors_figure(
    results: Mapping[str, Mapping[str, Result | Pair]],
    *,
    ends: Sequence[int] = (),
    phases: Sequence[str] = (),
    ylabel: str = "test error (share)",
) -> Figure:
    """Test error against epochs, one panel per reading, one colour per training.

    `results[reading][meaning]`, a Result or epochs and values (run, record); `ends` and
    `phases` mark where phases end.
    """
    fig, axes = panels(len(results), sharey=True)
    for ax, (reading, found) in zip(axes, results.items(), strict=True):
        for meaning, result in found.items():
            curves(ax, *trace(result), meaning=meaning)
        threshold(ax)
        phase_marks(ax, ends, phases)
        ax.set_title(reading, pad=18 if phases else None)
        ax.set_xlabel("epochs")
    # After all panels are drawn: a limit set earlier would cut off the later ones.
    axes[0].set(ylabel=ylabel, ylim=(-0.02, None))
    legend_below(fig)
    return fig


def deviations_figure(
    moved: Mapping[str, Real[np.ndarray, "lr run"]],
    lrs: Sequence[float],
    *,
    report: float,
) -> Figure:
    """Relative deviation of the filters against learning rate, a panel per reading."""
    colour, _, marker = STYLES["simultaneous"]
    fig, axes = panels(len(moved), sharey=True)
    for ax, (reading, values) in zip(axes, moved.items(), strict=True):
        ax.plot(lrs, values, marker, color=colour, ms=4, alpha=0.5)
        middle = medians(values.T)
        label = training_in_words("simultaneous")
        ax.plot(lrs, middle, color=colour, linewidth=2.2, label=label)
        reported(ax, report)
        threshold(ax, 1, "Property 3 asks ≥ 1")
        rate_axis(ax, lrs)
        ax.set_title(reading)
    axes[0].set(ylabel="deviation at test error 0.1", ylim=(0, None))
    legend_below(fig)
    return fig


def cosine_panel(ax: Axes, cosines: Real[np.ndarray, "channel 2"]) -> None:
    """Draws filters as points: cosine with one pattern against cosine with another."""
    colour, _, marker = STYLES["simultaneous"]
    for draw in (ax.axhline, ax.axvline):
        draw(0, color="#999999", linewidth=0.8)
    ax.plot(*cosines.T, marker, color=colour, ms=5, alpha=0.8, clip_on=False)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xlabel="cosine with $F_1$")


def filters_figure(
    filters: Real[np.ndarray, "channel T"],
    cosines: Real[np.ndarray, "channel k"],
    *,
    limit: float,
    title: str,
) -> Figure:
    """Filters as the rows of a colour map, beside their cosines with the patterns.

    Two patterns: each filter is a point. More: the cosines are a colour map too.
    """
    fig, axes = panels(2, width=6.4, height=3.0)
    image = axes[0].imshow(filters, vmin=-limit, vmax=limit, aspect="auto")
    axes[0].set(xlabel="position in the filter (pixels)", ylabel="filter")
    axes[0].yaxis.get_major_locator().set_params(integer=True)
    axes[0].grid(False)
    fig.colorbar(image, ax=axes[0], label="weight", extend="both")
    if cosines.shape[1] == 2:
        cosine_panel(axes[1], cosines)
        axes[1].set(ylabel="cosine with $F_2$", title=title)
    else:
        fig.colorbar(cosine_image(axes[1], cosines), ax=axes[1], label="cosine")
        axes[1].set_ylabel("filter")
        fig.suptitle(title, fontsize=11)
    return fig


def changes_figure(
    changes: Mapping[str, Real[np.ndarray, "run when score"]],
    *,
    when: Sequence[str],
    scores: Sequence[str],
) -> Figure:
    """Relative changes of several scores, one panel per reading, points for runs.

    The axis is linear up to ±1 and logarithmic beyond; a change that is not finite is
    not drawn.
    """
    fig, axes = panels(len(changes), sharey=True)
    known = np.concatenate([v[np.isfinite(v)] for v in changes.values()])
    low, high = 1.4 * known.min(initial=-1), 1.4 * known.max(initial=1)
    coarse = max(-low, high) > 14
    steps = (0, 1, 10, 100, 1000) if coarse else (0, 0.5, 1, 2, 5, 10)
    ticks = [sign * step for step in steps for sign in (1, -1)]
    for ax, (reading, values) in zip(axes, changes.items(), strict=True):
        values = np.where(np.isfinite(values), values, np.nan)
        for i, label in enumerate(when):
            where = np.arange(len(scores)) + 0.2 * i - 0.1
            colour = ("#56B4E9", STYLES["simultaneous"][0])[i]
            lines = ax.plot(where, values[:, i].T, "os"[i], color=colour, alpha=0.7)
            lines[0].set_label(label)
        ax.axhline(0, color="#666666", linewidth=0.8)
        ax.set_yscale("symlog", linthresh=1)
        plain_ticks(ax.yaxis, ticks)
        ax.yaxis.set_minor_locator(FixedLocator(BETWEEN))
        ax.set_xticks(range(len(scores)), scores)
        ax.set(title=reading, ylim=(low, high), xlim=(-0.5, len(scores) - 0.5))
    axes[0].set_ylabel("(trained − untrained) / untrained")
    legend_below(fig)
    return fig


def slide_figure(
    row: Real[np.ndarray, " d"],
    responses: Real[np.ndarray, "channel position"],
    *,
    limit: float,
    title: str,
) -> Figure:
    """An input row above the responses of the filters at each of their positions.

    The response at position p, to pixels p … p + T − 1, stands under pixel p; the grey
    end has no positions. Colours reach from −`limit` to `limit`.
    """
    fig, axes = panels(
        2, width=6.4, height=3.2, columns=1, sharex=True, height_ratios=[1, 1.7]
    )
    edges = np.arange(len(row) + 1) - 0.5
    axes[0].stairs(row, edges, fill=True, color="#444444")
    axes[0].axhline(0, color="#999999", linewidth=0.8)
    reach = 1.3 * (float(np.abs(row).max()) or 1.0)
    axes[0].set(ylabel="pixel value", ylim=(-reach, reach), title=title)
    image = axes[1].imshow(responses, vmin=-limit, vmax=limit, aspect="auto")
    axes[1].set(
        xlabel="pixel (a response stands at the first of its pixels)",
        ylabel="filter",
        xlim=(-0.5, len(row) - 0.5),
        facecolor="#d0d0d0",
    )
    axes[1].yaxis.get_major_locator().set_params(integer=True)
    axes[1].grid(False)
    bar = fig.colorbar(image, ax=axes[1], extend="both")
    bar.set_label("response of filter\n(before bias)", fontsize=9)
    return fig


def arrivals_figure(
    arrivals: Mapping[str, Mapping[str, Real[np.ndarray, " _run"]]],
    *,
    cap: float,
    report: float | None = None,
    xlabel: str = "epochs to test error 0.1",
) -> Figure:
    """Times to a threshold, a panel per title, a row per label: runs and medians.

    `arrivals[title][label]`. Runs that never got there (inf) are crosses, with their
    number, beyond the cap; a median that was not reached is not drawn.
    """
    labels = [*dict.fromkeys(label for rows in arrivals.values() for label in rows)]
    times = [found for rows in arrivals.values() for found in rows.values()]
    known = np.concatenate([[cap, report or cap], *times])
    left = 0.7 * max(1.0, known[np.isfinite(known)].min())
    fig, axes = multiples(
        [*arrivals], xlabel=xlabel, row=0.55 + 0.34 * len(labels), below=0.8
    )
    for ax, rows in zip(axes, arrivals.values(), strict=True):
        for label, found in rows.items():
            arrivals_row(ax, labels.index(label), found, label, left=left, cap=cap)
        ax.axvline(cap, color="#999999", linewidth=0.8)
        if report is not None:
            black, dashes, _ = STYLES["report"]
            ax.axvline(report, color=black, linestyle=dashes, linewidth=1)
        ax.set(xscale="log", xlim=(left, 3.2 * cap), ylim=(len(labels) - 0.4, -0.6))
        plain_ticks(ax.xaxis, log_ticks(left, cap))
        ax.set_yticks(range(len(labels)), [training_in_words(name) for name in labels])
        ax.grid(False, axis="y")
    handles = [
        key("a run", "o", markersize=4),
        key("median", "|", markersize=12, markeredgewidth=2.5),
        key("never, in how many runs", "x", markersize=6),
        key(f"end of training: {plain(cap)}", colour="#999999", linestyle="-"),
    ]
    if report is not None:
        handles.append(key(f"report: {plain(report)}", colour=black, linestyle=dashes))
    legend_below(fig, handles, columns=len(handles))
    return fig


def arrivals_row(
    ax: Axes,
    row: int,
    times: Real[np.ndarray, " _run"],
    label: str,
    *,
    left: float,
    cap: float,
) -> None:
    """Draws a row of `arrivals_figure`; times before `left`, such as 0, stand there."""
    colour, _, marker = style(label)
    reached = np.sort(times[np.isfinite(times)]).clip(left)
    share = (np.arange(len(reached)) + 0.5) / max(1, len(reached))
    apart = row + 0.36 * (0.5 - share)  # later runs higher
    ax.plot(reached, apart, marker or "o", color=colour, ms=4, alpha=0.5)
    middle = median(times) if len(times) else math.inf
    if math.isfinite(middle):
        ax.plot(max(middle, left), row, "|", color=colour, ms=16, mew=2.5)
    missed = len(times) - len(reached)
    if missed:
        ax.plot(1.7 * cap, row, "x", color=colour, ms=6)
        ax.text(2.05 * cap, row, f"{missed}", va="center", fontsize=8)


def summary_figure(
    columns: Mapping[str, Mapping[str, Any]], *, problems: Sequence[int | str]
) -> Figure:
    """Table 1 as small multiples: one panel per column, problems from top to bottom.

    Each column: `report` (a number or None for each problem), `printed` and `unit` (an
    array of runs for each problem), `cap` (or None), `log`, `meaning` (of STYLES), and
    perhaps `xlabel`. Runs without a finite value are crosses, with their number. An
    axis that is not `log` and has values beyond 14 is linear up to ±1 and logarithmic
    beyond.
    """
    wide = min(2, len(columns))
    deep = math.ceil(len(columns) / wide)
    height = (0.75 + 0.4 * len(problems)) * deep + 0.6
    fig, axes = panels(len(columns), columns=wide, height=height, sharey=True)
    for ax, (title, column) in zip(axes, columns.items(), strict=True):
        summary_panel(ax, column)
        ax.set_title(textwrap.fill(title, 72 // wide), fontsize=10)
        ax.set_xlabel(column.get("xlabel", ""))
        ax.set_yticks(range(len(problems)), [str(problem) for problem in problems])
        ax.set_ylim(len(problems) - 0.5, -0.55)
    for ax in axes[::wide]:
        ax.set_ylabel("problem")
    handles = [
        key("report", STYLES["report"][2], colour="black", markersize=8),
        key("as printed, a run", "o", markersize=4.5, markerfacecolor="white"),
        key("unit length, a run", "o", markersize=4.5),
        key("median", "|", markersize=9, markeredgewidth=2.2),
        key("not reached, in how many runs", "x", markersize=5),
    ]
    if any(column["cap"] is not None for column in columns.values()):
        handles.append(key("end of training", colour="#999999", linestyle="-"))
    legend_below(fig, handles, columns=3)
    return fig


def summary_panel(ax: Axes, column: Mapping[str, Any]) -> None:
    """Draws a column of `summary_figure`, its right edge for what has no number."""
    report, cap = column["report"], column["cap"]
    found = [*column["printed"], *column["unit"], [r for r in report if r is not None]]
    values = np.concatenate([np.asarray(part, float) for part in found])
    usable = np.isfinite(values) & (values > 0 if column["log"] else True)
    known = np.append(values[usable], [] if cap is None else cap)
    low, high = (known.min(), known.max()) if len(known) else (1.0, 10.0)
    if low == high:
        low, high = (low / 2, high * 2) if column["log"] else (low - 1, high + 1)
    # Logarithmic beyond ±1 where one far value would press the others together.
    far = not column["log"] and max(-low, high) > 14
    if column["log"]:
        ax.set_xscale("log")
    elif far:
        ax.set_xscale("symlog", linthresh=1)
    even = ax.xaxis.get_transform()
    into, back = even.transform, even.inverted().transform

    def at(share: float) -> float:
        """The place at a share of the way from the lowest to the highest value."""
        return float(back(into(low) + share * (into(high) - into(low))))

    edge = at(1.1)
    for i, value in enumerate(report):
        if value is None:
            ax.text(edge, i - 0.27, "N/A", fontsize=8, ha="center", va="center")
        else:
            ax.plot(max(value, low), i - 0.27, "*", color="black", ms=8, zorder=3)
    colour, _, marker = STYLES[column["meaning"]]
    for below, reading, face in ((0, "printed", "white"), (0.27, "unit", colour)):
        for i, runs in enumerate(column[reading]):
            runs = np.where(np.isfinite(runs), runs, np.inf)
            reached, row = runs[np.isfinite(runs)].clip(low), i + below
            ax.plot(
                reached,
                row + 0 * reached,
                marker or "o",
                color=colour,
                markerfacecolor=face,
                markersize=4.5,
                markeredgewidth=0.8,
                alpha=0.6,
            )
            middle = median(runs) if len(runs) else np.inf
            if np.isfinite(middle):
                ax.plot(max(middle, low), row, "|", color=colour, ms=9, mew=2.2)
            if len(reached) < len(runs):
                missed = len(runs) - len(reached)
                ax.plot(edge, row, "x", color=colour, ms=5)
                ax.text(at(1.16), row, f"{missed}", va="center", fontsize=8)
    if cap is not None:
        ax.axvline(cap, color="#999999", linewidth=0.8)
    for i in range(1, len(report)):
        ax.axhline(i - 0.5, color="#bbbbbb", linewidth=0.6)
    ax.set_xlim(at(-0.07), at(1.32))
    if column["log"]:
        ticks = log_ticks(low, high)
    elif far:
        steps = (1, 10, 100, 1000) if into(high) - into(low) < 5 else (10, 1000)
        ticks = [0, *steps, *(-step for step in steps)]
    else:
        ticks = MaxNLocator(4).tick_values(low, high)
    plain_ticks(ax.xaxis, [tick for tick in ticks if low <= tick <= high])
    if far:
        inside = [tick for tick in BETWEEN if low <= tick <= high]
        ax.xaxis.set_minor_locator(FixedLocator(inside))
    ax.grid(False, axis="y")


def grid_figure(
    values: Real[np.ndarray, "row column"],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    text: Sequence[Sequence[str]] | np.ndarray | None = None,
    log: bool = False,
    diverging: float | None = None,
) -> Figure:
    """A heat map with a number in each cell, or `text`; grey where there is none.

    `diverging`: the value that is white, with one colour below and one above.
    """
    fig, (ax,) = panels(1, height=0.9 + 0.42 * len(rows))
    usable = np.isfinite(values) & (values > 0 if log else True)
    norm = grid_norm(values[usable], log=log, diverging=diverging)
    colours = matplotlib.colormaps["Oranges" if diverging is None else "RdBu_r"]
    colours = colours.with_extremes(bad="#e4e4e4")
    drawn = np.ma.masked_array(values, ~usable)
    image = ax.imshow(drawn, norm=norm, cmap=colours, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        shown = plain(value) if np.isfinite(value) else "–" if value != value else "∞"
        ax.text(
            j,
            i,
            shown if text is None else text[i][j],
            ha="center",
            va="center",
            fontsize=9,
            color=ink(colours(norm(value)) if usable[i, j] else "#e4e4e4"),
        )
    ax.xaxis.tick_top()
    letters = max(1, int((75 - max(map(len, rows))) / len(columns)))
    heads = [textwrap.fill(name, letters, break_long_words=False) for name in columns]
    narrow = letters < max(len(word) for name in columns for word in name.split())
    slant = {"rotation": 35, "ha": "left", "rotation_mode": "anchor"} if narrow else {}
    ax.set_xticks(range(len(columns)), columns if narrow else heads, **slant)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    bar = fig.colorbar(image, ax=ax, label=label)
    if log:
        plain_ticks(bar.ax.yaxis, log_ticks(norm.vmin, norm.vmax))
    return fig


def grid_norm(
    known: Real[np.ndarray, " _known"], *, log: bool, diverging: float | None
) -> Normalize:
    """The scale from values to a colour map; `diverging` lies in its middle."""
    if not len(known):
        known = np.array([1.0, 10.0])
    low, high = float(known.min()), float(known.max())
    if diverging is None:
        if low == high:
            low, high = (low / 2, high * 2) if log else (low - 1, high + 1)
        return LogNorm(low, high) if log else Normalize(low, high)
    if log:
        reach = max(high / diverging, diverging / low, 1.01)
        return LogNorm(diverging / reach, diverging * reach)
    reach = max(high - diverging, diverging - low) or 1.0
    return CenteredNorm(diverging, reach)


def shares_figure(
    shares: Mapping[str, Mapping[str, tuple[int, int, float, float]]], *, xlabel: str
) -> Figure:
    """Shares k/n with intervals, a panel per title, a row per label; a line at 1/2.

    `shares[title][label]` = (k, n, low, high).
    """
    labels = [*dict.fromkeys(label for rows in shares.values() for label in rows)]
    fig, axes = multiples(
        [*shares], xlabel=xlabel, row=0.55 + 0.34 * len(labels), below=0.45
    )
    for ax, rows in zip(axes, shares.values(), strict=True):
        ax.axvline(0.5, color=STYLES["chance"][0], linestyle=":", linewidth=1.2)
        for label, (k, n, low, high) in rows.items():
            colour, _, marker = style(label)
            row = labels.index(label)
            ax.plot([low, high], [row, row], color=colour, linewidth=1.6)
            if n:
                ax.plot(k / n, row, marker or "o", color=colour, ms=6, clip_on=False)
            beside = ax.get_yaxis_transform()  # x in axes, y in data
            count = f"{k} of {n}"
            ax.text(1.05, row, count, va="center", fontsize=8.5, transform=beside)
        ax.set(xlim=(0, 1), ylim=(max(len(labels), 1) - 0.5, -0.5))
        plain_ticks(ax.xaxis, [0, 0.25, 0.5, 0.75, 1])
        ax.set_yticks(range(len(labels)), [training_in_words(name) for name in labels])
        ax.grid(False, axis="y")
    return fig


def learning_curves_figure(
    learned: Mapping[
        str,
        Mapping[str, tuple[Real[np.ndarray, " _point"], Real[np.ndarray, "_r _point"]]],
    ],
    *,
    xlabel: str = "training examples",
    ylabel: str = "test error (share)",
) -> Figure:
    """Error against the size of the training set, one panel per title.

    `learned[title][label]`: (sizes, errors (run, size)). A label that is no key of
    STYLES, such as "network", is blue; "memory alone" looks like chance.
    """
    fig, axes = multiples([*learned], xlabel=xlabel, ylabel=ylabel, row=2.3, below=0.5)
    sizes = [x for rows in learned.values() for x, _ in rows.values()]
    every = np.unique(np.concatenate([[1.0] * (not sizes), *sizes])).tolist()
    low, high = every[0], every[-1]
    for ax, rows in zip(axes, learned.values(), strict=True):
        for label, (x, values) in rows.items():
            meaning = "chance" if label == "memory alone" else label
            colour, dashes, marker = style(meaning)
            look = {"color": colour, "linestyle": dashes, "marker": marker}
            ax.plot(x, values.T, color=colour, linewidth=0.7, alpha=0.45)
            ax.plot(x, medians(values), **look, linewidth=2, ms=6, label=label)
        threshold(ax)
        ax.set(xscale="log", xlim=(low / 1.15, high * 1.15))
        plain_ticks(ax.xaxis, every[:: math.ceil(len(every) / 4)])
        ax.xaxis.set_minor_locator(FixedLocator(every))
        ax.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylim(-0.02, None)
    legend_below(fig)
    return fig


def identity_figure(
    left: Real[np.ndarray, " value"],
    right: Real[np.ndarray, " value"],
    *,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """The right-hand side of an identity against its left-hand side, and x = y."""
    colour, _, marker = STYLES["simultaneous"]
    fig, (ax,) = panels(1, width=4.2, height=3.9)
    both = np.concatenate([left, right])
    both = both[np.isfinite(both)]
    low, high = (both.min(), both.max()) if len(both) else (0.0, 1.0)
    room = 0.06 * (high - low) or 1.0
    ax.axline((0, 0), slope=1, color="#666666", linewidth=1, label="equal")
    ax.plot(left, right, marker, color=colour, ms=4, alpha=0.6)
    ends = (low - room, high + room)
    ax.set(xlim=ends, ylim=ends, aspect="equal", xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="upper left", fontsize=8.5)
    return fig


def pictures_figure(
    pictures: np.ndarray, masks: np.ndarray, titles: Sequence[str], kinds: Sequence[str]
) -> Figure:
    """Pictures above the parts in them: pixels of each kind of part in its colour.

    `pictures` (n, h, w, 3) bytes; `masks` (n, kind, h, w) truth values.
    """
    colours = [matplotlib.colors.to_rgb(c) for c in PART_COLOURS[: len(kinds)]]
    drawn = 1 - np.einsum("nkhw,kc->nhwc", masks.astype(float), 1 - np.array(colours))
    fig, axes = panels(2 * len(titles), columns=len(titles), height=2.9)
    for ax, image in zip(axes, [*pictures, *drawn], strict=True):
        ax.imshow(image)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title, fontsize=10)
    axes[0].set_ylabel("picture")
    axes[len(titles)].set_ylabel("parts")
    handles = [
        matplotlib.patches.Patch(color=colour, label=kind)
        for colour, kind in zip(colours, kinds, strict=True)
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(kinds))
    return fig
