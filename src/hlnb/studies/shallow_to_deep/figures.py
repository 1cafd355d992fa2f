"""Figures of the chapter on learning from shallow to deep, with their words.

Imports no torch.
"""

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
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import STYLES
from hlnb.words import training_in_words

Values = Real[np.ndarray, " _run"]
ByWay = Mapping[str, Mapping[str, Values]]

# what learns → (colour, dashes, marker)
LEARNERS: Mapping[str, tuple[str, Any, str]] = {
    "one step, first patch": ("#8C6D00", (0, (1, 1)), "v"),
    "one step, all patches": ("#AA4499", (0, (5, 1.5)), "D"),
    "regression, all patches": ("#009E73", "-.", "^"),
    "simultaneous": STYLES["simultaneous"],
    "greedy": STYLES["greedy"],
    "first layer untrained": STYLES["random features"],
    "first layer scrambled": ("#880011", (0, (8, 2, 2, 2)), "P"),
    "first layer by coin": ("#444444", (0, (2, 2)), "*"),
}
FEATURES = ("#0072B2", "#E69F00", "#009E73", "#AA4499", "#D55E00", "#444444")
SHAPES = "os^Dv*"


def _runs(found: Sequence[int]) -> str:
    """How many runs each mark stands for, in words."""
    low, high = min(found), max(found)
    return f"{low} runs" if low == high else f"{low} to {high} runs"


def left_figure(found: ByWay) -> Drawn:
    """Test error left, in units of guessing, one row per problem: marks for runs.

    `found[problem][way]`. A bar: the median.
    """
    fig, (ax,) = panels(1, width=7.2, height=1.1 + 0.55 * len(found))
    _problem_rows(ax, [*found])
    names = [*dict.fromkeys(way for ways in found.values() for way in ways)]
    for row, ways in enumerate(found.values()):
        for way, values in ways.items():
            colour, _, marker = LEARNERS[way]
            y = row + 0.17 * (names.index(way) - (len(names) - 1) / 2)
            ax.plot(values, y + 0 * values, marker, color=colour, ms=4, alpha=0.55)
            ax.plot(np.median(values), y, "|", color=colour, ms=9, mew=2.2)
    ax.axvline(1, color=STYLES["chance"][0], linestyle=":")
    largest = max(float(v.max()) for ways in found.values() for v in ways.values())
    ax.set(
        xlabel="test error at the end / error of guessing",
        xlim=(-0.03, max(1.05, 1.03 * largest)),
    )
    handles = [
        key(training_in_words(way), LEARNERS[way][2], colour=LEARNERS[way][0])
        for way in names
    ]
    legend_below(fig, [*handles, key("median", "|", markersize=10)], columns=3)
    count = _runs([len(v) for ways in found.values() for v in ways.values()])
    return Drawn(
        fig,
        caption=f"What each way of training leaves of the error of guessing: {count} "
        "(marks), median (bars), equally many epochs in all.",
        alt="A row a problem, a colour a way. Medians: "
        + "; ".join(
            f"{name.replace('$', '')}: "
            + ", ".join(
                f"{training_in_words(way)} {np.median(v):.2f}"
                for way, v in ways.items()
            )
            for name, ways in found.items()
        )
        + ".",
    )


def _by_ratio(
    ax: Axes, rows: Mapping[str, Mapping[float, Values]], ratios: Sequence[float]
) -> None:
    """Values against strings / P*, by learner: runs, and a line through medians."""
    for i, (label, by_ratio) in enumerate(rows.items()):
        colour, dashes, marker = LEARNERS[label]
        shift = 1.03 ** (i - (len(rows) - 1) / 2)
        for ratio, values in by_ratio.items():
            x = beside(values, shift * ratio)
            ax.plot(x, values, marker, color=colour, ms=3, alpha=0.45)
        at = [shift * ratio for ratio in by_ratio]
        middle = [np.median(values) for values in by_ratio.values()]
        words = training_in_words(label)
        ax.plot(at, middle, color=colour, linestyle=dashes, lw=2, label=words)
    ax.set_xscale("log")
    plain_ticks(ax.xaxis, ratios)


def learners_figure(
    found: Mapping[str, Mapping[str, Mapping[float, Values]]],
) -> Drawn:
    """Relative error against training strings over P*, one panel per grammar.

    `found[grammar][learner][ratio]`: one value per run. Dots: runs; lines: medians.
    """
    fig, axes = _multiples(found)
    for ax in axes:
        ax.axhline(0.1, color=STYLES["chance"][0], linestyle=":", label="10 %")
    legend_below(fig, columns=3)
    count = _runs(_counts(found))
    return Drawn(
        fig,
        caption=f"Test error over that of guessing: {count} (marks) and medians "
        "(lines). Sizes that leave less than a fifth of all strings for tests are left "
        "out.",
        alt="A panel for each grammar, falling curves. " + _ends(found),
    )


def _counts(found: Mapping[str, Mapping[str, Mapping[float, Values]]]) -> list[int]:
    return [len(v) for ways in found.values() for by in ways.values()
            for v in by.values()]  # fmt: skip


def _ends(found: Mapping[str, Mapping[str, Mapping[float, Values]]]) -> str:
    """The medians of each panel at its largest size, in words."""
    said = []
    for name, ways in found.items():
        top = max(next(iter(ways.values())))
        ends = ", ".join(
            f"{training_in_words(w)} {np.median(by[top]):.2f}" for w, by in ways.items()
        )
        said.append(f"{name}, {top:g} P*: {ends}")
    return "Medians: " + "; ".join(said) + "."


def _multiples(
    found: Mapping[str, Mapping[str, Mapping[float, Values]]],
) -> tuple[Figure, list[Axes]]:
    fig, axes = multiples(
        [*found],
        xlabel="training strings / P*",
        ylabel="test error / guessing",
        row=2.4,
        below=0.6,
    )
    for ax, rows in zip(axes, found.values(), strict=True):
        ratios = sorted({r for by_ratio in rows.values() for r in by_ratio})
        few = [r for r in ratios if r in (0.5, 1, 2, 4, 8, 16)]
        _by_ratio(ax, rows, few or ratios)
    top = max(float(v.max()) for rows in found.values() for by in rows.values()
              for v in by.values())  # fmt: skip
    axes[0].set_ylim(-0.03, max(1.1, 1.03 * top))
    return fig, axes


def networks_figure(
    found: Mapping[str, Mapping[str, Mapping[float, Values]]],
) -> Drawn:
    """What networks leave against strings over P*, one panel per grammar.

    `found[grammar][way][ratio]`: one value per run. Dots: runs; lines: medians.
    """
    fig, axes = _multiples(found)
    for ax in axes:
        ax.axhline(1, color=STYLES["chance"][0], linestyle=":")
    legend_below(fig, columns=3)
    count = _runs(_counts(found))
    return Drawn(
        fig,
        caption=f"What a CNN leaves of the error of guessing: {count} (marks) and "
        "medians (lines), a panel for each place of a dial.",
        alt="A panel for each grammar, three curves. " + _ends(found),
    )


def why_figure(found: Mapping[str, tuple[Values, Values]], *, rho: float) -> Drawn:
    """End error against the share of tuples in a wrong level-1 cluster: dots for runs.

    `found[learner]`: shares, and relative errors; `rho`: their rank correlation.
    """
    fig, (ax,) = panels(1, width=5.6, height=3.6)
    for label, (shares, errors) in found.items():
        colour, _, marker = LEARNERS[label]
        look = {"color": colour, "ms": 4.5, "alpha": 0.55, "markerfacecolor": "none"}
        ax.plot(shares, errors, marker, label=label, **look)
    shares, ends = (np.concatenate([v[i] for v in found.values()]) for i in (0, 1))
    ax.set(
        xlabel="level-1 tuples in a wrong cluster (share)",
        ylabel="test error / error of guessing",
        xlim=(-0.03, 1),
        ylim=(-0.03, max(1.1, 1.03 * ends.max())),
    )
    legend_below(fig, columns=3)
    none, some = shares == 0, shares > 0.1
    return Drawn(
        fig,
        caption="Where errors at the end come from: each mark is a run, of any grammar "
        "and size, against the share of its level-1 tuples in a wrong cluster.",
        alt=f"A cloud, rank correlation {rho:.2f}. {int(none.sum())} runs have no "
        "wrong tuple, and the largest error among them is "
        f"{ends[none].max(initial=0):.2f}; {int(some.sum())} have more than a tenth "
        "wrong, and the smallest error among them is "
        f"{ends[some].min(initial=2):.2f}.",
    )


def signal_figure(found: Mapping[str, tuple[Values, Values]], *, rho: float) -> Drawn:
    """Share of tuples in a wrong cluster against signal over noise: dots for runs.

    `found[grammar]`: signals and shares; each grammar has its marker. `rho`: their rank
    correlation.
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
    x, y = (np.concatenate([v[i] for v in found.values()]) for i in (0, 1))
    return Drawn(
        fig,
        caption="One step on all patches: the share of level-1 tuples in a wrong "
        "cluster against condition (i). Each mark is a run of a grammar as drawn. "
        "Dashed: signal equals noise.",
        alt=f"A cloud of marks, rank correlation {rho:.2f}. Of {int((x >= 2).sum())} "
        "runs with signal at least twice the noise, the worst has "
        f"{y[x >= 2].max(initial=0):.2f} wrong; of {int((x < 0.5).sum())} with less "
        f"than half, the best has {y[x < 0.5].min(initial=1):.2f}.",
    )


Found = tuple[
    Values, Values, Values
]  # predicted, found, and the largest that was tried


def predicted_figure(
    found: Mapping[str, Mapping[str, Found]], *, unit: str = "P*"
) -> Drawn:
    """Strings needed against strings predicted, a panel a predictor, a mark a run.

    `found[predictor][dial]`: predicted, found and the largest tried, in units of P*.
    What lies above the largest tried stands in a band, *later*.
    """
    fig, axes = panels(len(found), width=7.6, height=3.4, sharey=True)
    every = [n for dials in found.values() for run in dials.values() for n in run[:2]]
    known = np.concatenate([n[np.isfinite(n)] for n in every])
    tops = np.concatenate([run[2] for d in found.values() for run in d.values()])
    low = float(min(known.min(initial=1), tops.min()))
    edge = float(tops.max())
    later, said = 1.8 * edge, []
    for ax, (predictor, dials) in zip(axes, found.items(), strict=True):
        for i, (dial, (guessed, needed, top)) in enumerate(dials.items()):
            x = np.where(guessed > top, later, guessed)
            y = np.where(needed > top, later, needed)
            spread = 1 + 0.05 * (i - 1)  # dials stand beside one another in the band
            ax.plot(
                x * np.where(x == later, spread, 1),
                y * np.where(y == later, spread, 1),
                SHAPES[i],
                color=FEATURES[i],
                ms=4.5,
                alpha=0.5,
                label=dial,
            )
        ax.plot([low, edge], [low, edge], color="black", linestyle="--", linewidth=1)
        for line in (ax.axvline, ax.axhline):
            line(1.3 * edge, color="#999999", linewidth=0.8)
        ax.set(xscale="log", yscale="log", title=predictor)
        ax.set_xlabel(f"predicted strings / {unit}")
        ends = (low / 1.2, later * 1.3)
        ax.set(xlim=ends, ylim=ends)
        for axis in (ax.xaxis, ax.yaxis):
            plain_ticks(axis, [t for t in (0.5, 1, 2, 4, 8, 16) if low <= t <= edge])
        ax.text(later, low, "later", ha="center", rotation=90, fontsize=8)
        said.append(f"{predictor}: {_agreement(dials)}")
    axes[0].text(low, later, "later", va="center", fontsize=8)
    axes[0].set_ylabel(f"needed strings / {unit}")
    legend_below(fig)
    return Drawn(
        fig,
        caption="From how many training strings on is a grammar with a dial learned? "
        "Needed against predicted, a mark a run. Dashed: equal. *Later*: more than the "
        "largest training set that was tried, or never.",
        alt="Panels with marks along a diagonal and in bands for later. "
        + "; ".join(said)
        + ".",
    )


def _agreement(dials: Mapping[str, Found]) -> str:
    """How often prediction and outcome agree on whether a grammar is learned."""
    rows = [
        f"{dial} {int(((guessed > top) == (needed > top)).sum())} of {len(top)}"
        for dial, (guessed, needed, top) in dials.items()
    ]
    return "in time or later as predicted, " + ", ".join(rows)


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
