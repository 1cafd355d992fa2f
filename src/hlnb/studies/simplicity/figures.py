"""Figures of the chapter on simplicity bias, with their words. Imports no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Real
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from hlnb.figures.artists import legend_below, multiples, panels
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import PART_COLOURS
from hlnb.words import layer_in_words, listed

LOOKS: Mapping[str, tuple[str, Any, str]] = {  # colour, dashes, marker
    "total": (PART_COLOURS[0], "-", "o"),
    "shared": (PART_COLOURS[2], (0, (6, 1.5)), "s"),
    "beyond": (PART_COLOURS[4], (0, (1, 1.2)), "^"),
    "trained": (PART_COLOURS[0], "-", "o"),
    "no order (null)": ("#666666", ":", "x"),
    "untrained": ("#666666", ":", "x"),
}

WORDS = {
    "total": "all of it, I(F;Y)",
    "shared": "explained by L, μ",
    "beyond": "beyond L, I(F;Y|L)",
}


def look(name: str) -> dict[str, Any]:
    """Colour, dashes and marker of a curve."""
    colour, dashes, marker = LOOKS[name]
    return {"color": colour, "linestyle": dashes, "marker": marker}


LABELS = (("#0072B2", "o"), ("#E69F00", "s"))  # of points: colour and marker
Points = tuple[Real[np.ndarray, "_n 2"], Int[np.ndarray, " _n"]]
Line = tuple[Real[np.ndarray, " _n"], Real[np.ndarray, " _n"]]


def data_figure(
    sets: Mapping[str, Points], lines: Mapping[str, Mapping[str, Line]]
) -> Drawn:
    """The points of problems in the plane by class, with lines (x1, x2) over them."""
    fig, axes = panels(len(sets), height=4.1, sharey=True)
    dashes = ("-", (0, (5, 2)))
    for ax, (title, (x, y)) in zip(axes, sets.items(), strict=True):
        for label, (colour, marker) in enumerate(LABELS):
            ax.plot(
                *x[y == label].T,
                marker,
                color=colour,
                markersize=3,
                markeredgewidth=0,
                alpha=0.8,
                label=f"class {label}",
            )
        for (name, (x1, x2)), dash in zip(lines[title].items(), dashes, strict=False):
            ax.plot(x1, x2, color="black", linestyle=dash, linewidth=1.6, label=name)
        ax.set(xlim=(-1.03, 1.03), ylim=(-1.03, 1.03), aspect="equal", xlabel="$x_1$")
        ax.set_title(title, fontsize=10)
        ax.grid(False)
    axes[0].set_ylabel("$x_2$")
    legend_below(fig)
    sizes = listed(len(y) for _, y in sets.values())
    return Drawn(
        fig,
        caption=f"The training points of one run: {sizes}. Left: stripes. Right: above "
        "or below a sine (full line), a tenth of the labels flipped; the dashed line "
        "is the best linear classifier L.",
        alt="Two clouds of points in two colours. Left, a square with diagonal stripes "
        "of alternating class. Right, a disc whose classes meet along a wave, with "
        "stray points of either class, and a straight dashed line through the wave.",
    )


def maps_figure(
    rows: Mapping[str, Real[np.ndarray, "point unit"]], *, title: str
) -> Figure:
    """What each unit answers over the square: one row per layer, one picture per unit.

    Each picture has its own scale, from the unit's lowest to its highest value; the bar
    of colours says so.
    """
    units = max(made.shape[1] for made in rows.values())
    fig, axes = panels(
        len(rows) * units, width=7.2, height=1.05 * len(rows) + 0.3, columns=units
    )
    for i, ax in enumerate(axes):
        row, unit = divmod(i, units)
        name, made = [*rows.items()][row]
        if unit == 0:
            label = layer_in_words(name)
            ax.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        if unit >= made.shape[1]:
            ax.axis("off")
            continue
        side = round(len(made) ** 0.5)
        ax.imshow(made[:, unit].reshape(side, side), origin="lower", cmap="RdBu_r")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    bar = fig.colorbar(ScalarMappable(cmap="RdBu_r"), ax=axes, ticks=[0, 1], pad=0.01)
    bar.ax.set_yticklabels(["lowest", "highest"], fontsize=8)
    fig.suptitle(title, fontsize=10)
    return fig


def trained_maps(rows: Mapping[str, Real[np.ndarray, "point unit"]]) -> Drawn:
    """The maps of one trained network, with their words."""
    *hidden, last = rows.values()
    units = listed(made.shape[1] for made in hidden)
    return Drawn(
        maps_figure(rows, title="after training"),
        caption="What each unit of one trained network answers over the square of "
        "the stripes: layers 1 and 2, and the output (the logit of class 1 less that "
        "of class 0). Each picture has its own scale, from the lowest value of its "
        "unit (blue) to the highest (red).",
        alt=f"Rows of square maps: {units} units of the hidden layers and "
        f"{last.shape[1]} of the output. In layer 1 each map is flat on one side of a "
        "straight line and a ramp on the other.",
    )


def layers_figure(
    found: Mapping[str, Mapping[str, Real[np.ndarray, "run layer"]]],
    names: Mapping[str, Sequence[str]],
) -> Drawn:
    """One panel per quantity, by layer: untrained and trained, runs and medians."""
    fig, axes = panels(len(found), height=4.0)
    for ax, (quantity, states) in zip(axes, found.items(), strict=True):
        ax.set_title(quantity, fontsize=10)
        for state, values in states.items():
            places = np.arange(values.shape[1])
            for run in values:
                ax.plot(places, run, color=LOOKS[state][0], linewidth=0.6, alpha=0.5)
            middle = np.median(values, axis=0)
            ax.plot(places, middle, **look(state), linewidth=2, label=state)
        ax.set_xticks(np.arange(len(names[quantity])), names[quantity])
    legend_below(fig)
    runs = len(next(iter(next(iter(found.values())).values())))
    said = [
        f"median {quantity} of {', '.join(names[quantity])}, {state}: {_listed(values)}"
        for quantity, states in found.items()
        for state, values in states.items()
    ]
    return Drawn(
        fig,
        caption=f"Turns, and accuracy of a readout, by layer: {runs} runs (thin), "
        "medians (thick).",
        alt="A panel for each quantity, by layer: " + "; ".join(said) + ".",
    )


def _listed(values: Real[np.ndarray, "_run _layer"]) -> str:
    return ", ".join(f"{v:.2f}" for v in np.median(values, axis=0))


def information_figure(
    epochs: Mapping[str, Real[np.ndarray, " record"]],
    found: Mapping[str, Mapping[str, Real[np.ndarray, "run record"]]],
    *,
    reached: Mapping[str, float],
) -> Drawn:
    """Bits against epochs, a panel for each problem; a line where L is reached.

    found: `accounts.curves` by problem.
    """
    fig, axes = multiples(
        [*found],
        xlabel="epoch",
        ylabel="information on the label (bits)",
        row=3.7,
        below=0.5,
    )
    for ax, (problem, curves) in zip(axes, found.items(), strict=True):
        at = epochs[problem]
        for name, words in WORDS.items():
            values = curves[name]
            for run in values:
                ax.plot(at, run, color=LOOKS[name][0], linewidth=0.6, alpha=0.45)
            middle = np.median(values, axis=0)
            style = look(name)
            ax.plot(
                at, middle, **style, linewidth=2, markersize=4, markevery=4, label=words
            )
        ax.axvline(reached[problem], color="#666666", linestyle=":", linewidth=1.2)
        ax.set_xscale("log")
        ax.set_xlim(left=float(at[at > 0].min()))
    legend_below(fig, columns=3)
    runs = len(next(iter(found.values()))["total"])
    ends = "; ".join(
        f"{problem} " + ", ".join(f"{np.median(c[k][:, -1]):.2f}" for k in WORDS)
        for problem, c in found.items()
    )
    return Drawn(
        fig,
        caption=f"What the network knows of the label, {runs} runs (thin), medians "
        "(thick). Dotted: where it becomes as accurate as L (less 1 %), median run.",
        alt="A panel for each problem, bits against epochs. Medians at the end of all, "
        f"explained by L and beyond L: {ends}.",
    )


def beyond_figure(
    found: Mapping[str, Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]],
    *,
    linear: Mapping[str, float],
    both: Mapping[str, tuple[float, float]],
) -> Drawn:
    """Share of the information beyond L against accuracy, one line per run.

    found: by problem and learner, (accuracy, share) of each run. `linear`: L's
    accuracy. `both`: median shares of network and null where they are as accurate as L.
    """
    fig, axes = multiples(
        [*found], xlabel="test accuracy", ylabel="share beyond L", row=3.7, below=0.5
    )
    for ax, (problem, learners) in zip(axes, found.items(), strict=True):
        for name, runs in learners.items():
            for i, (accuracy, share) in enumerate(runs):
                style = look(name) | {"linewidth": 1, "markersize": 3}
                ax.plot(accuracy, share, **style, label=name if i == 0 else "_")
        ax.axvline(linear[problem], color="#222222", linestyle="--", linewidth=1)
        ax.set_ylim(-0.1, 0.8)
    legend_below(fig)
    runs = len(next(iter(next(iter(found.values())).values())))
    said = "; ".join(f"{n} {a:.2f} and {b:.2f}" for n, (a, b) in both.items())
    return Drawn(
        fig,
        caption="Share of the information beyond L against accuracy: networks over "
        f"training, and learners without an order ({runs} each). Dashed: accuracy of "
        "L.",
        alt="A panel for each problem, a line for each run. Median share where "
        f"networks, and learners without an order, are as accurate as L: {said}.",
    )
