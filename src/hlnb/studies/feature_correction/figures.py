"""Figures of backward feature correction, with their words. Imports no torch."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.figures.artists import key, legend_below, panels, plain_ticks
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import PART_COLOURS, STYLES, style
from hlnb.metrics.likeness import cosines
from hlnb.words import layer_in_words, listed, training_in_words

SHOWN = {
    "layer-wise": "layer-wise",
    "first layer longer": "first layer longer",
    "corrected": "layer-wise, then simultaneous",
}  # state → its style
LABELS = {
    "layer-wise": "layer 1 alone",
    "first layer longer": "layer 1 alone, twice as long",
    "corrected": "then both layers",
}


def angles_figure(
    found: Mapping[str, Mapping[float, Mapping[str, Real[np.ndarray, " run"]]]],
    predicted: Mapping[str, tuple[Sequence[float], Real[np.ndarray, " alpha"]]],
) -> Drawn:
    """Angle between what layer 1 learned and the truth, by α, one panel per target.

    found: target → α → state → degrees by run; predicted: target → α, degrees.
    """
    fig, axes = panels(len(found), height=3.8, sharey=True)
    for ax, (target, by_alpha) in zip(axes, found.items(), strict=True):
        ax.plot(*predicted[target], color="#000000", lw=1.2)
        for alpha, states in by_alpha.items():
            for shift, (state, meaning) in zip(
                (-0.006, 0.006, 0), SHOWN.items(), strict=True
            ):
                colour, _, marker = STYLES[meaning]
                values = states[state]
                ax.plot(
                    np.full(len(values), alpha + shift),
                    *(values, marker),
                    color=colour,
                    ms=5,
                    mfc="none" if state != "corrected" else colour,
                )
        ax.set(title=target, xlabel="strength α of the square")
    axes[0].set_ylabel("angle to the truth (degrees)")
    handles = [key("formula, layer 1 alone", colour="#000000", linestyle="-")]
    for state, meaning in SHOWN.items():
        colour, _, marker = STYLES[meaning]
        filled = colour if state == "corrected" else "none"
        handles.append(key(LABELS[state], marker, colour=colour, mfc=filled))
    legend_below(fig, handles)
    strong = max(next(iter(found.values())))
    ends = [
        f"{name}: " + ", ".join(f"{np.median(by[strong][s]):.1f}" for s in SHOWN)
        for name, by in found.items()
    ]
    seeds = len(next(iter(found.values()))[strong]["corrected"])
    return Drawn(
        fig,
        caption="Angle between what layer 1 has learned and the truth, against the "
        f"strength of the square ({_runs(seeds)}, all shown). Line: the formula.",
        alt="A panel for each target, with the formula's line, and points for layer 1 "
        "alone, layer 1 alone for longer, and both layers. Medians of the three at "
        f"α = {strong:g}: {'; '.join(ends)}.",
    )


def _runs(seeds: int) -> str:
    return f"{seeds} run" + "s" * (seeds != 1)


def coefficients_frame(
    learned: Real[np.ndarray, " d"],
    truth: Real[np.ndarray, " d"],
    alone: Real[np.ndarray, " d"],
    *,
    title: str,
) -> Figure:
    """Coefficients: learned (bars), true, and those of the best quadratic alone."""
    fig, (ax,) = panels(1, height=3.0)
    where = np.arange(1, len(truth) + 1)
    colour = STYLES["layer-wise, then simultaneous"][0]
    ax.bar(where, learned, color=colour, alpha=0.35, label="learned")
    ax.plot(where, truth, "_", color="#000000", ms=22, mew=2.5, label="true a")
    ax.plot(
        *(where, alone, "x"),
        color=STYLES["layer-wise"][0],
        ms=8,
        mew=2,
        label="a + 4αa², best for layer 1 alone",
    )
    low, high = (f(np.concatenate([truth, alone])) for f in (np.min, np.max))
    ax.set(
        title=title,
        xlabel="coordinate i",
        ylabel="coefficient of $x_i^2 - 1$",
        ylim=(low - 0.15, high + 0.15),
    )
    ax.set_xticks(where)
    legend_below(fig, ax.get_legend_handles_labels()[0])
    return fig


TRAINED = {1: "layer 1", 2: "layers 1 and 2", 3: "all three layers"}


def tower_figure(
    exact: tuple[Sequence[float], Mapping[int, Real[np.ndarray, " strength"]]],
    runs: tuple[Sequence[float], Mapping[int, Real[np.ndarray, "trained run"]]],
) -> Drawn:
    """Degrees between layer 1 and the truth against the strength of every square.

    Both as strengths, and the angles by how many layers learned: of the best fit, where
    it is not 0, and of runs.
    """
    fig, (ax,) = panels(1, height=4.3)
    handles = []
    for k, name in TRAINED.items():
        colour, marker = PART_COLOURS[k - 1], "os^"[k - 1]
        if k in exact[1]:
            ax.plot(exact[0], exact[1][k], color=colour, lw=1.3)
        for strength, angles in zip(runs[0], runs[1][k], strict=True):
            ax.plot(
                *(np.full(len(angles), strength), angles, marker),
                color=colour,
                mfc="none",
                ms=6,
            )
        handles.append(key(f"{name} trained", marker, colour=colour, mfc="none"))
    ax.set(xscale="log", yscale="log", xlabel="strength of each square")
    ax.set_ylabel("angle of layer 1\nto the truth (degrees)")
    plain_ticks(ax.xaxis, exact[0])
    legend_below(fig, [*handles, key("best fit", colour="#000000", linestyle="-")])
    ends = [
        f"{name}: " + ", ".join(f"{np.median(angles):.2g}" for angles in runs[1][k])
        for k, name in TRAINED.items()
    ]
    at = listed(f"{strength:g}" for strength in runs[0])
    return Drawn(
        fig,
        caption="Three levels, each square of the same strength: error of layer 1 when "
        "the first one, two or three layers learn. Lines: the best fits, computed "
        "exactly (for three layers it has no error). Markers: "
        f"{_runs(runs[1][1].shape[1])}. Both axes are logarithmic.",
        alt="Two lines that rise with the strength, the one for two layers below that "
        f"for one and steeper at its left end. Median degrees of runs at {at}: "
        f"{'; '.join(ends)}.",
    )


STATE_STYLES = SHOWN | {"untrained": "chance", "together": "simultaneous"}


def states_figure(
    found: Mapping[str, tuple[str, Mapping[str, Real[np.ndarray, " _run"]]]],
) -> Drawn:
    """φ of the first layer in each state, one panel per problem: runs and medians.

    found: problem → what φ is, and state → values.
    """
    rows = -(-len(found) // 2)
    fig, axes = panels(len(found), columns=2, height=0.4 + 2.2 * rows)
    for i, (ax, (problem, (phi, states))) in enumerate(
        zip(axes, found.items(), strict=True)
    ):
        for place, (state, values) in enumerate(states.items()):
            colour, _, marker = style(STATE_STYLES[state])
            ax.plot(
                *(values, np.full(len(values), place), marker or "."),
                color=colour,
                alpha=0.7,
                ms=5,
            )
            ax.plot(np.median(values), place, "|", color=colour, ms=16, mew=2.5)
        names = [training_in_words(state) for state in states]
        ax.set_yticks(range(len(names)), names if i % 2 == 0 else [""] * len(names))
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_title(problem, fontsize=10)
        ax.set_xlabel(phi)
    medians = [
        f"{problem}: " + ", ".join(f"{np.median(v):.2f}" for v in states.values())
        for problem, (_, states) in found.items()
    ]
    return Drawn(
        fig,
        caption="Quality φ of the first layer in five states. Left: it learned "
        "through frozen random layers. Right: through a head of its own. Runs "
        "(markers) and their median (bar).",
        alt="A panel for each problem and kind of layer-wise training, with a row for "
        f"each state. Medians ({', '.join(names)}): {'; '.join(medians)}.",
    )


Pair = tuple[Real[np.ndarray, "filter T"], Real[np.ndarray, "filter T"]]


def filters_figure(
    found: Mapping[str, Pair], patterns: Real[np.ndarray, "pattern T"]
) -> Drawn:
    """First-layer filters before and after a correction, one column per kind of it.

    found: title → filters before and after. Above, the filters as columns of pixels;
    below, how near each comes to a pattern.
    """
    fig, axes = panels(
        3 * len(found), columns=len(found), height=5.0, sharex="col", sharey="row"
    )
    words = []
    for column, (title, pair) in enumerate(found.items()):
        nearest = [np.abs(cosines(each, patterns)).max(1) for each in pair]
        for row, (when, filters) in enumerate(zip(WHEN, pair, strict=True)):
            ax = axes[row * len(found) + column]
            scaled = filters / np.abs(filters).max(1, keepdims=True).clip(1e-12)
            ax.imshow(scaled.T, vmin=-1, vmax=1, aspect="auto")
            ax.grid(False)
            ax.set_yticks([])
            if column == 0:
                ax.set_ylabel(when)
        axes[column].set_title(title, fontsize=10)
        ax = axes[2 * len(found) + column]
        where = np.arange(len(pair[0]))
        ax.plot(where, nearest[0], "o", color="#000000", mfc="none", label=WHEN[0])
        ax.plot(where, nearest[1], "o", color=STYLES["simultaneous"][0], label=WHEN[1])
        ax.set(xlabel="filter", ylim=(0, 1.05), xticks=[])
        if column == 0:
            ax.set_ylabel("|cosine| with\nits nearest pattern")
        before, after = (np.median(values) for values in nearest)
        words.append(f"{title}: {before:.2f} before, {after:.2f} after")
    legend_below(fig)
    return Drawn(
        fig,
        caption=f"The {len(where)} filters of the first layer of one run, before and "
        "after all layers train: each a column of pixels, scaled to its largest "
        "weight (red above 0, blue below). Below: the cosine of each filter with the "
        "pattern that is nearest to it, up to sign.",
        alt="Two coloured pictures above each other for each kind of training, and a "
        f"row of points below. Median cosine with the nearest pattern: "
        f"{'; '.join(words)}.",
    )


WHEN = ("before", "after")


def reach_figure(
    found: Mapping[
        str,
        tuple[
            Sequence[str], Real[np.ndarray, "_run _k"], Real[np.ndarray, "_run _k _"]
        ],
    ],
) -> Drawn:
    """Test errors, and how far each layer moves, by how many last layers learn on.

    found: problem → names of layers, errors after the last 0, 1, … layers learned on,
    and the relative change of each layer's weights.
    """
    fig, axes = panels(2 * len(found), columns=len(found), height=5.4)
    words = []
    for column, (problem, (names, errors, moved)) in enumerate(found.items()):
        ax, below = axes[column], axes[len(found) + column]
        counts = np.arange(errors.shape[1])
        for run in errors:
            ax.plot(counts, run, color=STYLES["simultaneous"][0], lw=0.7, alpha=0.5)
        middle = np.median(errors, 0)
        ax.plot(counts, middle, "o-", color=STYLES["simultaneous"][0], lw=2)
        ax.set_title(problem, fontsize=10)
        ax.set_xticks(counts)
        share = np.median(moved, 0)[1:].T  # layer, k from 1 on
        below.imshow(share, vmin=0, cmap="Blues", aspect="auto")
        for (layer, k), value in np.ndenumerate(share):
            said = f"{value:.2f}" if value else "–"
            dark = value > 0.6 * share.max()
            colour = "white" if dark else "black"
            below.text(k, layer, said, ha="center", va="center", color=colour, size=8)
        below.set_yticks(range(len(names)), map(layer_in_words, names), fontsize=8)
        below.set_xticks(range(len(names)), [str(k) for k in counts[1:]])
        below.set_xlabel("last layers that learn on")
        below.grid(False)
        words.append(f"{problem}: " + ", ".join(f"{e:.3f}" for e in middle))
    axes[0].set_ylabel("test error")
    return Drawn(
        fig,
        caption="After training with heads, the last 0, 1, … layers learn on "
        "together. Above: test errors of runs (thin) and their median. Below: how far "
        "each layer's weights move, as a share of their length (median; –: frozen).",
        alt="A curve of test errors and a table of shades by problem. Median test "
        f"errors with the last 0, 1, … layers: {'; '.join(words)}.",
    )
