"""Figures of the chapters on parities and on sparse ones. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Int, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from hlnb.figures.artists import (
    beside,
    key,
    legend_below,
    log_ticks,
    medians,
    panels,
    plain_ticks,
)
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import PART_COLOURS, STYLES
from hlnb.metrics.chance import interval
from hlnb.metrics.times import describe, held, median
from hlnb.words import in_range

NETWORK, _, DOT = STYLES["simultaneous"]
LAW = STYLES["report"][0]  # what a formula says
NULL = STYLES["chance"][0]  # what chance does
ELIMINATION = "#117733"
SIZES = ("#56B4E9", "#0072B2", "#003355")  # small to large
MARKERS = ("o", "s", "^", "D")
LEAST_SHARE = 1e-8  # the lower edge of the film

Values = Sequence[float] | Real[np.ndarray, " _run"]


def shares_panel(
    ax: Axes,
    x: Real[np.ndarray, " point"],
    counts: Sequence[int],
    trials: int,
    *,
    colour: str,
    marker: str,
    label: str,
) -> None:
    """Draws shares of trials with their 95 % intervals."""
    share = np.array(counts) / trials
    bounds = np.array([interval(count, trials) for count in counts]).T
    reach = np.abs(bounds - share)
    ax.errorbar(
        x,
        share,
        reach,
        color=colour,
        marker=marker,
        markersize=4.5,
        linestyle="",
        capsize=2,
        label=label,
    )


def rank_figure(
    counts: Mapping[int, Sequence[int]],
    spare: Sequence[int],
    law: Mapping[int, Sequence[float]],
    *,
    trials: int,
) -> Figure:
    """Share of random systems of full rank against n − d: dots; the law as lines."""
    fig, (ax,) = panels(1, height=4.9)
    for i, (d, found) in enumerate(counts.items()):
        shift = 0.12 * (i - (len(counts) - 1) / 2)
        shares_panel(
            ax,
            np.array(spare) + shift,
            found,
            trials,
            colour=SIZES[i % len(SIZES)],
            marker=MARKERS[i % len(MARKERS)],
            label=f"d = {d}, {trials} draws",
        )
        ax.plot(spare, law[d], color=LAW, linewidth=0.9, label="the law", zorder=1)
    ax.set(xlabel="equations beyond d (n − d)", ylabel="share of rank d")
    ax.set(ylim=(0, 1.03), xticks=spare)
    legend_below(fig, columns=2)
    return fig


def noise_figure(
    counts: Mapping[float, Sequence[int]],
    laws: Mapping[float, Sequence[float]],
    tries: Sequence[Real[np.ndarray, " repeat"]],
    expected: Sequence[float],
    *,
    d: Sequence[int],
    trials: int,
    noise: float,
) -> Figure:
    """Elimination with flipped labels, against d: success of one, tries of many.

    `counts` and `laws` by share of flipped labels; `tries` at `noise`, inf: given up.
    """
    fig, (left, right) = panels(2, height=4.7)
    for i, (p, found) in enumerate(counts.items()):
        label = f"{100 * p:g} % of labels flipped" if p else "no label flipped"
        style = {"colour": SIZES[i % len(SIZES)], "marker": MARKERS[i % len(MARKERS)]}
        shares_panel(left, np.array(d), found, trials, label=label, **style)
        left.plot(d, laws[p], color=LAW, linewidth=0.9, label="the law", zorder=1)
    left.set(ylabel="one elimination finds $I$ (share)", ylim=(-0.03, 1.03))
    for size, repeats in zip(d, tries, strict=True):
        done = repeats[np.isfinite(repeats)]
        right.plot(0 * done + size, done, "s", color=SIZES[1], ms=4, alpha=0.4)
    mean = [np.mean(repeats) for repeats in tries]
    right.plot(d, mean, "_", color=SIZES[1], ms=16, mew=2.5, label="mean")
    right.plot(d, expected, color=LAW, linewidth=0.9, label="the law")
    right.set(ylabel=f"eliminations until $I$ is found\n({100 * noise:g} % flipped)")
    right.set(yscale="log")
    high = max(*(r[np.isfinite(r)].max(initial=1) for r in tries), *expected)
    plain_ticks(right.yaxis, log_ticks(1, 2 * high))
    right.set_ylim(0.8, 2 * high)
    for ax in (left, right):
        ax.set(xlabel="input dimension $d$", xlim=(0, 1.05 * max(d)))
    legend_below(fig, columns=3)
    return fig


def shares_frame(
    shares: Real[np.ndarray, " support"], degrees: Int[np.ndarray, " support"]
) -> Figure:
    """Every set's share of the gradient: by its size, and as a histogram; 2^−d marked.

    All frames share their axes. Shares below 1e-8 stand at the lower edge.
    """
    d = int(degrees.max())
    shown = np.maximum(shares, LEAST_SHARE)
    fig, (left, right) = panels(2, height=4.6, sharey=True, width_ratios=[2.2, 1])
    for size in range(d + 1):  # dots of one size side by side, in the order of sets
        own = shown[degrees == size]
        aside = np.linspace(-0.3, 0.3, len(own)) if len(own) > 1 else 0 * own
        left.plot(size + aside, own, ".", color=NETWORK, ms=4, alpha=0.5)
    bins = np.geomspace(LEAST_SHARE, 1, 25)
    right.hist(shown, bins, orientation="horizontal", color=NETWORK, weights=_equal(d))
    for ax in (left, right):
        ax.axhline(2.0**-d, color=LAW, linewidth=1.2)
        ax.axhline(np.median(shown), color=NETWORK, linestyle="--", linewidth=1.2)
        ax.set(yscale="log", ylim=(LEAST_SHARE * 0.6, 2))
    left.set(
        xlabel="number of coordinates in the set, $|I|$",
        ylabel="share of the gradient that tells of $I$",
        xlim=(-0.6, 12.6),
        title=f"d = {d}: {2**d} sets",
    )
    right.set(xlabel="share of the sets", xlim=(0, 0.6))
    legend_below(
        fig,
        [
            key("mean over all sets, $2^{-d}$", colour=LAW, linestyle="-"),
            key("median over all sets", colour=NETWORK, linestyle="--"),
        ],
    )
    return fig


def _equal(d: int) -> Real[np.ndarray, " support"]:
    """Weights of a histogram that shows shares of all 2^d sets."""
    return np.full(2**d, 2.0**-d)


def zigzag_figure(k: int) -> Drawn:
    """A parity of k coordinates as the sum of k ReLUs, against how many are −1."""
    fig, (above, ax) = panels(2, columns=1, height=5.6, sharex=True)
    s = np.linspace(0, k, 4 * k + 1)
    weights = np.array([1.0, *(2.0 * (-1) ** j for j in range(1, k))])
    units = weights[:, None] * np.maximum(s - np.arange(k)[:, None], 0)
    looks = zip(units, ("-", "--", ":", "-.", (0, (6, 2))), strict=False)
    for j, (unit, dashes) in enumerate(looks):
        shade = SIZES[j % len(SIZES)]
        above.plot(s, unit, color=shade, linestyle=dashes, lw=1.8)
        sign, factor = "−" if weights[j] < 0 else "", "" if j == 0 else "2 "
        said = f"{sign}{factor}relu(s − {j})" if j else "relu(s)"
        place = {"xytext": (5, 0), "textcoords": "offset points", "va": "center"}
        above.annotate(said, (k, unit[-1]), **place, fontsize=9)
    above.set_ylabel("each ReLU, weighted")
    ax.plot(s, units.sum(0), color=NETWORK, lw=2, label="their sum")
    whole = np.arange(k + 1)
    ax.plot(whole, whole % 2, DOT, color=LAW, ms=7, label="the label, s modulo 2")
    ax.set(xlabel="$s$: how many coordinates of $I$ are −1", ylabel="network's output")
    ax.set(ylim=(-0.15, 1.15), yticks=[0, 1], xticks=whole)
    legend_below(fig)
    return Drawn(
        fig,
        caption=f"A parity of {k} coordinates by {k} ReLUs. Above: each of them with "
        "its weight. Below: their sum, a broken line through the labels.",
        alt=f"Above, {k} rays start at s = 0 to {k - 1}, upward and downward in turn. "
        f"Below, their sum goes up and down between 0 and 1 and meets a dot at each "
        f"whole number from 0 to {k}.",
    )


def digits_figure(found: Mapping[str, Mapping[int, Sequence[bool]]]) -> Drawn:
    """Share of runs in which single steps find I, against d, by kind of number.

    `found[kind][d]`: whether each run did.
    """
    fig, (ax,) = panels(1, height=4.9)
    ds = sorted({d for by in found.values() for d in by})
    looks = zip(found.items(), SIZES, ("-", "--", ":"), MARKERS, strict=False)
    for i, ((name, by), colour, dashes, marker) in enumerate(looks):
        at = [ds.index(d) + 0.07 * (i - 1) for d in by]  # kinds beside one another
        shares = [np.mean(runs) for runs in by.values()]
        look = {"color": colour, "linestyle": dashes, "marker": marker, "lw": 2}
        ax.plot(at, shares, **look, ms=6, label=name)
    ax.set(xlabel="input dimension $d$ (not to scale)", ylim=(-0.05, 1.05))
    ax.set_ylabel("runs that find $I$ (share)")
    ax.set_xticks(range(len(ds)), [str(d) for d in ds])
    legend_below(fig)
    runs = len(next(iter(next(iter(found.values())).values())))
    told = "; ".join(
        f"{name}: " + ", ".join(f"{sum(v)} at d = {d}" for d, v in by.items())
        for name, by in found.items()
    )
    return Drawn(
        fig,
        caption=f"Of {runs} runs, the share that finds $I$ after $d + 10$ steps of one "
        "example each, by the numbers that hold the weights.",
        alt=f"A line for each kind of number, against d. Of {runs} runs: {told}.",
    )


def signal_figure(
    curves: Mapping[str, Real[np.ndarray, "run d"]],
    d: Sequence[int],
    *,
    bounds: Mapping[str, Sequence[float]],
) -> Figure:
    """Shares of the gradient against d: runs as dots, medians as lines, laws in black.

    `bounds`: what is proved, drawn without dots.
    """
    fig, (ax,) = panels(1, height=5.0)
    styles = zip(
        (SIZES[2], SIZES[1], SIZES[0]), ("-", "--", ":"), MARKERS, strict=False
    )
    for (label, values), (colour, dashes, marker) in zip(
        curves.items(), styles, strict=False
    ):
        for run in values:
            ax.plot(d, run, marker, color=colour, ms=3, alpha=0.4)
        middle = medians(values)
        ax.plot(d, middle, color=colour, linestyle=dashes, linewidth=2, label=label)
    for (label, values), dashes in zip(bounds.items(), ("-", "-."), strict=False):
        ax.plot(d, values, color=LAW, linestyle=dashes, linewidth=1.1, label=label)
    ax.set(yscale="log", xlabel="input dimension $d$", xticks=d)
    ax.set_ylabel("share of the gradient that tells of $I$")
    legend_below(fig, columns=2)
    return fig


def cost_figure(
    examples: Mapping[int, Real[np.ndarray, " run"]],
    errors: Mapping[int, Real[np.ndarray, " run"]],
    control: Mapping[int, Real[np.ndarray, " run"]],
    *,
    cap: float,
    elimination: Mapping[int, int],
) -> Figure:
    """Fresh examples until a dense parity is learned, and the lowest test error.

    Against d, one dot per run; inf: not within `cap` examples. `control`: errors with
    random labels. `elimination`: examples that it needs.
    """
    d = np.array([*examples])
    fig, (left, right) = panels(2, height=4.7)
    never = 2.2 * cap
    for size, times in examples.items():
        done = times[np.isfinite(times)]
        left.plot(size + 0 * done, done, DOT, color=NETWORK, ms=4, alpha=0.45)
        if missed := len(times) - len(done):
            left.plot(size, never, "x", color=NETWORK, ms=6)
            left.text(size, 1.35 * never, f"{missed}", ha="center", fontsize=8)
    middle = np.array([median(times) for times in examples.values()])
    middle[~np.isfinite(middle)] = np.nan
    left.plot(d, middle, color=NETWORK, linewidth=2, label="SGD, median")
    left.plot(
        *zip(*elimination.items(), strict=True),
        color=ELIMINATION,
        linestyle=(0, (4, 1)),
        marker="P",
        ms=4,
        label="elimination, d + 10",
    )
    left.plot(d, 2.0**d, color=LAW, linewidth=0.9, label="points of the cube, $2^d$")
    left.axhline(cap, color="#999999", linewidth=0.8)
    left.text(d[0], 1.12 * cap, "not within:", fontsize=8, color="#444444")
    left.set(yscale="log", ylim=(4, 4 * cap), ylabel="examples to test error 0.01")
    for size, values in errors.items():
        right.plot(beside(values, size), values, DOT, color=NETWORK, ms=4, alpha=0.45)
    ends = [np.median(values) for values in errors.values()]
    right.plot(d, ends, color=NETWORK, linewidth=2, label="SGD, median")
    for size, values in control.items():
        right.plot(
            beside(values, size), values, "_", color=NULL, ms=9, label="random labels"
        )
    right.set(ylabel="lowest test error (share)", ylim=(-0.02, 0.56))
    for ax in (left, right):
        ax.set(xlabel="input dimension $d$", xticks=[*d[::2]] if len(d) > 8 else d)
    legend_below(fig)
    return fig


def told_figure(
    bounds: Mapping[int, float],
    variation: Mapping[int, Real[np.ndarray, " run"]],
    learned: Mapping[int, int],
    *,
    runs: int,
    luck: Mapping[int, float],
) -> Figure:
    """How many runs on noisy gradients learn a random set, and how many can, against d.

    `variation`: from runs with coins, a value each, and `bounds` on its mean; both plus
    the share `luck`. `learned`: of so many `runs`.
    """
    fig, (ax,) = panels(1, height=4.9)
    d = np.array([*bounds])
    lucky = np.array([*luck.values()])
    proved = np.minimum(1, np.array([*bounds.values()]) + lucky)
    ax.plot(d, proved, color=LAW, linewidth=1.2, label="proved: no more than this")
    middle = np.array([values.mean() for values in variation.values()])
    ax.plot(
        d,
        np.minimum(1, middle + lucky),
        color=NULL,
        linewidth=2,
        linestyle="--",
        label="measured limit, mean over all sets",
    )
    shares_panel(
        ax,
        d,
        [*learned.values()],
        runs,
        colour=NETWORK,
        marker=DOT,
        label=f"runs that learned their set (of {runs})",
    )
    ax.set(xlabel="input dimension $d$", ylabel="share of runs", ylim=(-0.03, 1.05))
    ax.set_xticks(d)
    legend_below(fig, columns=2)
    return fig


def batch_figure(
    examples: Mapping[int, Real[np.ndarray, " run"]], *, cap: float, points: int
) -> Figure:
    """Examples until a parity is learned, against the batch size; a dot for each run.

    inf: not within `cap` examples. `points`: of the cube.
    """
    fig, (ax,) = panels(1, height=4.9)
    for size, found in examples.items():
        done = found[np.isfinite(found)]
        ax.plot(size + 0 * done, done, DOT, color=NETWORK, ms=4, alpha=0.45)
        if missed := len(found) - len(done):
            ax.plot(size, 1.5 * cap, "x", color=NETWORK, ms=6)
            ax.text(size, 1.9 * cap, f"{missed}", ha="center", fontsize=8)
    middle = np.array([median(found) for found in examples.values()])
    middle[~np.isfinite(middle)] = np.nan
    ax.plot([*examples], middle, color=NETWORK, linewidth=2, label="SGD, median")
    ax.axhline(points, color=LAW, linewidth=0.9, label="points of the cube, $2^d$")
    ax.set(xscale="log", yscale="log", ylim=(points / 3, 4 * cap))
    ax.set(xlabel="batch size", ylabel="examples to test error 0.01")
    plain_ticks(ax.xaxis, [*examples])
    legend_below(fig)
    return fig


def in_words(values: Values, form: str = ".2f") -> str:
    """The median and range of the runs that there are, or a dash."""
    return in_range(values, form) if len(values) else "–"


def gap_figure(
    signal: Real[np.ndarray, " d"],
    inside: Sequence[int],
    ratios: Real[np.ndarray, " run"],
) -> Drawn:
    """What the expected gradient of the first layer knows of I, by input coordinate.

    ratios: the lowest signal in I by the highest elsewhere, for each run.
    """
    fig, (ax,) = panels(1, height=4.0)
    at = np.arange(d := len(signal))
    own = np.isin(at, inside)
    for chosen, colour, label in (
        (own, NETWORK, "coordinates in $I$"),
        (~own, NULL, "all others"),
    ):
        ax.bar(at[chosen], signal[chosen], color=colour, label=label)
    ax.set(yscale="log", xlabel="input coordinate", xlim=(-1, d))
    ax.set(title=f"d = {d}, |I| = {len(inside)}")
    low, high = 0.7 * signal.min(), 1.5 * signal.max()
    ax.set_ylim(low, high)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel("signal: root mean\nsquare over units")
    legend_below(fig)
    return Drawn(
        fig,
        caption="The Fourier gap: what the expected gradient of each input "
        "coordinate's weights knows of I before training (root mean square over units, "
        "the first run).",
        alt=f"{d} bars on a logarithmic scale; those in I are the coordinates "
        f"{', '.join(map(str, inside))}. Over {len(ratios)} runs the lowest of I is "
        f"{in_words(ratios, '.1f')} times the highest other.",
    )


def powers_figure(
    steps: Mapping[int, Sequence[Real[np.ndarray, " run"]]],
    d: Sequence[int],
    *,
    cap: float,
) -> Drawn:
    """Steps until a set of k coordinates is learned, against d: a line for each k.

    `steps[k]`: for each d, one number a run; inf: not within `cap`.
    """
    fig, (ax,) = panels(1, height=4.4)
    looks = zip(steps.items(), PART_COLOURS, MARKERS, strict=False)
    for i, ((k, found), colour, marker) in enumerate(looks):
        for size, times in zip(d, found, strict=True):
            at = size * 1.015 ** (i - (len(steps) - 1) / 2)  # kinds beside one another
            done = times[np.isfinite(times)]
            ax.plot(at + 0 * done, done, marker, color=colour, ms=4, alpha=0.4)
            if len(done) < len(times):
                ax.plot(at, 1.3 * cap, "x", color=colour, ms=6)
                missed = f"{len(times) - len(done)}"
                ax.text(at, 1.6 * cap, missed, ha="center", fontsize=8)
        middle = np.array([median(times) for times in found])
        middle[~np.isfinite(middle)] = np.nan
        line = {"color": colour, "marker": marker, "linewidth": 2}
        ax.plot(d, middle, **line, label=f"$k$ = {k}")
    known = np.concatenate(
        [np.ravel(times) for found in steps.values() for times in found]
    )
    known = known[np.isfinite(known)]
    ax.set(xscale="log", yscale="log", xlabel="input dimension $d$")
    ax.set_ylabel("steps to test error 0.01")
    plain_ticks(ax.xaxis, d)
    if len(known):
        plain_ticks(ax.yaxis, log_ticks(known.min(), known.max()))
    legend_below(fig)
    said = "; ".join(
        f"k = {k}: "
        + ", ".join(
            f"{describe(times, cap=cap)} at d = {size}"
            for size, times in zip(d, found, strict=True)
        )
        for k, found in steps.items()
    )
    runs = len(next(iter(steps.values()))[0])
    return Drawn(
        fig,
        caption="Steps until a parity of $k$ of $d$ coordinates is learned, both axes "
        f"logarithmic: {runs} runs (marks) and their median (line). A power of $d$ is "
        "a straight line. Crosses count runs that did not get there within "
        f"{cap:,.0f} steps.",
        alt=f"A line for each k, both axes logarithmic. Steps: {said}.",
    )


def hidden_figure(runs: Mapping[tuple[int, int], Sequence[Any]]) -> Drawn:
    """Test error above the signal of I, against the share of the time to learn.

    `runs`: by d and |I|, those that learned it, each with its `t`, `error`, `own` and
    `best` by record and its times `falls_at` and `leads_from`.
    """
    n = len(runs)
    fig, axes = panels(2 * n, columns=n, height=5.8, sharex=True, sharey="row")
    line = {"color": NETWORK, "linewidth": 0.9, "alpha": 0.6}
    pairs = zip(axes[:n], axes[n:], runs.items(), strict=True)
    for ax, below, ((d, k), found) in pairs:
        for run in found:
            ax.plot(run.t, run.error, **line)
            below.plot(run.t, run.own / run.best, **line)
        below.axhline(1, color=LAW, linewidth=1)
        ax.set_title(f"d = {d}, |I| = {k}", fontsize=10)
        below.set(xlabel="share of the time to learn", xlim=(0, 1.02), yscale="log")
    axes[0].set(ylabel="test error (share)", ylim=(-0.02, 0.56))
    axes[n].set_ylabel("signal of $I$ / largest\nsignal of other sets")
    for below in axes[n:]:
        plain_ticks(below.yaxis, log_ticks(*below.get_ylim()))
    legend_below(
        fig,
        [
            key("a run", colour=NETWORK, linestyle="-"),
            key("as strong as the strongest other set", colour=LAW, linestyle="-"),
        ],
    )
    times = "; ".join(
        f"d = {d}, |I| = {k}: the error falls below 0.45 at "
        f"{in_words([run.falls_at for run in found])}, I leads from "
        f"{in_words([run.leads_from for run in found])} of the time on"
        for (d, k), found in runs.items()
    )
    return Drawn(
        fig,
        caption="Sparse parities, a line for each run, against the share of the time "
        "that it took. Above: test error. Below, on a logarithmic scale: the signal of "
        "I, divided by the largest signal of all other sets of as many coordinates.",
        alt="Two rows of panels: above, test errors fall from one half to 0; below, "
        f"the signal of I against the strongest of all other sets. {times}.",
    )


def signals_frame(
    signals: Real[np.ndarray, " support"],
    own: float,
    *,
    reach: tuple[float, float],
    title: str,
) -> Figure:
    """The signals of all other sets as a histogram, and that of I; axes by `reach`."""
    fig, (ax,) = panels(1, height=3.9)
    bins = np.geomspace(*reach, 60)
    ax.hist(np.clip(signals, *reach), bins, color=NULL, label="all other sets")
    ax.axvline(np.clip(own, *reach), color=NETWORK, linewidth=2, label="$I$")
    ax.set(xscale="log", yscale="log", xlim=reach, ylim=(0.5, 2 * len(signals)))
    ax.set(xlabel="signal of a set", ylabel="sets", title=title)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    legend_below(fig)
    return fig


def memory_figure(
    epochs: Real[np.ndarray, " record"],
    training: Real[np.ndarray, "run record"],
    test: Real[np.ndarray, "run record"],
) -> Figure:
    """Training and test error against epochs: runs thin, their median thick."""
    fig, (ax,) = panels(1, height=4.9)
    for values, colour, dashes, label in (
        (test, NETWORK, "-", "test error"),
        (training, NULL, "--", "training error"),
    ):
        for run in values:
            ax.plot(epochs, run, color=colour, linewidth=0.6, alpha=0.5)
        middle = np.median(held(values), 0)
        last = int((~np.isnan(values)).any(0).sum())
        ax.plot(
            epochs[:last],
            middle[:last],
            color=colour,
            linestyle=dashes,
            linewidth=2,
            label=label,
        )
    ax.set(xlabel="epochs", ylabel="error (share)", ylim=(-0.02, 0.56))
    legend_below(fig)
    return fig


def dense_figure(found: Mapping[int, Any], *, cap: int) -> Figure:
    """Accuracy on fresh examples against steps, a shade for each d.

    `found[d]`: the Result of `train_dense`. Runs thin, their median thick; a run that
    has learned stays where it ended.
    """
    fig, (ax,) = panels(1, height=4.9)
    shades = matplotlib.colormaps["cividis"](np.linspace(0.85, 0, len(found)))
    for i, (d, result) in enumerate(found.items()):
        right = 1 - held(result.of("test error"))
        x = np.maximum(result.steps, 1)  # zero has no place on a log scale
        look = {"color": shades[i], "zorder": 2 + i / len(found)}
        ax.plot(x, right.T, linewidth=0.4, alpha=0.3, **look)
        look |= {"linestyle": ("-", "--", ":", "-.")[i % 4], "label": f"d = {d}"}
        ax.plot(x, np.median(right, 0), linewidth=1.8, **look)
    ax.axhline(0.5, color=NULL, linestyle=":", linewidth=1.2, label="guessing")
    ax.set(xscale="log", xlabel="steps", ylabel="share of fresh examples right")
    ax.set(xlim=(10, cap), ylim=(0.45, 1.02))
    legend_below(fig, columns=6)
    return fig
