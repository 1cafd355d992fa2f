"""Figures of the chapter on random hierarchies, with their words. Imports no torch."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    beside,
    legend_below,
    log_range,
    log_ticks,
    multiples,
    panels,
    plain_ticks,
)
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import STYLES
from hlnb.metrics.times import median

Values = Real[np.ndarray, " _run"]
Curve = Mapping[int, Values]  # training strings → one value per run

# grammar → (colour, dashes, marker): blues have 2 levels, browns 3; darker: larger v
GRAMMARS: Mapping[str, tuple[str, Any, str]] = {
    "v = 6, L = 2": ("#79B4E0", "-", "o"),
    "v = 8, L = 2": ("#2B75B8", (0, (6, 1.5)), "s"),
    "v = 10, L = 2": ("#0A2F66", (0, (2, 1)), "D"),
    "v = 4, L = 3": ("#E08E28", "-.", "^"),
    "v = 6, L = 3": ("#7A3300", (0, (4, 1, 1, 1, 1, 1)), "v"),
}
OTHER: tuple[str, Any, str] = ("#444444", ":", "x")
LEVELS: Sequence[tuple[str, Any, str]] = (  # level of a network, from the input
    ("#0072B2", "-", "o"),
    ("#D55E00", "--", "s"),
    ("#009E73", "-.", "^"),
    ("#AA4499", ":", "D"),
)
LOOKS = (*GRAMMARS.values(), ("#AA4499", ":", "x"))  # where there is no meaning
CHANGED, KEPT = "#F5C26B", "#EEF3F8"


def grammar_style(label: str) -> tuple[str, Any, str]:
    """Colour, dashes and marker of a grammar; grey where the book has no other."""
    return GRAMMARS.get(label, OTHER)


def tree_figure(
    symbols: Sequence[Sequence[int]],
    changed: Sequence[Sequence[bool]] | None = None,
    *,
    title: str = "",
) -> Figure:
    """A derivation: the class on top, its features below, the string at the bottom.

    `symbols`: by level, from the input up, counted from 0 and shown as letters (class),
    small letters (features) and numbers (input), each from the first. `changed`: which
    of them stand on an orange ground.
    """
    fig, (ax,) = panels(1, width=7.2, height=0.55 + 0.72 * len(symbols))
    depth, width = len(symbols) - 1, len(symbols[0])

    def x(level: int, i: int) -> float:
        share = width / len(symbols[level])
        return (i + 0.5) * share

    for level, row in enumerate(symbols):
        for i, symbol in enumerate(row):
            if level < depth:
                size = len(row) // len(symbols[level + 1])
                ends = [x(level, i), x(level + 1, i // size)]
                ax.plot(ends, [level, level + 1], color="#999999", lw=1, zorder=1)
            new = changed is not None and changed[level][i]
            ax.text(
                x(level, i),
                level,
                symbol_name(symbol, level=level, depth=depth),
                ha="center",
                va="center",
                fontsize=11,
                fontweight="bold" if new else "normal",
                zorder=3,
                bbox={
                    "boxstyle": "round,pad=0.35",
                    "facecolor": CHANGED if new else KEPT,
                    "edgecolor": "#333333" if new else "#8899AA",
                    "linewidth": 1.6 if new else 0.8,
                },
            )
    names = ["input", *(f"level {k}" for k in range(1, depth)), "class"]
    ax.set_yticks(range(depth + 1), names)
    ax.set(xlim=(0, width), ylim=(-0.5, depth + 0.5), xticks=[])
    ax.set_title(title, fontsize=10)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return fig


UNIT = "$P / (n_c m^L)$"


def symbol_name(symbol: int, *, level: int, depth: int) -> str:
    """A capital letter for a class, a small one for a feature, a number below."""
    if level == 0:
        return str(symbol + 1)
    return chr((ord("A") if level == depth else ord("a")) + symbol)


def word(symbols: Sequence[int], *, level: int, depth: int) -> str:
    """Symbols of a level in a row: "3 1 4 1"."""
    return " ".join(symbol_name(s, level=level, depth=depth) for s in symbols)


def _symbols(name: str) -> str:
    """A number of a grammar, its symbol in mathematics: "classes $n_c$"."""
    words, symbol = name.rsplit(" ", 1)
    return f"{words} ${symbol}$"


def _curve(ax: Axes, label: str, curve: Curve, scale: float) -> None:
    colour, dashes, marker = grammar_style(label)
    for n, runs in curve.items():
        ax.plot(beside(runs, n / scale), runs, marker, color=colour, ms=3.5, alpha=0.45)
    at = [n / scale for n in curve]
    middle = [median(runs) for runs in curve.values()]
    look = {"color": colour, "linestyle": dashes, "marker": marker}
    ax.plot(at, middle, **look, ms=5.5, lw=1.8, label=label)


def _runs(found: Mapping[str, Curve]) -> int:
    return len(next(iter(next(iter(found.values())).values())))


def _medians(found: Mapping[str, Curve]) -> str:
    """The medians of curves in words, for those who don't see them."""
    return "; ".join(
        f"{name}: " + ", ".join(f"{median(v):.2f} at {n}" for n, v in curve.items())
        for name, curve in found.items()
    )


def errors_figure(
    found: Mapping[str, Curve],
    scales: Mapping[str, Mapping[str, float]],
    *,
    beside: Mapping[str, Curve] | None = None,
) -> Figure:
    """Relative test error against training strings, one panel per unit of these.

    `found[grammar][n]`: one value per run. `scales[axis label][grammar]`: strings of a
    unit. `beside`: medians of another network, thin and grey.
    """
    fig, axes = panels(len(scales), height=4.8, sharey=True)
    for ax, (unit, scale) in zip(axes, scales.items(), strict=True):
        for label, curve in (beside or {}).items():
            at = [n / scale[label] for n in curve]
            middle = [median(runs) for runs in curve.values()]
            ax.plot(at, middle, color="#999999", lw=0.9, label="deep CNN")
        for label, curve in found.items():
            _curve(ax, label, curve, scale[label])
        ax.axhline(0.1, color=STYLES["chance"][0], linestyle=":", label="10 %")
        shown = [n / scale[k] for f in (found, beside or {}) for k in f for n in f[k]]
        ax.set(xscale="log", xlabel=unit)
        plain_ticks(ax.xaxis, log_ticks(min(shown), max(shown)))
    axes[0].set(ylabel="test error / error of guessing", ylim=(-0.03, 1.1))
    legend_below(fig)
    return fig


def collapse_figure(found: Mapping[str, Curve], stars: Mapping[str, float]) -> Drawn:
    """Errors of the deep CNN against strings, and against strings over `stars`."""
    ones = dict.fromkeys(found, 1)
    return Drawn(
        errors_figure(found, {"training strings P": ones, UNIT: stars}),
        caption="Test error of the deep CNN over the error of guessing, against "
        "training strings (left) and against the same over $n_c m^L$ (right). Dots: "
        f"{_runs(found)} runs; lines: medians.",
        alt="Two panels with falling curves, one for each grammar, which lie apart on "
        f"the left. Medians by P: {_medians(found)}.",
    )


def two_layers_figure(
    found: Mapping[str, Curve],
    *,
    stars: Mapping[str, float],
    totals: Mapping[str, float],
    beside: Mapping[str, Curve],
) -> Drawn:
    """Errors of one hidden layer against strings over `stars`, and over `totals`."""
    scales = {UNIT: stars, "$P / P_{\\max}$": totals}
    return Drawn(
        errors_figure(found, scales, beside=beside),
        caption="Test error of the network with one hidden layer, against strings over "
        f"$n_c m^L$ (left) and over $P_{{\\max}}$ (right). Dots: {_runs(found)} runs, "
        "lines: medians. Thin grey: medians of the deep CNN.",
        alt="Two panels of falling curves, with grey ones of the deep CNN. Medians of "
        f"the network with one hidden layer by P: {_medians(found)}.",
    )


def uncorrelated_figure(
    found: Mapping[str, Curve],
    stars: Mapping[str, float],
    *,
    beside: Mapping[str, Curve],
) -> Drawn:
    """Errors of the deep CNN where single features are silent."""
    return Drawn(
        errors_figure(found, {UNIT: stars}, beside=beside),
        caption="Test error of the deep CNN where no feature tells anything of the "
        f"class. Dots: {_runs(found)} runs, lines: medians. Thin grey: medians for "
        "random grammars of the same sizes.",
        alt=f"One panel. Medians by P: {_medians(found)}. Random grammars: "
        f"{_medians(beside)}.",
    )


def levels_figure(found: Mapping[str, Curve], units: Mapping[str, float]) -> Drawn:
    """Errors of the learner of Ren et al. against strings a level over `units`."""
    fig, (ax,) = panels(1, height=4.9)
    for (label, curve), look in zip(found.items(), cycle(LOOKS), strict=False):
        colour, dashes, marker = look
        at = np.array([n / units[label] for n in curve])
        for x, runs in zip(at, curve.values(), strict=True):
            ax.plot(beside(runs, x), runs, marker, color=colour, ms=3, alpha=0.35)
        middle = [median(runs) for runs in curve.values()]
        line = {"color": colour, "linestyle": dashes, "marker": marker}
        ax.plot(at, middle, **line, ms=5, lw=1.8, label=label)
    ax.axhline(0.1, color=STYLES["chance"][0], linestyle=":", label="10 %")
    ax.set(xscale="log", xlabel="strings a level / $(V m^L)$", ylim=(-0.03, 1.1))
    ax.set_ylabel("test error / error of guessing")
    shown = [n / units[k] for k, curve in found.items() for n in curve]
    plain_ticks(ax.xaxis, log_ticks(min(shown), max(shown)))
    legend_below(fig, columns=3)
    return Drawn(
        fig,
        caption="Test error of the learner of Ren et al., against fresh strings for "
        f"each level over $V m^L$. Dots: {_runs(found)} grammars, lines: medians.",
        alt=f"One panel of falling curves. Medians by strings: {_medians(found)}.",
    )


def factors_figure(
    legs: Mapping[str, Mapping[float, Values]],
    laws: Mapping[str, Mapping[float, float]],
) -> Drawn:
    """Strings for an error of 10 % against one number of the grammar in each panel.

    `legs[what is varied][its value]`: one number of strings for each seed; inf: more
    than were tried. `laws`: n_c m^L at the same values, drawn as a line that is moved
    to the median of the first value.
    """
    fig, axes = panels(len(legs), columns=2, height=5.6, sharey=True)
    for ax, (name, leg) in zip(axes, legs.items(), strict=True):
        at = np.array([*leg])
        middle = np.array([median(runs) for runs in leg.values()])
        law = np.array([*laws[name].values()])
        for x, runs in leg.items():
            shown = runs[np.isfinite(runs)]
            ax.plot(beside(shown, x), shown, "o", color="#2B75B8", ms=3, alpha=0.45)
        ax.plot(at, middle, "o-", color="#0A2F66", lw=1.8, label="median")
        moved = law * middle[0] / law[0]
        ax.plot(at, moved, "--", color="#7A3300", lw=1.4, label="like $n_c m^L$")
        ax.set(xscale="log", yscale="log", xlabel=_symbols(name))
        plain_ticks(ax.xaxis, [float(x) for x in at])
    found = [runs for leg in legs.values() for runs in leg.values()]
    plain_ticks(axes[0].yaxis, log_ticks(*log_range(*found)))
    for ax in axes[::2]:
        ax.set_ylabel("strings for 10 %")
    legend_below(fig)
    words = "; ".join(
        f"{name}: " + ", ".join(f"{median(v):.0f} at {x:g}" for x, v in leg.items())
        for name, leg in legs.items()
    )
    runs = len(next(iter(next(iter(legs.values())).values())))
    return Drawn(
        fig,
        caption="Strings with which the deep CNN makes a tenth of the errors of "
        f"guessing, with one number of the grammar varied in each panel. Dots: {runs} "
        "grammars; line: median; dashed: growth like $n_c m^L$.",
        alt=f"{len(legs)} log-log panels. Medians by value: {words}.",
    )


def sensitivity_figure(
    columns: Sequence[str],
    found: Real[np.ndarray, "column run level exchanged"],
    *,
    grammar: str,
) -> Drawn:
    """Synonymic sensitivity by training strings, one panel per exchanged level.

    `columns`: what stands at each place of the x axis, the first of them "0" for
    untrained. A line for each level of the network: thick the median, dots the runs.
    """
    depth = found.shape[3]
    fig, axes = multiples(
        [f"synonyms of level {k + 1} exchanged" for k in range(depth)],
        xlabel="training strings / $P^*$",
        ylabel="sensitivity S",
        row=3.8,
        below=0.4,
    )
    places = np.arange(len(columns))
    for exchanged, ax in enumerate(axes):
        for level in range(depth):
            colour, dashes, marker = LEVELS[level % len(LEVELS)]
            runs = found[:, :, level, exchanged]
            shifted = places + 0.09 * (level - (depth - 1) / 2)
            ax.plot(shifted, runs, marker, color=colour, ms=3, alpha=0.45)
            ax.plot(
                shifted,
                np.median(runs, 1),
                color=colour,
                linestyle=dashes,
                lw=2,
                label=f"level {level + 1} of the network",
            )
        ax.set_xticks(places, columns)
        ax.tick_params(axis="x", labelsize=8)
    axes[0].set_ylim(-0.05, None)
    legend_below(fig)
    middle = np.median(found, 1)
    words = "; ".join(
        f"level {k + 1} to synonyms of level {j + 1}: {middle[0, k, j]:.2f} and "
        f"{middle[-1, k, j]:.2f}"
        for j in range(depth)
        for k in range(depth)
    )
    return Drawn(
        fig,
        caption=f"Sensitivity to exchanges of synonyms, {grammar}, untrained (0) and "
        f"after training on more and more strings. Dots: {found.shape[1]} runs, lines: "
        "medians.",
        alt="A panel for each exchanged level, lines for levels of the network. "
        f"Medians, untrained and at {columns[-1]} P*: {words}.",
    )


def ratios_figure(
    found: Mapping[str, tuple[Real[np.ndarray, " n"], Real[np.ndarray, "_run n"]]],
    crossings: Mapping[str, Values],
) -> Drawn:
    """Spread of label rates between features over that within synonyms, log-log.

    `found[grammar]`: numbers of strings over P*, and the ratios. Thin: runs; thick:
    their median; black: √(P/P*). `crossings[grammar]`: where each run passes 1.
    """
    fig, (ax,) = panels(1, height=4.9)
    every = np.concatenate([x for x, _ in found.values()])
    ends = np.array([every.min(), every.max()])
    for label, (x, runs) in found.items():
        colour, dashes, marker = grammar_style(label)
        shown = np.where(runs > 0, runs, np.nan)  # 0 has no place on a log scale
        ax.plot(x, shown.T, color=colour, lw=0.6, alpha=0.5)
        middle = np.median(runs, 0)
        middle = np.where(middle > 0, middle, np.nan)
        look = {"color": colour, "linestyle": dashes, "marker": marker}
        ax.plot(x, middle, **look, ms=5, lw=1.8, label=label)
    ax.plot(ends, np.sqrt(ends), color="black", lw=1, label=r"$\sqrt{P/P^*}$")
    ax.axhline(1, color=STYLES["chance"][0], linestyle=":")
    ax.axvline(1, color=STYLES["chance"][0], linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="strings / $P^*$")
    ax.set_ylabel("spread between features /\nspread within synonyms")
    plain_ticks(ax.xaxis, log_ticks(*ends))
    plain_ticks(ax.yaxis, log_ticks(*ax.get_ylim()))
    legend_below(fig, columns=3)
    words = "; ".join(f"{name}: {median(c):.2f}" for name, c in crossings.items())
    draws = len(next(iter(crossings.values())))
    return Drawn(
        fig,
        caption="Spread of P(class | tuple) between features over the spread within "
        f"synonyms, median over positions, in {draws} grammars (thin) and their median "
        "(thick).",
        alt="A log-log plot of rising curves, with the line of the square root of P/P*."
        f" Median crossings of 1 in units of P*: {words}.",
    )


def rates_figure(
    rates: Real[np.ndarray, "tuple n_class"],
    parents: Real[np.ndarray, " tuple"],
    *,
    grammar: str,
    few: int,
    many: Real[np.ndarray, "tuple n_class"],
    total: int,
) -> Drawn:
    """Label rates of tuples from few strings and from all, tuples sorted by feature.

    `few`, `total`: strings behind `rates` and `many`. White lines separate the synonyms
    of one feature from those of the next.
    """
    titles = [f"{few} strings (P*)", f"all {total} strings"]
    names = [symbol_name(c, level=1, depth=1) for c in range(rates.shape[1])]
    order = np.argsort(parents, kind="stable")
    fig, axes = panels(2, columns=1, height=5.0, sharey=True)
    top = float(np.nanmax([np.nanmax(many), np.nanmax(rates)]))
    for ax, values, title in zip(axes, (rates, many), titles, strict=True):
        image = ax.imshow(
            values[order].T, cmap="cividis", vmin=0, vmax=top, aspect="auto"
        )
        for edge in np.flatnonzero(np.diff(parents[order])) + 0.5:
            ax.axvline(edge, color="white", lw=1.5)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("tuple, by feature")
        ax.set_yticks(range(len(names)), names)
        ax.set(xticks=[])
        ax.grid(False)
    axes[0].set_ylabel("class")
    fig.colorbar(image, ax=axes, label="P(class | tuple)")
    synonyms = int((parents == parents.max()).sum())
    return Drawn(
        fig,
        caption=f"P(class | first tuple) in one grammar, {grammar}: counted in P* "
        "strings (above), and in all (below). White lines part features: between two "
        "of them stand synonyms.",
        alt=f"Two heat maps, class by tuple. Below: the {synonyms} columns of each "
        "feature are equal. Above: they are noisy.",
    )
