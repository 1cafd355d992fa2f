"""Figures of the chapter on specialization and mode connectivity, with their words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure

from hlnb.figures.artists import (
    finite_part,
    legend_below,
    multiples,
    panels,
    say_diverged,
)
from hlnb.figures.drawn import Drawn
from hlnb.figures.style import PART_COLOURS
from hlnb.metrics.times import median

LOOKS: Mapping[str, tuple[str, Any, str]] = {  # colour, dashes, marker
    "learned": (PART_COLOURS[0], "-", "o"),
    "labels by coin": ("#666666", ":", "x"),
    "no ReLU": (PART_COLOURS[1], (0, (6, 1.5)), "s"),
    "two initializations": (PART_COLOURS[4], "-", "o"),
    "two initializations, matched": (PART_COLOURS[2], (0, (6, 1.5)), "s"),
    "one initialization, two orders": (PART_COLOURS[0], (0, (1, 1.2)), "^"),
}


def look(name: str) -> dict[str, Any]:
    """Colour, dashes and marker of a condition."""
    colour, dashes, marker = LOOKS[name]
    return {"color": colour, "linestyle": dashes, "marker": marker}


def pictures_frame(
    pictures: Real[np.ndarray, "n side side"],
    titles: Sequence[str],
    *,
    title: str,
    high: float = 1.7,
) -> Figure:
    """Filters as pictures in a row: blue below zero, red above, on one scale.

    `high`: of the figure, in inches.
    """
    fig, axes = panels(len(pictures), height=high)
    limit = float(abs(pictures).max()) or 1.0
    for ax, picture, words in zip(axes, pictures, titles, strict=True):
        ax.imshow(picture, vmin=-limit, vmax=limit, cmap="RdBu_r")
        ax.set_title(words, fontsize=9)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    fig.suptitle(title, fontsize=10)
    return fig


def average_figure(
    upright: Real[np.ndarray, "side side"], level: Real[np.ndarray, "side side"]
) -> Drawn:
    """A detector of upright bars, one of level bars, and the average of the two."""
    return Drawn(
        pictures_frame(
            np.stack([upright, level, (upright + level) / 2]),
            ["upright, answers 1 and 0", "level, answers 0 and 1", "average, ½ and ½"],
            title="",
            high=2.6,
        ),
        caption="Two detectors and their average. Red: positive weights, blue: "
        "negative.",
        alt="Three pictures: a red column on pale blue, a red row on pale blue, and a "
        "cross of both, paler.",
    )


def specialization_figure(
    epochs: Real[np.ndarray, " record"],
    found: Mapping[str, Real[np.ndarray, "run record"]],
    *,
    filters: int,
) -> Drawn:
    """Specialization against epochs: a thin line for each run, thick medians."""
    fig, (ax,) = panels(1, height=4.3)
    for name, values in found.items():
        for run in values:
            ax.plot(epochs, run, color=LOOKS[name][0], linewidth=0.6, alpha=0.45)
        ax.plot(
            epochs,
            np.median(values, axis=0),
            **look(name),
            linewidth=2,
            markersize=4,
            markevery=10,
            label=name,
        )
    ax.set(xlabel="epoch", ylabel="specialization", ylim=(0, 1))
    legend_below(fig)
    runs = len(next(iter(found.values())))
    said = "; ".join(
        f"{name} {np.median(v[:, 0]):.2f} and {np.median(v[:, -1]):.2f}"
        for name, v in found.items()
    )
    return Drawn(
        fig,
        caption=f"Specialization of {filters} filters (median over filters), {runs} "
        "runs (thin), medians (thick).",
        alt="A group of curves over epochs for each condition. Medians at the start "
        f"and at the end: {said}.",
    )


def lines_figure(
    found: Mapping[str, Mapping[str, Real[np.ndarray, "pair point"]]],
    barriers: Mapping[str, Mapping[str, Real[np.ndarray, " pair"]]],
) -> Drawn:
    """Errors between two networks, one panel per architecture, one line per pair.

    `barriers` of the same lines, for the words.
    """
    fig, axes = multiples(
        [*found],
        xlabel="share of the second network",
        ylabel="test error",
        row=3.7,
        below=0.5,
    )
    for ax, conditions in zip(axes, found.values(), strict=True):
        for name, values in conditions.items():
            shares = np.linspace(0, 1, values.shape[1])
            for pair in values:
                ax.plot(shares, pair, color=LOOKS[name][0], linewidth=0.6, alpha=0.45)
            middle = np.median(values, axis=0)
            ax.plot(shares, middle, **look(name), linewidth=2, markersize=4, label=name)
    every = [v for by in found.values() for v in by.values()]
    axes[0].set_ylim(0, 1.05 * (finite_part(*every).max(initial=0) or 1))
    legend_below(fig)
    say_diverged(fig, *every)
    said = "; ".join(
        f"{title}: " + ", ".join(f"{k} {np.median(v):.3f}" for k, v in by.items())
        for title, by in barriers.items()
    )
    return Drawn(
        fig,
        caption=f"Test error between two networks, {len(every[0])} pairs (thin), "
        "medians (thick).",
        alt="A panel for each network, error against the share of the second. Median "
        f"barriers: {said}.",
    )


def spawn_figure(
    found: Mapping[str, Mapping[int, Real[np.ndarray, " pair"]]], *, level: float
) -> Drawn:
    """Barriers against the shared epochs: a dot for each pair, a line of medians.

    found: by step size (panel), then by shared epochs.
    """
    name = "one initialization, two orders"
    fig, axes = multiples(
        [*found],
        xlabel="shared epochs",
        ylabel="barrier (test error)",
        row=3.9,
        below=0,
    )
    for ax, by_epochs in zip(axes, found.values(), strict=True):
        places = np.arange(len(by_epochs))
        for x, values in zip(places, by_epochs.values(), strict=True):
            marks = {**look(name), "linestyle": "", "markersize": 4, "alpha": 0.6}
            ax.plot(np.full(len(values), x), values, **marks)
        ax.plot(places, [median(v) for v in by_epochs.values()], **look(name), lw=2)
        ax.axhline(level, color="#666666", linestyle=":", linewidth=1.2)
        ax.set_xticks(places, [*map(str, by_epochs)])
    every = [v for by in found.values() for v in by.values()]
    axes[0].set_ylim(0, 1.05 * finite_part(*every).max(initial=level))
    say_diverged(fig, *every)
    said = "; ".join(
        f"{title}: " + ", ".join(f"{k}: {np.median(v):.3f}" for k, v in by.items())
        for title, by in found.items()
    )
    return Drawn(
        fig,
        caption=f"Barrier between siblings against the epochs they share, "
        f"{len(every[0])} pairs (marks), medians (line). Dotted: {100 * level:g} "
        "points, below which they count as connected.",
        alt=f"A panel for each step size. Median barrier by shared epochs: {said}.",
    )
