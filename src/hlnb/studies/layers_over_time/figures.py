"""Figures of the chapter on layers over time, with their words."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from hlnb.figures.artists import legend_below, multiples, panels
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import PART_COLOURS
from hlnb.words import layer_in_words

# a layer from the input up: (dashes, marker); colours as for parts of image networks
LAYER_MARKS = (
    ("-", "o"),
    ((0, (6, 1.5)), "s"),
    ((0, (1, 1.2)), "^"),
    ((0, (5, 1, 1, 1)), "D"),
    ("--", "v"),
)

MEASURED = {  # what `settling_figure` shows
    "digits": "Progress of each layer from its untrained similarity (0) to its end "
    "(1), by SVCCA, digits.",
    "images": "The CNN on images, SVCCA of each part to its own end.",
}


def layer_style(index: int) -> dict:
    """Colour, dashes and marker of a layer, counted from the input."""
    dashes, marker = LAYER_MARKS[index % len(LAYER_MARKS)]
    colour = PART_COLOURS[index % len(PART_COLOURS)]
    return {"color": colour, "linestyle": dashes, "marker": marker}


def triangle_panel(
    ax: Axes, matrix: Real[np.ndarray, "layer layer"], names: Sequence[str]
) -> AxesImage:
    """Draws the similarity of each layer now (rows) to each at the end (columns)."""
    image = ax.imshow(matrix, vmin=0, vmax=1, cmap="viridis", origin="lower")
    short = [name.removeprefix("layer ") for name in names]
    ax.set_xticks(range(len(names)), short)
    ax.set_yticks(range(len(names)), short)
    ax.grid(False)
    for i in np.arange(len(names)) - 0.5:  # the diagonal: a layer beside its own end
        ax.add_patch(Rectangle((i, i), 1, 1, fill=False, edgecolor="white", lw=1.5))
    return image


def triangle_figure(
    found: Mapping[str, Real[np.ndarray, "run layer layer"]], names: Sequence[str]
) -> Drawn:
    """Medians over runs, one panel per time, in order.

    Framed: a layer and its own final state.
    """
    fig, axes = panels(len(found), columns=2, height=6.4, sharex=True, sharey=True)
    middle = {title: np.median(runs, axis=0) for title, runs in found.items()}
    for ax, (title, matrix) in zip(axes, middle.items(), strict=True):
        image = triangle_panel(ax, matrix, names)
        ax.set_title(title, fontsize=10)
    for ax in axes[-2:]:
        ax.set_xlabel("layer at the end")
    for ax in axes[::2]:
        ax.set_ylabel("layer now")
    fig.colorbar(image, ax=axes, label="similarity", shrink=0.75)
    said = "; ".join(
        f"{title}: " + ", ".join(f"{v:.2f}" for v in np.diag(matrix))
        for title, matrix in middle.items()
    )
    return Drawn(
        fig,
        caption="SVCCA of each layer now (rows) with each layer at the end (columns), "
        f"digits, median of {len(next(iter(found.values())))} runs. Framed: a layer "
        "and its own end.",
        alt=f"Square heat maps over {len(names)} layers. The diagonal, from the first "
        f"layer up: {said}.",
    )


def triangle_frame(
    matrix: Real[np.ndarray, "layer layer"], names: Sequence[str], *, title: str
) -> Figure:
    """One time alone, for a film."""
    fig, (ax,) = panels(1, width=5.4, height=4.2)
    fig.colorbar(triangle_panel(ax, matrix, names), ax=ax, label="similarity")
    ax.set(xlabel="layer at the end", ylabel="layer now")
    ax.set_title(title, fontsize=10)
    return fig


def settling_figure(
    found: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Sequence[str],
    *,
    xlabels: Mapping[str, str],
    level: float,
    times: Mapping[str, str],
    what: str,
) -> Drawn:
    """Curves of each layer against time, a panel for each of `found`: (at, values).

    values: (run, record, layer). Thin lines are runs, thick ones medians. `times`: for
    the words, the median time at which each layer passes `level`, by panel. `what`:
    one of `MEASURED`, with which the caption begins.
    """
    fig, axes = multiples([*found], xlabel="", ylabel="similarity", row=3.8, below=0.5)
    for ax, (title, (at, values)) in zip(axes, found.items(), strict=True):
        for i, name in enumerate(names):
            style = layer_style(i)
            for run in values[:, :, i]:
                ax.plot(at, run, color=style["color"], linewidth=0.5, alpha=0.4)
            ax.plot(
                at,
                np.median(values[:, :, i], axis=0),
                **style,
                linewidth=2,
                markersize=4,
                markevery=3,
                label=layer_in_words(name),
            )
        ax.axhline(level, color="#666666", linestyle=":", linewidth=1.2)
        ax.set(xlabel=xlabels[title], ylim=(0, 1.03))
    legend_below(fig, columns=len(names))
    runs = len(next(iter(found.values()))[1])
    said = "; ".join(f"{title}: {words}" for title, words in times.items())
    return Drawn(
        fig,
        caption=f"{MEASURED[what]} {runs} runs (thin), medians (thick). Dotted: "
        f"{level:g}.",
        alt=f"A panel for each view, a curve for each of "
        f"{', '.join(map(layer_in_words, names))}. Median "
        f"places on the horizontal axis at which these pass {level:g}: {said}.",
    )


def depth_figure(
    found: Mapping[str, Mapping[str, Real[np.ndarray, "run layer"]]],
    names: Sequence[str],
) -> Drawn:
    """A panel for each quantity: untrained and trained networks, layer by layer."""
    fig, axes = multiples([*found], xlabel="layer", row=3.6, below=0.4)
    looks = {
        "untrained": {"color": "#666666", "linestyle": ":", "marker": "x"},
        "trained": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    }
    for ax, by_state in zip(axes, found.values(), strict=True):
        for state, values in by_state.items():
            places = np.arange(len(names))
            for run in values:
                ax.plot(places, run, color=looks[state]["color"], lw=0.6, alpha=0.5)
            middle = np.median(values, axis=0)
            ax.plot(places, middle, **looks[state], linewidth=2, label=state)
        ax.set_xticks(places, [n.removeprefix("layer ")[:7] for n in names])
        ax.set_ylim(0, 1.03)
    legend_below(fig)
    runs = len(next(iter(next(iter(found.values())).values())))
    said = "; ".join(
        f"{quantity}, {state}: " + ", ".join(f"{v:.2f}" for v in np.median(values, 0))
        for quantity, by_state in found.items()
        for state, values in by_state.items()
    )
    return Drawn(
        fig,
        caption="Purity of preferred digits (mean over units) and linear share (median "
        f"over units) by layer, {runs} networks (thin), medians (thick).",
        alt=f"A panel for each quantity over {len(names)} layers. Medians, {said}.",
    )
