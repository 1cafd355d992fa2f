"""Figures of the chapter on deep linear networks. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    finite_medians,
    key,
    legend_below,
    log_range,
    log_ticks,
    open_log_axis,
    panels,
    plain_ticks,
    say_diverged,
)

# label → (colour, dashes, marker)
DEPTH_STYLES: Mapping[str, tuple[str, Any, str]] = {
    "depth 1": ("#666666", ":", "D"),
    "depth 2": ("#0072B2", "-", "o"),
    "depth 3": ("#D55E00", "--", "s"),
    "depth 4": ("#009E73", "-.", "^"),
    "least nuclear norm": ("#AA4499", (0, (1, 2)), "P"),
}
THEORY = ("#000000", (0, (6, 2)))
NORM_DASHES = ("-", "--", "-.", ":")
Runs = Real[np.ndarray, "_run _point"]


def _size_axis(ax: Axes, sizes: Real[np.ndarray, " size"]) -> None:
    ax.set(xscale="log", yscale="log", xlabel="learning rate η")
    plain_ticks(ax.xaxis, log_ticks(sizes.min(), sizes.max()))


def orders_figure(
    sizes: Real[np.ndarray, " size"],
    found: Mapping[str, Mapping[str, Real[np.ndarray, "_run size"]]],
    *,
    names: Sequence[str],
) -> Figure:
    """What should shrink with η, against η on log scales, with a line of slope 1.

    `found[measure][depth]`, one panel per measure; `names`: their y labels. Thin: runs,
    thick: their median.
    """
    fig, axes = panels(len(found), height=4.2)
    for ax, depths, name in zip(axes, found.values(), names, strict=True):
        for label, runs in depths.items():
            colour, dashes, marker = DEPTH_STYLES[label]
            ax.plot(sizes, runs.T, color=colour, linewidth=0.6, alpha=0.4)
            ax.plot(
                sizes,
                finite_medians(runs),
                color=colour,
                linestyle=dashes,
                marker=marker,
                linewidth=2,
                label=label,
            )
        at = sizes.argmin()
        lowest = min(finite_medians(runs)[at] for runs in depths.values())
        guide = lowest / 3 * sizes / sizes.min()
        ax.plot(sizes, guide, color=THEORY[0], linestyle=THEORY[1], label="slope 1")
        _size_axis(ax, sizes)
        open_log_axis(ax, *depths.values())
        ax.set_ylabel(name)
    legend_below(fig)
    say_diverged(fig, *(runs for by in found.values() for runs in by.values()))
    return fig


def growth_frame(
    times: Real[np.ndarray, " t"],
    exact: Real[np.ndarray, "t d"],
    network: tuple[Real[np.ndarray, " _dot"], Real[np.ndarray, "_dot d"]],
    *,
    depth: int,
) -> Figure:
    """Singular values in time, linear and log: formula (lines) and a network (dots).

    Times are shares of the time that the largest one takes.
    """
    fig, axes = panels(2, height=4.0)
    d = exact.shape[1]
    shades = matplotlib.colormaps["cividis"](np.linspace(0.8, 0, d))
    for ax, scale in zip(axes, ("linear", "log"), strict=True):
        for i in range(d):
            ax.plot(times, exact[:, i], color=shades[i], linewidth=1.8)
            ax.plot(network[0], network[1][:, i], "o", color=shades[i], ms=4.5)
        ax.set(yscale=scale, xlim=(-0.02, 1.02), xlabel="share of the time")
    top = float(exact.max())
    axes[0].set(ylim=(-0.03 * top, 1.05 * top), ylabel="singular value")
    axes[0].set_title(f"depth {depth}", fontsize=10)
    axes[1].set_title("the same, log scale", fontsize=10)
    axes[1].set_ylim(exact.min() / 1.3, 1.3 * top)
    plain_ticks(axes[1].yaxis, log_ticks(float(exact.min()), top))
    handles = [
        key("formula", colour="#444444", linestyle="-"),
        key("network, gradient descent", "o", markersize=4.5),
    ]
    legend_below(fig, handles)
    return fig


def completion_figure(
    paths: Mapping[str, tuple[Real[np.ndarray, " _t"], Runs]],
    ends: Mapping[str, Real[np.ndarray, " _run"]],
) -> Figure:
    """Error on unseen entries: against steps, and at the end of each run."""
    fig, (left, right) = panels(2, height=4.4, width_ratios=[1.25, 1])
    for label, (steps, runs) in paths.items():
        colour, dashes, marker = DEPTH_STYLES[label]
        left.plot(steps, runs.T, color=colour, linewidth=0.5, alpha=0.35)
        left.plot(
            steps,
            finite_medians(runs),
            color=colour,
            linestyle=dashes,
            marker=marker,
            markevery=[-1],
            linewidth=2,
            label=label,
        )
    left.set(xscale="log", yscale="log", xlabel="steps")
    left.set_ylabel("RMS error on unseen entries")
    taken = np.concatenate([steps for steps, _ in paths.values()])
    plain_ticks(left.xaxis, log_ticks(float(taken.min()), float(taken.max())))
    for row, (label, runs) in enumerate(ends.items()):
        colour, _, marker = DEPTH_STYLES[label]
        apart = row + 0.3 * (np.arange(len(runs)) / max(1, len(runs) - 1) - 0.5)
        right.plot(np.sort(runs), apart, marker, color=colour, ms=4.5, alpha=0.6)
        right.plot(
            finite_medians(runs[:, None]), row, "|", color=colour, ms=18, mew=2.5
        )
    right.set(xscale="log", xlabel="at the end", ylim=(len(ends) - 0.5, -0.5))
    right.set_yticks(range(len(ends)), [*ends])
    right.grid(False, axis="y")
    plain_ticks(right.xaxis, log_ticks(*log_range(*ends.values())))
    unseen = [runs for _, runs in paths.values()]
    plain_ticks(left.yaxis, log_ticks(*log_range(*unseen)))
    run = key("a run", "o", markersize=4.5)
    middle = key("median", "|", markersize=12, markeredgewidth=2.5)
    legend_below(fig, [*left.get_legend_handles_labels()[0], run, middle], columns=5)
    say_diverged(fig, *unseen)
    return fig


def corner_figure(
    corners: Mapping[str, tuple[Real[np.ndarray, " _t"], Real[np.ndarray, " _t"]]],
    bound: tuple[Real[np.ndarray, " _u"], Real[np.ndarray, " _u"]],
    norms: tuple[Real[np.ndarray, " t"], Mapping[str, Real[np.ndarray, " t"]]],
    ranks: Mapping[str, tuple[Real[np.ndarray, " _v"], Real[np.ndarray, " _v"]]],
) -> Figure:
    """The unseen entry, four norms and the effective rank against the loss.

    The loss falls from left to right. `corners[depth]` and `ranks[depth]` = (loss,
    value); `norms` = (loss, values of each norm), of one depth.
    """
    fig, (first, second, third) = panels(3, height=3.9)
    for ax, found in ((first, corners), (third, ranks)):
        for label, (loss, values) in found.items():
            colour, dashes, _ = DEPTH_STYLES[label]
            ax.plot(
                loss, values, color=colour, linestyle=dashes, linewidth=2, label=label
            )
    first.plot(
        *bound, color=THEORY[0], linestyle=THEORY[1], lw=1.2, label="least for det ≥ 0"
    )
    for (label, values), dashes in zip(norms[1].items(), NORM_DASHES, strict=True):
        second.plot(
            norms[0], values, color="#444444", linestyle=dashes, lw=1.8, label=label
        )
    for ax, name in ((first, "$w_{11}$"), (second, "norm of W"), (third, "")):
        low, high = log_range(*(line.get_xdata() for line in ax.lines))
        ax.set(xscale="log", xlabel="loss", ylabel=name)
        ax.set_xlim(1.15 * high, low / 1.15)
        plain_ticks(ax.xaxis, [v for v in (1, 0.1, 0.01) if v >= low])
    for ax in (first, second):
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        plain_ticks(ax.yaxis, log_ticks(low, high))
    third.set(ylabel="effective rank", ylim=(0.95, 2.05))
    small = {"fontsize": 7.5, "handlelength": 2.2, "labelspacing": 0.3}
    first.legend(loc="lower right", bbox_to_anchor=(1.02, 0.08), **small)
    second.legend(loc="lower right", **small)
    third.legend(loc="center right", **small)
    return fig
