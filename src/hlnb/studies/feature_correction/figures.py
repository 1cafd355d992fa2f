"""Figures of backward feature correction."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.figures.artists import key, legend_below, panels
from hlnb.figures.style import STYLES, style

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
) -> Figure:
    """Angle between what layer 1 learned and the truth, by α, one panel per target.

    found: target → α → state → degrees by run; predicted: target → α, degrees.
    """
    fig, axes = panels(len(found), height=3.2, sharey=True)
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
    return fig


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


STATE_STYLES = SHOWN | {"untrained": "chance", "together": "simultaneous"}


def states_figure(
    found: Mapping[str, tuple[str, Mapping[str, Real[np.ndarray, " run"]]]],
) -> Figure:
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
        names = [*states]
        ax.set_yticks(range(len(names)), names if i % 2 == 0 else [""] * len(names))
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_title(problem, fontsize=10)
        ax.set_xlabel(phi)
    return fig
