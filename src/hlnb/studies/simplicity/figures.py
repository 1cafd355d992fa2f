"""Figures of the chapter on simplicity bias."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.figures.artists import legend_below, multiples, panels
from hlnb.figures.style import PART_COLOURS
from hlnb.words import layer_in_words

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


def maps_figure(
    rows: Mapping[str, Real[np.ndarray, "point unit"]], *, title: str
) -> Figure:
    """What each unit answers over the square: one row per layer, one picture per unit.

    Each picture has its own scale, from the unit's lowest to its highest value.
    """
    units = max(made.shape[1] for made in rows.values())
    fig, axes = panels(
        len(rows) * units, width=7.2, height=0.95 * len(rows) + 0.3, columns=units
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
    fig.suptitle(title, fontsize=10)
    return fig


def layers_figure(
    found: Mapping[str, Mapping[str, Real[np.ndarray, "run layer"]]],
    names: Mapping[str, Sequence[str]],
) -> Figure:
    """One panel per quantity, by layer: untrained and trained, runs and medians."""
    fig, axes = panels(len(found), height=3.2)
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
    return fig


def information_figure(
    epochs: Mapping[str, Real[np.ndarray, " record"]],
    found: Mapping[str, Mapping[str, Real[np.ndarray, "run record"]]],
    *,
    reached: Mapping[str, float],
) -> Figure:
    """Bits against epochs, a panel for each problem; a line where L is reached.

    found: `accounts.curves` by problem.
    """
    fig, axes = multiples(
        [*found],
        xlabel="epoch",
        ylabel="information on the label (bits)",
        row=3,
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
    return fig


def beyond_figure(
    found: Mapping[str, Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]],
    *,
    linear: Mapping[str, float],
) -> Figure:
    """Share of the information beyond L against accuracy, one line per run.

    found: by problem and learner, (accuracy, share) of each run. `linear`: L's
    accuracy.
    """
    fig, axes = multiples(
        [*found], xlabel="test accuracy", ylabel="share beyond L", row=3, below=0.5
    )
    for ax, (problem, learners) in zip(axes, found.items(), strict=True):
        for name, runs in learners.items():
            for i, (accuracy, share) in enumerate(runs):
                style = look(name) | {"linewidth": 1, "markersize": 3}
                ax.plot(accuracy, share, **style, label=name if i == 0 else "_")
        ax.axvline(linear[problem], color="#222222", linestyle="--", linewidth=1)
        ax.set_ylim(-0.1, 0.8)
    legend_below(fig)
    return fig
