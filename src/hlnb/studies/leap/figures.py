"""Figures of the chapter on merged staircases and leap, and its widget of ticks.

Supports are tuples of coordinates from 0, shown as products of z_1, z_2, …
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, cycle, product
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Real
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from hlnb.figures.artists import (
    key,
    legend_below,
    log_ticks,
    multiples,
    panels,
    plain_ticks,
)
from hlnb.figures.style import STYLES
from hlnb.metrics.times import median
from hlnb.page.widgets import Ticks
from hlnb.results import Result
from hlnb.templates import rendered
from hlnb.words import Values

Support = tuple[int, ...]

# number of coordinates → (colour, dashes, marker); light to dark in grey, too
TERM_STYLES: Sequence[tuple[str, Any, str]] = (
    ("#999999", ":", "x"),
    ("#0D0887", "-", "o"),
    ("#9C179E", (0, (5, 1.5)), "s"),
    ("#E16462", (0, (1, 1.2)), "^"),
    ("#C99700", (0, (5, 1, 1, 1)), "D"),
)
LEAP_STYLES: Mapping[int, tuple[str, Any, str]] = {
    1: ("#117733", "-", "o"),
    2: ("#332288", "--", "s"),
    3: ("#997700", "-.", "^"),
    4: ("#661100", ":", "D"),
}
METHOD_STYLES: Mapping[str, tuple[str, Any, str]] = {
    "network, fresh samples": STYLES["simultaneous"],
    "its tangent kernel": STYLES["tangent kernel"],
    "random features": STYLES["random features"],
    "cubic kernel": ("#E69F00", (0, (7, 1.5, 1, 1.5)), "s"),
    "no linear method is below": ("#000000", ":", ""),
}
LINES: Sequence[tuple[str, Any]] = (
    ("#0072B2", "-"),
    ("#009E73", (0, (6, 2))),
    ("#AA4499", (0, (4, 1, 1, 1))),
    ("#D55E00", (0, (1, 1))),
    ("#444444", (0, (9, 2))),
    ("#777777", (0, (5, 2))),
    ("#AAAAAA", "-"),
)


def term(support: Support) -> str:
    """The monomial in matplotlib's mathematics: $z_1z_2$."""
    return "$" + ("".join(f"z_{i + 1}" for i in support) or "1") + "$"


def words(support: Support) -> str:
    """The monomial in letters: z1z2."""
    return "".join(f"z{i + 1}" for i in support) or "1"


def sum_in_words(supports: Iterable[Support]) -> str:
    return " + ".join(words(support) for support in supports)


def _html(support: Support) -> Markup:
    return Markup("".join(f"<i>z</i><sub>{i + 1}</sub>" for i in support))


@dataclass(frozen=True)
class CoefficientPaths:
    """Coefficients of f during training: what one panel of `coefficients_figure` shows.

    `limit`: times and values by support of the flow at d = ∞, where there is one.
    """

    t: Real[np.ndarray, " record"]
    runs: Mapping[Support, Real[np.ndarray, "_run record"]]
    limit: tuple[Real[np.ndarray, " time"], Mapping[Support, np.ndarray]] | None = None


@runtime_checkable
class Limit(Protocol):
    """A flow: its times, and the coefficient of each support at these."""

    @property
    def times(self) -> Real[np.ndarray, " _time"]: ...

    def of(self, support: Support) -> Real[np.ndarray, " _time"]: ...


def coefficients(
    result: Result,
    supports: Sequence[Support],
    *,
    step: float,
    limit: Limit | None = None,
) -> CoefficientPaths:
    """A panel from the trace `coefficients` of a Result, one column per support.

    `step`: the step size, so that step × `result.steps` is time.
    """
    found = result.of("coefficients")
    runs = {support: found[:, :, i] for i, support in enumerate(supports)}
    flows = limit and (
        limit.times,
        {support: limit.of(support) for support in supports},
    )
    return CoefficientPaths(step * result.steps, runs, flows)


def coefficients_figure(found: Mapping[str, CoefficientPaths]) -> Figure:
    """Fourier coefficients against time, one panel per network; log time from record 1.

    Thin: runs. Thick: their median. Dots: the limit flow.
    """
    titles = [*found]
    fig, axes = multiples(
        titles,
        xlabel="time t (step size × steps)",
        ylabel="Fourier coefficient",
        row=4.4 if len(titles) == 1 else 4.1,
        below=0.45,
    )
    for ax, panel in zip(axes, found.values(), strict=True):
        for support, runs in panel.runs.items():
            colour, dashes, _ = TERM_STYLES[len(support)]
            ax.plot(panel.t[1:], runs.T[1:], color=colour, linewidth=0.6, alpha=0.5)
            ax.plot(
                panel.t[1:],
                np.median(runs, 0)[1:],
                color=colour,
                linestyle=dashes,
                linewidth=2,
                label=term(support),
            )
            if panel.limit is not None:
                times, values = panel.limit
                at = np.geomspace(panel.t[1], min(times[-1], panel.t[-1]), 14)
                ax.plot(
                    at,
                    np.interp(at, times, values[support]),
                    "o",
                    color=colour,
                    markersize=4.5,
                    markerfacecolor="white",
                )
        ax.axhline(1, color="#666666", linewidth=0.8)
        ax.set_xscale("log")
        plain_ticks(ax.xaxis, log_ticks(panel.t[1], panel.t[-1]))
    handles = {h.get_label(): h for a in axes for h in a.get_legend_handles_labels()[0]}
    more = [key("limit, d = ∞", "o", markerfacecolor="white")]
    shown = any(panel.limit is not None for panel in found.values())
    legend_below(fig, [*handles.values(), *(more if shown else [])], columns=5)
    return fig


def saddle_figure(
    risks: Mapping[str, tuple[Real[np.ndarray, " _t"], Real[np.ndarray, " _t"]]],
    weights: Mapping[str, tuple[Real[np.ndarray, " _u"], Real[np.ndarray, " _u"]]],
    *,
    floor: float,
) -> Figure:
    """Left: risk against time of flows. Right: largest |u_2|, on a log scale.

    A label has the same line in both panels. `floor`: the risk that is out of reach.
    """
    fig, (left, right) = panels(2, height=4.8)
    labels = list(dict.fromkeys([*risks, *weights]))
    lines = dict(zip(labels, cycle(LINES), strict=False))
    for ax, curves in ((left, risks), (right, weights)):
        for label, (times, values) in curves.items():
            colour, dashes = lines[label]
            shown = np.where(values > 0, values, np.nan) if ax is right else values
            ax.plot(times, shown, color=colour, linestyle=dashes, lw=1.8, label=label)
        ax.set_xlabel("time t")
    left.axhline(floor, color="#666666", linestyle=":", label="out of reach")
    left.set(ylabel="risk of the limit flow", ylim=(0, None))
    right.set(ylabel="largest $|u_2|$ over units", yscale="log")
    legend_below(fig, columns=3)
    return fig


def escape_figure(
    networks: Mapping[int, Mapping[int, Values]],
    flows: Mapping[int, Mapping[int, Values]],
    *,
    cap: float,
) -> Figure:
    """Escape time against d by leap: networks on the left, flows on the right.

    `networks[leap][d]`: one time per run; inf, a cross, where it is above `cap`.
    """
    fig, axes = panels(2, height=4.7, sharey=True)
    for ax, found in zip(axes, (networks, flows), strict=True):
        for leap, times in found.items():
            colour, dashes, marker = LEAP_STYLES[leap]
            for d, values in times.items():
                reached = values[np.isfinite(values)]
                ax.plot(d + 0 * reached, reached, marker, color=colour, ms=4, alpha=0.5)
                if len(reached) < len(values):
                    ax.plot(d, 1.2 * cap, "x", color=colour, ms=7)
            middle = np.array([median(values) for values in times.values()])
            middle[~np.isfinite(middle)] = np.nan
            ax.plot(
                [*times],
                middle,
                color=colour,
                linestyle=dashes,
                lw=2,
                label=f"leap {leap}",
            )
        ds = [d for times in found.values() for d in times]
        ax.set(xscale="log", yscale="log", xlabel="input dimension d")
        plain_ticks(
            ax.xaxis,
            sorted(set(ds)) if len(set(ds)) < 6 else log_ticks(min(ds), max(ds)),
        )
    finite = [
        v
        for f in (networks, flows)
        for t in f.values()
        for vs in t.values()
        for v in vs
    ]
    finite = [v for v in finite if np.isfinite(v)] or [1.0, cap]
    plain_ticks(axes[0].yaxis, log_ticks(min(finite) * 0.8, max(finite) * 1.2))
    axes[0].set(ylabel="escape time t", title="networks, SGD")
    axes[1].set_title("flow from a start of size $1/\\sqrt{d}$")
    legend_below(fig)
    return fig


def _methods(ax: Axes, found: Mapping[str, Mapping[int, Values]]) -> None:
    for label, values in found.items():
        colour, dashes, marker = METHOD_STYLES[label]
        for n, runs in values.items():
            known = runs[np.isfinite(runs)]  # a censored run has no mark
            ax.plot(n + 0 * known, known, marker, color=colour, ms=3.5, alpha=0.5)
        middle = np.array([median(runs) for runs in values.values()])
        middle[~np.isfinite(middle)] = np.nan
        ax.plot([*values], middle, color=colour, linestyle=dashes, lw=2, label=label)


def linear_figure(
    found: Mapping[str, Mapping[str, Mapping[int, Values]]],
    *,
    floor: tuple[Sequence[int], Sequence[float]],
) -> Figure:
    """Test risk over the target's variance against samples, one panel per target.

    `found[title][method][n]`: one value per run. `floor`: sizes and risks, drawn in the
    first panel.
    """
    fig, axes = panels(len(found), height=4.8, sharey=True)
    for ax, (title, methods) in zip(axes, found.items(), strict=True):
        if ax is axes[0]:
            colour, dashes, _ = METHOD_STYLES["no linear method is below"]
            label = "no linear method is below"
            ax.plot(*floor, color=colour, linestyle=dashes, lw=1.6, label=label)
        _methods(ax, methods)
        sizes = [n for values in methods.values() for n in values]
        ax.set(xscale="log", xlabel="training samples n", title=title)
        plain_ticks(ax.xaxis, log_ticks(min(sizes), max(sizes)))
    axes[0].set(ylabel="test risk / variance", ylim=(-0.03, 1.25))
    legend_below(fig, columns=3)
    return fig


def samples_figure(
    searched: Mapping[int, Mapping[int, Values]],
    fewest: Mapping[int, Mapping[int, Values]],
    floor: tuple[Sequence[int], Sequence[float]],
) -> Figure:
    """Samples until the risk is one half, by leap: against the batch, and against d.

    `searched[leap][batch]` and `fewest[leap][d]`: one value per run; inf: not reached,
    and not drawn. `floor`: dimensions, and what linear methods need at least.
    """
    fig, (left, right) = panels(2, height=4.7, sharey=True)
    for ax, found in ((left, searched), (right, fewest)):
        for leap, counts in found.items():
            colour, dashes, marker = LEAP_STYLES[leap]
            rows = sorted(counts.items())
            for at, values in rows:
                known = values[np.isfinite(values)]
                ax.plot(at + 0 * known, known, marker, color=colour, ms=4, alpha=0.5)
            middle = np.array([median(values) for _, values in rows])
            middle[~np.isfinite(middle)] = np.nan
            ax.plot(
                [at for at, _ in rows],
                middle,
                color=colour,
                linestyle=dashes,
                lw=2,
                label=f"leap {leap}",
            )
        places = sorted({at for counts in found.values() for at in counts})
        ax.set(xscale="log", yscale="log")
        plain_ticks(ax.xaxis, places[:: 1 + len(places) // 6])
    colour, dashes, _ = METHOD_STYLES["no linear method is below"]
    label = "no linear method is below"
    right.plot(*floor, color=colour, linestyle=dashes, lw=1.6, label=label)
    left.set(xlabel="batch", ylabel="samples until the risk is low")
    right.set(xlabel="input dimension d")
    every = [v for f in (searched, fewest) for c in f.values() for v in c.values()]
    shown = np.concatenate([*every, np.array(floor[1], float)])
    shown = shown[np.isfinite(shown)]
    plain_ticks(left.yaxis, log_ticks(shown.min(), shown.max()))
    legend_below(fig)
    return fig


STEPS: Sequence[tuple[str, Any, str]] = (
    ("#0072B2", "-", "o"),
    ("#D55E00", "--", "s"),
    ("#009E73", ":", "^"),
)


def noise_figure(
    risks: Mapping[tuple[float, int], Values],
    calm: Mapping[float, float],
    *,
    limit: float,
) -> Figure:
    """What is left of the variance against step/batch, a line for each step.

    `risks`: by step and batch, one value per run. `calm`: by step, of steps without
    noise at infinite width, on the left. `limit`: what the flow leaves.
    """
    fig, (ax,) = panels(1, height=4.9)
    least = min(step / batch for step, batch in risks)
    for style, step in zip(cycle(STEPS), sorted(calm, reverse=True), strict=False):
        colour, dashes, marker = style
        mine = sorted((s / b, v) for (s, b), v in risks.items() if s == step)
        for noise, values in mine:
            ax.plot(noise + 0 * values, values, marker, color=colour, ms=4, alpha=0.5)
        ax.plot(
            [noise for noise, _ in mine],
            [np.median(values) for _, values in mine],
            color=colour,
            linestyle=dashes,
            lw=2,
            label=f"step {step:g}",
        )
        ax.plot(
            least / 3,
            calm[step],
            marker,
            color=colour,
            ms=8,
            markerfacecolor="white",
            label=f"step {step:g}, no noise",
        )
    ax.axhline(limit, color="#000000", linestyle=":", label="limit flow")
    ax.set(
        xscale="log", xlabel="step / batch: noise per unit of time (none: left edge)"
    )
    ax.set(ylabel="test risk / variance", ylim=(0, None))
    places = sorted({step / batch for step, batch in risks})
    ax.set_xticks(places, [f"1/{1 / place:.0f}" for place in places])
    ax.xaxis.set_minor_formatter(NullFormatter())
    legend_below(fig, columns=3)
    return fig


@dataclass(frozen=True)
class TargetCard:
    """What the widget says of one target: terms in their best order, and its flow."""

    steps: Sequence[tuple[Support, int]]  # each term, and its new coordinates
    leap: int
    times: Real[np.ndarray, " record"]
    share: Real[np.ndarray, " record"]  # risk of the limit flow / variance
    out_of_reach: float  # share of the variance

    @property
    def supports(self) -> tuple[Support, ...]:
        return tuple(support for support, _ in self.steps)


def growth(leap: int) -> str:
    """How the escape time grows with d, by the chapter's heuristic."""
    if leap <= 1:
        return "does not grow with d"
    if leap == 2:
        return "grows like log d"
    return "grows like √d" if leap == 3 else f"grows like d^{(leap - 2) / 2:g}"


def cards_figure(cards: Sequence[TargetCard]) -> Figure:
    """What each flow leaves at its end and what is out of reach, one row per target."""
    ordered = sorted(cards, key=lambda card: (card.leap, card.share[-1]), reverse=True)
    fig, (ax,) = panels(1, width=7.0, height=0.9 + 0.2 * len(cards))
    rows = np.arange(len(ordered))
    ax.plot(
        [card.out_of_reach for card in ordered],
        rows,
        "|",
        color="#000000",
        ms=11,
        mew=1.8,
        label="out of reach",
    )
    for leap in sorted({card.leap for card in cards}):
        colour, _, marker = LEAP_STYLES[leap]
        mine = [(c.share[-1], row) for row, c in enumerate(ordered) if c.leap == leap]
        ax.plot(
            *zip(*mine, strict=True), marker, color=colour, ls="", label=f"leap {leap}"
        )
    names = [" + ".join(term(s) for s in card.supports) for card in ordered]
    ax.set_yticks(rows, names, fontsize=8)
    ax.set(
        xlabel="share of the variance left at the end of the flow", xlim=(-0.03, 1.06)
    )
    ax.set_ylim(-0.7, len(cards) - 0.3)
    legend_below(fig, columns=5)
    return fig


WIDE, HIGH, EDGE = 420, 190, 42  # of a card's drawing, in its own units


def _card(card: TargetCard) -> Markup:
    """The card of a target: its order, what is predicted, and its flow as a drawing."""
    return Markup(
        rendered(
            "studies/leap/templates/card.html",
            steps=[(_html(support), new) for support, new in card.steps],
            leap=card.leap,
            growth=growth(card.leap),
            power=card.leap - 1,
            left=f"{card.share[-1]:.2f}",
            end=f"{card.times[-1]:g}",
            **_drawing(card),
        )
    )


def _drawing(card: TargetCard) -> dict[str, Any]:
    """What the card's template draws of a flow's risk, in the units of the drawing."""
    right, foot, end = WIDE - 12, HIGH - 34, card.times[-1]

    def x(t: float) -> str:
        return f"{EDGE + (right - EDGE) * t / end:.1f}"

    def y(share: float) -> str:
        return f"{foot - (foot - 12) * min(share, 1.15) / 1.15:.1f}"

    alt = (
        f"Share of the variance left by the flow of {sum_in_words(card.supports)} "
        f"against time: 1 at the start, {card.share[-1]:.2f} at t = {end:g}; "
        f"{card.out_of_reach:.2f} is out of reach."
    )
    drawn = np.unique(np.linspace(0, len(card.times) - 1, 90).astype(int))
    return {
        "wide": WIDE,
        "high": HIGH,
        "edge": EDGE,
        "right": right,
        "foot": foot,
        "shares": [(y(share), share) for share in (0, 0.5, 1)],
        "times": [(x(t), f"{t:g}") for t in (0, end / 2, end)],
        "floor": y(card.out_of_reach),
        "points": " ".join(f"{x(card.times[i])},{y(card.share[i])}" for i in drawn),
        "colour": LEAP_STYLES[card.leap][0],
        "alt": alt,
    }


def ticks_html(
    monomials: Sequence[Support],
    cards: Sequence[TargetCard],
    *,
    ticked: Sequence[Support],
) -> str:
    """Boxes to tick, and the card of the ticked target: HTML and CSS, no script.

    `cards`: one for every non-empty choice of `monomials`. `ticked`: the choice shown
    first.
    """
    by_target = {frozenset(card.supports): _card(card) for card in cards}
    by_target[frozenset()] = Markup("<p>Tick a monomial.</p>")
    shown = {
        choice: by_target[frozenset(compress(monomials, choice))]
        for choice in product((False, True), repeat=len(monomials))
    }
    boxes = [_html(monomial) for monomial in monomials]
    widget = Ticks("ticks", "Target: ticked monomials", boxes, shown)
    return widget.html(ticked=[monomial in ticked for monomial in monomials])
